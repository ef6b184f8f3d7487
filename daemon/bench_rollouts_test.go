package daemon_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon"
	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/daemon/container/containertest"
	"github.com/heliosctl/heliosctl/model"
)

// BenchmarkRollingUpdate measures, in turns, a rolling update of ten hosts one at a time beside what the engine alone takes to stop,
// create and start as many containers in a row.
func BenchmarkRollingUpdate(b *testing.B) {
	const hosts = 10
	engine := containertest.RequireDocker(b)
	image := containertest.BusyboxImage(b, engine)
	var agents []daemon.Agent
	for i := range hosts {
		agents = append(agents, daemon.Agent{
			Name: fmt.Sprint("bench-", i), Gossip: "127.0.0.1:0", Runtime: daemon.RuntimeDocker,
			Labels: map[string]string{"role": "web"}, PortRange: daemon.DefaultPortRange(),
		})
	}
	c := startCluster(b, agents...)
	awaitUp(b, c, hosts)
	webGroup(b, c)
	command := []string{"/bin/busybox", "sh", "-c", "trap 'exit 0' TERM; : >/tmp/ready; while :; do /bin/busybox sleep 0.01; done"}
	update := func(version string, parallelism int) time.Duration {
		job := model.Job{ID: model.JobID{Name: "web", Version: version}, Image: image, Command: command}
		id, err := c.CreateJob(b.Context(), job)
		if err != nil {
			b.Fatal(err)
		}
		last := rollOut(b, c, id, model.RolloutOptions{Parallelism: &parallelism})
		if last.State != model.RolloutDone || last.Counts.Done != hosts {
			b.Fatalf("the rollout ended as %+v", last)
		}
		status, err := c.JobStatus(b.Context(), id)
		if err != nil {
			b.Fatal(err)
		}
		for _, task := range status.TaskStatuses {
			awaitTrap(b, engine, task.ContainerID)
		}
		return last.Ended.Time().Sub(last.Started.Time())
	}
	raw := newRawRow(b, engine, container.Spec{Image: image, Command: command}, hosts)
	update("first", hosts)
	var rawTook, took time.Duration
	for i := 0; b.Loop(); i++ {
		rawTook += raw.replace(b)
		took += update(fmt.Sprint(i), 1)
	}
	n := float64(b.N) / 1000
	b.ReportMetric(rawTook.Seconds()/n, "raw-ms")
	b.ReportMetric(took.Seconds()/n, "rollout-ms")
	b.ReportMetric(took.Seconds()/rawTook.Seconds(), "ratio")
}

// rawRow is containers that the engine alone runs.
type rawRow struct {
	engine *container.Docker
	spec   container.Spec
	ids    []string
	made   int
}

func newRawRow(b *testing.B, engine *container.Docker, spec container.Spec, n int) *rawRow {
	b.Helper()
	spec.AgentID = containertest.AgentID(b, engine)
	r := &rawRow{engine: engine, spec: spec}
	for range n {
		r.ids = append(r.ids, r.start(b))
	}
	r.ready(b)
	return r
}

func (r *rawRow) start(b *testing.B) string {
	b.Helper()
	spec := r.spec
	spec.Name = fmt.Sprintf("%s-raw-%d", spec.AgentID, r.made)
	r.made++
	id, err := r.engine.Create(b.Context(), spec)
	if err != nil {
		b.Fatal(err)
	}
	if err := r.engine.Start(b.Context(), id); err != nil {
		b.Fatal(err)
	}
	return id
}

// ready waits until all listen to TERM.
func (r *rawRow) ready(b *testing.B) {
	b.Helper()
	for _, id := range r.ids {
		awaitTrap(b, r.engine, id)
	}
}

// replace stops each container and starts another one in its place, and returns how long that took without removing the old ones.
func (r *rawRow) replace(b *testing.B) time.Duration {
	b.Helper()
	old := make([]string, 0, len(r.ids))
	began := time.Now()
	for i, id := range r.ids {
		if err := r.engine.Stop(b.Context(), id, 10*time.Second); err != nil {
			b.Fatal(err)
		}
		old, r.ids[i] = append(old, id), r.start(b)
	}
	took := time.Since(began)
	for _, id := range old {
		if err := r.engine.Remove(b.Context(), id); err != nil {
			b.Fatal(err)
		}
	}
	r.ready(b)
	return took
}
