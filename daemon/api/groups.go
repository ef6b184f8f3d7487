package api

import (
	"net/http"

	"github.com/heliosctl/heliosctl/model"
)

func (s *Server) listGroups(w http.ResponseWriter, r *http.Request) error {
	return s.ok(w, r, s.backend.Groups())
}

func (s *Server) getGroup(w http.ResponseWriter, r *http.Request) error {
	group, err := s.backend.Group(r.PathValue("group"))
	if err != nil {
		return absent(err)
	}
	return s.ok(w, r, group)
}

func (s *Server) createGroup(w http.ResponseWriter, r *http.Request) error {
	group, err := readBody[model.DeploymentGroup](w, r, s.config.MaxBodyBytes)
	if err != nil {
		return err
	}
	status, err := s.backend.CreateGroup(r.Context(), request(r), group)
	if err != nil {
		return refuse(opCreateGroup, refusal{}, err)
	}
	return s.ok(w, r, model.CreateDeploymentGroupResponse{Status: status})
}

func (s *Server) removeGroup(w http.ResponseWriter, r *http.Request) error {
	if err := s.backend.RemoveGroup(r.Context(), request(r), r.PathValue("group")); err != nil {
		return refuse(opRemoveGroup, refusal{}, err)
	}
	return s.ok(w, r, model.RemoveDeploymentGroupResponse{Status: model.CodeGroupRemoved})
}

func (s *Server) setSelectors(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody[model.SelectorsRequest](w, r, s.config.MaxBodyBytes)
	if err != nil {
		return err
	}
	if body.HostSelectors == nil {
		return model.Errorf(model.CodeInvalid, "hostSelectors is missing: give the selectors that the group is to have")
	}
	err = s.backend.SetSelectors(r.Context(), request(r), r.PathValue("group"), body.HostSelectors, body.Was)
	if err != nil {
		return err
	}
	return s.ok(w, r, struct{}{})
}

func (s *Server) groupStatus(w http.ResponseWriter, r *http.Request) error {
	status, err := s.backend.GroupStatus(r.PathValue("group"))
	if err != nil {
		return absent(err)
	}
	return s.ok(w, r, status)
}
