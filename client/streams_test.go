package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/daemon/api/apitest"
	"github.com/heliosctl/heliosctl/model"
)

// deployed makes a cluster with the job web on host1.
func deployed(t *testing.T, backend *apitest.Backend) model.JobID {
	t.Helper()
	ctx := context.Background()
	_, err := backend.RegisterAgent(ctx, model.Registration{Host: "host1", AgentID: "id1"})
	if err != nil {
		t.Fatal(err)
	}
	id, err := backend.CreateJob(ctx, model.Request{}, model.Job{ID: model.JobID{Name: "web", Version: "1"}, Image: "nginx:1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := backend.Deploy(ctx, model.Request{}, "host1", model.Deployment{JobID: id, Goal: model.GoalStart}, ""); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestTasks(t *testing.T) {
	backend, master := newMaster(t, api.Config{Heartbeat: 5 * time.Millisecond})
	c := newClient(t, client.Config{Endpoints: []string{master.URL}})
	id := deployed(t, backend)
	var got []model.TaskUpdateType
	for update, err := range c.Tasks(context.Background(), "host1", "id1", 0) {
		if err != nil {
			t.Fatal(err)
		}
		if n := len(got); n > 0 && got[n-1] == update.Type {
			continue // a further heartbeat
		}
		got = append(got, update.Type)
		switch len(got) {
		case 1:
			if update.Tasks[0].Job.ID != id || update.Tasks[0].Job.Image != "nginx:1" {
				t.Errorf("snapshot %+v", update)
			}
		case 2:
			if err := backend.Undeploy(context.Background(), model.Request{}, "host1", id, ""); err != nil {
				t.Fatal(err)
			}
		case 3:
			if diff := cmp.Diff([]model.JobID{id}, update.Removed); diff != "" {
				t.Errorf("removed (-want +got):\n%s", diff)
			}
		}
		if len(got) == 3 {
			break // the stream is closed, which the test for leaks looks after
		}
	}
	want := []model.TaskUpdateType{model.TaskUpdateSnapshot, model.TaskUpdateHeartbeat, model.TaskUpdateChange}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("updates (-want +got):\n%s", diff)
	}
}

func TestEvents(t *testing.T) {
	backend, master := newMaster(t, api.Config{})
	c := newClient(t, client.Config{Endpoints: []string{master.URL}})
	id := deployed(t, backend)
	var got []model.EventType
	for event, err := range c.Events(context.Background(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, event.Type)
		if event.Type == model.EventDeploymentCreated {
			if event.JobID == nil || *event.JobID != id || event.Host != "host1" || event.Deployment.Goal != model.GoalStart {
				t.Errorf("event %+v", event)
			}
			break
		}
	}
	want := []model.EventType{model.EventHeartbeat, model.EventJobCreated, model.EventDeploymentCreated}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// end reads a stream to its end and returns how many lines came before it.
func end[T any](t *testing.T, stream func(func(T, error) bool)) (int, error) {
	t.Helper()
	lines := 0
	var last error
	for _, err := range stream {
		if last != nil {
			t.Fatal("the stream went on after its error")
		}
		if err == nil {
			lines++
		}
		last = err
	}
	if last == nil {
		t.Fatal("the stream ended without an error")
	}
	return lines, last
}

func TestStreamsThatAreRefused(t *testing.T) {
	backend, master := newMaster(t, api.Config{})
	deployed(t, backend)
	c := newClient(t, client.Config{Endpoints: []string{master.URL}})
	ctx := context.Background()
	if _, err := end(t, c.Tasks(ctx, "nope", "id1", 0)); !errors.Is(err, model.ErrHostNotFound) {
		t.Errorf("unknown host: error %v", err)
	}
	if _, err := end(t, c.Tasks(ctx, "host1", "id2", 0)); !errors.Is(err, model.ErrHostConflict) {
		t.Errorf("another agent: error %v", err)
	}
	backend.LoseLeader()
	if _, err := end(t, c.Events(ctx, 0)); !errors.Is(err, model.ErrUnavailable) {
		t.Errorf("no leader: error %v", err)
	}
}

func TestStreamsThatBreak(t *testing.T) {
	line := `{"index":7,"type":"heartbeat","time":1}` + "\n"
	wait := func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	tests := []struct {
		name   string
		handle http.HandlerFunc
		lines  int
		want   string
	}{
		{"ends", answer(200, line+line), 2, "ended the stream"},
		{"ends at once", answer(200, ""), 0, "ended the stream"},
		{"garbage", answer(200, line+"<html>\n"), 1, "cannot read the stream"},
		{"half a line", answer(200, line+line[:10]), 1, "cannot read the stream"},
		{"empty lines are no news", answer(200, "\n"+line+"\n"), 1, "ended the stream"},
		{"connection lost", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, line)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, 1, "broke"},
		{"silent from the start", wait, 0, "silent for 200ms"},
		{"silent after a line", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, line)
			wait(w, r)
		}, 1, "silent for 200ms"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFake(t, test.handle)
			c := newClient(t, client.Config{Endpoints: []string{f.URL}, StreamTimeout: 200 * time.Millisecond})
			lines, err := end(t, c.Events(context.Background(), 7))
			if !errors.Is(err, model.ErrUnavailable) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
			if lines != test.lines {
				t.Errorf("%d lines, want %d", lines, test.lines)
			}
		})
	}
}

