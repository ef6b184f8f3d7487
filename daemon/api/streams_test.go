package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/daemon/api/apitest"
	"github.com/heliosctl/heliosctl/model"
)

// patience bounds waits that end as soon as what they wait for happens.
const patience = 20 * time.Second

// lines reads a stream.
type lines struct {
	t       *testing.T
	status  int
	body    io.Closer
	scanner *bufio.Scanner
}

// open opens a stream, which ends with the test at the latest.
func (w *world) open(path string) *lines {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	w.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", w.http.URL+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := w.http.Client().Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { resp.Body.Close() })
	l := &lines{t: w.t, status: resp.StatusCode, body: resp.Body, scanner: bufio.NewScanner(resp.Body)}
	l.scanner.Buffer(nil, 1<<20)
	return l
}

func next[T any](l *lines) T {
	l.t.Helper()
	if !l.scanner.Scan() {
		l.t.Fatalf("the stream ended: %v", l.scanner.Err())
	}
	var v T
	if err := json.Unmarshal(l.scanner.Bytes(), &v); err != nil {
		l.t.Fatalf("bad line %.200q: %v", l.scanner.Text(), err)
	}
	return v
}

// nextChange skips heartbeats.
func nextChange(l *lines) model.TaskUpdate {
	l.t.Helper()
	for {
		if u := next[model.TaskUpdate](l); u.Type != model.TaskUpdateHeartbeat {
			return u
		}
	}
}

func nextEvent(l *lines) model.Event {
	l.t.Helper()
	for {
		if e := next[model.Event](l); e.Type != model.EventHeartbeat {
			return e
		}
	}
}

// update is what tests look at of a TaskUpdate.
type update struct {
	Type    model.TaskUpdateType
	Tasks   []string
	Removed []model.JobID
}

func summary(u model.TaskUpdate) update {
	s := update{Type: u.Type, Removed: u.Removed}
	for _, task := range u.Tasks {
		s.Tasks = append(s.Tasks, fmt.Sprintf("%s %s from %d", task.Job.ID.Name, task.Goal, task.Generation))
	}
	return s
}

func TestTaskStream(t *testing.T) {
	w := newWorld(t, api.Config{})
	w.agent("host1", nil)
	w.agent("host2", nil)
	web, other := w.job("web", ""), w.job("other", "")
	w.deploy("host1", web, "") // index 5
	l := w.open("/v1/agents/host1/tasks?agent=id-host1")
	if l.status != 200 {
		t.Fatalf("status %d", l.status)
	}
	ctx, req := context.Background(), model.Request{}
	steps := []struct {
		name string
		do   func() error
		want update
	}{
		{"the snapshot is everything", func() error { return nil },
			update{Type: model.TaskUpdateSnapshot, Tasks: []string{"web START from 5"}}},
		{"a goal is a change", func() error {
			return w.backend.SetGoal(ctx, req, "host1", model.Deployment{JobID: web, Goal: model.GoalStop}, "")
		}, update{Type: model.TaskUpdateChange, Tasks: []string{"web STOP from 5"}}},
		{"what happens to other hosts is none, what is gone is told", func() error {
			return errors.Join(
				w.backend.Deploy(ctx, req, "host2", model.Deployment{JobID: other, Goal: model.GoalStart}, ""),
				w.backend.Undeploy(ctx, req, "host1", web, ""),
			)
		}, update{Type: model.TaskUpdateChange, Removed: []model.JobID{web}}},
		{"a deploy is a change", func() error {
			return w.backend.Deploy(ctx, req, "host1", model.Deployment{JobID: web, Goal: model.GoalStart}, "")
		}, update{Type: model.TaskUpdateChange, Tasks: []string{"web START from 9"}}},
	}
	var index uint64
	for _, step := range steps {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		u := nextChange(l)
		if diff := cmp.Diff(step.want, summary(u)); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", step.name, diff)
		}
		if u.Index < index {
			t.Errorf("%s: index %d after %d", step.name, u.Index, index)
		}
		index = u.Index
	}
	if err := w.backend.DeregisterHost(ctx, req, "host1"); err != nil {
		t.Fatal(err)
	}
	if l.scanner.Scan() {
		t.Errorf("the stream of a deregistered host went on: %s", l.scanner.Text())
	}
}

