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

// masters is the connection to the masters: it registers, follows the stream of tasks, and when that ends goes on with another master.
type masters struct {
	agent *Agent
	log   *slog.Logger

	// accepted is woken when a master has accepted a registration, or the stream goes on with another one.
	accepted broadcast

	mu         sync.Mutex
	registered bool
	epoch      uint64 // of the last registration
	streaming  bool
	streamErr  error // why there is no stream
	refusal    error // why the agent is fenced, nil when it is not
	hangUp     context.CancelCauseFunc
}

var (
	errNoMasterYet = model.Errorf(model.CodeUnavailable, "no master has answered yet")
	errReconnect   = errors.New("the registration has to be made anew")
)

const (
	// reconnectJitter spreads the agents of a master that went away over the others, and is what moving takes at most.
	reconnectJitter = 500 * time.Millisecond
	// steadyStream is how long a stream has to last for its end to be no sign of trouble with every master.
	steadyStream = 10 * time.Second
	// reconnectPause bounds the pause between two attempts when no master answers.
	reconnectPause = 5 * time.Second
)

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

func (m *masters) knownEpoch() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.epoch
}

func (m *masters) run(ctx context.Context) error {
	troubles, refusals := &healthcheck.Backoff{First: reconnectJitter, Max: reconnectPause}, &healthcheck.Backoff{}
	resume := false // whether to try a stream before registering
	for ctx.Err() == nil {
		began := time.Now()
		resume = resume && m.mayResume()
		opened, err := m.session(ctx, resume)
		if ctx.Err() != nil {
			break
		}
		m.closed(err)
		if opened && time.Since(began) > steadyStream {
			troubles.Reset()
			refusals.Reset()
		}
		var wait time.Duration
		code := model.CodeOf(err)
		switch {
		case errors.Is(err, errReconnect), code == model.CodeHostNotFound && (opened || resume):
		case code == model.CodeHostConflict:
			m.refused(err)
			wait = refusals.Next()
		default:
			wait = rand.N(troubles.Next())
		}
		// Who has registered needs no leader to go on with another master. Where that fails, registering shows whether the host is still
		// known as it was; where that fails too, another master may have come back meanwhile.
		resume = (opened || !resume) && code != model.CodeHostNotFound
		if sleep(ctx, wait, nil) != nil {
			break
		}
	}
	return ctx.Err()
}

// mayResume reports whether this process has registered and knows of nothing that has changed since.
func (m *masters) mayResume() bool { return m.isRegistered() && !m.agent.facts.unsent() }

// session registers, unless it resumes what was broken off, and follows the stream until it ends, whose error it returns; opened tells
// whether there was a stream.
func (m *masters) session(ctx context.Context, resume bool) (opened bool, err error) {
	if !resume {
		if err := m.register(ctx); err != nil {
			return false, err
		}
	}
	ctx, hangUp := context.WithCancelCause(ctx)
	defer hangUp(nil)
	m.mu.Lock()
	m.hangUp = hangUp
	m.mu.Unlock()

	host, orders := m.agent.config.Host, m.agent.orders
	for update, err := range m.agent.config.Master.Tasks(ctx, host, m.agent.ID(), orders.at()) {
		if cause := context.Cause(ctx); cause != nil {
			return opened, cause
		}
		if err != nil {
			return opened, err
		}
		if !opened {
			opened = true
			m.open(resume)
		}
		if epoch := m.knownEpoch(); update.Epoch != 0 && update.Epoch != epoch {
			m.renew(model.Errorf(model.CodeHostNotFound, "the registration is %d now, not %d: the masters were restored", update.Epoch, epoch))
			continue // the context tells
		}
		m.take(update)
	}
	if cause := context.Cause(ctx); cause != nil {
		return opened, cause
	}
	return opened, model.Errorf(model.CodeUnavailable, "the stream of tasks ended")
}

// take carries a line of the stream on to whom it concerns.
func (m *masters) take(update model.TaskUpdate) {
	if update.Type == model.TaskUpdateSession && update.Session != nil {
		m.agent.sessions.request(*update.Session)
	}
	if !changesTasks(update) || !m.agent.orders.apply(update) {
		return
	}
	if err := m.agent.config.Records.SaveDesired(update); err != nil {
		m.log.Error("tasks are not recorded", "error", err)
	}
	m.agent.reconcile.now()
	m.agent.sweep.kick.now()
}

// changesTasks tells whether a line of the stream is about tasks.
func changesTasks(update model.TaskUpdate) bool {
	return update.Type == model.TaskUpdateSnapshot || update.Type == model.TaskUpdateChange
}

// register makes the host this agent's and settles what the master has of it.
func (m *masters) register(ctx context.Context) error {
	a := m.agent
	acked := a.report.acked.Load() // before the masters are asked, so that they know at least as much
	registered, err := a.facts.send(ctx)
	if err != nil {
		return err
	}
	known, ok, err := a.config.Records.Registered()
	if err != nil {
		return err
	}
	if err := m.checkCluster(registered); err != nil {
		return err
	}
	anew := known.Epoch != registered.Epoch || known.ClusterID != registered.ClusterID
	if anew || registered.Index > 0 && registered.Index < a.orders.at() {
		// Another registration, another cluster, or one that was restored from an older state: the index counts something else.
		a.orders.forgetIndex()
	}
	if err := a.config.Records.SaveRegistered(registered); err != nil {
		if !ok || model.CodeOf(err) != model.CodeStorageFull {
			return err
		}
		// Nothing is lost without it: what is reported once more is recognised by its number.
		m.log.Error("the registration is not recorded", "error", err)
	}
	if ok && (anew || registered.AckedSeq < max(acked, known.AckedSeq)) {
		// The masters have forgotten what they knew of this host, or the last of it.
		if err := a.book.reportAll(); err != nil {
			return err
		}
	}
	m.mu.Lock()
	m.registered, m.refusal, m.epoch = true, nil, registered.Epoch
	m.mu.Unlock()
	if a.orders.fence(false) {
		m.log.Info("the host is this agent's again")
	}
	a.reconcile.now()
	m.accepted.wake()
	return nil
}

// clusterID is of the only cluster that the agent takes orders from, "" while it may still be any.
func (a *Agent) clusterID() string {
	if a.config.ClusterID != "" {
		return a.config.ClusterID
	}
	known, _, err := a.config.Records.Registered()
	if err != nil {
		a.log.Error("the cluster that this agent belongs to cannot be read", "error", err)
	}
	return known.ClusterID
}

// checkCluster refuses orders from another cluster than the one the agent belongs to, as if the agent had been refused: masters
// that lost their state would otherwise take every job down. Masters refuse by themselves, but for those of an older version.
func (m *masters) checkCluster(registered model.Registered) error {
	want := m.agent.clusterID()
	if want == "" || want == registered.ClusterID {
		return nil
	}
	return model.Errorf(model.CodeHostConflict,
		"host %s belongs to cluster %s, but its masters are of cluster %s; containers are left alone. Point the agent at its own masters, or move it with --cluster-id %s",
		m.agent.config.Host, want, registered.ClusterID, registered.ClusterID)
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

// open notes that there is a stream. After a registration everyone was woken by that.
func (m *masters) open(resumed bool) {
	m.mu.Lock()
	m.streaming = true
	m.mu.Unlock()
	m.log.Info("connected to a master", "resumed", resumed)
	if resumed {
		m.accepted.wake()
	}
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