// TestASlowReaderIsNotTakenForASilentMaster holds that the time between reads does not count as silence.
func TestASlowReaderIsNotTakenForASilentMaster(t *testing.T) {
	line := `{"index":7,"type":"heartbeat","time":1}` + "\n"
	release := make(chan struct{})
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, line)
		_ = http.NewResponseController(w).Flush()
		<-release
		_, _ = io.WriteString(w, line)
	})
	const limit = 200 * time.Millisecond
	c := newClient(t, client.Config{Endpoints: []string{f.URL}, StreamTimeout: limit})
	lines := 0
	for _, err := range c.Events(context.Background(), 7) {
		if err != nil {
			break
		}
		if lines++; lines == 1 {
			<-time.After(2 * limit) // the work of the reader
			close(release)
		}
	}
	if lines != 2 {
		t.Errorf("%d lines, want 2", lines)
	}
}

func TestAStreamEndsWithItsContext(t *testing.T) {
	backend, master := newMaster(t, api.Config{})
	deployed(t, backend)
	c := newClient(t, client.Config{Endpoints: []string{master.URL}})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for update, err := range c.Tasks(ctx, "host1", "id1", 0) {
		if err == nil {
			if update.Type != model.TaskUpdateSnapshot {
				t.Errorf("update %+v", update)
			}
			cancel()
			continue
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	}
}

// TestAStreamFindsAnotherMaster holds that opening a stream passes over masters that cannot serve it.
func TestAStreamFindsAnotherMaster(t *testing.T) {
	behind, behindMaster := newMaster(t, api.Config{IndexTimeout: 10 * time.Millisecond})
	ahead, aheadMaster := newMaster(t, api.Config{})
	deployed(t, behind)
	deployed(t, ahead)
	ahead.Advance(1000)
	c := newClient(t, client.Config{Endpoints: []string{behindMaster.URL, aheadMaster.URL, nobody(t)}})
	for i := range 3 {
		for update, err := range c.Tasks(context.Background(), "host1", "id1", 1000) {
			if err != nil {
				t.Fatal(fmt.Sprint(i, ": ", err))
			}
			if update.Index != 1000 {
				t.Errorf("snapshot of index %d, want 1000", update.Index)
			}
			break
		}
	}
}

// A master whose stream broke is not the first to be asked for the next one.
func TestBrokenStreamIsSoughtElsewhere(t *testing.T) {
	backend, working := newMaster(t, api.Config{})
	deployed(t, backend)
	broken := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"type":"snapshot","index":1}`+"\n") // and ends
	})
	c := newClient(t, client.Config{Endpoints: []string{broken.URL, working.URL + "/"}})
	from := func() (endpoint string) {
		for _, err := range c.TasksFrom(t.Context(), "host1", "id1", 0, func(url string) { endpoint = url }) {
			if err != nil && endpoint == broken.URL {
				return endpoint
			}
			if err != nil {
				t.Fatal(err)
			}
			if endpoint == working.URL {
				break
			}
		}
		return endpoint
	}
	for from() != broken.URL { // they take turns until then
	}
	for range 5 {
		if endpoint := from(); endpoint != working.URL {
			t.Fatalf("the stream is %s's, want it from the other one", endpoint)
		}
	}
}
