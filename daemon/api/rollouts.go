package api

import (
	"bytes"
	"context"
	"net/http"
	"strconv"

	"github.com/heliosctl/heliosctl/model"
)

func (s *Server) rollingUpdate(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody[model.RollingUpdateRequest](w, r, s.config.MaxBodyBytes)
	if err != nil {
		return err
	}
	if err := checkLength(body.JobID); err != nil {
		return err
	}
	_, err = s.backend.RollingUpdate(r.Context(), request(r), r.PathValue("group"), body.JobID, body.RolloutOptions)
	if err != nil {
		return refuse(opRollingUpdate, refusal{}, err)
	}
	return s.ok(w, r, model.RollingUpdateResponse{Status: model.CodeOK})
}

// startRollout is rollingUpdate that tells the id, takes a condition, and has our errors.
func (s *Server) startRollout(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody[model.StartRolloutRequest](w, r, s.config.MaxBodyBytes)
	if err != nil {
		return err
	}
	if body.JobID.IsZero() {
		return model.Errorf(model.CodeInvalid, "job is missing: give the id of the job that the group is to run")
	}
	if err := checkLength(body.JobID); err != nil {
		return err
	}
	var id uint64
	if group := r.PathValue("group"); body.After == nil {
		id, err = s.backend.RollingUpdate(r.Context(), request(r), group, body.JobID, body.RolloutOptions)
	} else {
		id, err = s.backend.RollingUpdateAfter(r.Context(), request(r), group, *body.After, body.JobID, body.RolloutOptions)
	}
	if err != nil {
		return err
	}
	return s.ok(w, r, model.StartRolloutResponse{Rollout: id})
}

// stopGroup answers without a body, as the original does.
func (s *Server) stopGroup(w http.ResponseWriter, r *http.Request) error {
	if err := s.backend.StopGroup(r.Context(), request(r), r.PathValue("group")); err != nil {
		return absent(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) listRollouts(w http.ResponseWriter, r *http.Request) error {
	rollouts, err := s.backend.Rollouts(r.PathValue("group"))
	if err != nil {
		return err
	}
	return s.ok(w, r, rollouts)
}

// getRollout answers with a rollout given by its id, or with the "last" one.
func (s *Server) getRollout(w http.ResponseWriter, r *http.Request) error {
	id, name := uint64(0), r.PathValue("rollout")
	if name != "last" {
		var err error
		if id, err = strconv.ParseUint(name, 10, 64); err != nil || id == 0 {
			return model.Errorf(model.CodeInvalid, "%q is no rollout: give its number, or last", name)
		}
	}
	rollout, err := s.backend.Rollout(r.PathValue("group"), id)
	if err != nil {
		return err
	}
	return s.ok(w, r, rollout)
}

func (s *Server) pauseRollout(w http.ResponseWriter, r *http.Request) error {
	return s.changeRollout(w, r, s.backend.PauseRollout)
}

func (s *Server) resumeRollout(w http.ResponseWriter, r *http.Request) error {
	return s.changeRollout(w, r, s.backend.ResumeRollout)
}

// rollBack may come without a body: back to what ran before, then.
func (s *Server) rollBack(w http.ResponseWriter, r *http.Request) error {
	data, err := inflatedBody(w, r, s.config.MaxBodyBytes)
	if err != nil {
		return err
	}
	var body model.RollbackRequest
	if len(bytes.TrimSpace(data)) > 0 {
		if err := decode(data, &body); err != nil {
			return err
		}
	}
	if err := checkLength(body.To); err != nil {
		return err
	}
	return s.changeRollout(w, r, func(ctx context.Context, req model.Request, group string) error {
		return s.backend.RollBack(ctx, req, group, body.To)
	})
}

func (s *Server) changeRollout(
	w http.ResponseWriter, r *http.Request, change func(ctx context.Context, req model.Request, group string) error,
) error {
	if err := change(r.Context(), request(r), r.PathValue("group")); err != nil {
		return err
	}
	return s.ok(w, r, struct{}{})
}

func (s *Server) previewRollout(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody[model.RollingUpdateRequest](w, r, s.config.MaxBodyBytes)
	if err != nil {
		return err
	}
	preview, err := s.backend.PreviewRollout(r.PathValue("group"), body.JobID, body.RolloutOptions)
	if err != nil {
		return err
	}
	return s.ok(w, r, preview)
}
