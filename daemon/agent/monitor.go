package agent

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/healthcheck"
	"github.com/heliosctl/heliosctl/model"
)

// monitor goes on with the health check of a container that runs. It only tells what it finds; nothing is restarted for it.
type monitor struct {
	task  *task
	job   model.Job
	id    string      // of the container
	found chan string // each change of its mind: why the container is unhealthy, "" once it is well again
}

// monitored starts a monitor when the job asks for one, and else returns a nil channel. stop ends it and waits for its end.
func (t *task) monitored(ctx context.Context, id string) (found <-chan string, stop func()) {
	m := &monitor{task: t, job: t.record().Task.Job, id: id, found: make(chan string)}
	if m.job.HealthCheck == nil || m.job.HealthCheck.Interval <= 0 {
		return nil, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	unhealthy := t.unhealthy
	var running sync.WaitGroup
	running.Go(func() { m.run(ctx, unhealthy) })
	return m.found, func() { cancel(); running.Wait() }
}

// run checks until ctx is done. One check that passes is enough to be healthy again.
func (m *monitor) run(ctx context.Context, unhealthy string) {
	interval := time.Duration(m.job.HealthCheck.Interval) * time.Second
	limit := m.job.HealthCheck.UnhealthyAfter
	if limit <= 0 {
		limit = model.DefaultUnhealthyAfter
	}
	var checker healthcheck.Checker
	failures := 0
	for sleep(ctx, interval, nil) == nil {
		err := m.check(ctx, &checker)
		verdict := unhealthy
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			failures, verdict = 0, ""
		case unanswered(err), ended(err):
			continue // that is not for a health check to tell
		default:
			failures++
			m.task.log.Debug("health check failed", "error", err, "failures", failures)
			if unhealthy == "" && failures >= limit {
				verdict = err.Error()
			}
		}
		if verdict == unhealthy {
			continue
		}
		unhealthy = verdict
		select {
		case m.found <- verdict:
		case <-ctx.Done():
		}
	}
}

// check makes one check. A checker is used until it fails: the container may have got another address.
func (m *monitor) check(ctx context.Context, checker *healthcheck.Checker) (err error) {
	if *checker == nil {
		if *checker, err = m.task.checker(ctx, m.job, m.id); err != nil {
			return err
		}
	}
	if err = (*checker).Check(ctx); err != nil {
		*checker = nil
	}
	return err
}

func ended(err error) bool {
	return errors.Is(err, errRemoved) || errors.Is(err, container.ErrNotFound) || errors.Is(err, container.ErrNotRunning)
}
