package api

import (
	"net/http"

	"github.com/heliosctl/heliosctl/model"
)

func (s *Server) getKeyring(w http.ResponseWriter, r *http.Request) error {
	return s.answerKeyring(w, r, model.KeyringChange{Action: model.KeyringList})
}

func (s *Server) changeKeyring(w http.ResponseWriter, r *http.Request) error {
	change, err := readBody[model.KeyringChange](w, r, s.config.MaxBodyBytes)
	if err != nil {
		return err
	}
	return s.answerKeyring(w, r, change)
}

// answerKeyring answers with what the members said, also when some did not do it: that is in the answer, and another master would be
// told the same.
func (s *Server) answerKeyring(w http.ResponseWriter, r *http.Request, change model.KeyringChange) error {
	if s.config.Pool == nil {
		return errNoPool()
	}
	ring, err := s.config.Pool.Keyring(r.Context(), change)
	if err != nil && ring.Complete() {
		return err
	}
	return s.ok(w, r, ring)
}
