package agent

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/heliosctl/heliosctl/model"
)

func jobNamed(name string, ports ...int) model.Job {
	job := model.Job{ID: model.JobID{Name: name, Version: "1"}, Image: "busybox", Ports: map[string]model.PortMapping{}}
	for i, port := range ports {
		mapping := model.PortMapping{InternalPort: 80 + i, Protocol: "tcp"}
		if port != 0 {
			mapping.ExternalPort = &port
		}
		job.Ports[fmt.Sprintf("p%d", i)] = mapping
	}
	return job.WithID()
}

func TestPlan(t *testing.T) {
	job := jobNamed("web")
	id := job.ID
	task := func(goal model.Goal, generation uint64) model.Task {
		return model.Task{Job: job, Goal: goal, Generation: generation}
	}
	record := func(goal model.Goal, state model.State) model.TaskRecord {
		r := model.TaskRecord{Task: task(goal, 1), Ports: map[string]int{}}
		if state != "" {
			r.Status = &model.TaskStatus{State: state}
		}
		return r
	}
	tests := []struct {
		name       string
		desired    *model.Task
		record     *model.TaskRecord
		supervised model.Goal
		unsure     bool // not authoritative
		blind      bool // not surveyed
		want       []string
	}{
		{name: "nothing"},
		{name: "new", desired: ptr(task(model.GoalStart, 1)), want: []string{"add", "supervise START"}},
		{name: "new, known from before the start", desired: ptr(task(model.GoalStart, 1)), unsure: true, want: []string{"add", "supervise START"}},
		{name: "new, but running containers are not known yet", desired: ptr(task(model.GoalStart, 1)), blind: true},
		{name: "new, to be stopped", desired: ptr(task(model.GoalStop, 1)), want: []string{"add"}},
		{name: "new, to be undeployed", desired: ptr(task(model.GoalUndeploy, 1))},
		{name: "remembered", desired: ptr(task(model.GoalStart, 1)), record: ptr(record(model.GoalStart, model.StateRunning)), want: []string{"supervise START"}},
		{name: "remembered before the survey", record: ptr(record(model.GoalStart, model.StateRunning)), unsure: true, blind: true, want: []string{"supervise START"}},
		{name: "as it should be", desired: ptr(task(model.GoalStart, 1)), record: ptr(record(model.GoalStart, model.StateRunning)), supervised: model.GoalStart},
		{name: "to be stopped", desired: ptr(task(model.GoalStop, 1)), record: ptr(record(model.GoalStart, model.StateRunning)), supervised: model.GoalStart,
			want: []string{"target STOP", "steer STOP"}},
		{name: "stopped", desired: ptr(task(model.GoalStop, 1)), record: ptr(record(model.GoalStop, model.StateStopped))},
		{name: "stopped half way before a restart", desired: ptr(task(model.GoalStop, 1)), record: ptr(record(model.GoalStop, model.StateStopping)),
			want: []string{"supervise STOP"}},
		{name: "started again", desired: ptr(task(model.GoalStart, 1)), record: ptr(record(model.GoalStop, model.StateStopped)),
			want: []string{"target START", "supervise START"}},
		{name: "started again while it stops", desired: ptr(task(model.GoalStart, 1)), record: ptr(record(model.GoalStop, model.StateStopping)), supervised: model.GoalStop,
			want: []string{"target START", "steer START"}},
		{name: "not wanted", record: ptr(record(model.GoalStart, model.StateRunning)), supervised: model.GoalStart,
			want: []string{"target UNDEPLOY", "steer UNDEPLOY"}},
		{name: "perhaps not wanted", record: ptr(record(model.GoalStart, model.StateRunning)), supervised: model.GoalStart, unsure: true},
		{name: "goal undeploy", desired: ptr(task(model.GoalUndeploy, 1)), record: ptr(record(model.GoalStart, model.StateRunning)), supervised: model.GoalStart,
			want: []string{"target UNDEPLOY", "steer UNDEPLOY"}},
		{name: "not wanted and stopped", record: ptr(record(model.GoalStop, model.StateStopped)), want: []string{"target UNDEPLOY", "supervise UNDEPLOY"}},
		{name: "undeployed half way before a restart", record: ptr(record(model.GoalUndeploy, model.StateStopping)), unsure: true, blind: true,
			want: []string{"supervise UNDEPLOY"}},
		{name: "deployed anew", desired: ptr(task(model.GoalStart, 2)), record: ptr(record(model.GoalStart, model.StateRunning)), supervised: model.GoalStart,
			want: []string{"target UNDEPLOY", "steer UNDEPLOY"}},
		{name: "deployed anew while it is undeployed", desired: ptr(task(model.GoalStart, 2)), record: ptr(record(model.GoalUndeploy, model.StateStopping)), supervised: model.GoalUndeploy},
		{name: "masters that know no generations", desired: ptr(task(model.GoalStart, 0)), record: ptr(record(model.GoalStart, model.StateRunning)), supervised: model.GoalStart},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := view{
				authoritative: !test.unsure, surveyed: !test.blind,
				desired: map[model.JobID]model.Task{}, records: map[model.JobID]model.TaskRecord{}, supervised: map[model.JobID]model.Goal{},
				allocate: func(model.Job, map[int]string) (map[string]int, error) { return map[string]int{}, nil },
			}
			if test.desired != nil {
				v.desired[id] = *test.desired
			}
			if test.record != nil {
				v.records[id] = *test.record
			}
			if test.supervised != "" {
				v.supervised[id] = test.supervised
			}
			var got []string
			for _, step := range plan(v) {
				line := string(step.do)
				if step.do != stepAdd {
					line += " " + string(step.task.Goal)
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlanPorts(t *testing.T) {
	holder, waiting, other := jobNamed("a-holder", 8080), jobNamed("b-waiting", 8080), jobNamed("c-other", 8081)
	refuse := func(job model.Job, used map[int]string) (map[string]int, error) {
		return (&portAllocator{}).allocate(job, used)
	}
	v := view{
		authoritative: true, surveyed: true, allocate: refuse, supervised: map[model.JobID]model.Goal{},
		desired: map[model.JobID]model.Task{
			waiting.ID: {Job: waiting, Goal: model.GoalStart},
			other.ID:   {Job: other, Goal: model.GoalStop},
		},
		records: map[model.JobID]model.TaskRecord{
			holder.ID: {Task: model.Task{Job: holder, Goal: model.GoalUndeploy}, Ports: map[string]int{"p0": 8080}},
		},
	}
	var got []string
	for _, step := range plan(v) {
		got = append(got, fmt.Sprintf("%s %s %v", step.do, step.id.Name, step.ports))
	}
	want := []string{"add b-waiting map[]", "add c-other map[]", "pend b-waiting map[]", "ports c-other map[p0:8081]", "supervise a-holder map[]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

// Whatever is wanted and remembered: no two records hold a port, nothing is supervised without ports unless it goes away, nothing
// that is unsure is taken down, and doing the steps leaves nothing to do but what supervisors do.
func TestPlanProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := view{
			authoritative: rapid.Bool().Draw(t, "authoritative"), surveyed: rapid.Bool().Draw(t, "surveyed"),
			desired: map[model.JobID]model.Task{}, records: map[model.JobID]model.TaskRecord{}, supervised: map[model.JobID]model.Goal{},
		}
		allocator := &portAllocator{pool: []int{30000, 30001, 30002}, free: func(int, string, string) bool { return true }}
		v.allocate = allocator.allocate
		goals := rapid.SampledFrom([]model.Goal{model.GoalStart, model.GoalStop, model.GoalUndeploy})
		for i := range rapid.IntRange(0, 5).Draw(t, "jobs") {
			job := jobNamed(fmt.Sprint("job", i), rapid.SampledFrom([]int{0, 8080, 8081}).Draw(t, "port"))
			if rapid.Bool().Draw(t, "desired") {
				v.desired[job.ID] = model.Task{Job: job, Goal: goals.Draw(t, "goal"), Generation: rapid.Uint64Range(1, 2).Draw(t, "generation")}
			}
			if rapid.Bool().Draw(t, "remembered") {
				v.records[job.ID] = model.TaskRecord{Task: model.Task{Job: job, Goal: goals.Draw(t, "remembered goal"), Generation: 1}}
			}
		}
		before := maps.Clone(v.records)
		steps := plan(v)
		applySteps(v, steps)
		for id, record := range v.records {
			if !v.authoritative && before[id].Task.Goal == model.GoalStart && record.Task.Goal == model.GoalUndeploy {
				if _, desired := v.desired[id]; !desired {
					t.Fatalf("%s is taken down although it may be wanted", id)
				}
			}
			if goal, ok := v.supervised[id]; ok && goal == model.GoalStart && !hasPorts(record) {
				t.Fatalf("%s is started without its ports", id)
			}
		}
		if held := heldPorts(v.records); len(held) != len(slices.Compact(held)) {
			t.Fatalf("a port is held twice: %v", held)
		}
		for _, step := range plan(v) {
			if step.do != stepPend {
				t.Fatalf("%s %s is left to do", step.do, step.id)
			}
		}
	})
}

func applySteps(v view, steps []step) {
	for _, step := range steps {
		record := v.records[step.id]
		switch step.do {
		case stepAdd, stepTarget:
			record.Task = step.task
		case stepPorts:
			record.Ports = step.ports
		case stepSupervise, stepSteer:
			v.supervised[step.id] = step.task.Goal
		case stepPend:
			continue
		}
		v.records[step.id] = record
	}
}

func heldPorts(records map[model.JobID]model.TaskRecord) []int {
	var held []int
	for _, record := range records {
		held = append(held, slices.Collect(maps.Values(record.Ports))...)
	}
	slices.Sort(held)
	return held
}

func TestAllocatePorts(t *testing.T) {
	all := func(int, string, string) bool { return true }
	tests := []struct {
		name string
		job  model.Job
		pool []int
		used map[int]string
		free func(int, string, string) bool
		want map[string]int // nil: an error
	}{
		{"none", jobNamed("web"), nil, nil, all, map[string]int{}},
		{"static, whatever the range", jobNamed("web", 80), []int{20000}, nil, all, map[string]int{"p0": 80}},
		{"static, in use", jobNamed("web", 80), nil, map[int]string{80: "db"}, all, nil},
		{"the same static port for two protocols", jobNamed("web", 53, 53), nil, nil, all, map[string]int{"p0": 53, "p1": 53}},
		{"dynamic", jobNamed("web", 0, 0), []int{1, 2}, nil, all, map[string]int{"p0": 1, "p1": 2}},
		{"dynamic beside its own static one", jobNamed("web", 0, 1), []int{1, 2}, nil, all, map[string]int{"p0": 2, "p1": 1}},
		{"dynamic, some in use", jobNamed("web", 0), []int{1, 2}, map[int]string{1: "db"}, all, map[string]int{"p0": 2}},
		{"dynamic, some held by strangers", jobNamed("web", 0), []int{1, 2}, nil, func(port int, _, _ string) bool { return port == 2 }, map[string]int{"p0": 2}},
		{"too few", jobNamed("web", 0, 0), []int{1}, nil, all, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := (&portAllocator{pool: test.pool, free: test.free}).allocate(test.job, test.used)
			if (err != nil) != (test.want == nil) {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("ports (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAllocatorPassesRecentlyFreedPortsBy(t *testing.T) {
	allocator := newPortAllocator(PortRange{Start: 100, End: 104})
	allocator.free = func(int, string, string) bool { return true }
	seen := make(map[int]bool)
	for range 4 {
		ports, err := allocator.allocate(jobNamed("web", 0), nil)
		if err != nil || seen[ports["p0"]] {
			t.Fatalf("ports %v (%v) after %v", ports, err, seen)
		}
		seen[ports["p0"]] = true
	}
}

func TestOrdersNeverGoBack(t *testing.T) {
	job, other := jobNamed("web"), jobNamed("db")
	o := newOrders([]model.Task{{Job: job, Goal: model.GoalStart}}, 10)
	for _, update := range []model.TaskUpdate{
		{Type: model.TaskUpdateSnapshot, Index: 9},
		{Type: model.TaskUpdateChange, Index: 3, Removed: []model.JobID{job.ID}},
	} {
		if o.apply(update) {
			t.Errorf("applied %+v", update)
		}
	}
	if o.authoritative() {
		t.Error("an old snapshot is taken for the truth")
	}
	if !o.apply(model.TaskUpdate{Type: model.TaskUpdateSnapshot, Index: 10, Tasks: []model.Task{{Job: other}}}) || !o.authoritative() {
		t.Error("a snapshot of the same index is not taken")
	}
	if !o.apply(model.TaskUpdate{Type: model.TaskUpdateChange, Index: 12, Tasks: []model.Task{{Job: job}}, Removed: []model.JobID{other.ID}}) {
		t.Error("a change is not taken")
	}
	want := map[model.JobID]model.Task{job.ID: {Job: job}}
	if diff := cmp.Diff(want, o.tasks(), cmpopts.EquateEmpty()); diff != "" || o.at() != 12 {
		t.Errorf("tasks at %d (-want +got):\n%s", o.at(), diff)
	}
}

func ptr[T any](v T) *T { return &v }

func TestPortsInALabel(t *testing.T) {
	job := jobNamed("web", 0, 80)
	ports := map[string]int{"p0": 20001, "p1": 80}
	got, ok := parsePorts(formatPorts(ports), job)
	if diff := cmp.Diff(ports, got); diff != "" || !ok {
		t.Errorf("ports read back (-want +got):\n%s", diff)
	}
	for _, label := range []string{"", "p0=20001", "p0=x,p1=80", "garbage"} {
		if _, ok := parsePorts(label, job); ok {
			t.Errorf("label %q is taken for the ports of a job with two", label)
		}
	}
}
