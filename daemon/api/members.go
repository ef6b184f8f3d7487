package api

import (
	"net/http"

	"github.com/heliosctl/heliosctl/model"
)

// errNoPool is the answer of a master that is alone to what only members of a pool know.
func errNoPool() error {
	return model.Errorf(model.CodeInvalid, "gossip is not running here")
}

func (s *Server) listMembers(w http.ResponseWriter, r *http.Request) error {
	members := []model.Member{}
	if s.config.Pool != nil {
		members = append(members, s.config.Pool.Members()...)
	}
	return s.ok(w, r, members)
}

// roundTrip estimates the time from one member to another, or to this master when none is named.
func (s *Server) roundTrip(w http.ResponseWriter, r *http.Request) error {
	if s.config.Pool == nil {
		return errNoPool()
	}
	from, to := r.URL.Query().Get("from"), r.URL.Query().Get("to")
	if from == "" {
		return model.Errorf(model.CodeInvalid, "a round trip needs the name of a member, in the parameter from")
	}
	if to == "" {
		to = model.RoleMaster + ":" + s.backend.Self().Name
	}
	trip, err := s.config.Pool.RoundTrip(from, to)
	if err != nil {
		return err
	}
	return s.ok(w, r, trip)
}
