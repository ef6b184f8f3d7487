package client

import (
	"context"
	"errors"

	"github.com/heliosctl/heliosctl/model"
)

// WaitRunning returns when a job runs on a host, with what the agent says of it: a job with a health check when it is healthy, one without
// when its container has started. It fails with CodeTaskFailed when the job will not run as it is (its image is missing, it exits, it
// cannot be started), and otherwise as WatchDeployment does; how long to wait is for ctx to say.
//
// A status that a former deployment left behind counts: where there was one, WaitGone comes before the next Deploy.
func (c *Client) WaitRunning(ctx context.Context, host string, id model.JobID) (model.TaskStatus, error) {
	for task, err := range c.WatchDeployment(ctx, host, id) {
		if err != nil {
			return task, err
		}
		flaps := task.Throttled == model.ThrottleFlapping
		switch {
		case task.State == model.StateRunning && !flaps:
			return task, nil
		case task.Goal != model.GoalStart:
		case task.State == model.StateFailed, task.State == model.StateExited, task.State == model.StateRunning:
			return task, model.Errorf(model.CodeTaskFailed, "job %s does not run on %s: %s", id.Short(), host, whyNot(task))
		}
	}
	return model.TaskStatus{}, interrupted(ctx, nil)
}

// whyNot words why a task does not run.
func whyNot(task model.TaskStatus) string {
	text := "it is " + string(task.State)
	if task.Throttled != model.ThrottleNo && task.Throttled != "" {
		text += ", " + string(task.Throttled)
	}
	if task.ContainerError != "" {
		text += ": " + task.ContainerError
	}
	return text
}

// WaitGone returns when a job is not deployed to a host and its agent has nothing left of it: after Undeploy, when its container is gone.
// A host that is deregistered has nothing. It fails with the error of ctx.
func (c *Client) WaitGone(ctx context.Context, host string, id model.JobID) error {
	for _, err := range c.WatchDeployment(ctx, host, id) {
		if errors.Is(err, model.ErrJobNotDeployed) || errors.Is(err, model.ErrHostNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// WaitRollout returns a rollout when it has ended, or waits for ResumeRollout; its State tells which, and that it is RolloutDone is for
// the caller to look at. Id 0 is the group's last rollout. It fails as WatchRollout does; how long to wait is for ctx to say.
func (c *Client) WaitRollout(ctx context.Context, group string, id uint64) (model.Rollout, error) {
	var last model.Rollout
	for rollout, err := range c.WatchRollout(ctx, group, id) {
		if err != nil {
			return last, err
		}
		last = rollout
		if (rollout.State == model.RolloutPaused || rollout.State == model.RolloutCanary) && !atWork(rollout) {
			break
		}
	}
	return last, nil
}

// atWork reports whether a rollout is in the middle of a host.
func atWork(rollout model.Rollout) bool {
	for _, host := range rollout.Hosts {
		if host.Phase.Active() {
			return true
		}
	}
	return false
}
