package agent

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/healthcheck"
	"github.com/heliosctl/heliosctl/model"
)

// sweeper looks at all containers of this agent. At the start it finds those that run without a record; later it stops what no
// record knows and removes what is no longer of use.
type sweeper struct {
	agent *Agent
	kick  kick

	mu      sync.Mutex
	looked  bool
	failure error
	orphans map[model.JobID]container.State // running containers without a record when the agent started
}

const (
	sweepStops = 8               // containers stopped at the same time
	sweepPause = 2 * time.Second // at least, between two sweeps: each asks the engine for every container
)

func newSweeper(a *Agent) *sweeper { return &sweeper{agent: a, kick: newKick()} }

// surveyed reports whether the containers of an earlier life are known, which new tasks wait for.
func (s *sweeper) surveyed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.looked
}

// orphan returns the container that was running for a job at the start although no record knew of it.
func (s *sweeper) orphan(id model.JobID) (container.State, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state, ok := s.orphans[id]
	return state, ok
}

// adopted says that the orphan of a job has a record now.
func (s *sweeper) adopted(id model.JobID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.orphans, id)
}

// fault returns why the containers could not be listed the last time, nil when they could.
func (s *sweeper) fault() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure
}

func (s *sweeper) run(ctx context.Context) error {
	trouble := &healthcheck.Backoff{}
	for ctx.Err() == nil {
		back := s.agent.engine.back.next()
		err := s.sweep(ctx)
		s.mu.Lock()
		s.failure = err
		s.mu.Unlock()
		if err != nil {
			_ = sleep(ctx, trouble.Next(), back) // the loop's condition sees ctx
			continue
		}
		trouble.Reset()
		if sleep(ctx, sweepPause, nil) != nil {
			break
		}
		select {
		case <-s.kick:
		case <-back:
		case <-time.After(s.agent.config.Poll):
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

func (s *sweeper) sweep(ctx context.Context) error {
	// The list comes first: a record has a container's name before the container is made, so whatever is listed and not of ours is
	// known by the records read afterwards.
	containers, err := s.agent.config.Runtime.List(ctx, s.agent.ID())
	if err != nil {
		return err
	}
	records := s.agent.book.all()
	s.survey(containers, records)
	if !s.agent.orders.authoritative() {
		return nil
	}
	strays, remains := planSweep(containers, records, s.agent.orders.tasks())
	s.stop(ctx, strays)
	for _, c := range remains {
		if err := s.agent.config.Runtime.Remove(ctx, c.ID); err != nil && ctx.Err() == nil {
			s.agent.log.Warn("old container is not removed yet", "container", c.Name, "error", err)
		}
	}
	return ctx.Err()
}

func (s *sweeper) survey(containers []container.State, records map[model.JobID]model.TaskRecord) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.looked {
		return
	}
	s.looked = true
	s.orphans = make(map[model.JobID]container.State)
	for _, c := range containers {
		id, ok := jobOf(c)
		if _, known := records[id]; ok && c.Running && !known {
			s.orphans[id] = c
		}
	}
	s.agent.reconcile.now()
}

// stop ends containers that no task wants: TERM first, as for any other.
func (s *sweeper) stop(ctx context.Context, strays []container.State) {
	var group errgroup.Group
	group.SetLimit(sweepStops)
	for _, c := range strays {
		s.agent.log.Warn("stopping a container of this agent that no task knows", "container", c.Name, "job", c.JobID())
		group.Go(func() error {
			if err := s.agent.config.Runtime.Stop(ctx, c.ID, defaultKillDelay); err != nil && ctx.Err() == nil {
				s.agent.log.Warn("container is not stopped yet", "container", c.Name, "error", err)
			}
			return nil
		})
	}
	_ = group.Wait() // failures are logged and come up again in the next sweep
}

// planSweep returns the running containers that belong to no task, and the ended ones that are no longer of use. Of each task the
// one that ended last before its current one is kept, for its logs.
func planSweep(containers []container.State, records map[model.JobID]model.TaskRecord, desired map[model.JobID]model.Task) (strays, remains []container.State) {
	last := lastEnded(containers, records)
	for _, c := range containers {
		id, ok := jobOf(c)
		record, known := records[id]
		_, wanted := desired[id]
		switch {
		case ok && known && isCurrent(c, record):
		case ok && c.Running && known && record.ContainerName+record.ContainerID == "":
			// About to be adopted.
		case ok && c.Running && wanted && !known:
			// As above.
		case c.Running:
			strays = append(strays, c)
		case ok && known && last[id].ID == c.ID:
		default:
			remains = append(remains, c)
		}
	}
	return strays, remains
}

// lastEnded returns, for each task, the container that ended last, without its current one.
func lastEnded(containers []container.State, records map[model.JobID]model.TaskRecord) map[model.JobID]container.State {
	last := make(map[model.JobID]container.State)
	for _, c := range containers {
		id, ok := jobOf(c)
		record, known := records[id]
		if ok && known && c.Exited() && !isCurrent(c, record) && c.FinishedAt.After(last[id].FinishedAt) {
			last[id] = c
		}
	}
	return last
}

// isCurrent tells whether a container is the one that a record speaks of.
func isCurrent(c container.State, record model.TaskRecord) bool {
	return c.Name == record.ContainerName || c.ID == record.ContainerID
}

// jobOf returns the job a container was made for.
func jobOf(c container.State) (model.JobID, bool) {
	var id model.JobID
	if err := id.UnmarshalText([]byte(c.JobID())); err != nil {
		return model.JobID{}, false
	}
	return id, true
}
