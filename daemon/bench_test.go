package daemon_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon"
	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/daemon/container/containertest"
	"github.com/heliosctl/heliosctl/model"
)

// startCluster runs a master and its agents in this process until the benchmark ends, and returns a client of it.
func startCluster(b *testing.B, agents ...daemon.Agent) *client.Client {
	b.Helper()
	return runCluster(b, slog.New(slog.DiscardHandler), agents...)
}

// runCluster is startCluster with a log.
func runCluster(b testing.TB, log *slog.Logger, agents ...daemon.Agent) *client.Client {
	b.Helper()
	ready := make(chan daemon.Running, 1)
	config := daemon.Config{
		StateDir: b.TempDir(), Version: "bench", Logger: log, Loopback: true,
		Master: &daemon.Master{Name: "m1", HTTP: "127.0.0.1:0", Gossip: "127.0.0.1:0", Raft: "127.0.0.1:0"},
		Agents: agents, Ready: func(r daemon.Running) { ready <- r },
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- daemon.Run(ctx, config) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
		if err := daemon.Purge(context.Background(), config); err != nil {
			b.Error(err)
		}
	})
	select {
	case running := <-ready:
		c, err := client.New(client.Config{Endpoints: []string{running.MasterURL}, User: "bench"})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = c.Close() })
		return c
	case err := <-ended:
		b.Fatalf("the cluster ended: %v", err)
		return nil
	}
}

