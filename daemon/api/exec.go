package api

import (
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// exec joins a client with the agent that runs a command for it.
func (s *Server) exec(w http.ResponseWriter, r *http.Request) error {
	if err := wantsSession(r); err != nil {
		return err
	}
	id, err := pathJob(r)
	if err != nil {
		return err
	}
	host := r.PathValue("host")
	if err := s.mayExec(r, host, id); err != nil {
		return err
	}
	agent, release, err := s.openSession(r.Context(), host, model.SessionRequest{Kind: model.SessionExec, JobID: id})
	if err != nil {
		return err
	}
	defer release()
	defer agent.Close()
	client, err := takeOver(w)
	if err != nil {
		return err
	}
	defer client.Close()
	o, ok := s.streams.add(func() { agent.Close(); client.Close() })
	if !ok {
		return nil
	}
	defer s.streams.release(o)
	began := time.Now()
	s.log.Info("a command is run", "host", host, "job", id.Short(), "user", request(r).User, "remote", r.RemoteAddr)
	splice(client, agent)
	s.log.Debug("a command's session ended", "host", host, "job", id.Short(), "took", time.Since(began))
	return nil
}

// mayExec checks what can be checked before the agent is asked, in the order of other changes.
func (s *Server) mayExec(r *http.Request, host string, id model.JobID) error {
	if err := s.fresh(r); err != nil {
		return err
	}
	job, err := s.knownJob(id)
	if err != nil {
		return err
	}
	if job.Token != jobToken(r) {
		return model.Errorf(model.CodeForbidden, "the token for job %s is missing or wrong; give the one it was created with", id)
	}
	_, err = s.backend.Deployment(host, id)
	return err
}

// fresh makes sure that what is read next is not of the past, unless the client does not mind.
func (s *Server) fresh(r *http.Request) error {
	if stale(r.URL.Query()) {
		return nil
	}
	return s.backend.ReadIndex(r.Context())
}

// knownJob returns a job by its full id.
func (s *Server) knownJob(id model.JobID) (model.Job, error) {
	if !id.FullyQualified() {
		return model.Job{}, model.Errorf(model.CodeInvalidID, "job id %s is not complete: name:version:hash is needed", id)
	}
	return s.backend.Job(id)
}

// splice copies both ways until one side ends, which ends the other. The last that an agent says is still read by the client: the agent
// hangs up only after it.
func splice(a, b io.ReadWriteCloser) {
	var both sync.WaitGroup
	for _, way := range [][2]io.ReadWriteCloser{{a, b}, {b, a}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			_ = a.Close()
			_ = b.Close()
		})
	}
	both.Wait()
}
