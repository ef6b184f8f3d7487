package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

// testGroup is a group of the hosts whose label role has the value.
func testGroup(name, role string) model.DeploymentGroup {
	return model.DeploymentGroup{
		Name: name, HostSelectors: []model.HostSelector{{Label: "role", Operator: model.SelectorEquals, Operand: role}},
	}
}

// inRole is a registration with another role.
func inRole(host, role string) model.Registration {
	r := registration(host, "a-"+host)
	r.Labels = map[string]string{"role": role}
	return r
}

// viewGroups adds everything that can be read of groups.
func viewGroups(t *testing.T, s *State, all map[string]any) {
	t.Helper()
	all["groups"] = s.Groups()
	for _, name := range s.Groups() {
		group, err := s.Group(name)
		status, err2 := s.GroupStatus(name, func(string) bool { return true })
		rollouts, err3 := s.Rollouts(name)
		view, err4 := s.GroupView(name)
		if err != nil || err2 != nil || err3 != nil || err4 != nil {
			t.Fatal(err, err2, err3, err4)
		}
		all["group "+name], all["group status "+name], all["rollouts "+name] = group, status, rollouts
		all["group lists "+name] = [][]string{view.Hosts(), view.Left()}
		all["progress "+name] = slices.Collect(view.Progress())
		for _, rollout := range rollouts {
			_, hosts, err := s.Rollout(name, rollout.ID)
			if err != nil {
				t.Fatal(err)
			}
			all[fmt.Sprint("rollout ", name, rollout.ID)] = hosts
		}
	}
}

// scriptGroups has a group in each state, with what rollouts leave behind.
func scriptGroups(m *machine) {
	one, two := testJob("g", "1"), testJob("g", "2")
	m.ok(CreateJob{Job: one})
	m.ok(CreateJob{Job: two})
	for _, host := range []string{"g1", "g2", "g3", "g10"} {
		m.ok(RegisterAgent{Registration: inRole(host, "g")})
	}
	m.ok(CreateGroup{Group: testGroup("group", "g")})
	m.ok(CreateGroup{Group: testGroup("empty", "nobody")})
	m.ok(CreateGroup{Group: testGroup("gone", "g")})
	m.as(model.Request{ID: "r-3", User: "bob"}, StartRollout{Group: "group", JobID: one.ID})
	m.begin("group", "g1", one)
	m.move("group", "g1", model.PhaseDone)
	m.begin("group", "g2", one)
	m.ok(StartRollout{Group: "group", JobID: two.ID})
	m.begin("group", "g1", two, one)
	m.move("group", "g1", model.PhaseFailed)
	m.ok(RegisterAgent{Registration: inRole("g2", "elsewhere")})
	m.finish("group", model.RolloutRolledBack, "g1: bad")
	m.ok(StartRollout{Group: "empty", JobID: one.ID})
	m.ok(StartRollout{Group: "gone", JobID: two.ID})
	m.begin("gone", "g3", two)
	m.ok(DeregisterHost{Host: "g3"})
	m.ok(RemoveGroup{Name: "gone"})
}

// last is a group's last rollout.
func (m *machine) last(group string) model.Rollout {
	m.t.Helper()
	rollouts, err := m.state.Rollouts(group)
	if err != nil || len(rollouts) == 0 {
		m.t.Fatalf("no rollouts of %s: %v", group, err)
	}
	return rollouts[0]
}

// on is how far the last rollout is on a host.
func (m *machine) on(group, host string) model.RolloutHost {
	m.t.Helper()
	_, hosts, err := m.state.Rollout(group, m.last(group).ID)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, h := range hosts {
		if h.Host == host {
			return h
		}
	}
	return model.RolloutHost{Host: host, Phase: model.PhasePending}
}

// begin has a host's turn come: the old jobs go, the new one comes.
func (m *machine) begin(group, host string, job model.Job, old ...model.Job) {
	m.t.Helper()
	at := m.on(group, host)
	move := model.RolloutMove{Host: host, From: at.Phase, Step: at.Step, To: model.PhaseAwaiting, Deploy: []model.JobID{job.ID}}
	for _, o := range old {
		move.Undeploy = append(move.Undeploy, o.ID)
	}
	if stale := m.ok(StepRollout{Group: group, Rollout: m.last(group).ID, Master: "m1", Moves: []model.RolloutMove{move}}).Stale; stale != nil {
		m.t.Fatalf("stale: %v", stale)
	}
}

