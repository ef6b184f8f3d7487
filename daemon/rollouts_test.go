package daemon_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon"
	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

// simAgents are agents h1, h2 and so on with the label role=web, whose engines have the images.
func simAgents(n int, images ...string) []daemon.Agent {
	var agents []daemon.Agent
	for i := range n {
		sim := container.NewSim()
		for _, image := range images {
			sim.AddImage(image)
		}
		agents = append(agents, daemon.Agent{
			Name: fmt.Sprint("h", i+1), Gossip: "127.0.0.1:0", Runtime: daemon.RuntimeSim, Simulated: sim,
			Labels: map[string]string{"role": "web"}, PortRange: daemon.DefaultPortRange(),
		})
	}
	return agents
}

// webGroup makes the group web of the hosts with the role web.
func webGroup(t testing.TB, c *client.Client) {
	t.Helper()
	_, err := c.CreateGroup(t.Context(), model.DeploymentGroup{
		Name: "web", HostSelectors: []model.HostSelector{{Label: "role", Operator: model.SelectorEquals, Operand: "web"}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// awaitUp waits until that many hosts are up.
func awaitUp(t testing.TB, c *client.Client, hosts int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		names, err := c.Hosts(ctx, "", nil)
		if err == nil {
			var up map[string]model.HostStatus
			if up, err = c.HostStatuses(ctx, names, model.Up); err == nil && len(up) == hosts {
				return
			}
		}
		if ctx.Err() != nil {
			t.Fatalf("not all hosts are up: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// rollOut brings the group web to a job and returns the rollout when it, or the one that undoes it, has ended.
func rollOut(t testing.TB, c *client.Client, job model.JobID, options model.RolloutOptions) model.Rollout {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	status, err := c.Self(ctx)
	if err != nil {
		t.Fatal(err)
	}
	events := c.Events(ctx, status.Index)
	if _, err := c.RollingUpdate(ctx, "web", job, options); err != nil {
		t.Fatal(err)
	}
	for event, err := range events {
		if err != nil {
			t.Fatal(err)
		}
		if event.Type == model.EventRolloutFinished && event.Group == "web" && event.State != model.RolloutRolledBack {
			break
		}
	}
	last, err := c.Rollout(ctx, "web", 0)
	if err != nil {
		t.Fatal(err)
	}
	return last
}

// TestRollingUpdatesOfRealAgents rolls a group of five hosts to its second version with no moment in which fewer than four run one, to a
// third which is broken and goes back by itself, and takes in a host that comes later.
func TestRollingUpdatesOfRealAgents(t *testing.T) {
	agents := simAgents(5, "web:1", "web:2")
	for _, a := range agents {
		a.Simulated.MissImage("web:3")
	}
	c := runCluster(t, slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})), agents...)
	awaitUp(t, c, 5)
	var jobs []model.JobID
	for _, version := range []string{"1", "2", "3"} {
		id, err := c.CreateJob(t.Context(), model.Job{ID: model.JobID{Name: "web", Version: version}, Image: "web:" + version})
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, id)
	}
	webGroup(t, c)
	parallelism := 5
	if last := rollOut(t, c, jobs[0], model.RolloutOptions{Parallelism: &parallelism}); last.State != model.RolloutDone {
		t.Fatalf("version 1: %+v", last)
	}

	self, err := c.Self(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second := rollOut(t, c, jobs[1], model.RolloutOptions{})
	if second.State != model.RolloutDone || second.Counts.Done != 5 {
		t.Fatalf("version 2: %+v", second)
	}
	if fewest := fewestRunning(t, c, self.Index, 5); fewest < 4 {
		t.Errorf("at a time only %d hosts ran a version", fewest)
	}

	back := rollOut(t, c, jobs[2], model.RolloutOptions{OnFailure: model.OnFailureRollback})
	status, err := c.GroupStatus(t.Context(), "web")
	if err != nil || back.Reason != model.RolloutBack || back.State != model.RolloutDone || status.Status != model.GroupStatusFailed {
		t.Errorf("version 3: %+v; %+v, %v", back, status, err)
	}
	for _, host := range status.HostStatuses {
		if host.JobID != jobs[1] || host.State != model.StateRunning {
			t.Errorf("after going back: %+v", host)
		}
	}
	rollouts, err := c.Rollouts(t.Context(), "web")
	if err != nil || rollouts[1].Code != model.CodeImageMissing {
		t.Errorf("rollouts %+v, %v", rollouts, err)
	}

	// An undeploy by hand does not last.
	self, err = c.Self(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Undeploy(t.Context(), "h3", jobs[1], ""); err != nil {
		t.Fatal(err)
	}
	awaitRunning(t, c, self.Index, "h3", jobs[1])
}

// awaitRunning waits until a host reports, after an index, that it has begun to run a job.
func awaitRunning(t testing.TB, c *client.Client, index uint64, host string, job model.JobID) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for event, err := range c.Events(ctx, index) {
		switch {
		case err != nil:
			t.Fatal(err)
		case event.Type == model.EventTaskStatus && event.Host == host && *event.JobID == job && event.Status.State == model.StateRunning:
			return
		}
	}
}

// fewestRunning goes through what was reported since an index, when all hosts ran something, and returns how many did at the worst.
func fewestRunning(t testing.TB, c *client.Client, index uint64, hosts int) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	self, err := c.Self(ctx)
	if err != nil {
		t.Fatal(err)
	}
	down := map[string]bool{}
	most := 0
	for event, err := range c.Events(ctx, index) {
		if err != nil {
			t.Fatal(err)
		}
		if event.Type == model.EventTaskStatus && event.Status.State == model.StateRunning {
			delete(down, event.Host)
		} else if event.Type == model.EventTaskStatus {
			down[event.Host] = true
		}
		most = max(most, len(down))
		if event.Index >= self.Index {
			break
		}
	}
	return hosts - most
}
