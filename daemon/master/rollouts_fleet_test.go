package master

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// rolloutFleet is a pool of masters with hosts whose agents do what they are told.
type rolloutFleet struct {
	*pool
	ctx context.Context

	mu     sync.Mutex
	agents map[string]*simAgent
	fates  map[model.JobID]fate
}

// fate is what becomes of the tasks of a job. The zero value runs at once.
type fate struct {
	state    model.State    // that they come to instead of RUNNING
	throttle model.Throttle // with it
	delay    time.Duration  // until they report anything
}

// simAgent reports for the tasks of one host. Only its goroutine uses what is below.
type simAgent struct {
	fleet  *rolloutFleet
	host   string
	labels map[string]string
	kick   chan struct{} // capacity 1
	stop   func()        // ends it and waits

	seq   uint64
	tasks map[model.JobID]model.Goal // reported of, with the goal that was obeyed
}

// newRolloutFleet starts masters named a to c, as many as asked for, and hosts h1, h2 and so on with the label role=web.
func newRolloutFleet(t testing.TB, masters, hosts int) *rolloutFleet {
	t.Helper()
	var p *pool
	if masters == 3 {
		p = startThree(t, nil)
	} else {
		p = newPool(t)
		p.start("a", t.TempDir(), nil)
	}
	return newRolloutFleetOf(t, p, hosts)
}

// newRolloutFleetOf starts hosts among masters that run.
func newRolloutFleetOf(t testing.TB, p *pool, hosts int) *rolloutFleet {
	t.Helper()
	p.awaitLeader()
	ctx, cancel := context.WithCancel(context.Background())
	f := &rolloutFleet{pool: p, ctx: ctx, agents: map[string]*simAgent{}, fates: map[model.JobID]fate{}}
	t.Cleanup(func() {
		cancel()
		for _, agent := range f.agents {
			agent.stop()
		}
	})
	for i := range hosts {
		f.addHost(fmt.Sprint("h", i+1), "web")
	}
	return f
}

// ask does something through the leader, whoever that is, and returns its refusal.
func (f *rolloutFleet) ask(do func(m *Master) error) error {
	f.t.Helper()
	var refusal error
	f.eventually(func() error {
		leader := f.leader()
		if leader == nil {
			return errors.New("no master leads")
		}
		err := do(leader.Master)
		if code := model.CodeOf(err); code == model.CodeUnavailable || code == model.CodeOutcomeUnknown {
			return err
		}
		refusal = err
		return nil
	})
	return refusal
}

// must is ask for what is not refused.
func (f *rolloutFleet) must(do func(m *Master) error) {
	f.t.Helper()
	if err := f.ask(do); err != nil {
		f.t.Fatal(err)
	}
}

func (f *rolloutFleet) addHost(name, role string) {
	f.t.Helper()
	agent := &simAgent{
		fleet: f, host: name, labels: map[string]string{"role": role}, kick: make(chan struct{}, 1), tasks: map[model.JobID]model.Goal{},
	}
	f.register(agent)
	f.mu.Lock()
	f.agents[name] = agent
	f.mu.Unlock()
	f.wake(name)
}

func (f *rolloutFleet) register(agent *simAgent) {
	f.t.Helper()
	r := registration(agent.host, "agent-"+agent.host)
	r.Labels = agent.labels
	f.must(func(m *Master) error {
		_, err := m.RegisterAgent(f.ctx, r)
		return err
	})
}

// relabel gives a host another role, as an agent does that is started again with another label.
func (f *rolloutFleet) relabel(name, role string) {
	f.t.Helper()
	agent := f.agents[name]
	agent.labels = map[string]string{"role": role}
	f.register(agent)
}

// wake has a host's agent work, or work again.
func (f *rolloutFleet) wake(name string) {
	agent := f.agents[name]
	f.change(func() {
		f.pool.agents[name] = "agent-" + name
		delete(f.pool.gone, name)
	})
	ctx, cancel := context.WithCancel(f.ctx)
	done := make(chan struct{})
	agent.stop = func() {
		cancel()
		<-done
	}
	go func() {
		defer close(done)
		agent.run(ctx)
	}()
}