// move brings a host to a phase without changing its deployments.
func (m *machine) move(group, host string, to model.RolloutPhase) {
	m.t.Helper()
	at := m.on(group, host)
	move := model.RolloutMove{Host: host, From: at.Phase, Step: at.Step, To: to}
	if stale := m.ok(StepRollout{Group: group, Rollout: m.last(group).ID, Moves: []model.RolloutMove{move}}).Stale; stale != nil {
		m.t.Fatalf("stale: %v", stale)
	}
}

func (m *machine) finish(group string, state model.RolloutState, reason string) {
	m.t.Helper()
	m.ok(FinishRollout{Group: group, Rollout: m.last(group).ID, State: state, Reason: reason})
}

func (m *machine) groupStatus(group string) *model.DeploymentGroupStatus {
	m.t.Helper()
	view, err := m.state.GroupView(group)
	if err != nil {
		m.t.Fatal(err)
	}
	return view.Status()
}

func TestCreateGroup(t *testing.T) {
	m := newMachine(t, StateOptions{})
	group := testGroup("web", "web")
	list := model.HostSelector{Label: "a", Operator: model.SelectorIn, Operands: []string{"x", "y"}}
	group.HostSelectors = append(group.HostSelectors, list)
	turned := testGroup("web", "web")
	turned.HostSelectors = []model.HostSelector{{Label: "a", Operator: model.SelectorIn, Operands: []string{"y", "x"}}, group.HostSelectors[0]}
	req := model.Request{ID: "c-1"}
	first := m.as(req, CreateGroup{Group: group})
	if first.Err != nil || first.Status != model.CodeGroupCreated {
		t.Errorf("created: %+v", first)
	}
	if got := m.ok(CreateGroup{Group: turned}); got.Status != model.CodeGroupNotModified {
		t.Errorf("the same selectors in another order: %s", got.Status)
	}
	wantCode(t, m.do(CreateGroup{Group: testGroup("web", "db")}), model.CodeGroupConflict)
	wantCode(t, m.do(CreateGroup{Group: testGroup("a/b", "db")}), model.CodeInvalid)
	m.reopen()
	if again := m.as(req, CreateGroup{Group: group}); again.Status != model.CodeGroupCreated || again.Index != first.Index {
		t.Errorf("sent again: %+v", again)
	}
	if diff := cmp.Diff([]string{"web"}, m.state.Groups()); diff != "" {
		t.Error(diff)
	}
	got, err := m.state.Group("web")
	if diff := cmp.Diff(group, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := m.state.Group("db"); model.CodeOf(err) != model.CodeGroupNotFound {
		t.Errorf("an unknown group: %v", err)
	}
}

func TestMembershipFollowsLabels(t *testing.T) {
	m := newMachine(t, StateOptions{})
	want := func(hosts, left string) {
		t.Helper()
		for range 2 {
			view, err := m.state.GroupView("web")
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(view.Hosts(), " "); got != hosts {
				t.Errorf("hosts %q, want %q", got, hosts)
			}
			if got := strings.Join(view.Left(), " "); got != left {
				t.Errorf("left %q, want %q", got, left)
			}
			m.reopen()
		}
	}
	m.ok(RegisterAgent{Registration: inRole("h10", "web")})
	m.ok(RegisterHost{Host: "h1", AgentID: "a-h1"})
	m.ok(CreateGroup{Group: testGroup("web", "web")})
	want("h10", "")
	m.ok(RegisterAgent{Registration: inRole("h2", "web")})
	m.ok(RegisterAgent{Registration: inRole("h3", "db")})
	m.ok(RegisterAgent{Registration: inRole("h1", "web")})
	want("h1 h2 h10", "")
	job := testJob("web", "1")
	m.ok(CreateJob{Job: job})
	m.ok(StartRollout{Group: "web", JobID: job.ID})
	m.begin("web", "h1", job)
	m.begin("web", "h2", job)
	for _, host := range []string{"h1", "h2", "h10"} {
		m.ok(RegisterAgent{Registration: inRole(host, "db")})
	}
	want("", "h1 h2") // h10 had nothing of the group
	m.ok(RegisterAgent{Registration: inRole("h1", "web")})
	want("h1", "h2")
	m.ok(DeregisterHost{Host: "h2"})
	want("h1", "")
	m.ok(RegisterAgent{Registration: inRole("h2", "db")})
	want("h1", "")
}

func TestRemoveGroup(t *testing.T) {
	m := newMachine(t, StateOptions{})
	wantCode(t, m.do(RemoveGroup{Name: "web"}), model.CodeGroupNotFound)
	job := testJob("web", "1")
	m.ok(CreateJob{Job: job})
	m.ok(RegisterAgent{Registration: inRole("h1", "web")})
	m.ok(CreateGroup{Group: testGroup("web", "web")})
	for range 3 {
		m.ok(StartRollout{Group: "web", JobID: job.ID})
		m.begin("web", "h1", job)
	}
	stale := m.last("web").ID
	m.ok(RemoveGroup{Name: "web"})
	for _, prefix := range []string{groupPrefix, memberPrefix, rolloutPrefix, progressPrefix} {
		if strings.Contains(dump(t, m.state), `"`+prefix) {
			t.Errorf("rows of %q are left", prefix)
		}
	}
	// What it deployed stays, with its name; a group made anew has nothing to do with the old one's rollouts.
	if d, err := m.state.Deployment("h1", job.ID); err != nil || d.DeploymentGroupName != "web" {
		t.Errorf("deployment %+v, %v", d, err)
	}
	m.ok(CreateGroup{Group: testGroup("web", "db")})
	if m.groupStatus("web") != nil {
		t.Error("a new group has a status")
	}
	m.ok(StartRollout{Group: "web", JobID: job.ID})
	wantCode(t, m.do(StepRollout{Group: "web", Rollout: stale}), model.CodeNotRollingOut)
	if view, _ := m.state.GroupView("web"); len(view.Left()) != 0 {
		t.Errorf("a new group claims the hosts of the old one: %v", view.Left())
	}
}

// Hosts that other selectors take in or leave out are as those whose labels changed.
func TestSelectorsChange(t *testing.T) {
	m := newMachine(t, StateOptions{})
	db := testGroup("web", "db").HostSelectors
	wantCode(t, m.do(SetSelectors{Group: "web", Selectors: db}), model.CodeGroupNotFound)
	job := testJob("web", "1")
	m.ok(CreateJob{Job: job})
	for host, role := range map[string]string{"h1": "web", "h2": "db", "h3": "web"} {
		m.ok(RegisterAgent{Registration: inRole(host, role)})
	}
	m.ok(CreateGroup{Group: testGroup("web", "web")})
	m.ok(StartRollout{Group: "web", JobID: job.ID})
	m.begin("web", "h1", job)
	lists := func(hosts, left []string) {
		t.Helper()
		view, err := m.state.GroupView("web")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([][]string{hosts, left}, [][]string{view.Hosts(), view.Left()}); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	lists([]string{"h1", "h3"}, nil)

	web := testGroup("web", "web").HostSelectors
	wantCode(t, m.do(SetSelectors{Group: "web", Selectors: db, Was: &db}), model.CodeGroupConflict)
	lists([]string{"h1", "h3"}, nil)
	before := m.state.Index()
	if got := m.ok(SetSelectors{Group: "web", Selectors: db, Was: &web}); got.Status != model.CodeOK {
		t.Errorf("changed: %+v", got)
	}
	lists([]string{"h2"}, []string{"h1"}) // h3 never had anything of the group
	if events, _, _ := m.state.Events(before); len(events) != 1 || events[0].Type != model.EventGroupChanged || events[0].Group != "web" {
		t.Errorf("events %+v", events)
	}
	// The same again, as after an answer that was lost, changes nothing, whatever the selectors were.
	if got := m.ok(SetSelectors{Group: "web", Selectors: db, Was: &web}); got.Status != model.CodeGroupNotModified {
		t.Errorf("again: %+v", got)
	}
	if group, err := m.state.Group("web"); err != nil || group.JobID != job.ID || !group.SameSelectors(testGroup("web", "db")) {
		t.Errorf("group %+v, %v", group, err)
	}
	m.reopen()
	lists([]string{"h2"}, []string{"h1"})
}

func TestRolloutOnCondition(t *testing.T) {
	m := newMachine(t, StateOptions{})
	job := testJob("web", "1")
	m.ok(CreateJob{Job: job})
	m.ok(RegisterAgent{Registration: inRole("h1", "web")})
	m.ok(CreateGroup{Group: testGroup("web", "web")})
	none, wrong := uint64(0), uint64(4711)
	start := func(after *uint64) Result { return m.do(StartRollout{Group: "web", JobID: job.ID, After: after}) }
	wantCode(t, start(&wrong), model.CodeRolloutChanged)
	first := m.ok(StartRollout{Group: "web", JobID: job.ID, After: &none}).Rollout
	wantCode(t, start(&none), model.CodeRolloutChanged)
	m.begin("web", "h1", job)
	m.move("web", "h1", model.PhaseDone)
	m.finish("web", model.RolloutDone, "")
	// What the masters do by themselves is nobody's change.
	m.ok(ConvergeGroup{Group: "web", Rollout: first})
	wantCode(t, start(&none), model.CodeRolloutChanged)
	m.ok(StartRollout{Group: "web", JobID: job.ID, After: &first})
	wantCode(t, start(&first), model.CodeRolloutChanged)
}

func TestGroupsKeepTheirJobs(t *testing.T) {
	m := newMachine(t, StateOptions{})
	one, two, three := testJob("web", "1"), testJob("web", "2"), testJob("web", "3")
	for _, job := range []model.Job{one, two, three} {
		m.ok(CreateJob{Job: job})
	}
	m.ok(RegisterAgent{Registration: inRole("h1", "web")})
	m.ok(CreateGroup{Group: testGroup("web", "web")})
	kept := func(jobs ...model.Job) {
		t.Helper()
		needed := (&batch{state: m.state, mem: m.state.mem.Txn(false)}).groupJobs()
		for _, job := range []model.Job{one, two, three} {
			keep := slices.ContainsFunc(jobs, func(j model.Job) bool { return j.ID == job.ID })
			if _, found := needed[job.ID]; found != keep {
				t.Errorf("job %s is needed: %v", job.ID, found)
			}
		}
	}
	kept()
	m.ok(StartRollout{Group: "web", JobID: one.ID})
	kept(one)
	m.begin("web", "h1", one)
	m.move("web", "h1", model.PhaseDone)
	m.finish("web", model.RolloutDone, "")
	m.ok(StartRollout{Group: "web", JobID: two.ID})
	kept(one, two)
	m.begin("web", "h1", two, one)
	wantCode(t, m.do(RemoveJob{ID: one.ID}), model.CodeJobStillInUse) // a rollback needs it
	m.ok(StartRollout{Group: "web", JobID: three.ID})
	kept(two, three)
	m.begin("web", "h1", three, two)
	m.move("web", "h1", model.PhaseDone)
	m.finish("web", model.RolloutDone, "")
	kept(three)
	if got := names(m.ok(ReapJobs{Before: 2_000_000, Limit: 9}).Removed); len(got) != 2 {
		t.Errorf("reaped %v", got)
	}
	m.ok(Undeploy{Host: "h1", JobID: three.ID})
	if got := m.ok(ReapJobs{Before: 2_000_000, Limit: 9}).Removed; got != nil {
		t.Errorf("the group's job was reaped: %v", got)
	}
	wantCode(t, m.do(RemoveJob{ID: three.ID}), model.CodeJobStillInUse)
	m.ok(RemoveGroup{Name: "web"})
	m.ok(RemoveJob{ID: three.ID})
}

func TestGroupStatusIsThatOfTheOriginal(t *testing.T) {
	m := newMachine(t, StateOptions{})
	one, two := testJob("web", "1"), testJob("web", "2")
	m.ok(CreateJob{Job: one})
	m.ok(CreateJob{Job: two})
	for _, host := range []string{"h10", "h2", "h3", "h1"} {
		m.ok(RegisterAgent{Registration: inRole(host, "web")})
	}
	m.ok(CreateGroup{Group: testGroup("web", "web")})
	m.ok(StartRollout{Group: "web", JobID: one.ID})
	m.begin("web", "h1", one)
	m.begin("web", "h10", one)
	m.statuses("h1", "a-h1", report(1, one, model.StateRunning))
	m.ok(StartRollout{Group: "web", JobID: two.ID})
	m.begin("web", "h10", two) // both run there
	m.statuses("h10", "a-h10", report(1, one, model.StateRunning), report(2, two, model.StateStarting))
	got, err := m.state.GroupStatus("web", func(host string) bool { return host != "h3" })
	if err != nil {
		t.Fatal(err)
	}
	want := []model.DeploymentGroupHostStatus{
		{Host: "h1", JobID: one.ID, State: model.StateRunning}, {Host: "h2"}, {Host: "h10", JobID: two.ID, State: model.StateStarting},
	}
	if diff := cmp.Diff(want, got.HostStatuses); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Status != model.GroupStatusRollingOut || got.Error != nil || got.DeploymentGroup.JobID != two.ID {
		t.Errorf("status %+v", got)
	}
	if _, err := m.state.GroupStatus("db", nil); model.CodeOf(err) != model.CodeGroupNotFound {
		t.Errorf("an unknown group: %v", err)
	}
}
