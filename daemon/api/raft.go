package api

import (
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/heliosctl/heliosctl/model"
)

// listPeers tells the servers of raft's configuration.
func (s *Server) listPeers(w http.ResponseWriter, r *http.Request) error {
	peers, err := s.backend.Peers(r.Context())
	if err != nil {
		return err
	}
	if peers == nil {
		peers = []model.Peer{}
	}
	return s.ok(w, r, peers)
}

func (s *Server) removePeer(w http.ResponseWriter, r *http.Request) error {
	if err := s.backend.RemovePeer(r.Context(), request(r), r.PathValue("peer"), forced(r)); err != nil {
		return err
	}
	return s.ok(w, r, struct{}{})
}

// forced tells whether the client wants what is unsafe.
func forced(r *http.Request) bool {
	return r.URL.Query().Get("force") == "true"
}

// leave has the master of that name leave for good. Only it can, so a request for another one is passed on to it, once.
func (s *Server) leave(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("master")
	if name == s.backend.Self().Name {
		if err := s.backend.Leave(r.Context(), request(r)); err != nil {
			return err
		}
		return s.ok(w, r, struct{}{})
	}
	if by := r.Header.Get(headerForwardedBy); by != "" {
		return model.Errorf(model.CodeNotFound, "master %s takes this master for %s, which it is not", by, name)
	}
	url, err := s.masterURL(name)
	if err != nil {
		return err
	}
	return s.passOn(w, r, url)
}

// masterURL is where the API of another master is.
func (s *Server) masterURL(name string) (string, error) {
	var members []model.Member
	if s.config.Pool != nil {
		members = s.config.Pool.Members()
	}
	named := func(m model.Member) bool { return m.Role == model.RoleMaster && m.Name == name }
	if i := slices.IndexFunc(members, func(m model.Member) bool { return named(m) && m.Status == model.MemberAlive }); i >= 0 {
		return members[i].API, nil
	}
	if slices.ContainsFunc(members, named) {
		return "", model.Errorf(model.CodeUnavailable,
			"master %s is not alive and cannot leave by itself; remove it with heliosctl operator raft remove-peer", name)
	}
	return "", model.Errorf(model.CodeNotFound, "there is no master %s", name)
}

// passOn sends a request without a body to another master and its answer back. It is sent once: leaving twice makes no sense.
func (s *Server) passOn(w http.ResponseWriter, r *http.Request, url string) error {
	req, err := http.NewRequestWithContext(r.Context(), r.Method, strings.TrimSuffix(url, "/")+r.URL.RequestURI(), nil)
	if err != nil {
		return err
	}
	copyHeader(req.Header, r.Header)
	req.Header.Set(headerRequestID, request(r).ID)
	req.Header.Set(headerForwardedBy, s.backend.Self().Name)
	resp, err := s.peers.Do(req)
	if err != nil {
		return model.Errorf(model.CodeOutcomeUnknown, "the master at %s did not answer: %v; look with heliosctl operator raft list-peers", url, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxRelayed))
	if err != nil {
		return model.Errorf(model.CodeOutcomeUnknown, "the answer of the master at %s broke off: %v", url, err)
	}
	copyHeader(w.Header(), resp.Header)
	w.WriteHeader(resp.StatusCode)
	_, err = w.Write(answer)
	return err
}
