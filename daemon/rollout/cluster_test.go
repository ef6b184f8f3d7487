package rollout_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/daemon/rollout"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

// fatal is what *testing.T and *rapid.T have in common.
type fatal interface {
	Helper()
	Fatalf(format string, args ...any)
}

// fate is what becomes of a job on a host.
type fate struct {
	delay   model.Timestamp // until it runs
	broken  model.Throttle  // it never runs, for this reason; "" when it does
	again   bool            // one that never runs is started again and again: it is between two starts when it is looked at
	crashes int             // how often it stops after it ran, before it stays
}

// cluster is the real state of masters with hosts that do what they are told, in a time of its own.
type cluster struct {
	t     fatal
	state *store.State
	group string
	now   model.Timestamp
	hosts map[string]*simHost
	steps int
}

type simHost struct {
	up     bool
	seq    uint64
	tasks  map[model.JobID]*simTask
	fates  map[model.JobID]fate
	toggle []model.Timestamp // when it goes down or comes back
	moves  []model.Timestamp // when it leaves the group or joins it again
	left   bool
}

// simTask is a task with what it is going to report.
type simTask struct {
	job      *model.Job
	stopping bool
	state    model.State
	coming   []report
}

type report struct {
	at       model.Timestamp
	state    model.State
	throttle model.Throttle
	restarts int
	gone     bool
}

func openState(t testing.TB) *store.State {
	t.Helper()
	state, err := store.OpenState(t.TempDir(), store.StateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = state.Close() })
	return state
}

func newCluster(t fatal, state *store.State, name string) *cluster {
	return &cluster{t: t, state: state, group: name, now: 1_000_000, hosts: map[string]*simHost{}}
}

func (c *cluster) try(bodies ...store.Body) []store.Result {
	c.t.Helper()
	var commands [][]byte
	for _, body := range bodies {
		command, err := store.Encode(c.now, model.Request{}, body)
		if err != nil {
			c.t.Fatalf("%v", err)
		}
		commands = append(commands, command)
	}
	entry, err := store.EncodeGroup(commands)
	if err != nil {
		c.t.Fatalf("%v", err)
	}
	result := c.state.Apply(&raft.Log{Index: c.state.Index() + 1, Term: 1, Type: raft.LogCommand, Data: entry}).(store.Result)
	if result.Err != nil {
		c.t.Fatalf("%v", result.Err)
	}
	return result.Group
}

func (c *cluster) do(bodies ...store.Body) {
	c.t.Helper()
	for _, result := range c.try(bodies...) {
		if result.Err != nil {
			c.t.Fatalf("%v", result.Err)
		}
	}
}

func (c *cluster) job(version string, ports ...int) model.Job {
	c.t.Helper()
	job := model.Job{ID: model.JobID{Name: c.group, Version: version}, Image: "busybox", Ports: map[string]model.PortMapping{}}
	for _, port := range ports {
		job.Ports[fmt.Sprint("p", port)] = model.PortMapping{InternalPort: port, ExternalPort: &port, Protocol: "tcp"}
	}
	job = job.WithID()
	c.do(store.CreateJob{Job: job})
	return job
}

func (c *cluster) label(host, role string) {
	c.t.Helper()
	c.do(store.RegisterAgent{Registration: model.Registration{
		Host: host, AgentID: "a", AgentInfo: model.AgentInfo{StartTime: 1}, Labels: map[string]string{"role": role},
	}})
}

// addHost registers a host of the group that is up.
func (c *cluster) addHost(name string) *simHost {
	c.t.Helper()
	h := &simHost{tasks: map[model.JobID]*simTask{}, fates: map[model.JobID]fate{}}
	c.hosts[name] = h
	c.label(name, c.group)
	c.setUp(name, true)
	return h
}

func (c *cluster) setUp(name string, up bool) {
	c.t.Helper()
	c.hosts[name].up = up
	c.do(store.HostLiveness{Changes: []store.LivenessChange{{Host: name, AgentID: "a", Up: up, At: c.now}}})
}

func (c *cluster) createGroup() {
	c.t.Helper()
	c.do(store.CreateGroup{Group: model.DeploymentGroup{
		Name: c.group, HostSelectors: []model.HostSelector{{Label: "role", Operator: model.SelectorEquals, Operand: c.group}},
	}})
}