// BenchmarkAPIWrites compares durable writes through the HTTP API with what the disk alone does. Clients and master share the machine.
func BenchmarkAPIWrites(b *testing.B) {
	b.Run("fsync", func(b *testing.B) {
		file, err := os.Create(filepath.Join(b.TempDir(), "file"))
		if err != nil {
			b.Fatal(err)
		}
		defer file.Close()
		block := make([]byte, 512)
		for b.Loop() {
			if _, err := file.Write(block); err != nil {
				b.Fatal(err)
			}
			if err := file.Sync(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
	})
	for _, clients := range []int{1, 16} {
		b.Run(fmt.Sprintf("create/c=%d", clients), func(b *testing.B) {
			c := startCluster(b)
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range clients {
				wg.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						job := model.Job{ID: model.JobID{Name: fmt.Sprint("job", i), Version: "1"}, Image: "app:1", Command: []string{"serve"}}
						if _, err := c.CreateJob(b.Context(), job); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
		})
	}
}

// BenchmarkAPIListHosts asks for the names and for everything known of 10,000 hosts.
func BenchmarkAPIListHosts(b *testing.B) {
	const hosts = 10_000
	c := startCluster(b)
	var wg sync.WaitGroup
	var next atomic.Int64
	for range 32 {
		wg.Go(func() {
			for i := next.Add(1); i <= hosts; i = next.Add(1) {
				r := model.Registration{
					Host: fmt.Sprintf("host-%05d", i), AgentID: fmt.Sprint("agent", i), Labels: map[string]string{"role": "web"},
					HostInfo: model.HostInfo{Hostname: "h", OSName: "Linux", CPUs: 8, MemoryTotalBytes: 32 << 30},
				}
				if _, err := c.RegisterAgent(context.Background(), r); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	names, err := c.Hosts(context.Background(), "", nil)
	if err != nil || len(names) != hosts {
		b.Fatalf("%d hosts: %v", len(names), err)
	}
	b.Run("names", func(b *testing.B) {
		for b.Loop() {
			if _, err := c.Hosts(b.Context(), "", nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("statuses", func(b *testing.B) {
		for b.Loop() {
			if _, err := c.HostStatuses(b.Context(), names, ""); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkDeploy measures, in turns, what a user waits for and what the engine alone takes for the same container: deploy through
// the API until RUNNING is in the event stream beside create and start, undeploy until STOPPED beside stop.
func BenchmarkDeploy(b *testing.B) {
	engine := containertest.RequireDocker(b)
	image := containertest.BusyboxImage(b, engine)
	for _, network := range []string{"bridge", "host"} {
		b.Run(network, func(b *testing.B) {
			c := startCluster(b, daemon.Agent{
				Name: "bench-1", Gossip: "127.0.0.1:0", Runtime: daemon.RuntimeDocker, PortRange: daemon.DefaultPortRange(),
			})
			command := []string{"/bin/busybox", "sh", "-c", "trap 'exit 0' TERM; : >/tmp/ready; while :; do /bin/busybox sleep 0.01; done"}
			rawAgent := containertest.AgentID(b, engine)
			var raw, deployed, rawStop, undeployed time.Duration
			for i := 0; b.Loop(); i++ {
				name := fmt.Sprintf("bench-%s-%d", network, i)
				spec := container.Spec{Name: rawAgent + "-" + name, AgentID: rawAgent, Image: image, Command: command, NetworkMode: network}
				started, stopped := rawCycle(b, engine, spec)
				raw, rawStop = raw+started, rawStop+stopped

				id, err := c.CreateJob(b.Context(), model.Job{
					ID: model.JobID{Name: name, Version: "1"}, Image: image, Command: command, NetworkMode: network,
				})
				if err != nil {
					b.Fatal(err)
				}
				running, took := until(b, c, id, model.StateRunning, func() error {
					return c.Deploy(b.Context(), "bench-1", model.Deployment{JobID: id, Goal: model.GoalStart}, "")
				})
				deployed += took
				awaitTrap(b, engine, running.ContainerID)
				_, took = until(b, c, id, model.StateStopped, func() error { return c.Undeploy(b.Context(), "bench-1", id, "") })
				undeployed += took
			}
			n := float64(b.N) / 1000
			b.ReportMetric(raw.Seconds()/n, "raw-start-ms")
			b.ReportMetric(deployed.Seconds()/n, "deploy-ms")
			b.ReportMetric(deployed.Seconds()/raw.Seconds(), "deploy-ratio")
			b.ReportMetric(rawStop.Seconds()/n, "raw-stop-ms")
			b.ReportMetric(undeployed.Seconds()/n, "undeploy-ms")
			b.ReportMetric(undeployed.Seconds()/rawStop.Seconds(), "undeploy-ratio")
		})
	}
}

// until does something and returns the task's status with the state, and how long it took from then on until its event came.
func until(b *testing.B, c *client.Client, id model.JobID, state model.State, do func() error) (model.TaskStatus, time.Duration) {
	b.Helper()
	var began time.Time
	for event, err := range c.Events(b.Context(), 0) {
		switch {
		case err != nil:
			b.Fatal(err)
		case began.IsZero(): // the stream is open
			began = time.Now()
			if err := do(); err != nil {
				b.Fatal(err)
			}
		case event.Type == model.EventTaskStatus && event.Status.Job.ID == id && event.Status.State == state:
			return *event.Status, time.Since(began)
		}
	}
	b.Fatal("the event stream ended")
	return model.TaskStatus{}, 0
}

// awaitTrap waits until the container listens to TERM: a first process that does not is not ended by it.
func awaitTrap(b *testing.B, engine *container.Docker, id string) {
	b.Helper()
	for {
		code, err := engine.Exec(b.Context(), id, []string{"/bin/busybox", "test", "-e", "/tmp/ready"})
		if err != nil {
			b.Fatal(err)
		}
		if code == 0 {
			return
		}
	}
}

func rawCycle(b *testing.B, engine *container.Docker, spec container.Spec) (started, stopped time.Duration) {
	b.Helper()
	began := time.Now()
	id, err := engine.Create(b.Context(), spec)
	if err != nil {
		b.Fatal(err)
	}
	if err := engine.Start(b.Context(), id); err != nil {
		b.Fatal(err)
	}
	started = time.Since(began)
	awaitTrap(b, engine, id)
	began = time.Now()
	if err := engine.Stop(b.Context(), id, 10*time.Second); err != nil {
		b.Fatal(err)
	}
	stopped = time.Since(began)
	if err := engine.Remove(b.Context(), id); err != nil {
		b.Fatal(err)
	}
	return started, stopped
}

// BenchmarkExit measures, in turns, how soon a killed container is told of: as EXITED in the event stream of the API, and as an
// event by the engine itself.
func BenchmarkExit(b *testing.B) {
	engine := containertest.RequireDocker(b)
	image := containertest.BusyboxImage(b, engine)
	c := startCluster(b, daemon.Agent{
		Name: "bench-1", Gossip: "127.0.0.1:0", Runtime: daemon.RuntimeDocker, PortRange: daemon.DefaultPortRange(),
	})
	rawAgent := containertest.AgentID(b, engine)
	command := []string{"/bin/busybox", "sleep", "1000"}
	var raw, told time.Duration
	for i := 0; b.Loop(); i++ {
		name := fmt.Sprint("exit-", i)
		spec := container.Spec{Name: rawAgent + "-" + name, AgentID: rawAgent, Image: image, Command: command, NetworkMode: "host"}
		raw += rawExit(b, engine, spec)

		id, err := c.CreateJob(b.Context(), model.Job{ID: model.JobID{Name: name, Version: "1"}, Image: image, Command: command, NetworkMode: "host"})
		if err != nil {
			b.Fatal(err)
		}
		running, _ := until(b, c, id, model.StateRunning, func() error {
			return c.Deploy(b.Context(), "bench-1", model.Deployment{JobID: id, Goal: model.GoalStart}, "")
		})
		_, took := until(b, c, id, model.StateExited, func() error { return engine.Kill(b.Context(), running.ContainerID) })
		told += took
		if err := c.Undeploy(b.Context(), "bench-1", id, ""); err != nil {
			b.Fatal(err)
		}
	}
	n := float64(b.N) / 1000
	b.ReportMetric(raw.Seconds()/n, "raw-exit-ms")
	b.ReportMetric(told.Seconds()/n, "exit-ms")
}

// rawExit kills a container and returns how long it took until the engine's event came.
func rawExit(b *testing.B, engine *container.Docker, spec container.Spec) time.Duration {
	b.Helper()
	id, err := engine.Create(b.Context(), spec)
	if err != nil {
		b.Fatal(err)
	}
	if err := engine.Start(b.Context(), id); err != nil {
		b.Fatal(err)
	}
	var began time.Time
	for event, err := range engine.Events(b.Context()) {
		switch {
		case err != nil:
			b.Fatal(err)
		case event.Action == container.EventSubscribed:
			began = time.Now()
			if err := engine.Kill(b.Context(), id); err != nil {
				b.Fatal(err)
			}
		case event.Action == container.EventDie && event.ID == id:
			took := time.Since(began)
			if err := engine.Remove(b.Context(), id); err != nil {
				b.Fatal(err)
			}
			return took
		}
	}
	b.Fatal("the event stream ended")
	return 0
}
