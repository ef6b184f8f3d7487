package live_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/daemon/api/apitest"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
	"github.com/heliosctl/heliosctl/tui/live"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// master serves a cluster in memory at an address that it keeps when it comes back.
type master struct {
	*apitest.Backend
	t       *testing.T
	address string
	config  api.Config
	api     *api.Server
	http    *http.Server
	serving sync.WaitGroup
	written chan struct{}
	logs    http.Handler // instead of the agents' own
	refuses atomic.Bool  // everybody
}

func newMaster(t *testing.T) *master {
	t.Helper()
	return serve(t, apitest.New(), nil)
}

func serve(t *testing.T, backend *apitest.Backend, pool api.Pool) *master {
	t.Helper()
	config := api.Config{Backend: backend, Heartbeat: 50 * time.Millisecond, Pool: pool}
	m := &master{Backend: backend, t: t, address: "127.0.0.1:0", written: make(chan struct{}), config: config}
	backend.Advance(10)
	m.up()
	m.SetURL("http://" + m.address)
	t.Cleanup(m.down)
	return m
}

func (m *master) up() {
	m.t.Helper()
	listener, err := net.Listen("tcp", m.address)
	if err != nil {
		m.t.Fatal(err)
	}
	m.address = listener.Addr().String()
	m.api = api.New(m.config)
	m.http = &http.Server{Handler: m.watched(m.api.Handler())}
	m.serving.Go(func() { _ = m.http.Serve(listener) })
}

