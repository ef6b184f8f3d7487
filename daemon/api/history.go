package api

import (
	"net/http"

	"github.com/heliosctl/heliosctl/model"
)

// history answers 200 for an unknown job too, with a word that says so.
func (s *Server) history(w http.ResponseWriter, r *http.Request) error {
	id, err := fullPathJob(r)
	if err != nil {
		return err
	}
	events, err := s.backend.History(r.Context(), id)
	answer := model.TaskStatusEvents{Events: events, Status: model.CodeOK}
	if model.CodeOf(err) == model.CodeJobNotFound {
		answer, err = model.TaskStatusEvents{Status: model.CodeJobIDNotFound}, nil
	}
	if err != nil {
		return err
	}
	if answer.Events == nil {
		answer.Events = []model.TaskStatusEvent{}
	}
	return s.ok(w, r, answer)
}