// runs has a job of the group run on the host since long ago.
func (c *cluster) runs(host string, job model.Job, group string) {
	c.t.Helper()
	deployment := model.Deployment{JobID: job.ID, Goal: model.GoalStart, DeploymentGroupName: group}
	c.do(store.Deploy{Host: host, Deployment: deployment, Token: job.Token})
	c.hosts[host].tasks[job.ID] = &simTask{job: &job, coming: []report{{at: c.now, state: model.StateRunning}}}
	c.act()
}

func (c *cluster) view() *store.GroupView {
	c.t.Helper()
	view, err := c.state.GroupView(c.group)
	if err != nil {
		c.t.Fatalf("%v", err)
	}
	return view
}

// act has the agents see what they are told, and report what is due.
func (c *cluster) act() {
	c.t.Helper()
	for _, name := range slices.Sorted(maps.Keys(c.hosts)) {
		h := c.hosts[name]
		for len(h.toggle) > 0 && h.toggle[0] <= c.now {
			h.toggle = h.toggle[1:]
			c.setUp(name, !h.up)
		}
		for len(h.moves) > 0 && h.moves[0] <= c.now {
			h.moves, h.left = h.moves[1:], !h.left
			role := c.group
			if h.left {
				role = "other"
			}
			c.label(name, role)
		}
		if !h.up {
			continue
		}
		c.obey(name, h)
		c.reportDue(name, h)
		c.obey(name, h)
	}
}

func (c *cluster) obey(name string, h *simHost) {
	tasks, _, _, err := c.state.Tasks(name, "a")
	if err != nil {
		c.t.Fatalf("%v", err)
	}
	desired := map[model.JobID]bool{}
	for _, task := range tasks {
		desired[task.Job.ID] = true
		if h.tasks[task.Job.ID] == nil {
			h.tasks[task.Job.ID] = &simTask{job: &task.Job, coming: h.fates[task.Job.ID].reports(c.now)}
		}
	}
	for id, task := range h.tasks {
		if !desired[id] && !task.stopping {
			task.stopping = true
			task.coming = []report{{at: c.now + 10, state: model.StateStopped}, {at: c.now + 20, gone: true}}
		}
	}
}

func (f fate) reports(now model.Timestamp) []report {
	reports := []report{{at: now + 1, state: model.StateCreating}}
	at := now + 1 + f.delay
	if f.again {
		return append(reports, report{at: at, state: model.StateHealthchecking, throttle: f.broken, restarts: 4})
	}
	if f.broken != "" {
		return append(reports, report{at: at, state: model.StateFailed, throttle: f.broken})
	}
	for range f.crashes {
		reports = append(reports, report{at: at, state: model.StateRunning}, report{at: at + 100, state: model.StateExited})
		at += 300
	}
	return append(reports, report{at: at, state: model.StateRunning})
}

func (c *cluster) reportDue(name string, h *simHost) {
	var reports []model.StatusReport
	for _, id := range slices.SortedFunc(maps.Keys(h.tasks), model.JobID.Compare) {
		task := h.tasks[id]
		for len(task.coming) > 0 && task.coming[0].at <= c.now {
			r := task.coming[0]
			task.coming = task.coming[1:]
			task.state = r.state
			h.seq++
			sent := model.StatusReport{Seq: h.seq, JobID: id, Timestamp: c.now, Removed: r.gone}
			if r.gone {
				delete(h.tasks, id)
			} else {
				sent.Status = &model.TaskStatus{Job: *task.job, State: r.state, Throttled: r.throttle, Restarts: r.restarts, Since: c.now}
			}
			reports = append(reports, sent)
		}
	}
	if len(reports) == 0 {
		return
	}
	part, err := store.EncodeHostStatuses(name, model.StatusBatch{AgentID: "a", Reports: reports}, c.state.HasJob)
	if err != nil {
		c.t.Fatalf("%v", err)
	}
	command, err := store.EncodeStatuses(c.now, [][]byte{part})
	if err != nil {
		c.t.Fatalf("%v", err)
	}
	c.state.Apply(&raft.Log{Index: c.state.Index() + 1, Term: 1, Type: raft.LogCommand, Data: command})
}

