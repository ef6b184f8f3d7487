package api

import (
	"net/http"

	"github.com/heliosctl/heliosctl/model"
)

func (s *Server) getDeployment(w http.ResponseWriter, r *http.Request) error {
	id, err := pathJob(r)
	if err != nil {
		return err
	}
	if !id.FullyQualified() {
		return &answered{status: http.StatusBadRequest} // without the text that others have
	}
	d, err := s.backend.Deployment(r.PathValue("host"), id)
	if err != nil {
		return absent(err)
	}
	return s.ok(w, r, d)
}

// deploy deploys the job of the body; the one in the path is only echoed.
func (s *Server) deploy(w http.ResponseWriter, r *http.Request) error {
	id, err := pathJob(r)
	if err != nil {
		return err
	}
	host, job := r.PathValue("host"), id.String()
	body, err := readBody[model.Deployment](w, r, s.config.MaxBodyBytes)
	if err != nil {
		return err
	}
	if id.FullyQualified() {
		err = s.deployBody(r, host, body)
	} else {
		err = model.Errorf(model.CodeInvalidID, "job id %s is not complete: name:version:hash is needed", job)
	}
	if err != nil {
		return refuse(opDeploy, refusal{Job: &job, Host: &host}, err)
	}
	return s.ok(w, r, model.JobDeployResponse{Status: model.CodeOK, Job: job, Host: host})
}

func (s *Server) deployBody(r *http.Request, host string, body model.Deployment) error {
	if err := namesJob(body); err != nil {
		return err
	}
	req := request(r)
	// Who deployed, through which master and for which group is not the client's to say.
	d := model.Deployment{JobID: body.JobID, Goal: body.Goal, DeployerUser: req.User}
	return s.backend.Deploy(r.Context(), req, host, d, jobToken(r))
}

// namesJob refuses a deployment without a job. Its goal is the backend's to judge, after the token.
func namesJob(d model.Deployment) error {
	if d.JobID == (model.JobID{}) {
		return model.Errorf(model.CodeInvalid, "the deployment has no jobId")
	}
	return checkLength(d.JobID)
}

func (s *Server) setGoal(w http.ResponseWriter, r *http.Request) error {
	id, err := pathJob(r)
	if err != nil {
		return err
	}
	host, job := r.PathValue("host"), id.String()
	body, err := readBody[model.Deployment](w, r, s.config.MaxBodyBytes)
	if err != nil {
		return err
	}
	if err := namesJob(body); err != nil {
		return err
	}
	if body.JobID == id {
		d := model.Deployment{JobID: id, Goal: body.Goal}
		err = s.backend.SetGoal(r.Context(), request(r), host, d, jobToken(r))
	} else {
		err = model.Errorf(model.CodeIDMismatch, "the path names job %s and the body job %s", job, body.JobID)
	}
	if err != nil {
		return refuse(opSetGoal, refusal{Job: &job, Host: &host}, err)
	}
	return s.ok(w, r, model.SetGoalResponse{Status: model.CodeOK, Job: job, Host: host})
}

func (s *Server) undeploy(w http.ResponseWriter, r *http.Request) error {
	id, err := pathJob(r)
	if err != nil {
		return err
	}
	host, job := r.PathValue("host"), id.String()
	if id.FullyQualified() {
		err = s.backend.Undeploy(r.Context(), request(r), host, id, jobToken(r))
	} else {
		err = model.Errorf(model.CodeInvalidID, "job id %s is not complete: name:version:hash is needed", job)
	}
	if err != nil {
		return refuse(opUndeploy, refusal{Job: &job, Host: &host}, err)
	}
	return s.ok(w, r, model.JobUndeployResponse{Status: model.CodeOK, Job: job, Host: host})
}