// watched tells of each line of a stream of events.
func (m *master) watched(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case m.refuses.Load():
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"code":"FORBIDDEN","message":"alice may not look"}`)
			return
		case r.URL.Path == "/v1/events":
			w = &watchedWriter{w, m.written}
		case m.logs != nil && strings.HasSuffix(r.URL.Path, "/logs"):
			m.logs.ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

type watchedWriter struct {
	http.ResponseWriter
	written chan struct{}
}

func (w *watchedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *watchedWriter) Write(p []byte) (int, error) {
	select {
	case w.written <- struct{}{}:
	default:
	}
	return w.ResponseWriter.Write(p)
}

// awaitHeartbeat waits for the next line of the stream of events.
func (m *master) awaitHeartbeat() {
	m.t.Helper()
	select {
	case <-m.written:
	case <-time.After(time.Minute):
		m.t.Fatal("there is no heartbeat")
	}
}

func (m *master) down() {
	m.api.Close()
	_ = m.http.Close()
	m.serving.Wait()
}

// agent registers a host that is up.
func (m *master) agent(name string, labels map[string]string) {
	m.t.Helper()
	_, err := m.RegisterAgent(m.t.Context(), model.Registration{Host: name, AgentID: "agent-" + name, Labels: labels})
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *master) job(version string) model.JobID {
	m.t.Helper()
	job := model.Job{ID: model.JobID{Name: "web", Version: version}, Image: "nginx:" + version}.WithID()
	id, err := m.CreateJob(m.t.Context(), model.Request{}, job)
	if err != nil {
		m.t.Fatal(err)
	}
	return id
}

func (m *master) deploy(host string, id model.JobID) {
	m.t.Helper()
	if err := m.Deploy(m.t.Context(), model.Request{}, host, model.Deployment{JobID: id, Goal: model.GoalStart}, ""); err != nil {
		m.t.Fatal(err)
	}
}

func (m *master) report(host string, seq uint64, id model.JobID, state model.State) {
	m.t.Helper()
	_, err := m.PostStatuses(m.t.Context(), host, model.StatusBatch{AgentID: "agent-" + host, Reports: []model.StatusReport{{
		Seq: seq, JobID: id, Timestamp: model.TimestampOf(time.Now()), Status: &model.TaskStatus{
			Job: model.Job{ID: id}, State: state, Goal: model.GoalStart, Env: map[string]string{}, Ports: map[string]model.PortMapping{},
		},
	}}})
	if err != nil {
		m.t.Fatal(err)
	}
}

// watch starts a source of the masters.
func watch(t *testing.T, endpoints ...string) *live.Source {
	t.Helper()
	source, err := live.New(live.Options{Config: client.Config{Endpoints: endpoints, User: "alice"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { source.Run(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	return source
}

// await waits for a snapshot, as the console does.
func await(t *testing.T, source *live.Source, what string, holds func(*tui.Snapshot) bool) *tui.Snapshot {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		if s := source.Snapshot(); holds(s) {
			return s
		}
		select {
		case <-source.Changed():
		case <-deadline:
			t.Fatalf("it never came to this: %s; freshness %+v", what, source.Snapshot().Freshness)
		}
	}
}

func isLive(s *tui.Snapshot) bool { return s.Freshness.State == tui.Live }

func TestSourceReadsEverything(t *testing.T) {
	m := newMaster(t)
	m.agent("a1", map[string]string{"role": "web"})
	m.agent("a2", map[string]string{"role": "db"})
	id := m.job("1")
	m.deploy("a1", id)
	m.report("a1", 1, id, model.StateRunning)
	selector, err := model.ParseHostSelector("role=web")
	if err != nil {
		t.Fatal(err)
	}
	c := caller(t, m)
	if _, err := c.CreateGroup(t.Context(), model.DeploymentGroup{Name: "web", HostSelectors: []model.HostSelector{selector}}); err != nil {
		t.Fatal(err)
	}
	source := watch(t, "http://"+m.address)
	s := await(t, source, "live", isLive)
	if s.Up != 2 || s.Job(id) == nil || s.Job(id).Spec.Image != "nginx:1" || len(s.Groups) != 1 {
		t.Fatalf("%d hosts up, job %v, %d groups", s.Up, s.Job(id), len(s.Groups))
	}
	if task := s.Host("a1").Task(id); task == nil || task.State != model.StateRunning || task.Goal != model.GoalStart {
		t.Errorf("the task is %+v", task)
	}
	if got := s.Groups[0].Hosts; !slices.Equal(got, []string{"a1"}) {
		t.Errorf("the group selects %v, want a1", got)
	}
	await(t, source, "masters", func(s *tui.Snapshot) bool {
		return len(s.Masters) == 1 && s.Masters[0].Connected && s.Freshness.Master == s.Masters[0].Name && s.Freshness.Leader
	})
}

// Whoever cares for the memory is told when everything is read and when that is over, also where it comes to nothing.
func TestSourceTellsWhenItReadsEverything(t *testing.T) {
	m := newMaster(t)
	m.agent("a1", nil)
	var silent atomic.Bool
	asked := make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if silent.Load() && !strings.HasPrefix(r.URL.Path, "/v1/") {
			asked <- struct{}{}
			<-r.Context().Done()
			return
		}
		m.api.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	told := make(chan bool, 100)
	source, err := live.New(live.Options{Config: client.Config{Endpoints: []string{server.URL}}, Reading: func(reading bool) { told <- reading }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { source.Run(ctx) })
	await(t, source, "live", isLive)
	if len(told) != 2 || !<-told || <-told {
		t.Error("reading everything for the first time was not told as begun and as over")
	}
	silent.Store(true)
	source.Resync()
	<-asked
	stop()
	running.Wait()
	if len(told) != 2 || !<-told || <-told {
		t.Error("reading everything in vain was not told as begun and as over")
	}
}

// The feed begins with what happened before, and goes on without a gap or a repetition when the master was away.
func TestSourceRecallsThePast(t *testing.T) {
	for name, forget := range map[string]bool{"events are resumed": false, "everything is read again": true} {
		t.Run(name, func(t *testing.T) {
			m := newMaster(t)
			m.agent("a1", nil)
			id := m.job("1")
			m.deploy("a1", id)
			m.report("a1", 1, id, model.StatePullingImage)
			m.report("a1", 2, id, model.StateRunning)
			source := watch(t, "http://"+m.address)
			s := await(t, source, "the past", func(s *tui.Snapshot) bool { return len(s.Events) >= 6 })
			if last := s.Events[len(s.Events)-1]; !last.Past || last.From != model.StatePullingImage || last.To != model.StateRunning || last.Host != "a1" {
				t.Errorf("the last event of the past is %+v", last)
			}
			if last := s.Job(id).Last; last.To != model.StateRunning {
				t.Errorf("the last event of the job is %+v", last)
			}
			m.job("2")
			await(t, source, "the present", func(s *tui.Snapshot) bool { return !s.Events[len(s.Events)-1].Past })
			m.down()
			await(t, source, "stale", func(s *tui.Snapshot) bool { return s.Freshness.State == tui.Stale })
			if forget {
				m.ForgetEvents()
			}
			m.job("3")
			m.job("4")
			m.up()
			source.Resync()
			s = await(t, source, "all of it", func(s *tui.Snapshot) bool {
				return isLive(s) && len(s.Events) >= 9 && s.Events[len(s.Events)-1].Type == model.EventJobCreated
			})
			if len(s.Events) != 9 {
				t.Errorf("the feed has %d lines, want 9: %+v", len(s.Events), s.Events)
			}
			for i := range s.Events[1:] {
				if s.Events[i].Index > s.Events[i+1].Index {
					t.Errorf("event %d is in front of event %d", s.Events[i].Index, s.Events[i+1].Index)
				}
			}
		})
	}
}

func caller(t *testing.T, m *master) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{Endpoints: []string{"http://" + m.address}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestSourceFollowsEvents(t *testing.T) {
	m := newMaster(t)
	source := watch(t, "http://"+m.address)
	await(t, source, "live", isLive)
	m.agent("a1", map[string]string{"role": "web"})
	id := m.job("1")
	m.deploy("a1", id)
	m.report("a1", 1, id, model.StateRunning)
	// Neither the image of the job nor the labels of the host are in an event.
	s := await(t, source, "the task runs, and its job and host were read", func(s *tui.Snapshot) bool {
		h, j := s.Host("a1"), s.Job(id)
		return h != nil && j != nil && j.Spec.Image == "nginx:1" && h.Labels["role"] == "web" && h.Status == model.Up && h.Task(id) != nil &&
			h.Task(id).State == model.StateRunning
	})
	if len(s.Events) < 4 {
		t.Errorf("the feed has %d lines", len(s.Events))
	}
	c := caller(t, m)
	if _, err := c.Drain(t.Context(), "a1", false); err != nil {
		t.Fatal(err)
	}
	await(t, source, "drained", func(s *tui.Snapshot) bool { return s.Host("a1").Drain != nil })
	if err := c.DeregisterHost(t.Context(), "a1"); err != nil {
		t.Fatal(err)
	}
	await(t, source, "gone", func(s *tui.Snapshot) bool { return s.Host("a1") == nil && s.Tasks.Total() == 0 })
}

func TestSourceFollowsRollouts(t *testing.T) {
	m := newMaster(t)
	m.agent("a1", map[string]string{"role": "web"})
	m.agent("a2", map[string]string{"role": "web"})
	source := watch(t, "http://"+m.address)
	await(t, source, "live", isLive)
	id := m.job("1")
	selector, err := model.ParseHostSelector("role=web")
	if err != nil {
		t.Fatal(err)
	}
	group := model.DeploymentGroup{Name: "web", HostSelectors: []model.HostSelector{selector}}
	if _, err := caller(t, m).CreateGroup(t.Context(), group); err != nil {
		t.Fatal(err)
	}
	if err := source.Do(t.Context(), tui.Action{
		Verb: tui.VerbRoll, Group: "web", Job: id, Options: &tui.RolloutOptions{Parallelism: 2, Timeout: time.Minute},
	}); err != nil {
		t.Fatal(err)
	}
	phases := func(s *tui.Snapshot) []tui.RolloutPhase {
		var found []tui.RolloutPhase
		if g := s.Group("web"); g != nil && g.Rollout != nil {
			for _, h := range g.Rollout.Hosts {
				found = append(found, h.Phase)
			}
		}
		return found
	}
	s := await(t, source, "the rollout begins", func(s *tui.Snapshot) bool {
		return slices.Equal(phases(s), []tui.RolloutPhase{tui.PhaseWaiting, tui.PhaseWaiting})
	})
	r := s.Group("web").Rollout
	if r.State != tui.RolloutRunning || r.To != id || r.Options.Parallelism != 2 || r.Options.Timeout != time.Minute {
		t.Errorf("the rollout is %+v", r)
	}
	m.RollNext("web")
	await(t, source, "one host done", func(s *tui.Snapshot) bool {
		return slices.Equal(phases(s), []tui.RolloutPhase{tui.PhaseDone, tui.PhaseWaiting})
	})
	if err := source.Do(t.Context(), tui.Action{Verb: tui.VerbPause, Group: "web"}); err != nil {
		t.Fatal(err)
	}
	await(t, source, "paused", func(s *tui.Snapshot) bool { return s.Group("web").Rollout.State == tui.RolloutPaused })
	if err := source.Do(t.Context(), tui.Action{Verb: tui.VerbResume, Group: "web"}); err != nil {
		t.Fatal(err)
	}
	m.FailNext("web", model.CodeRolloutTimedOut, "it did not run in time")
	await(t, source, "failed", func(s *tui.Snapshot) bool {
		r := s.Group("web").Rollout
		return r.State == tui.RolloutFailed && r.Hosts[1].Phase == tui.PhaseFailed && r.Hosts[1].Failed == tui.PhaseAwaitRunning &&
			!r.Finished.IsZero()
	})
}

// While the master was away things came and went; its events are not known any more.
func TestSourceOutlivesItsMaster(t *testing.T) {
	for name, forget := range map[string]bool{"events are resumed": false, "everything is read again": true} {
		t.Run(name, func(t *testing.T) {
			m := newMaster(t)
			m.agent("a1", nil)
			m.agent("a2", nil)
			id := m.job("1")
			m.deploy("a1", id)
			source := watch(t, "http://"+m.address)
			await(t, source, "live", isLive)
			m.down()
			s := await(t, source, "stale", func(s *tui.Snapshot) bool { return s.Freshness.State == tui.Stale && s.Freshness.Attempt > 1 })
			if f := s.Freshness; f.Error == "" || f.AsOf.IsZero() || f.RetryAt.IsZero() || s.Host("a1") == nil {
				t.Errorf("stale data is %+v, host a1 %v", f, s.Host("a1"))
			}
			if err := m.DeregisterHost(t.Context(), model.Request{}, "a2"); err != nil {
				t.Fatal(err)
			}
			if err := m.Undeploy(t.Context(), model.Request{}, "a1", id, ""); err != nil {
				t.Fatal(err)
			}
			other := m.job("2")
			m.deploy("a1", other)
			if forget {
				m.ForgetEvents()
			}
			m.up()
			source.Resync()
			await(t, source, "live again, and current", func(s *tui.Snapshot) bool {
				h := s.Host("a1")
				return isLive(s) && s.Host("a2") == nil && h != nil && h.Task(id) == nil && h.Task(other) != nil && s.Job(other) != nil &&
					s.Job(other).Spec.Image == "nginx:2"
			})
		})
	}
}

// Whoever names one master goes on with the others when that is gone.
func TestSourceLearnsMasters(t *testing.T) {
	backends := apitest.NewCluster(2, time.Second)
	second := serve(t, backends[1], nil)
	first := serve(t, backends[0], apitest.NewPool(
		model.Member{Name: "master2", Role: model.RoleMaster, Status: model.MemberAlive, API: "http://" + second.address},
	))
	first.agent("a1", nil)
	source := watch(t, "http://"+first.address)
	await(t, source, "members", func(s *tui.Snapshot) bool { return isLive(s) && len(s.Members) == 1 })
	first.down()
	t.Cleanup(first.up) // for it to be put down again
	second.Lead()
	second.agent("a2", nil)
	await(t, source, "live from the other", func(s *tui.Snapshot) bool {
		return isLive(s) && s.Freshness.Master == "master2" && s.Freshness.Leader && s.Host("a2") != nil
	})
	if err := source.Do(t.Context(), tui.Action{Verb: tui.VerbDrain, Host: "a1"}); err != nil {
		t.Errorf("a change does not get to the other: %v", err)
	}
}

// Masters that do not accept who asks are not asked again and again, but when somebody says so.
func TestSourceTellsThatItIsRefused(t *testing.T) {
	m := newMaster(t)
	m.agent("a1", nil)
	source := watch(t, "http://"+m.address)
	await(t, source, "live", isLive)
	m.refuses.Store(true)
	m.down()
	m.up()
	s := await(t, source, "refused", func(s *tui.Snapshot) bool { return s.Freshness.Refused })
	if f := s.Freshness; f.State != tui.Stale || s.Host("a1") == nil || !strings.Contains(f.Error, "alice may not look") {
		t.Errorf("a refusal is %+v, host a1 %v", f, s.Host("a1"))
	}
	m.refuses.Store(false)
	source.Resync()
	await(t, source, "live again", func(s *tui.Snapshot) bool { return isLive(s) && !s.Freshness.Refused })
}

func TestSourceWaitsForItsFirstMaster(t *testing.T) {
	m := newMaster(t)
	m.agent("a1", nil)
	m.down()
	source := watch(t, "http://"+m.address)
	s := await(t, source, "a first failure", func(s *tui.Snapshot) bool { return s.Freshness.Attempt > 0 })
	if s.Freshness.State != tui.Connecting || s.Freshness.Error == "" {
		t.Errorf("without any master it is %+v", s.Freshness)
	}
	m.up()
	await(t, source, "live", func(s *tui.Snapshot) bool { return isLive(s) && s.Host("a1") != nil })
}

// Heartbeats are no news: with nothing happening nothing new is published, so that nothing is drawn.
func TestSourceIsQuiet(t *testing.T) {
	m := newMaster(t)
	source := watch(t, "http://"+m.address)
	before := await(t, source, "live, with masters", func(s *tui.Snapshot) bool { return isLive(s) && s.Freshness.Leader })
	const heartbeats = 20
	for range heartbeats {
		m.awaitHeartbeat()
	}
	if after := source.Snapshot(); after.Version > before.Version+heartbeats/4 {
		t.Errorf("%d snapshots were published during %d heartbeats", after.Version-before.Version, heartbeats)
	}
}

func TestSourceActs(t *testing.T) {
	m := newMaster(t)
	m.agent("a1", nil)
	source := watch(t, "http://"+m.address)
	await(t, source, "live", isLive)
	spec := model.Job{ID: model.JobID{Name: "web", Version: "1"}, Image: "nginx:1", Token: "secret"}
	ctx := t.Context()
	if err := source.Do(ctx, tui.Action{Verb: tui.VerbCreate, Spec: &spec}); err != nil {
		t.Fatal(err)
	}
	s := await(t, source, "the job", func(s *tui.Snapshot) bool { return len(s.Jobs) == 1 })
	id := s.Jobs[0].Spec.ID
	deploy := tui.Action{Verb: tui.VerbDeploy, Job: id, Host: "a1"}
	if err := source.Do(ctx, deploy); !errors.Is(err, model.ErrForbidden) {
		t.Errorf("without the token: %v", err)
	}
	for _, step := range []struct {
		action tui.Action
		holds  func(*tui.Snapshot) bool
	}{
		{deploy, func(s *tui.Snapshot) bool { return s.Host("a1").Task(id) != nil }},
		{tui.Action{Verb: tui.VerbStop, Job: id, Host: "a1"}, func(s *tui.Snapshot) bool { return s.Host("a1").Task(id).Goal == model.GoalStop }},
		{tui.Action{Verb: tui.VerbStart, Job: id, Host: "a1"}, func(s *tui.Snapshot) bool {
			return s.Host("a1").Task(id).Goal == model.GoalStart
		}},
		{tui.Action{Verb: tui.VerbUndeploy, Job: id, Host: "a1"}, func(s *tui.Snapshot) bool { return s.Host("a1").Task(id) == nil }},
		{tui.Action{Verb: tui.VerbDrain, Host: "a1"}, func(s *tui.Snapshot) bool { return s.Host("a1").Drain != nil }},
		{tui.Action{Verb: tui.VerbUndrain, Host: "a1"}, func(s *tui.Snapshot) bool { return s.Host("a1").Drain == nil }},
		{tui.Action{Verb: tui.VerbRemove, Job: id}, func(s *tui.Snapshot) bool { return len(s.Jobs) == 0 }},
		{tui.Action{Verb: tui.VerbDeregister, Host: "a1"}, func(s *tui.Snapshot) bool { return len(s.Hosts) == 0 }},
	} {
		step.action.Token = "secret"
		if err := source.Do(ctx, step.action); err != nil {
			t.Fatalf("%s: %v", step.action.Verb, err)
		}
		await(t, source, string(step.action.Verb), step.holds)
	}
}

func TestSourceRemembers(t *testing.T) {
	m := newMaster(t)
	m.agent("a1", nil)
	m.agent("a2", nil)
	id := m.job("1")
	for _, host := range []string{"a1", "a2"} {
		m.deploy(host, id)
		m.report(host, 1, id, model.StateStarting)
		m.report(host, 2, id, model.StateRunning)
	}
	source := watch(t, "http://"+m.address)
	await(t, source, "live", isLive)
	for _, test := range []struct {
		query tui.HistoryQuery
		want  int
	}{{tui.HistoryQuery{Job: id}, 4}, {tui.HistoryQuery{Host: "a1"}, 2}, {tui.HistoryQuery{Job: id, Host: "a2"}, 2}} {
		found, err := source.History(t.Context(), test.query)
		if err != nil || len(found) != test.want {
			t.Errorf("%+v: %d transitions, want %d: %v", test.query, len(found), test.want, err)
		}
	}
}

// A host that cannot be read says so among the lines of the others.
func TestSourceTellsWhoseLogsAreMissing(t *testing.T) {
	m := newMaster(t)
	id := m.job("1")
	for _, host := range []string{"a1", "a2"} {
		m.agent(host, nil)
		m.deploy(host, id)
		m.SetAlive(host, false)
	}
	source := watch(t, "http://"+m.address)
	await(t, source, "live", isLive)
	told := map[string]string{}
	for line, err := range source.Logs(t.Context(), tui.LogQuery{Job: id, Tail: 10}) {
		if err != nil {
			t.Fatal(err)
		}
		if line.Error != nil {
			told[line.Host] = line.Error.Message
		}
	}
	if told["a1"] == "" || told["a2"] == "" {
		t.Errorf("the hosts told %q", told)
	}
}

// However many events come, what is shown in the end is what is there, and it is shown far less often than things change.
func TestSourceOutlivesAStorm(t *testing.T) {
	m := newMaster(t)
	source := watch(t, "http://"+m.address)
	await(t, source, "live", isLive)
	id := m.job("1")
	const hosts, rounds = 20, 100
	for i := range hosts {
		name := fmt.Sprintf("a%02d", i)
		m.agent(name, nil)
		m.deploy(name, id)
	}
	states := []model.State{model.StateStarting, model.StateRunning}
	for round := range rounds {
		for i := range hosts {
			m.report(fmt.Sprintf("a%02d", i), uint64(round+1), id, states[round%2])
		}
	}
	s := await(t, source, "all is seen", func(s *tui.Snapshot) bool {
		return len(s.Events) >= hosts*rounds && s.Tasks.Of(model.StateRunning) == hosts && s.Up == hosts
	})
	if s.Version >= hosts*rounds {
		t.Errorf("%d snapshots were made of %d events", s.Version, len(s.Events))
	}
}

// Each state of a rollout is shown as what it is.
func TestSourceTellsTheStatesOfRolloutsApart(t *testing.T) {
	m := newMaster(t)
	m.agent("a1", map[string]string{"role": "web"})
	m.agent("a2", map[string]string{"role": "web"})
	first, second := m.job("1"), m.job("2")
	source := watch(t, "http://"+m.address)
	await(t, source, "live", isLive)
	ctx := t.Context()
	selector, err := model.ParseHostSelector("role=web")
	if err != nil {
		t.Fatal(err)
	}
	create := tui.Action{Verb: tui.VerbGroupMake, Group: "web", Selectors: []model.HostSelector{selector}}
	if err := source.Do(ctx, create); err != nil {
		t.Fatal(err)
	}
	if err := source.Do(ctx, create); !errors.Is(err, &model.Error{Code: model.CodeGroupConflict}) {
		t.Errorf("creating the group once more: %v", err)
	}
	await(t, source, "the group", func(s *tui.Snapshot) bool { return s.Group("web") != nil && len(s.Group("web").Hosts) == 2 })
	roll := tui.Action{Verb: tui.VerbRoll, Group: "web", Job: first, Options: &tui.RolloutOptions{
		Parallelism: 1, Timeout: time.Minute, Canary: 1, MinHealthy: 3 * time.Second, MaxFailures: "50%", OnFailure: model.OnFailurePause,
	}}
	preview, err := source.Preview(ctx, roll)
	if err != nil || len(preview.Hosts) != 2 || !slices.Equal(preview.Hosts[0].Deploy, []model.JobID{first}) {
		t.Errorf("the preview is %+v: %v", preview, err)
	}
	if err := source.Do(ctx, roll); err != nil {
		t.Fatal(err)
	}
	s := await(t, source, "rolling", func(s *tui.Snapshot) bool { return s.Group("web").Rollout != nil })
	if o := s.Group("web").Rollout.Options; o != *roll.Options {
		t.Errorf("the options are %+v, want %+v", o, *roll.Options)
	}
	if err := m.AwaitCanaries("web"); err != nil {
		t.Fatal(err)
	}
	await(t, source, "waiting behind its canaries", func(s *tui.Snapshot) bool {
		r := s.Group("web").Rollout
		return r.State == tui.RolloutCanary && r.Active() && r.Waits()
	})
	roll.Job = second
	if err := source.Do(ctx, roll); err != nil {
		t.Fatal(err)
	}
	await(t, source, "replaced", func(s *tui.Snapshot) bool {
		g := s.Group("web")
		return g.Rollout.To == second && len(g.Past) == 1 && g.Past[0].State == tui.RolloutReplaced
	})
	if err := source.Do(ctx, tui.Action{Verb: tui.VerbRollBack, Group: "web", Job: first}); err != nil {
		t.Fatal(err)
	}
	await(t, source, "rolled back", func(s *tui.Snapshot) bool { return s.Group("web").Rollout.Back })
	back := tui.Action{Verb: tui.VerbRollBack, Group: "web", Job: second}
	if preview, err := source.Preview(ctx, back); err != nil || len(preview.Hosts) != 2 {
		t.Errorf("the preview of a way back is %+v: %v", preview, err)
	}
	if err := source.Do(ctx, tui.Action{Verb: tui.VerbGroupDrop, Group: "web"}); err != nil {
		t.Fatal(err)
	}
	await(t, source, "no group", func(s *tui.Snapshot) bool { return s.Group("web") == nil })
}