// TestTaskStreamTellsAnotherGeneration holds that an agent whose master was slow still learns of an undeploy that was followed by
// a deploy of the same job.
func TestTaskStreamTellsAnotherGeneration(t *testing.T) {
	w := newWorld(t, api.Config{})
	w.agent("host1", nil)
	id := w.job("web", "")
	w.deploy("host1", id, "")
	l := w.open("/v1/agents/host1/tasks?agent=id-host1")
	before := nextChange(l)
	if err := w.backend.Undeploy(context.Background(), model.Request{}, "host1", id, ""); err != nil {
		t.Fatal(err)
	}
	w.deploy("host1", id, "")
	after := nextChange(l)
	for len(after.Tasks) == 0 { // the undeploy may have been seen by itself
		after = nextChange(l)
	}
	if before.Tasks[0].Generation == after.Tasks[0].Generation {
		t.Errorf("generation %d before and after", after.Tasks[0].Generation)
	}
}

// An agent under whose stream the state was restored learns it, although none of its tasks has changed.
func TestTaskStreamTellsAnotherRegistration(t *testing.T) {
	w := newWorld(t, api.Config{})
	w.agent("host1", nil)
	l := w.open("/v1/agents/host1/tasks?agent=id-host1")
	before := nextChange(l)
	w.backend.Renew("host1")
	after := nextChange(l)
	if before.Epoch == 0 || after.Type != model.TaskUpdateChange || after.Epoch != before.Epoch+1000 || len(after.Removed) != 0 {
		t.Errorf("first line %+v, then %+v", before, after)
	}
}

func TestTaskStreamHeartbeats(t *testing.T) {
	w := newWorld(t, api.Config{Heartbeat: 10 * time.Millisecond})
	w.agent("host1", nil)
	l := w.open("/v1/agents/host1/tasks?agent=id-host1&index=1")
	if u := next[model.TaskUpdate](l); u.Type != model.TaskUpdateSnapshot || u.Index != 1 {
		t.Fatalf("first line %+v, want a snapshot of index 1", u)
	}
	w.backend.Advance(7)
	for {
		u := next[model.TaskUpdate](l)
		if u.Type != model.TaskUpdateHeartbeat {
			t.Fatalf("line %+v, want a heartbeat", u)
		}
		if u.Index == 7 {
			return
		}
	}
}

func TestTaskStreamIsRefused(t *testing.T) {
	w := newWorld(t, api.Config{IndexTimeout: 20 * time.Millisecond})
	w.agent("host1", nil)
	tests := []struct {
		rule   string
		query  string
		status int
		code   model.Code
	}{
		{"for an unknown host", "nope/tasks?agent=x", 404, model.CodeHostNotFound},
		{"to another agent", "host1/tasks?agent=x", 409, model.CodeHostConflict},
		{"to nobody", "host1/tasks", 400, model.CodeInvalid},
		{"at a bad index", "host1/tasks?agent=id-host1&index=-1", 400, model.CodeInvalid},
		{"by a master that is behind", "host1/tasks?agent=id-host1&index=99", 503, model.CodeUnavailable},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			resp, body := w.send("GET", "/v1/agents/"+test.query, "")
			if e := decoded[model.Error](t, body); resp.StatusCode != test.status || e.Code != test.code {
				t.Errorf("status %d, body %s; want %d and %s", resp.StatusCode, body, test.status, test.code)
			}
		})
	}
}

func TestTaskStreamWaitsForItsIndex(t *testing.T) {
	w := newWorld(t, api.Config{})
	w.agent("host1", nil)
	go w.backend.Advance(5)
	if u := nextChange(w.open("/v1/agents/host1/tasks?agent=id-host1&index=5")); u.Index != 5 {
		t.Errorf("snapshot of index %d, want 5", u.Index)
	}
}

