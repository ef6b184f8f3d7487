package main

import (
	"context"
	"fmt"
	"syscall"
	"testing"

	"github.com/heliosctl/heliosctl/model"
)

// TestRollingUpdateOutlivesItsLeader kills the leader's process in the middle of a rolling update of agents that are processes.
func TestRollingUpdateOutlivesItsLeader(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	api := c.all()
	hosts := []string{"web-1", "web-2", "web-10"}
	for _, name := range hosts {
		c.agent(name, "--labels", "role=web")
	}
	for _, name := range hosts {
		awaitHost(t, api, name, model.Up)
	}
	ctx := context.Background()
	_, err := api.CreateGroup(ctx, model.DeploymentGroup{
		Name: "web", HostSelectors: []model.HostSelector{{Label: "role", Operator: model.SelectorEquals, Operand: "web"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var jobs []model.JobID
	for _, version := range []string{"1", "2"} {
		id, err := api.CreateJob(ctx, model.Job{ID: model.JobID{Name: "web", Version: version}, Image: "unused:1"})
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, id)
	}
	await := func(what string, is func(model.Rollout) bool) model.Rollout {
		t.Helper()
		var last model.Rollout
		eventually(t, func() (err error) {
			if last, err = api.Rollout(ctx, "web", 0); err == nil && !is(last) {
				err = fmt.Errorf("%s: the rollout is %+v", what, last)
			}
			return err
		})
		return last
	}
	if _, err := api.RollingUpdate(ctx, "web", jobs[0], model.RolloutOptions{}); err != nil {
		t.Fatal(err)
	}
	await("version 1", func(r model.Rollout) bool { return r.State == model.RolloutDone })

	// Each host has to run for a second, so that the leader is killed in the middle.
	second := int64(1)
	if _, err := api.RollingUpdate(ctx, "web", jobs[1], model.RolloutOptions{MinHealthy: &second}); err != nil {
		t.Fatal(err)
	}
	await("in the middle", func(r model.Rollout) bool { return r.To == jobs[1] && len(r.Hosts) > 0 && r.Hosts[0].Phase.Active() })
	leader := c.leader()
	c.masters[leader].signal(syscall.SIGKILL)
	c.masters[leader].wait()
	last := await("the end", func(r model.Rollout) bool { return !r.State.Active() })
	if last.State != model.RolloutDone || last.Counts.Done != len(hosts) || last.To != jobs[1] {
		t.Errorf("the rollout ended as %+v", last)
	}
	status, err := api.GroupStatus(ctx, "web")
	if err != nil || status.Status != model.GroupStatusActive || len(status.HostStatuses) != len(hosts) {
		t.Fatalf("status %+v, %v", status, err)
	}
	for i, host := range status.HostStatuses {
		if host.Host != hosts[i] || host.JobID != jobs[1] || host.State != model.StateRunning {
			t.Errorf("host %d is %+v", i, host)
		}
	}

	// Back from a job that was rolled out twice is back to the job before, at the leader that has taken over.
	again, err := api.RollingUpdate(ctx, "web", jobs[1], model.RolloutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	await("version 2 again", func(r model.Rollout) bool { return r.ID == again && r.State == model.RolloutDone })
	var alive string
	for name, url := range c.urls {
		if name != leader {
			alive = url
		}
	}
	result := must(t, "rollback", "web", "-z", alive)
	last = await("the way back", func(r model.Rollout) bool { return !r.State.Active() })
	if last.Reason != model.RolloutBack || last.To != jobs[0] || last.State != model.RolloutDone {
		t.Errorf("%s: it ended as %+v", result, last)
	}
}
