package agent

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/healthcheck"
	"github.com/heliosctl/heliosctl/model"
)

// masters is the connection to the masters: it registers, follows the stream of tasks, and begins again when that ends.
type masters struct {
	agent *Agent
	log   *slog.Logger

	// accepted is woken at each registration that was accepted.
	accepted broadcast

	mu         sync.Mutex
	registered bool
	streaming  bool
	streamErr  error // why there is no stream
	refusal    error // why the agent is fenced, nil when it is not
	hangUp     context.CancelCauseFunc
}

var (
	errNoMasterYet = model.Errorf(model.CodeUnavailable, "no master has answered yet")
	errReconnect   = errors.New("the registration has to be made anew")
)

// fencedPause is how long a refused agent waits before it asks again.
const fencedPause = 30 * time.Second

func newMasters(a *Agent) *masters {
	return &masters{agent: a, log: a.log, streamErr: errNoMasterYet}
}

func (m *masters) health() map[string]error {
	m.mu.Lock()
	defer m.mu.Unlock()
	checks := map[string]error{HealthRegistration: m.refusal, HealthMasters: nil}
	if !m.streaming {
		checks[HealthMasters] = m.streamErr
	}
	return checks
}

// isRegistered reports whether a master has accepted this agent and it has not been refused since. Reports and gauges wait for it.
func (m *masters) isRegistered() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.registered
}

func (m *masters) run(ctx context.Context) error {
	pause := &healthcheck.Backoff{}
	for ctx.Err() == nil {
		began := time.Now()
		err := m.session(ctx)
		if ctx.Err() != nil {
			break
		}
		m.closed(err)
		wait := pause.Next()
		switch {
		case errors.Is(err, errReconnect):
			wait = 0
		case model.CodeOf(err) == model.CodeHostConflict:
			m.refused(err)
			wait = fencedPause
		case time.Since(began) > time.Minute:
			pause.Reset()
			wait = rand.N(5 * time.Second) // a master that went away had many agents
		}
		if sleep(ctx, wait, nil) != nil {
			break
		}
	}
	return ctx.Err()
}

// session registers and follows the stream until it ends, whose error it returns.
func (m *masters) session(ctx context.Context) error {
	if err := m.register(ctx); err != nil {
		return err
	}
	ctx, hangUp := context.WithCancelCause(ctx)
	defer hangUp(nil)
	m.mu.Lock()
	m.hangUp = hangUp
	m.mu.Unlock()

	host, orders := m.agent.config.Host, m.agent.orders
	for update, err := range m.agent.config.Master.Tasks(ctx, host, m.agent.ID(), orders.at()) {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if err != nil {
			return err
		}
		m.open()
		if update.Type == model.TaskUpdateSession && update.Session != nil {
			m.agent.sessions.request(*update.Session)
		}
		if !changesTasks(update) || !orders.apply(update) {
			continue
		}
		if err := m.agent.config.Records.SaveDesired(update); err != nil {
			m.log.Error("tasks are not recorded", "error", err)
		}
		m.agent.reconcile.now()
		m.agent.sweep.kick.now()
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return model.Errorf(model.CodeUnavailable, "the stream of tasks ended")
}

// changesTasks tells whether a line of the stream is about tasks.
func changesTasks(update model.TaskUpdate) bool {
	return update.Type == model.TaskUpdateSnapshot || update.Type == model.TaskUpdateChange
}

// register makes the host this agent's and settles what the master has of it.
func (m *masters) register(ctx context.Context) error {
	a := m.agent
	registered, err := a.facts.send(ctx)
	if err != nil {
		return err
	}
	known, ok, err := a.config.Records.Registered()
	if err != nil {
		return err
	}
	if err := m.checkCluster(registered, known); err != nil {
		return err
	}
	if ok && known.ClusterID != registered.ClusterID {
		a.orders.forgetIndex()
	}
	if err := a.config.Records.SaveRegistered(registered); err != nil {
		if !ok || model.CodeOf(err) != model.CodeStorageFull {
			return err
		}
		// Nothing is lost without it: what is reported once more is recognised by its number.
		m.log.Error("the registration is not recorded", "error", err)
	}
	if ok && (known.Epoch != registered.Epoch || known.ClusterID != registered.ClusterID) {
		// The masters have forgotten what they knew of this host.
		if err := a.book.reportAll(); err != nil {
			return err
		}
	}
	m.mu.Lock()
	m.registered, m.refusal = true, nil
	m.mu.Unlock()
	if a.orders.fence(false) {
		m.log.Info("the host is this agent's again")
	}
	a.reconcile.now()
	m.accepted.wake()
	return nil
}

// checkCluster refuses orders from another cluster than the one the agent belongs to, as if the agent had been refused: masters
// that lost their state would otherwise take every job down.
func (m *masters) checkCluster(registered, known model.Registered) error {
	want, source := m.agent.config.ClusterID, "is configured for"
	if want == "" {
		want, source = known.ClusterID, "belongs to"
	}
	if want == "" || want == registered.ClusterID {
		return nil
	}
	return model.Errorf(model.CodeHostConflict,
		"host %s %s cluster %s, but its masters are of cluster %s; containers are left alone. Point the agent at its own masters, or configure cluster id %s to move it",
		m.agent.config.Host, source, want, registered.ClusterID, registered.ClusterID)
}

// renew makes the session begin anew, for who was told that the host is not registered as it was.
func (m *masters) renew(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.registered = false
	if m.hangUp != nil {
		m.hangUp(errReconnect)
	}
	m.log.Warn("registering again", "reason", err)
}

func (m *masters) open() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.streaming {
		m.log.Info("connected to a master")
	}
	m.streaming = true
}

func (m *masters) closed(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.streaming || m.streamErr == errNoMasterYet {
		m.log.Warn("no connection to a master; going on without", "error", err)
	}
	m.streaming, m.streamErr, m.hangUp = false, err, nil
}

func (m *masters) refused(err error) {
	m.mu.Lock()
	m.registered, m.refusal = false, err
	m.mu.Unlock()
	if m.agent.orders.fence(true) {
		m.log.Error("this agent was refused: it runs nothing and stops nothing until that changes", "error", err)
	}
	m.agent.reconcile.now()
}
