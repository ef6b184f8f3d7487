package api

import (
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/heliosctl/heliosctl/model"
)

// maxHostName is how many bytes the name of a host may have.
const maxHostName = 255

// usableHost tells whether a host may have this name: one that every client can put into a path.
func usableHost(name string) bool {
	return name != "" && len(name) <= maxHostName && name != "." && name != ".." && utf8.ValidString(name) && !strings.Contains(name, "/") &&
		!strings.ContainsFunc(name, unicode.IsControl)
}

func errUnusableHost(name string) error {
	return model.Errorf(model.CodeInvalid,
		"bad host name %q: it must be UTF-8, not empty, not a dot or two, have no slashes or control characters, and %d bytes at most", name, maxHostName)
}

func (s *Server) listHosts(w http.ResponseWriter, r *http.Request) error {
	names, err := pattern(r, "namePattern")
	if err != nil {
		return err
	}
	selectors, err := hostSelectors(r)
	if err != nil {
		return err
	}
	hosts := []string{}
	for _, host := range s.backend.Hosts() {
		if (names == nil || names.MatchString(host)) && s.selected(host, selectors) {
			hosts = append(hosts, host)
		}
	}
	if len(selectors) > 0 {
		model.SortHosts(hosts)
	}
	return s.ok(w, r, hosts)
}

func hostSelectors(r *http.Request) ([]model.HostSelector, error) {
	var selectors []model.HostSelector
	for _, text := range r.URL.Query()["selector"] {
		selector, err := model.ParseHostSelector(text)
		if err != nil {
			return nil, &answered{status: http.StatusBadRequest, text: "Invalid host selector: " + text}
		}
		selectors = append(selectors, selector)
	}
	return selectors, nil
}

func (s *Server) selected(host string, selectors []model.HostSelector) bool {
	if len(selectors) == 0 {
		return true
	}
	labels := s.backend.HostLabels(host)
	return !slices.ContainsFunc(selectors, func(selector model.HostSelector) bool { return !selector.Matches(labels) })
}

// hostWith returns a host unless another liveness is wanted, which the original compares as text.
func (s *Server) hostWith(host, liveness string) (model.HostStatus, error) {
	status, err := s.backend.Host(host)
	if err == nil && liveness != "" && string(status.Status) != liveness {
		err = model.Errorf(model.CodeHostNotFound, "host %s is not %s", host, liveness)
	}
	return status, err
}

func (s *Server) hostStatus(w http.ResponseWriter, r *http.Request) error {
	status, err := s.hostWith(r.PathValue("host"), r.URL.Query().Get("status"))
	if err != nil {
		return absent(err)
	}
	return s.ok(w, r, status)
}

func (s *Server) hostStatuses(w http.ResponseWriter, r *http.Request) error {
	hosts, err := readBody[[]*string](w, r, s.config.MaxBatchBytes)
	if err != nil {
		return err
	}
	liveness := r.URL.Query().Get("status")
	statuses := map[string]model.HostStatus{}
	for i, host := range hosts {
		if host == nil {
			return errNullElement(i)
		}
		status, err := s.hostWith(*host, liveness)
		switch {
		case err == nil:
			statuses[*host] = status
		case model.CodeOf(err) != model.CodeHostNotFound:
			return err
		}
	}
	return s.ok(w, r, statuses)
}

// registerHost answers with a bare JSON string, as the original does.
func (s *Server) registerHost(w http.ResponseWriter, r *http.Request) error {
	host, id := r.PathValue("host"), r.URL.Query().Get("id")
	if id == "" {
		return refuse(opRegisterHost, refusal{Host: &host},
			model.Errorf(model.CodeInvalidID, "host %s needs the id of its agent, in the parameter id", host))
	}
	if !usableHost(host) {
		return errUnusableHost(host)
	}
	if err := s.backend.RegisterHost(r.Context(), request(r), host, id); err != nil {
		return refuse(opRegisterHost, refusal{Host: &host}, err)
	}
	return s.ok(w, r, model.CodeOK)
}

func (s *Server) deregisterHost(w http.ResponseWriter, r *http.Request) error {
	host := r.PathValue("host")
	if err := s.backend.DeregisterHost(r.Context(), request(r), host); err != nil {
		return refuse(opDeregisterHost, refusal{Host: &host}, err)
	}
	return s.ok(w, r, model.HostDeregisterResponse{Status: model.CodeOK, Host: host})
}