// kill lets a host vanish with what it knew of what it had reported, as it does not when its agent comes back.
func (f *rolloutFleet) kill(name string) {
	f.hide(name)
	f.change(func() { f.pool.gone[name] = "agent-" + name })
}

// hide lets a host be as one that gossip has not found yet.
func (f *rolloutFleet) hide(name string) {
	f.agents[name].stop()
	f.change(func() { delete(f.pool.agents, name) })
}

// decide says what becomes of a job's tasks from now on, also of those that have not come to run.
func (f *rolloutFleet) decide(job model.Job, what fate) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fates[job.ID] = what
	for _, agent := range f.agents {
		select {
		case agent.kick <- struct{}{}:
		default:
		}
	}
}

func (f *rolloutFleet) fate(job model.JobID) fate {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fates[job]
}

// run obeys until ctx ends.
func (a *simAgent) run(ctx context.Context) {
	for ctx.Err() == nil {
		tasks, known, changed, pool := a.read()
		if known && a.obey(ctx, tasks) {
			continue
		}
		select {
		case <-changed:
		case <-pool:
		case <-a.kick:
		case <-ctx.Done():
		}
	}
}

// read returns what the host is to run as the leader knows it; nothing is known while nobody leads.
func (a *simAgent) read() (tasks []model.Task, known bool, changed, pool <-chan struct{}) {
	a.fleet.pool.mu.Lock()
	pool = a.fleet.pool.changed
	a.fleet.pool.mu.Unlock()
	for _, r := range a.fleet.running() {
		if view, _ := r.leading.get(); view.self && view.ready {
			if tasks, _, changed, err := r.HostTasks(a.host, "agent-"+a.host); err == nil {
				return tasks, true, changed, pool
			}
		}
	}
	soon := make(chan struct{})
	time.AfterFunc(10*time.Millisecond, func() { close(soon) })
	return nil, false, soon, pool
}

// obey reports the next change of every task, and whether there was one.
func (a *simAgent) obey(ctx context.Context, tasks []model.Task) bool {
	var reports []model.StatusReport
	wanted := map[model.JobID]bool{}
	for _, task := range tasks {
		id := task.Job.ID
		wanted[id] = true
		what := a.fleet.fate(id)
		obeyed := model.Goal(fmt.Sprint(task.Goal, what, task.Generation))
		if a.tasks[id] == obeyed {
			continue
		}
		if !pass(ctx, what.delay) {
			return false
		}
		a.tasks[id] = obeyed
		state := cmp.Or(what.state, model.StateRunning)
		if task.Goal == model.GoalStop {
			state = model.StateStopped
		}
		reports = append(reports, a.report(task.Job, task.Goal, model.StateCreating, ""), a.report(task.Job, task.Goal, state, what.throttle))
	}
	for _, id := range slices.SortedFunc(maps.Keys(a.tasks), model.JobID.Compare) {
		if !wanted[id] {
			delete(a.tasks, id)
			a.seq++
			reports = append(reports, model.StatusReport{Seq: a.seq, JobID: id, Timestamp: model.TimestampOf(time.Now()), Removed: true})
		}
	}
	if len(reports) == 0 {
		return false
	}
	return a.post(ctx, reports)
}

func pass(ctx context.Context, delay time.Duration) bool {
	select {
	case <-time.After(delay):
		return true
	case <-ctx.Done():
		return false
	}
}

func (a *simAgent) report(job model.Job, goal model.Goal, state model.State, throttle model.Throttle) model.StatusReport {
	a.seq++
	now := model.TimestampOf(time.Now())
	return model.StatusReport{Seq: a.seq, JobID: job.ID, Timestamp: now, Status: &model.TaskStatus{
		Job: job, Goal: goal, State: state, Throttled: throttle, Since: now,
	}}
}