func TestAgentRoutes(t *testing.T) {
	w := newWorld(t, api.Config{})
	status := `{"job":{"id":"web:1","image":"x"},"goal":"START","state":"RUNNING"}`
	steps := []struct {
		rule   string
		method string
		path   string
		body   string
		status int
		answer string
	}{
		{"first registration", "PUT", "/v1/agents/host1", `{"host":"host1","agentId":"a"}`, 200, `{"epoch":1,"ackedSeq":0,"clusterId":"cluster1"}`},
		{"again", "PUT", "/v1/agents/host1", `{"agentId":"a"}`, 200, `{"epoch":1,"ackedSeq":0,"clusterId":"cluster1"}`},
		{"by another agent", "PUT", "/v1/agents/host1", `{"host":"host1","agentId":"b"}`, 409,
			`{"code":"HOST_CONFLICT","message":"host host1 belongs to agent a"}`},
		{"of another host", "PUT", "/v1/agents/host1", `{"host":"host2","agentId":"a"}`, 400,
			`{"code":"INVALID_REQUEST","message":"the path names host host1 and the body host host2"}`},
		{"of nobody", "PUT", "/v1/agents/host1", `{"host":"host1"}`, 400,
			`{"code":"INVALID_REQUEST","message":"the registration of host host1 has no agentId"}`},
		{"statuses", "POST", "/v1/agents/host1/statuses", `{"agentId":"a","reports":[{"seq":3,"jobId":"web:1","timestamp":5,"status":` + status + `}]}`, 200, `{"ackedSeq":3}`},
		{"statuses sent again", "POST", "/v1/agents/host1/statuses", `{"agentId":"a","reports":[{"seq":3,"jobId":"web:1","removed":true}]}`, 200, `{"ackedSeq":3}`},
		{"statuses of another agent", "POST", "/v1/agents/host1/statuses", `{"agentId":"b","reports":[]}`, 409,
			`{"code":"HOST_CONFLICT","message":"host host1 belongs to agent a"}`},
		{"statuses out of order", "POST", "/v1/agents/host1/statuses",
			`{"agentId":"a","reports":[{"seq":5,"jobId":"web:1","removed":true},{"seq":4,"jobId":"web:1","removed":true}]}`, 400,
			`{"code":"INVALID_REQUEST","message":"reports[1].seq is 4 after 5: reports must be in rising order from 1"}`},
		{"status without a job", "POST", "/v1/agents/host1/statuses", `{"agentId":"a","reports":[{"seq":9,"removed":true}]}`, 400,
			`{"code":"INVALID_REQUEST","message":"bad request body: reports[0].jobId: is required"}`},
		{"report of nothing", "POST", "/v1/agents/host1/statuses", `{"agentId":"a","reports":[{"seq":9,"jobId":"web:1"}]}`, 400,
			`{"code":"INVALID_REQUEST","message":"bad request body: reports[0].status: is required"}`},
		{"gauges", "POST", "/v1/agents/host1/gauges", `{"agentId":"a","loadAvg":0.5}`, 200, `{}`},
		{"gauges of an unknown host", "POST", "/v1/agents/nope/gauges", `{"agentId":"a"}`, 404,
			`{"code":"HOST_NOT_FOUND","message":"host nope is not registered"}`},
	}
	for _, step := range steps {
		resp, body := w.send(step.method, step.path, step.body)
		if resp.StatusCode != step.status || body != step.answer {
			t.Errorf("%s: %d %s\nwant %d %s", step.rule, resp.StatusCode, body, step.status, step.answer)
		}
	}
	if got := w.backend.Gauges("host1").LoadAvg; got != 0.5 {
		t.Errorf("load %v, want 0.5", got)
	}
}

