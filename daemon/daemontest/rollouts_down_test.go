//go:build unix

package daemontest_test

import (
	"fmt"
	"testing"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/daemontest"
	"github.com/heliosctl/heliosctl/model"
)

// downGroup is three masters and a group of three hosts that run the first version.
type downGroup struct {
	*daemontest.Fleet
	t   *testing.T
	api *client.Client
}

func startDownGroup(t *testing.T) *downGroup {
	t.Helper()
	f := daemontest.StartFleet(t, daemontest.FleetConfig{
		Masters: 3, Agents: 3, Loopback: true, Runtime: "sim", MasterArgs: fast, AgentArgs: append([]string{"--labels", "role=web"}, fast...),
	})
	g := &downGroup{Fleet: f, t: t, api: f.Client("tester")}
	_, err := g.api.CreateGroup(t.Context(), model.DeploymentGroup{
		Name: "web", HostSelectors: []model.HostSelector{{Label: "role", Operator: model.SelectorEquals, Operand: "web"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	all := 3
	g.update("1", model.RolloutOptions{Parallelism: &all})
	g.await("the first version", func(r model.Rollout) bool { return r.State == model.RolloutDone && r.Counts.Done == 3 })
	return g
}

func (g *downGroup) update(version string, options model.RolloutOptions) model.JobID {
	g.t.Helper()
	job := sleeper("web")
	job.ID.Version = version
	id, err := g.api.CreateJob(g.t.Context(), job)
	if err == nil {
		_, err = g.api.RollingUpdate(g.t.Context(), "web", id, options)
	}
	if err != nil {
		g.t.Fatal(err)
	}
	return id
}

// await waits until the group's last rollout is as wanted.
func (g *downGroup) await(what string, is func(model.Rollout) bool) model.Rollout {
	g.t.Helper()
	var last model.Rollout
	daemontest.Await(g.t, what, func() (err error) {
		if last, err = g.api.Rollout(g.t.Context(), "web", 0); err == nil && !is(last) {
			err = fmt.Errorf("the rollout is %+v", last)
		}
		return err
	})
	return last
}

// passesBy waits until the rollout has ended well without a host, starts that again, and waits until the group has caught up with it.
func (g *downGroup) passesBy(host *daemontest.Daemon, to model.JobID) {
	g.t.Helper()
	last := g.await("the end of the rollout", func(r model.Rollout) bool { return r.To == to && !r.State.Active() })
	for _, h := range last.Hosts {
		want := model.PhaseDone
		if h.Host == host.Name() {
			want = model.PhaseSkipped
		}
		if h.Phase != want {
			g.t.Errorf("%s is %s: %s", h.Host, h.Phase, h.Reason)
		}
	}
	if last.State != model.RolloutDone || last.Counts.Skipped != 1 {
		g.t.Fatalf("the rollout ended as %+v", last)
	}
	g.Start(host)
	awaitState(g.t, g.AwaitLeader(), to, host, model.StateRunning)
}

// A host and the leader die together. The new leader knows from the old one that the host is UP, and by itself that it is not.
func TestRolloutOfANewLeaderPassesByAHostThatIsDown(t *testing.T) {
	t.Parallel()
	g := startDownGroup(t)
	host, leader := g.Agents[1], g.AwaitLeader()
	host.Kill()
	leader.Kill()
	next := g.AwaitLeader()
	g.AwaitHostsAt(next, model.Down, host)
	to := g.update("2", model.RolloutOptions{})
	g.passesBy(host, to)
}

// The rollout turns to a host that has died before anybody can know of it.
func TestRolloutDoesNotWaitForAHostThatTurnsOutToBeDown(t *testing.T) {
	t.Parallel()
	g := startDownGroup(t)
	host, leader := g.Agents[0], g.AwaitLeader()
	host.Kill()
	leader.Kill()
	g.AwaitLeader()
	to := g.update("2", model.RolloutOptions{})
	g.passesBy(host, to)
}