// nextEvent is when an agent has something to report, or a host comes or goes; false when never.
func (c *cluster) nextEvent() (next model.Timestamp, some bool) {
	note := func(at model.Timestamp) {
		if !some || at < next {
			next, some = at, true
		}
	}
	for _, h := range c.hosts {
		for _, times := range [][]model.Timestamp{h.toggle, h.moves} {
			if len(times) > 0 {
				note(times[0])
			}
		}
		for _, task := range h.tasks {
			if h.up && len(task.coming) > 0 {
				note(task.coming[0].at)
			}
		}
	}
	return next, some
}

// driver says how a plan is carried out; the zero value does it as planned.
type driver struct {
	apart  bool            // every move in an entry of its own, planned anew after each
	twice  bool            // everything is sent again
	late   model.Timestamp // how much later it is carried out
	resume bool            // what waits is resumed
	check  func()
}

// commands are those of a plan.
func commands(group string, plan rollout.Plan) []store.Body {
	var bodies []store.Body
	if len(plan.Moves) > 0 {
		bodies = append(bodies, store.StepRollout{Group: group, Rollout: plan.Rollout, Master: "m", Moves: plan.Moves})
	}
	switch change := plan.Change; {
	case change == nil:
	case change.Converge:
		bodies = append(bodies, store.ConvergeGroup{Group: group, Rollout: plan.Rollout})
	case change.State == model.RolloutPaused || change.State == model.RolloutCanary:
		bodies = append(bodies, store.HoldRollout{
			Group: group, Rollout: plan.Rollout, State: change.State, Code: change.Code, Reason: change.Reason,
		})
	default:
		bodies = append(bodies, store.FinishRollout{
			Group: group, Rollout: plan.Rollout, State: change.State, Code: change.Code, Reason: change.Reason,
		})
	}
	return bodies
}

// settle has plans carried out until there is nothing to do and nothing to happen.
func (c *cluster) settle(d driver) {
	c.t.Helper()
	for {
		if c.steps++; c.steps > 5000 {
			c.t.Fatalf("it does not end: %+v", c.view().Rollout())
		}
		c.act()
		plan := rollout.Next(c.view(), c.now)
		if d.apart && len(plan.Moves) > 0 {
			plan.Moves, plan.Change = plan.Moves[:1], nil
		}
		if bodies := commands(c.group, plan); len(bodies) > 0 {
			c.now += d.late
			c.do(bodies...)
			if d.check != nil {
				d.check()
			}
			if d.twice {
				c.sendAgain(bodies)
			}
			continue
		}
		if r := c.view().Rollout(); d.resume && r != nil && r.State.Active() && r.State != model.RolloutRunning {
			c.do(store.ResumeRollout{Group: c.group})
			continue
		}
		next, some := c.nextEvent()
		if plan.Again > 0 && (!some || plan.Again < next) {
			next, some = plan.Again, true
		}
		if !some {
			return
		}
		c.now = max(next, c.now)
	}
}

// sendAgain repeats commands whose outcome a leader did not hear of: none may take effect twice.
func (c *cluster) sendAgain(bodies []store.Body) {
	c.t.Helper()
	for i, result := range c.try(bodies...) {
		step, ok := bodies[i].(store.StepRollout)
		if result.Err == nil && (!ok || len(result.Stale) != len(step.Moves)) {
			c.t.Fatalf("%T took effect twice: %+v", bodies[i], result)
		}
	}
}

// phases is where the last rollout has come to, host by host.
func (c *cluster) phases() map[string]model.RolloutPhase {
	phases := map[string]model.RolloutPhase{}
	for h := range c.view().Progress() {
		phases[h.Host] = h.Phase
	}
	return phases
}

func (c *cluster) start(job model.Job, options model.RolloutOptions) {
	c.t.Helper()
	c.do(store.StartRollout{Group: c.group, JobID: job.ID, Options: &options})
}

// tidy leaves nothing behind for the next cluster in the same state.
func (c *cluster) tidy() {
	c.do(store.RemoveGroup{Name: c.group})
	for name := range c.hosts {
		c.do(store.DeregisterHost{Host: name})
	}
}

func ptr[T any](v T) *T { return &v }
