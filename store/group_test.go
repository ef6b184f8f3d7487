package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

func encoded(t *testing.T, req model.Request, body Body) []byte {
	t.Helper()
	command, err := Encode(1000, req, body)
	if err != nil {
		t.Fatal(err)
	}
	return command
}

func grouped(t *testing.T, commands ...[]byte) []byte {
	t.Helper()
	group, err := EncodeGroup(commands)
	if err != nil {
		t.Fatal(err)
	}
	return group
}

func TestGroupDoesEachCommandAsIfAlone(t *testing.T) {
	m := newMachine(t, StateOptions{})
	web, db := testJob("web", "1"), testJob("db", "1")
	req := model.Request{ID: "r-1", User: "alice"}
	result := m.raw(grouped(t,
		encoded(t, req, CreateJob{Job: web}),
		encoded(t, model.Request{}, CreateJob{Job: web}), // refused, in the middle
		[]byte("nonsense"),
		encoded(t, model.Request{}, CreateJob{Job: db}),
		encoded(t, req, CreateJob{Job: web}), // the first one, sent again
	))
	if result.Err != nil || len(result.Group) != 5 {
		t.Fatalf("%d results, %v", len(result.Group), result.Err)
	}
	for i, want := range []model.Code{"", model.CodeJobAlreadyExists, model.CodeInvalid, "", ""} {
		wantCode(t, result.Group[i], want)
		if result.Group[i].Index != result.Index {
			t.Errorf("result %d has index %d, the entry has %d", i, result.Group[i].Index, result.Index)
		}
	}
	if jobs := m.state.Jobs(model.JobFilter{}); len(jobs) != 2 {
		t.Errorf("there are %d jobs", len(jobs))
	}
	before := view(t, m.state)
	m.reopen()
	if diff := cmp.Diff(before, view(t, m.state)); diff != "" {
		t.Errorf("after opening again:\n%s", diff)
	}
}

func TestJobsOfOneGroupHaveHistoriesOfTheirOwn(t *testing.T) {
	m := newMachine(t, StateOptions{})
	web, db := testJob("web", "1"), testJob("db", "1")
	m.raw(grouped(t, encoded(t, model.Request{}, CreateJob{Job: web}), encoded(t, model.Request{}, CreateJob{Job: db})))
	m.ok(RegisterAgent{Registration: registration("h1", "a1")})
	m.statuses("h1", "a1", report(1, web, model.StateCreating), report(2, db, model.StateRunning), report(3, web, model.StateFailed))
	m.reopen()
	for job, want := range map[string][]model.State{"web": {model.StateCreating, model.StateFailed}, "db": {model.StateRunning}} {
		events, err := m.state.History(testJob(job, "1").ID)
		if err != nil {
			t.Fatal(err)
		}
		var states []model.State
		for _, event := range events {
			states = append(states, event.Status.State)
		}
		if diff := cmp.Diff(want, states); diff != "" {
			t.Errorf("history of %s (-want +got):\n%s", job, diff)
		}
	}
}

func TestHostRegisteredAnewInTheSameGroupHasAnotherEpoch(t *testing.T) {
	m := newMachine(t, StateOptions{})
	register := encoded(t, model.Request{}, RegisterAgent{Registration: registration("h1", "a1")})
	result := m.raw(grouped(t, register, encoded(t, model.Request{}, DeregisterHost{Host: "h1"}), register))
	if first, second := result.Group[0].Registered.Epoch, result.Group[2].Registered.Epoch; first == second {
		t.Errorf("both registrations have epoch %d", first)
	}
}

func TestDamagedAndNestedGroupsAreRefused(t *testing.T) {
	m := newMachine(t, StateOptions{})
	create := encoded(t, model.Request{}, CreateJob{Job: testJob("web", "1")})
	nested := m.raw(grouped(t, grouped(t, create)))
	if len(nested.Group) != 1 {
		t.Fatalf("%d results", len(nested.Group))
	}
	wantCode(t, nested.Group[0], model.CodeUnknownCommand)
	group := grouped(t, create)
	wantCode(t, m.raw(group[:len(group)-5]), model.CodeInvalid)
	if jobs := m.state.Jobs(model.JobFilter{}); len(jobs) != 0 {
		t.Errorf("there are %d jobs", len(jobs))
	}
}