func TestEventStreamStartsNow(t *testing.T) {
	w := newWorld(t, api.Config{})
	w.job("old", "")
	l := w.open("/v1/events")
	if first := next[model.Event](l); first.Type != model.EventHeartbeat || first.Index != 1 {
		t.Fatalf("first line %+v, want a heartbeat of index 1", first)
	}
	id := w.job("new", "")
	e := nextEvent(l)
	want := model.Event{Index: 2, Type: model.EventJobCreated, JobID: &id, User: "alice"}
	if diff := cmp.Diff(want, e); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

// TestEventStreamBeginsWithTheLast holds that what is told of the past ends with a heartbeat, and that nothing is missing or told twice
// between it and what comes.
func TestEventStreamBeginsWithTheLast(t *testing.T) {
	w := newWorld(t, api.Config{})
	w.agent("host1", nil)
	for _, name := range []string{"a", "b", "c"} {
		w.job(name, "")
	}
	for _, test := range []struct {
		query string
		want  []string
	}{
		{"last=2", []string{"b", "c", "heartbeat", "new1"}},
		{"last=100&type=job.created", []string{"a", "b", "c", "new1", "heartbeat", "new2"}},
		{"last=1&job=b:", []string{"b", "heartbeat"}},
		{"last=0", []string{"heartbeat", "new3"}},
		{"last=5&host=nowhere", []string{"heartbeat"}},
	} {
		l := w.open("/v1/events?" + test.query)
		var got []string
		for len(got) < len(test.want) {
			e := next[model.Event](l)
			switch {
			case e.Type != model.EventHeartbeat:
				got = append(got, e.JobID.Name)
				continue
			case e.Index != w.backend.Index():
				t.Errorf("%s: the heartbeat is at %d, not at the present %d", test.query, e.Index, w.backend.Index())
			}
			got = append(got, "heartbeat")
			if len(got) < len(test.want) {
				w.job(test.want[len(got)], "")
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.query, diff)
		}
		l.body.Close()
	}
}

func TestBadNumbersOfLastEvents(t *testing.T) {
	w := newWorld(t, api.Config{})
	for query, want := range map[string]string{
		"last=-1": "bad last", "last=all": "bad last", "last=1.5": "bad last", "last=5&index=3": "exclude each other",
	} {
		if resp, body := w.send("GET", "/v1/events?"+query, ""); resp.StatusCode != 400 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s, want 400 and %q", query, resp.StatusCode, body, want)
		}
	}
}

