package master

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/heliosctl/heliosctl/model"
)

func TestProgressOfPullsIsShownAndNotKept(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	m.mustRegister("h1", "a1")
	job := m.mustCreate(testJob("web", "1"))
	m.mustDeploy("h1", job, model.GoalStart)
	post := func(seq uint64, state model.State) {
		t.Helper()
		batch := model.StatusBatch{AgentID: "a1", Reports: []model.StatusReport{report(seq, job, state)}}
		if _, err := m.PostStatuses(t.Context(), "h1", batch); err != nil {
			t.Fatal(err)
		}
	}
	look := func(want string) {
		t.Helper()
		byJob, err := m.JobStatus(job.ID)
		if err != nil {
			t.Fatal(err)
		}
		host, err := m.Host("h1")
		if err != nil {
			t.Fatal(err)
		}
		got := [2]string{byJob.TaskStatuses["h1"].Progress, host.Statuses[job.ID].Progress}
		if diff := cmp.Diff([2]string{want, want}, got); diff != "" {
			t.Errorf("progress by job and by host (-want +got):\n%s", diff)
		}
	}
	post(1, model.StatePullingImage)
	look("")
	index := m.Index()
	wantCode(t, m.PostGauges("h1", model.Gauges{AgentID: "a1", Progress: map[model.JobID]string{job.ID: "1 of 9 MB"}}), "")
	look("1 of 9 MB")
	if m.Index() != index {
		t.Error("progress was written to the log")
	}
	post(2, model.StateCreating) // the next gauges may come later
	look("")
	history, err := m.History(t.Context(), job.ID)
	if err != nil || len(history) != 2 {
		t.Fatalf("history of %d rows, %v", len(history), err)
	}
	for _, event := range history {
		if event.Status.Progress != "" {
			t.Errorf("the history has the progress %q", event.Status.Progress)
		}
	}
}

func TestProgressOfALostAgentIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job := testJob("web", "1").WithID()
		g := newGauges()
		g.put("h1", model.Gauges{AgentID: "a1", Progress: map[model.JobID]string{job.ID: "1 of 9 MB"}})
		shown := func() string {
			statuses := map[string]model.TaskStatus{"h1": {Job: job, State: model.StatePullingImage}}
			g.mergeProgress(statuses)
			return statuses["h1"].Progress
		}
		time.Sleep(progressAge)
		if got := shown(); got != "1 of 9 MB" {
			t.Errorf("progress %q after %s", got, progressAge)
		}
		time.Sleep(time.Second)
		if got := shown(); got != "" {
			t.Errorf("progress %q after more than %s", got, progressAge)
		}
	})
}

func TestGaugesOfOtherMasters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leader, follower := newGauges(), newGauges()
		var version uint64
		fetch := func(want ...string) {
			t.Helper()
			update := leader.since(version, time.Now())
			if diff := cmp.Diff(want, slices.Sorted(maps.Keys(update.Gauges)), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("news (-want +got):\n%s", diff)
			}
			version = update.Version
			follower.take(update, time.Now())
		}
		uptime := func(g *gauges, host string) int64 {
			status := model.HostStatus{Status: model.Up, HostInfo: &model.HostInfo{}, AgentInfo: &model.AgentInfo{}}
			g.merge(&status, host, "a")
			return status.AgentInfo.Uptime
		}
		leader.put("h1", model.Gauges{AgentID: "a", Uptime: 1000})
		time.Sleep(20 * time.Second)
		leader.put("h2", model.Gauges{AgentID: "a", Uptime: 2000})
		fetch("h1", "h2")
		fetch()
		time.Sleep(10 * time.Second)
		leader.put("h1", model.Gauges{AgentID: "a", Uptime: 31_000})
		fetch("h1")
		for host, want := range map[string]int64{"h1": 31_000, "h2": 12_000} {
			if got := [2]int64{uptime(leader, host), uptime(follower, host)}; got != [2]int64{want, want} {
				t.Errorf("uptimes of %s at the leader and elsewhere %v, want %d", host, got, want)
			}
		}
		// The follower leads now, and what the old leader still has is older than what the agent sends.
		follower.put("h1", model.Gauges{AgentID: "a", Uptime: 77_000})
		follower.take(leader.since(0, time.Now().Add(time.Second)), time.Now())
		if got := uptime(follower, "h1"); got != 77_000 {
			t.Errorf("uptime %d after an older reading came late, want 77000", got)
		}
		follower.take(model.GaugeUpdate{Gauges: map[string]model.Gauges{"h1": {AgentID: "b"}}, Ages: map[string]int64{"h1": 5000}}, time.Now())
		if got := follower.heardOf("h1", "b"); got.IsZero() {
			t.Error("a reading of the agent that took the host over was dropped")
		}
		follower.retain(func(host string) bool { return host != "h1" })
		if update := follower.since(0, time.Now()); len(update.Gauges) != 1 || len(update.Ages) != 1 {
			t.Errorf("after h1 was forgotten: %v", update)
		}
		// A master that was started again has versions of its own.
		restarted := newGauges()
		restarted.put("h3", model.Gauges{AgentID: "a"})
		if update := restarted.since(version, time.Now()); len(update.Gauges) != 1 {
			t.Errorf("a master that was started again tells %v", update.Gauges)
		}
	})
}

