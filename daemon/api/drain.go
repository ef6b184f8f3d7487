package api

import (
	"net/http"
	"strconv"

	"github.com/heliosctl/heliosctl/model"
)

// drain answers with the drain as it is then.
func (s *Server) drain(w http.ResponseWriter, r *http.Request) error {
	stopGroupJobs := false
	if text := r.URL.Query().Get("stopGroupJobs"); text != "" {
		var err error
		if stopGroupJobs, err = strconv.ParseBool(text); err != nil {
			return model.Errorf(model.CodeInvalid, "bad parameter stopGroupJobs %q: it must be true or false", text)
		}
	}
	drain, err := s.backend.Drain(r.Context(), request(r), r.PathValue("host"), stopGroupJobs)
	if err != nil {
		return err
	}
	return s.ok(w, r, drain)
}

func (s *Server) undrain(w http.ResponseWriter, r *http.Request) error {
	if err := s.backend.Undrain(r.Context(), request(r), r.PathValue("host")); err != nil {
		return err
	}
	return s.ok(w, r, struct{}{})
}