// TestEventStreamResumes holds that a reader that comes back with the last index it has seen sees everything, and nothing twice.
func TestEventStreamResumes(t *testing.T) {
	w := newWorld(t, api.Config{})
	const jobs = 60
	made := make(chan error, 1)
	go func() {
		var err error
		for i := 0; i < jobs && err == nil; i++ {
			job := model.Job{ID: model.JobID{Name: fmt.Sprintf("job%d", i), Version: "1"}, Image: "nginx:1"}
			_, err = w.backend.CreateJob(context.Background(), model.Request{}, job)
		}
		made <- err
	}()
	var index uint64
	var seen []string
	for len(seen) < jobs {
		l := w.open(fmt.Sprintf("/v1/events?index=%d", index))
		for range 7 {
			if len(seen) == jobs {
				break
			}
			e := nextEvent(l)
			index = e.Index
			seen = append(seen, e.JobID.Name)
		}
		l.body.Close()
	}
	if err := <-made; err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range jobs {
		want = append(want, fmt.Sprintf("job%d", i))
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
}

func TestEventStreamResets(t *testing.T) {
	w := newWorld(t, api.Config{})
	w.job("old", "")
	w.job("older", "")
	w.backend.ForgetEvents()
	for name, path := range map[string]string{
		"index too old":               "/v1/events?index=1",
		"index of an earlier cluster": "/v1/events?index=1000",
	} {
		l := w.open(path)
		e := nextEvent(l)
		if e.Type != model.EventReset || e.Index != w.backend.Index() {
			t.Errorf("%s: first event %+v, want a reset to %d", name, e, w.backend.Index())
		}
		id := w.job(strings.ReplaceAll(name, " ", "_"), "")
		if e := nextEvent(l); e.JobID == nil || *e.JobID != id {
			t.Errorf("%s: after the reset %+v, want the creation of %s", name, e, id)
		}
	}
}

func TestEventStreamFilters(t *testing.T) {
	w := newWorld(t, api.Config{Heartbeat: 10 * time.Millisecond})
	w.agent("host1", nil)
	w.agent("host2", nil)
	web, api1 := w.job("web", ""), w.job("api", "")
	w.deploy("host1", web, "")
	w.deploy("host2", api1, "")
	w.group("all", "role", "web")
	w.group("none", "role", "db")
	w.rollOut("none", web)
	w.backend.RollNext("none")
	tests := []struct {
		filter string
		want   []string
	}{
		{"type=host.up", []string{"host.up host1", "host.up host2"}},
		{"type=host.registered,job.created&host=host2", []string{"host.registered host2"}},
		{"type=job.created&type=deployment.created&job=web:", []string{"job.created ", "deployment.created host1"}},
		{"group=none", []string{"group.created ", "rollout.started ", "rollout.finished "}},
		{"host=host2", []string{"host.registered host2", "host.up host2", "deployment.created host2"}},
	}
	for _, test := range tests {
		t.Run(test.filter, func(t *testing.T) {
			l := w.open("/v1/events?index=0&" + test.filter)
			var got []string
			for {
				e := next[model.Event](l)
				if e.Type != model.EventHeartbeat {
					got = append(got, string(e.Type)+" "+e.Host)
				} else if e.Index == w.backend.Index() {
					break // everything up to here has been sent or filtered
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

// TestServeEndsStreams holds that Serve ends idle streams and closes its listener.
// TestStreamsOfAnIsolatedMasterEnd holds that readers find a master that knows more, and that they may come back later.
func TestStreamsOfAnIsolatedMasterEnd(t *testing.T) {
	for _, path := range []string{"/v1/events", "/v1/events?stale=true", "/v1/agents/host1/tasks?agent=id-host1", "/v1/agents/host1/tasks?agent=id-host1&index=1"} {
		t.Run(path, func(t *testing.T) {
			w := newWorld(t, api.Config{})
			w.agent("host1", nil)
			l := w.open(path)
			if !l.scanner.Scan() {
				t.Fatalf("no stream: status %d, %v", l.status, l.scanner.Err())
			}
			w.backend.Isolate()
			if l.scanner.Scan() || l.scanner.Err() != nil {
				t.Errorf("after the isolation: line %q, error %v", l.scanner.Text(), l.scanner.Err())
			}
			if resp, body := w.send("GET", path, ""); resp.StatusCode != 502 {
				t.Errorf("while it lasts: status %d, %s", resp.StatusCode, body)
			}
			w.backend.Rejoin()
			if l := w.open(path); l.status != 200 {
				t.Errorf("afterwards: status %d", l.status)
			}
		})
	}
}

// lagging is a follower that has not applied everything yet. A read index catches up.
type lagging struct {
	*apitest.Backend
	caughtUp atomic.Bool
	index    uint64
}

func (l *lagging) ReadIndex(ctx context.Context) error {
	l.caughtUp.Store(true)
	return l.Backend.ReadIndex(ctx)
}

func (l *lagging) Index() uint64 {
	if l.caughtUp.Load() {
		return l.Backend.Index()
	}
	return l.index
}

func (l *lagging) HostTasks(host, agentID string) ([]model.Task, uint64, <-chan struct{}, error) {
	if !l.caughtUp.Load() {
		return nil, 0, nil, model.Errorf(model.CodeHostNotFound, "host %s is not registered", host)
	}
	return l.Backend.HostTasks(host, agentID)
}

// TestAFollowerThatLagsRefusesNoAgent holds that a host is not called unknown by a master that has not heard of it yet.
func TestAFollowerThatLagsRefusesNoAgent(t *testing.T) {
	backend := &lagging{Backend: apitest.New(), index: 1}
	w := newWorldOf(t, backend.Backend, api.Config{Backend: backend})
	w.agent("host1", nil)
	w.job("web", "")
	if u := nextChange(w.open("/v1/agents/host1/tasks?agent=id-host1&index=1")); u.Type != model.TaskUpdateSnapshot || u.Index != 2 {
		t.Errorf("first line %+v", u)
	}
	resp, body := w.send("GET", "/v1/agents/host2/tasks?agent=id-host2&index=1", "")
	if e := decoded[model.Error](t, body); resp.StatusCode != 404 || e.Code != model.CodeHostNotFound {
		t.Errorf("a host that is really unknown: status %d, %s", resp.StatusCode, body)
	}
}

// TestAStaleEventStreamWaitsForItsIndex holds that a reader that comes from a master that was ahead is not told to start anew.
func TestAStaleEventStreamWaitsForItsIndex(t *testing.T) {
	w := newWorld(t, api.Config{IndexTimeout: time.Millisecond})
	w.job("one", "")
	if resp, body := w.send("GET", "/v1/events?stale=true&index=2", ""); resp.StatusCode != 503 {
		t.Errorf("index that does not come: status %d, %s", resp.StatusCode, body)
	}
	w = newWorld(t, api.Config{})
	w.job("one", "")
	go w.backend.Advance(2)
	l := w.open("/v1/events?stale=true&index=2")
	w.job("three", "")
	if e := nextEvent(l); e.Type != model.EventJobCreated || e.Index != 3 {
		t.Errorf("first event %+v, want the creation of index 3", e)
	}
}

func TestServeEndsStreams(t *testing.T) {
	w := newWorld(t, api.Config{})
	w.agent("host1", nil)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	address, served := serve(ctx, t, api.Config{Backend: w.backend})
	w.http.URL = "http://" + address

	events, tasks := w.open("/v1/events"), w.open("/v1/agents/host1/tasks?agent=id-host1")
	next[model.Event](events)
	next[model.TaskUpdate](tasks)
	cancel()
	if events.scanner.Scan() || tasks.scanner.Scan() {
		t.Error("a stream went on after the shutdown")
	}
	await(t, served)
	if _, err := net.Dial("tcp", address); err == nil {
		t.Error("the listener is still open")
	}
}

func TestServeTellsWhyTheListenerFailed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	w := newWorld(t, api.Config{})
	if err := w.server.Serve(context.Background(), listener); !errors.Is(err, net.ErrClosed) {
		t.Errorf("error %v, want one of a closed listener", err)
	}
}

// watcher is a log that tells when a message comes.
type watcher struct {
	slog.Handler
	message string
	seen    chan struct{}
}

func (h *watcher) Enabled(context.Context, slog.Level) bool { return true }

func (h *watcher) Handle(_ context.Context, r slog.Record) error {
	if r.Message == h.message {
		select {
		case h.seen <- struct{}{}:
		default:
		}
	}
	return nil
}

// TestASlowReaderIsCutOff holds that a reader that takes nothing is cut off, and that others get everything meanwhile.
func TestASlowReaderIsCutOff(t *testing.T) {
	const count, size = 24, 512 << 10 // far more than the kernel takes
	for message, path := range map[string]string{
		"event stream ended": "/v1/events?index=0",
		"task stream ended":  "/v1/agents/host1/tasks?agent=id-host1",
	} {
		t.Run(message, func(t *testing.T) {
			log := &watcher{Handler: slog.DiscardHandler, message: message, seen: make(chan struct{}, 1)}
			w := newWorld(t, api.Config{Logger: slog.New(log), WriteTimeout: 200 * time.Millisecond})
			w.fill("host1", count, size)

			slow, err := net.Dial("tcp", w.http.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer slow.Close()
			if err := slow.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
				t.Fatal(err)
			}
			if _, err := fmt.Fprintf(slow, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path); err != nil {
				t.Fatal(err)
			}
			if _, err := slow.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			other := w.open("/v1/events?index=0&type=deployment.created")
			for range count {
				nextEvent(other)
			}
			select {
			case <-log.seen:
			case <-time.After(patience):
				t.Fatal("the slow reader was not cut off")
			}
		})
	}
}

// fill makes jobs of so many bytes, deploys them to a host, and reports a status of each.
func (w *world) fill(host string, count, size int) {
	w.t.Helper()
	w.agent(host, nil)
	ctx := context.Background()
	for i := range count {
		id, err := w.backend.CreateJob(ctx, model.Request{}, model.Job{
			ID: model.JobID{Name: fmt.Sprint("big", i), Version: "1"}, Image: strings.Repeat("x", size),
		})
		if err != nil {
			w.t.Fatal(err)
		}
		w.deploy(host, id, "")
		job, err := w.backend.Job(id)
		if err != nil {
			w.t.Fatal(err)
		}
		_, err = w.backend.PostStatuses(ctx, host, model.StatusBatch{AgentID: "id-" + host, Reports: []model.StatusReport{
			{Seq: uint64(i + 1), JobID: id, Status: &model.TaskStatus{Job: job, State: model.StateRunning}},
		}})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}