// direct asks other masters of the same process.
type direct map[string]*Master

func (d direct) ConfirmedIndex(ctx context.Context, api string) (uint64, error) {
	return d[api].ConfirmedIndex(ctx)
}

func (d direct) Self(_ context.Context, api string) (model.MasterStatus, error) {
	return d[api].Self(), nil
}

func (d direct) GaugesSince(_ context.Context, api string, version uint64) (model.GaugeUpdate, error) {
	m, ok := d[api]
	if !ok {
		return model.GaugeUpdate{}, errNoLeader()
	}
	return m.GaugesSince(version), nil
}

func (d direct) RemovePeer(ctx context.Context, api string, req model.Request, id string, force bool) error {
	return d[api].RemovePeer(ctx, req, id, force)
}

func TestAMasterFetchesGauges(t *testing.T) {
	leader := start(t, t.TempDir(), nil)
	// The follower has the same state, as replication would make it.
	follower := &Master{log: leader.log, folders: leader.folders, gauges: newGauges(), remote: direct{"leader": leader.Master}}
	for _, host := range []string{"h1", "h2"} {
		leader.mustRegister(host, "a")
		wantCode(t, leader.PostGauges(host, model.Gauges{AgentID: "a", LoadAvg: 3}), "")
	}
	from := follower.fetchGauges(t.Context(), "leader", gaugeSource{})
	if got := follower.GaugesSince(0).Gauges; got["h1"].LoadAvg != 3 || got["h2"].LoadAvg != 3 {
		t.Errorf("fetched %v", got)
	}
	if next := follower.fetchGauges(t.Context(), "nobody", from); next != (gaugeSource{leader: "nobody"}) {
		t.Errorf("after a leader that does not answer: %+v", next)
	}
	if err := leader.DeregisterHost(t.Context(), by("u"), "h1"); err != nil {
		t.Fatal(err)
	}
	follower.fetchGauges(t.Context(), "leader", from)
	if got := follower.GaugesSince(0).Gauges; len(got) != 1 || got["h2"].LoadAvg != 3 {
		t.Errorf("after h1 was deregistered: %v", got)
	}
}

// BenchmarkGaugesSince is what fetching from a leader of 10,000 hosts costs it: everything, the half that is new, and nothing.
func BenchmarkGaugesSince(b *testing.B) {
	const hosts = 10_000
	g := newGauges()
	names := make([]string, hosts)
	for i := range names {
		names[i] = fmt.Sprintf("host-%05d.example.com", i)
	}
	put := func(names []string) {
		for _, name := range names {
			g.put(name, model.Gauges{AgentID: "0123456789abcdef", LoadAvg: 1.25, MemoryFreeBytes: 1 << 33, Uptime: 123456})
		}
	}
	put(names)
	old := g.since(0, time.Now()).Version
	put(names[:hosts/2])
	for name, version := range map[string]uint64{"all": 0, "half": old, "none": g.since(0, time.Now()).Version} {
		b.Run(name, func(b *testing.B) {
			var size int
			for b.Loop() {
				text, err := json.Marshal(g.since(version, time.Now()))
				if err != nil {
					b.Fatal(err)
				}
				size = len(text)
			}
			b.ReportMetric(float64(size), "bytes")
		})
	}
}
