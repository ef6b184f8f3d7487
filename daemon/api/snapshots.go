package api

import (
	"io"
	"net/http"

	"github.com/heliosctl/heliosctl/model"
)

// saveSnapshot sends the state as a file. When that fails in the middle the connection is broken: the file must not look whole.
func (s *Server) saveSnapshot(w http.ResponseWriter, r *http.Request) error {
	info, snapshot, err := s.backend.Snapshot(r.Context())
	if err != nil {
		return err
	}
	defer snapshot.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	n, err := io.Copy(w, snapshot)
	if err != nil {
		s.log.Warn("a snapshot was not sent to its end", "index", info.Index, "bytes", n, "user", request(r).User, "error", err)
		panic(http.ErrAbortHandler)
	}
	s.log.Info("sent a snapshot", "index", info.Index, "bytes", n, "user", request(r).User)
	return nil
}

// restoreSnapshot replaces the state by the file in the body. Where it is refused from the outset the body is not read, and a client
// that waits for the word to go on need not send it.
func (s *Server) restoreSnapshot(w http.ResponseWriter, r *http.Request) error {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return &answered{
			status: http.StatusUnsupportedMediaType,
			body:   model.Errorf(model.CodeInvalid, "a snapshot is taken as it is, not with the content encoding %q", encoding),
		}
	}
	info, err := s.backend.Restore(r.Context(), request(r), r.Body, forced(r))
	if err != nil {
		return err
	}
	return s.ok(w, r, info)
}
