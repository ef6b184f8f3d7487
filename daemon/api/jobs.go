package api

import (
	"errors"
	"net/http"
	"regexp"

	"github.com/heliosctl/heliosctl/model"
)

// pathJob reads the job id in the path. One that cannot be parsed is the original's empty 404.
func pathJob(r *http.Request) (model.JobID, error) {
	id, err := model.ParseJobID(r.PathValue("job"))
	if err != nil {
		return model.JobID{}, errNoSuchThing()
	}
	return id, nil
}

// fullPathJob reads the job id in the path, which must be fully qualified.
func fullPathJob(r *http.Request) (model.JobID, error) {
	id, err := pathJob(r)
	if err == nil && !id.FullyQualified() {
		err = errInvalidID()
	}
	return id, err
}

// checkLength refuses the id of a job in a body that is longer than any job's: refusals are remembered with the id that they are about.
func checkLength(id model.JobID) error {
	if max(len(id.Name), len(id.Version), len(id.Hash)) > model.MaxNameLength {
		return model.Errorf(model.CodeInvalid, "bad request body: the id of the job is too long: its parts have %d bytes at most", model.MaxNameLength)
	}
	return nil
}

// jobToken returns the token that the client gave for a job, exactly as it was given; of several the first.
func jobToken(r *http.Request) string {
	return r.URL.Query().Get("token")
}

// pattern compiles the regular expression of Java in a parameter, which matches anywhere in a text; nil for an empty one.
func pattern(r *http.Request, parameter string) (*regexp.Regexp, error) {
	text := r.URL.Query().Get(parameter)
	if text == "" {
		return nil, nil
	}
	re, err := compileJava(text)
	if err != nil {
		return nil, model.Errorf(model.CodeInvalid, "bad %s %q: %s", parameter, text, err)
	}
	return re, nil
}

func (s *Server) listJobs(w http.ResponseWriter, r *http.Request) error {
	hosts, err := pattern(r, "hostPattern")
	if err != nil {
		return err
	}
	filter := model.JobFilter{Query: r.URL.Query().Get("q")}
	if hosts != nil {
		filter.HostMatches = hosts.MatchString
	}
	jobs := map[model.JobID]model.Job{}
	for _, job := range s.backend.Jobs(filter) {
		jobs[job.ID] = job
	}
	return s.ok(w, r, jobs)
}

func (s *Server) getJob(w http.ResponseWriter, r *http.Request) error {
	id, err := fullPathJob(r)
	if err != nil {
		return err
	}
	job, err := s.backend.Job(id)
	if err != nil {
		return absent(err)
	}
	return s.ok(w, r, job)
}

func (s *Server) jobStatus(w http.ResponseWriter, r *http.Request) error {
	id, err := fullPathJob(r)
	if err != nil {
		return err
	}
	status, err := s.backend.JobStatus(id)
	if err != nil {
		return absent(err)
	}
	return s.ok(w, r, status)
}

func (s *Server) jobStatuses(w http.ResponseWriter, r *http.Request) error {
	ids, err := readBody[[]model.JobID](w, r, s.config.MaxBatchBytes)
	if err != nil {
		return err
	}
	for i, id := range ids {
		switch {
		case id.IsZero():
			return errNullElement(i)
		case !id.FullyQualified():
			return &answered{status: http.StatusBadRequest, text: "Invalid id " + id.String()}
		}
	}
	statuses := map[model.JobID]model.JobStatus{}
	for _, id := range ids {
		status, err := s.backend.JobStatus(id)
		switch {
		case err == nil:
			statuses[id] = status
		case model.CodeOf(err) != model.CodeJobNotFound:
			return err
		}
	}
	return s.ok(w, r, statuses)
}

func (s *Server) createJob(w http.ResponseWriter, r *http.Request) error {
	job, err := readBody[model.Job](w, r, s.config.MaxJobBytes)
	if err != nil {
		return err
	}
	if job.ID == (model.JobID{}) {
		return model.Errorf(model.CodeInvalidID, "the job has no id: give it one as name:version")
	}
	job.Created, job.CreatingUser = nil, "" // the master says when and who
	id, err := s.backend.CreateJob(r.Context(), request(r), job)
	if err != nil {
		faults := []string{}
		var coded *model.Error
		if errors.As(err, &coded) && coded.Code == model.CodeInvalidJob {
			faults = append(faults, coded.Details...)
		}
		name := job.WithID().ID.String()
		return refuse(opCreateJob, refusal{Errors: &faults, ID: &name}, err)
	}
	return s.ok(w, r, model.CreateJobResponse{Status: model.CodeOK, Errors: []string{}, ID: id.String()})
}

func (s *Server) removeJob(w http.ResponseWriter, r *http.Request) error {
	id, err := fullPathJob(r)
	if err != nil {
		return err
	}
	if err := s.backend.RemoveJob(r.Context(), request(r), id, jobToken(r)); err != nil {
		return refuse(opRemoveJob, refusal{}, err)
	}
	return s.ok(w, r, model.JobDeleteResponse{Status: model.CodeOK})
}
