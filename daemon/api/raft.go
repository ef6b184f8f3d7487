package api

import (
	"context"
	"errors"
	"io"
	"net"
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
	peer := r.PathValue("peer")
	if err := s.backend.RemovePeer(r.Context(), request(r), peer, forced(r)); err != nil {
		return err
	}
	return s.ok(w, r, model.MasterResponse{Status: model.CodeOK, Master: peer})
}

// forced tells whether the client wants what is unsafe.
func forced(r *http.Request) bool {
	return r.URL.Query().Get("force") == "true"
}

// leave makes the named master leave for good. Only that one can, so another one passes the request on to it, once.
func (s *Server) leave(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("master")
	if self := s.backend.Self().Name; name != self {
		if by := r.Header.Get(headerForwardedBy); by != "" {
			return model.Errorf(model.CodeUnavailable, "master %s takes master %s for %s; try again in a moment", by, self, name)
		}
		return s.passOn(w, r, name)
	}
	if err := s.backend.Leave(r.Context(), request(r)); err != nil {
		return err
	}
	return s.ok(w, r, model.MasterResponse{Status: model.CodeOK, Master: name})
}

// passOn hands a request without a body to the named master, and its answer to the client.
func (s *Server) passOn(w http.ResponseWriter, r *http.Request, name string) error {
	url, err := s.masterURL(name)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(r.Context(), r.Method, strings.TrimSuffix(url, "/")+r.URL.RequestURI(), nil)
	if err != nil {
		return model.Errorf(model.CodeUnavailable, "master %s tells no usable address: %v", name, err)
	}
	copyHeader(req.Header, r.Header)
	req.Header.Set(headerRequestID, request(r).ID)
	req.Header.Set(headerForwardedBy, s.backend.Self().Name)
	resp, err := s.peers.Do(req)
	if err != nil {
		return unanswered(r.Context(), name, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxRelayed))
	if err != nil {
		return unanswered(r.Context(), name, err)
	}
	copyHeader(w.Header(), resp.Header)
	w.WriteHeader(resp.StatusCode)
	_, err = w.Write(answer)
	return err
}

// unanswered words why there was no answer. Unless it was never asked the master may have done it: leaving ends it.
func unanswered(ctx context.Context, name string, err error) error {
	var failed *net.OpError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &failed) && failed.Op == "dial":
		return unreachable(name)
	}
	return model.Errorf(model.CodeOutcomeUnknown,
		"master %s did not answer, and may or may not have left: %v; look with heliosctl operator raft list-peers", name, withoutURL(err))
}

func unreachable(name string) error {
	return model.Errorf(model.CodeUnavailable,
		"master %s cannot be reached; remove one that is gone for good with heliosctl operator raft remove-peer", name)
}

// masterURL is where the API of a master is that gossip knows to be alive.
func (s *Server) masterURL(name string) (string, error) {
	var members []model.Member
	if s.config.Pool != nil {
		members = s.config.Pool.Members()
	}
	named := func(m model.Member) bool { return m.Role == model.RoleMaster && m.Name == name }
	i := slices.IndexFunc(members, func(m model.Member) bool { return named(m) && m.Status == model.MemberAlive && m.API != "" })
	switch {
	case i >= 0:
		return members[i].API, nil
	case slices.ContainsFunc(members, named):
		return "", unreachable(name)
	}
	return "", model.Errorf(model.CodeNotFound, "there is no master %s; see heliosctl masters", name)
}
