package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/daemon/api/apitest"
	"github.com/heliosctl/heliosctl/model"
)

// limited ends what hangs.
func limited(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// createWeb creates a version of a job, of which masters tell.
func createWeb(t *testing.T, backend *apitest.Backend, version string) {
	t.Helper()
	job := model.Job{ID: model.JobID{Name: "web", Version: version}, Image: "nginx:1"}
	if _, err := backend.CreateJob(t.Context(), model.Request{}, job); err != nil {
		t.Fatal(err)
	}
}

func TestWatchEventsGoesOn(t *testing.T) {
	backend, master := newMaster(t, api.Config{})
	c := newClient(t, client.Config{Endpoints: []string{master.URL}})
	var got []string
	for event, err := range c.WatchEvents(limited(t), client.EventQuery{Types: []model.EventType{model.EventJobCreated}, Job: "web"}) {
		if err != nil {
			t.Fatal(err)
		}
		if event.Type == model.EventHeartbeat {
			if len(got) == 0 {
				createWeb(t, backend, "1")
			}
			continue
		}
		got = append(got, event.JobID.Version)
		if len(got) == 3 {
			break
		}
		master.CloseClientConnections()
		createWeb(t, backend, fmt.Sprint(len(got)+1)) // while nobody listens
	}
	if diff := cmp.Diff([]string{"1", "2", "3"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEventsOfThePast(t *testing.T) {
	backend, master := newMaster(t, api.Config{})
	c := newClient(t, client.Config{Endpoints: []string{master.URL}})
	for _, version := range []string{"1", "2", "3"} {
		createWeb(t, backend, version)
	}
	q := client.EventQuery{Types: []model.EventType{model.EventJobCreated}, Last: 2}
	recent, err := c.RecentEvents(limited(t), q)
	if err != nil || len(recent) != 2 || recent[0].JobID.Version != "2" || recent[1].JobID.Version != "3" {
		t.Fatalf("recent events %+v, %v", recent, err)
	}
	var got []string
	for event, err := range c.WatchEvents(limited(t), q) {
		if err != nil {
			t.Fatal(err)
		}
		if event.Type == model.EventHeartbeat {
			continue
		}
		got = append(got, event.JobID.Version)
		if len(got) == 4 {
			break
		}
		master.CloseClientConnections() // in the middle of the past, and behind it
		if len(got) == 2 {
			createWeb(t, backend, "4")
			createWeb(t, backend, "5")
		}
	}
	if diff := cmp.Diff([]string{"2", "3", "4", "5"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The last two of three events of one change are asked for, and the connection breaks between them.
func TestPastThatBreaksOff(t *testing.T) {
	line := func(kind model.EventType, user string) string {
		return fmt.Sprintf(`{"index":6,"type":%q,"time":1,"user":%q}`+"\n", kind, user)
	}
	b, c, d := line(model.EventJobCreated, "b"), line(model.EventJobCreated, "c"), line(model.EventJobCreated, "d")
	beat := line(model.EventHeartbeat, "")
	broken := false
	master := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		text := beat + b + c + d
		switch {
		case !broken:
			broken, text = true, c
		case r.URL.Query().Get("index") == "":
			text = c + d + beat
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Error(err)
		}
	})
	var lost []error
	query := client.EventQuery{Last: 2, Lost: func(err error) error { lost = append(lost, err); return nil }}
	var got []string
	for event, err := range newClient(t, client.Config{Endpoints: []string{master.URL}}).WatchEvents(limited(t), query) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, event.User); event.User == "d" {
			break
		}
	}
	if diff := cmp.Diff([]string{"c", "d"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(lost) != 1 || model.CodeOf(lost[0]) != model.CodeUnavailable {
		t.Errorf("told of the losses %v", lost)
	}
}

// One who asks can give up.
func TestWatchEventsGivesUp(t *testing.T) {
	enough := errors.New("enough")
	c := newClient(t, client.Config{Endpoints: []string{nobody(t)}, RetryTimeout: time.Nanosecond})
	n, err := end(t, c.WatchEvents(limited(t), client.EventQuery{Lost: func(error) error { return enough }}))
	if n != 0 || !errors.Is(err, enough) {
		t.Errorf("%d events, %v", n, err)
	}
}

func TestWatchEventsEnds(t *testing.T) {
	original := newFake(t, answer(http.StatusNotFound, ""))
	c := newClient(t, client.Config{Endpoints: []string{original.URL}})
	n, err := end(t, c.WatchEvents(limited(t), client.EventQuery{}))
	if wantCode(t, err, model.CodeNotFound); n != 0 {
		t.Errorf("%d events", n)
	}
	_, err = end(t, c.WatchRollout(limited(t), "web", 0))
	wantCode(t, err, model.CodeNotFound)

	// Nobody answers, until the context ends.
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	away := newClient(t, client.Config{Endpoints: []string{nobody(t)}, RetryTimeout: time.Nanosecond})
	_, err = end(t, away.WatchEvents(ctx, client.EventQuery{}))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	_, err = away.WaitRunning(ctx, "host1", model.JobID{})
	if !errors.Is(err, context.DeadlineExceeded) || model.CodeOf(err) != model.CodeTimeout {
		t.Error(err)
	}
}

// says reports what the agent of host1 does with a job.
func says(t *testing.T, backend *apitest.Backend, id model.JobID, status model.TaskStatus) {
	t.Helper()
	job, err := backend.Job(id)
	if err != nil {
		t.Fatal(err)
	}
	status.Job = job
	if status.Goal == "" {
		status.Goal = model.GoalStart
	}
	reportTo(t, backend, model.StatusReport{JobID: id, Status: &status})
}

func reportTo(t *testing.T, backend *apitest.Backend, report model.StatusReport) {
	t.Helper()
	reports++
	report.Seq = reports
	if _, err := backend.PostStatuses(t.Context(), "host1", model.StatusBatch{AgentID: "id1", Reports: []model.StatusReport{report}}); err != nil {
		t.Fatal(err)
	}
}

var reports uint64

func TestWatchDeployment(t *testing.T) {
	backend, master := newMaster(t, api.Config{Heartbeat: 20 * time.Millisecond})
	c := newClient(t, client.Config{Endpoints: []string{master.URL}})
	id := deployed(t, backend)
	unknown := model.Job{ID: model.JobID{Name: "nope", Version: "1"}, Image: "nginx:1"}.WithID().ID
	_, err := end(t, c.WatchDeployment(limited(t), "host1", unknown))
	wantCode(t, err, model.CodeJobNotDeployed)
	_, err = end(t, c.WatchDeployment(limited(t), "host2", id))
	wantCode(t, err, model.CodeHostNotFound)

	says(t, backend, id, model.TaskStatus{State: model.StatePullingImage})
	var states []model.State
	var last error
	for task, err := range c.WatchDeployment(limited(t), "host1", id) {
		if last = err; err != nil {
			break
		}
		states = append(states, task.State)
		switch task.State {
		case model.StatePullingImage:
			master.CloseClientConnections()
			says(t, backend, id, model.TaskStatus{State: model.StateRunning})
		case model.StateRunning:
			if err := backend.Undeploy(t.Context(), model.Request{}, "host1", id, ""); err != nil {
				t.Error(err)
			}
			reportTo(t, backend, model.StatusReport{JobID: id, Removed: true})
		}
	}
	wantCode(t, last, model.CodeJobNotDeployed)
	if diff := cmp.Diff([]model.State{model.StatePullingImage, model.StateRunning}, states); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wantCode(t, c.WaitGone(limited(t), "host1", id), "")
	wantCode(t, c.WaitGone(limited(t), "host2", id), "")
	for range c.WatchDeployment(limited(t), "host1", id) {
		break // which the test for leaks looks after
	}
}

func TestWaitRunning(t *testing.T) {
	for _, test := range []struct {
		name   string
		status model.TaskStatus
		code   model.Code
		text   string
	}{
		{"it runs", model.TaskStatus{State: model.StateRunning}, "", ""},
		{"it flaps", model.TaskStatus{State: model.StateRunning, Throttled: model.ThrottleFlapping}, model.CodeTaskFailed,
			"job web:1:972392a does not run on host1: it is RUNNING, FLAPPING"},
		{"no image", model.TaskStatus{State: model.StateFailed, Throttled: model.ThrottleImageMissing, ContainerError: "not found"}, model.CodeTaskFailed,
			"job web:1:972392a does not run on host1: it is FAILED, IMAGE_MISSING: not found"},
		{"it exits", model.TaskStatus{State: model.StateExited}, model.CodeTaskFailed, "job web:1:972392a does not run on host1: it is EXITED"},
	} {
		t.Run(test.name, func(t *testing.T) {
			backend, master := newMaster(t, api.Config{})
			c := newClient(t, client.Config{Endpoints: []string{master.URL}})
			id := deployed(t, backend)
			says(t, backend, id, model.TaskStatus{State: model.StateStopped, Goal: model.GoalStop}) // the past
			said := make(chan struct{})
			go func() {
				defer close(said)
				says(t, backend, id, model.TaskStatus{State: model.StateStarting})
				says(t, backend, id, test.status)
			}()
			task, err := c.WaitRunning(limited(t), "host1", id)
			<-said
			if wantCode(t, err, test.code); task.State != test.status.State || err != nil && err.Error() != test.text {
				t.Errorf("%+v, %v", task, err)
			}
		})
	}
}

func TestWaitRollout(t *testing.T) {
	backend, master := newMaster(t, api.Config{})
	c := newClient(t, client.Config{Endpoints: []string{master.URL}})
	ctx := limited(t)
	for _, host := range []string{"h1", "h2"} {
		if _, err := backend.RegisterAgent(ctx, model.Registration{Host: host, AgentID: "a", Labels: map[string]string{"role": "web"}}); err != nil {
			t.Fatal(err)
		}
	}
	job, err := c.CreateJob(ctx, model.Job{ID: model.JobID{Name: "web", Version: "1"}, Image: "nginx:1"})
	if err != nil {
		t.Fatal(err)
	}
	group := webGroup("web")
	if _, err := c.CreateGroup(ctx, group); err != nil {
		t.Fatal(err)
	}
	_, err = c.WaitRollout(ctx, group.Name, 0)
	wantCode(t, err, model.CodeNotFound)
	_, err = c.WaitRollout(ctx, "nobody", 0)
	wantCode(t, err, model.CodeGroupNotFound)

	id, err := c.RollingUpdate(ctx, group.Name, job, model.RolloutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var done []int
	for rollout, err := range c.WatchRollout(ctx, group.Name, id) {
		if err != nil || rollout.ID != id {
			t.Fatal(rollout.ID, err)
		}
		n := 0
		for _, host := range rollout.Hosts {
			if host.Phase == model.PhaseDone {
				n++
			}
		}
		done = append(done, n)
		backend.RollNext(group.Name)
	}
	if diff := cmp.Diff([]int{0, 1, 2}, done); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if last, err := c.WaitRollout(ctx, group.Name, 0); err != nil || last.State != model.RolloutDone {
		t.Errorf("%+v, %v", last, err)
	}

	if _, err := c.RollingUpdate(ctx, group.Name, job, model.RolloutOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := backend.AwaitCanaries(group.Name); err != nil {
		t.Fatal(err)
	}
	if last, err := c.WaitRollout(ctx, group.Name, 0); err != nil || last.State != model.RolloutCanary {
		t.Errorf("%+v, %v", last, err)
	}
}

// One client serves many callers at once, and nothing of it is left when they have gone.
func TestOneClientServesMany(t *testing.T) {
	backend, master := newMaster(t, api.Config{})
	c := newClient(t, client.Config{Endpoints: []string{master.URL}})
	id := deployed(t, backend)
	says(t, backend, id, model.TaskStatus{State: model.StateRunning})
	var callers sync.WaitGroup
	for i := range 8 {
		callers.Go(func() {
			if _, err := c.CreateJob(limited(t), model.Job{ID: model.JobID{Name: "many", Version: fmt.Sprint(i)}, Image: "nginx:1"}); err != nil {
				t.Error(err)
			}
			if task, err := c.WaitRunning(limited(t), "host1", id); err != nil || task.State != model.StateRunning {
				t.Errorf("%s, %v", task.State, err)
			}
			seen := 0
			for event, err := range c.WatchEvents(limited(t), client.EventQuery{Index: 1, Job: "many", Types: []model.EventType{model.EventJobCreated}}) {
				if err != nil {
					t.Error(err)
					return
				}
				if event.Type == model.EventJobCreated {
					seen++
				}
				if seen == 8 {
					break
				}
			}
		})
	}
	callers.Wait()
}
