package api

import (
	"net/http"

	"github.com/heliosctl/heliosctl/model"
)

func (s *Server) registerAgent(w http.ResponseWriter, r *http.Request) error {
	host := r.PathValue("host")
	registration, err := readBody[model.Registration](w, r, s.config.MaxBodyBytes)
	if err != nil {
		return err
	}
	switch {
	case !usableHost(host):
		return errUnusableHost(host)
	case registration.Host != "" && registration.Host != host:
		return model.Errorf(model.CodeInvalid, "the path names host %s and the body host %s", host, registration.Host)
	case registration.AgentID == "":
		return model.Errorf(model.CodeInvalid, "the registration of host %s has no agentId", host)
	}
	registration.Host = host
	registered, err := s.backend.RegisterAgent(r.Context(), registration)
	if err != nil {
		return err
	}
	return s.ok(w, r, registered)
}

func (s *Server) postStatuses(w http.ResponseWriter, r *http.Request) error {
	batch, err := readBody[model.StatusBatch](w, r, s.config.MaxBatchBytes)
	if err != nil {
		return err
	}
	if err := checkReports(batch.Reports); err != nil {
		return err
	}
	ack, err := s.backend.PostStatuses(r.Context(), r.PathValue("host"), batch)
	if err != nil {
		return err
	}
	return s.ok(w, r, ack)
}

// checkReports refuses reports out of order, because those that come late would be skipped as known.
func checkReports(reports []model.StatusReport) error {
	var last uint64
	for i, report := range reports {
		if report.Seq <= last {
			return model.Errorf(model.CodeInvalid, "reports[%d].seq is %d after %d: reports must be in rising order from 1", i, report.Seq, last)
		}
		last = report.Seq
	}
	return nil
}

func (s *Server) postGauges(w http.ResponseWriter, r *http.Request) error {
	gauges, err := readBody[model.Gauges](w, r, s.config.MaxBodyBytes)
	if err != nil {
		return err
	}
	if err := s.backend.PostGauges(r.PathValue("host"), gauges); err != nil {
		return err
	}
	return s.ok(w, r, struct{}{})
}
