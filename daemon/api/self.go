package api

import (
	"net/http"
	"strconv"

	"github.com/heliosctl/heliosctl/model"
)

// self tells what this master is and does.
func (s *Server) self(w http.ResponseWriter, r *http.Request) error {
	status := s.backend.Self()
	status.Version = s.config.ProductVersion
	return s.ok(w, r, status)
}

// raftIndex tells another master what its reads must reflect to be current. Only the leader can.
func (s *Server) raftIndex(w http.ResponseWriter, r *http.Request) error {
	index, err := s.backend.ConfirmedIndex(r.Context())
	if err != nil {
		return err
	}
	return s.ok(w, r, struct {
		Index uint64 `json:"index"`
	}{index})
}

// gauges tells the readings that came after the version in the parameter since, all of them without it.
func (s *Server) gauges(w http.ResponseWriter, r *http.Request) error {
	var since uint64
	if text := r.URL.Query().Get("since"); text != "" {
		var err error
		if since, err = strconv.ParseUint(text, 10, 64); err != nil {
			return model.Errorf(model.CodeInvalid, "bad since %q: it must be a number, not below zero", text)
		}
	}
	return s.ok(w, r, s.backend.GaugesSince(since))
}
