package api

import (
	"net/http"
	"strconv"

	"github.com/heliosctl/heliosctl/model"
)

func (s *Server) masters(w http.ResponseWriter, r *http.Request) error {
	masters := s.backend.Masters()
	if masters == nil {
		masters = []string{}
	}
	return s.ok(w, r, masters)
}

// apiVersion answers with quoted text, so that it can be read as JSON too.
func (s *Server) apiVersion(w http.ResponseWriter, r *http.Request) error {
	s.write(w, r, http.StatusOK, "text/plain", []byte(strconv.Quote(model.ServerVersion)))
	return nil
}

func (s *Server) checkVersion(w http.ResponseWriter, r *http.Request) error {
	client := r.URL.Query().Get("client")
	status := model.CheckClientVersion(client, s.version)
	if status == model.VersionInvalid {
		return model.Errorf(model.CodeInvalid, "bad client version %q: want three numbers such as %s", client, model.ServerVersion)
	}
	return s.ok(w, r, model.VersionCheckResponse{Status: status, ServerVersion: s.version, RecommendedVersion: model.ServerVersion})
}

// about tells the product's version, which the original's routes do not.
func (s *Server) about(w http.ResponseWriter, r *http.Request) error {
	return s.ok(w, r, struct {
		Version   string `json:"version"`
		API       string `json:"api"`
		ClusterID string `json:"clusterId"`
		Master    string `json:"master"` // the one that answers
	}{s.config.ProductVersion, model.ServerVersion, s.backend.ClusterID(), s.backend.Self().Name})
}