// post sends reports until a leader has recorded them.
func (a *simAgent) post(ctx context.Context, reports []model.StatusReport) bool {
	for ctx.Err() == nil {
		if leader := a.fleet.leader(); leader != nil {
			batch := model.StatusBatch{AgentID: "agent-" + a.host, Reports: reports}
			_, err := leader.PostStatuses(ctx, a.host, batch)
			if err == nil || model.CodeOf(err) == model.CodeHostNotFound {
				return true
			}
		}
		pass(ctx, 10*time.Millisecond)
	}
	return false
}

// create creates a job whose only difference from others is its version.
func (f *rolloutFleet) create(version string, change func(*model.Job)) model.Job {
	f.t.Helper()
	job := testJob("web", version)
	if change != nil {
		change(&job)
		job.ID.Hash = ""
	}
	job = job.WithID()
	f.must(func(m *Master) error {
		_, err := m.CreateJob(f.ctx, model.Request{ID: "create-" + version}, job)
		return err
	})
	return job
}

// group creates the group "web" of the hosts with the role web.
func (f *rolloutFleet) group() {
	f.t.Helper()
	f.must(func(m *Master) error {
		_, err := m.CreateGroup(f.ctx, by("alice"), model.DeploymentGroup{
			Name: "web", HostSelectors: []model.HostSelector{{Label: "role", Operator: model.SelectorEquals, Operand: "web"}},
		})
		return err
	})
}

func (f *rolloutFleet) update(job model.Job, options model.RolloutOptions) {
	f.t.Helper()
	request := model.Request{ID: fmt.Sprintf("update-%d", time.Now().UnixNano()), User: "alice"}
	f.must(func(m *Master) error { _, err := m.RollingUpdate(f.ctx, request, "web", job.ID, &options); return err })
}

// last is the group's last rollout.
func (f *rolloutFleet) last() model.Rollout {
	f.t.Helper()
	var last model.Rollout
	f.must(func(m *Master) (err error) {
		last, err = m.Rollout("web", 0)
		return err
	})
	return last
}

// await waits until the group's last rollout is as wanted.
func (f *rolloutFleet) await(wanted string, is func(model.Rollout) bool) model.Rollout {
	f.t.Helper()
	var last model.Rollout
	f.eventually(func() error {
		if last = f.last(); !is(last) {
			return fmt.Errorf("%s: the last rollout is %+v", wanted, last)
		}
		return nil
	})
	return last
}

func (f *rolloutFleet) awaitState(state model.RolloutState) model.Rollout {
	f.t.Helper()
	return f.await(string(state), func(r model.Rollout) bool { return r.State == state })
}

// wantRunning waits until exactly these hosts run the job for the group, and none runs another one of it.
func (f *rolloutFleet) wantRunning(job model.Job, hosts ...string) {
	f.t.Helper()
	f.eventually(func() error {
		var found []string
		err := f.ask(func(m *Master) error {
			found = nil
			for _, name := range m.Hosts() {
				host, err := m.Host(name)
				if err != nil {
					return err
				}
				for id, d := range host.Jobs {
					if d.DeploymentGroupName != "web" {
						continue
					}
					if status := host.Statuses[id]; id != job.ID || d.Goal != model.GoalStart || status.State != model.StateRunning {
						return fmt.Errorf("%s has %s with the goal %s and is %s", name, id, d.Goal, status.State)
					}
					found = append(found, name)
				}
			}
			return nil
		})
		if err == nil && !slices.Equal(found, hosts) {
			err = fmt.Errorf("%v run %s, want %v", found, job.ID, hosts)
		}
		return err
	})
}

// phases tells of each host of a rollout where it is.
func phases(r model.Rollout) map[string]model.RolloutPhase {
	found := map[string]model.RolloutPhase{}
	for _, host := range r.Hosts {
		found[host.Host] = host.Phase
	}
	return found
}

func ptr[T any](v T) *T { return &v }
