package client

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/heliosctl/heliosctl/model"
)

// RollingUpdate brings the hosts of a group to a job, and returns the id of the rollout that does it; masters of the original do not
// tell one: it is 0. What the options leave unset the job's options or the defaults fill. Success means recorded: WatchRollout and
// WaitRollout tell how it goes on. It fails with CodeGroupNotFound, CodeJobNotFound, or CodeInvalid.
func (c *Client) RollingUpdate(ctx context.Context, group string, job model.JobID, options model.RolloutOptions) (uint64, error) {
	id, err := c.startRollout(ctx, group, model.StartRolloutRequest{JobID: job, RolloutOptions: &options})
	if errors.Is(err, model.ErrNotFound) {
		return 0, c.rollingUpdate(ctx, group, job, options)
	}
	return id, err
}

// RollingUpdateAfter is RollingUpdate on the condition that nobody has rolled the group out since: after is the id of the last of its
// Rollouts whose reason is not RolloutConverge, 0 where there is none. Otherwise nothing changes and it fails with CodeRolloutChanged.
// Masters of the original fail it with CodeNotFound.
func (c *Client) RollingUpdateAfter(
	ctx context.Context, group string, after uint64, job model.JobID, options model.RolloutOptions,
) (uint64, error) {
	return c.startRollout(ctx, group, model.StartRolloutRequest{JobID: job, RolloutOptions: &options, After: &after})
}

func (c *Client) startRollout(ctx context.Context, group string, start model.StartRolloutRequest) (uint64, error) {
	var answer model.StartRolloutResponse
	err := c.call(ctx, request{
		method: http.MethodPost, path: path("v1", "groups", group, "roll"), body: start,
		absent: model.Errorf(model.CodeNotFound, "the master is too old to start rollouts on a condition"),
	}, &answer)
	return answer.Rollout, err
}

// rollingUpdate is for masters of the original.
func (c *Client) rollingUpdate(ctx context.Context, group string, job model.JobID, options model.RolloutOptions) error {
	var said outcome
	err := c.call(ctx, request{
		method: http.MethodPost, path: path("deployment-group", group, "rolling-update"),
		body:   model.RollingUpdateRequest{JobID: job, RolloutOptions: &options},
		absent: noGroup(group),
	}, &said)
	switch {
	case err != nil || said.Status == model.CodeOK:
		return err
	case said.Status == model.CodeJobNotFound:
		return said.failure("job " + job.String() + " does not exist")
	default:
		return said.failure(noGroup(group).Message)
	}
}

// StopGroup ends a group's rollout where it is. The group is FAILED afterwards, even when nothing rolled out. It fails with
// CodeGroupNotFound.
func (c *Client) StopGroup(ctx context.Context, name string) error {
	return c.call(ctx, request{
		method: http.MethodPost, path: path("deployment-group", name, "stop"), absent: noGroup(name),
	}, nil)
}

// Rollouts returns a group's rollouts, the newest first, without their hosts. It fails with CodeGroupNotFound.
func (c *Client) Rollouts(ctx context.Context, group string) ([]model.Rollout, error) {
	rollouts := []model.Rollout{}
	err := c.call(ctx, request{
		method: http.MethodGet, path: path("v1", "groups", group, "rollouts"), absent: noGroup(group),
	}, &rollouts)
	return rollouts, err
}

// Rollout returns a rollout with its hosts in the order of their turns; id 0 is the group's last one. It fails with CodeGroupNotFound,
// or with CodeNotFound when the group has no such rollout.
func (c *Client) Rollout(ctx context.Context, group string, id uint64) (model.Rollout, error) {
	name := "last"
	if id > 0 {
		name = strconv.FormatUint(id, 10)
	}
	var rollout model.Rollout
	err := c.call(ctx, request{
		method: http.MethodGet, path: path("v1", "groups", group, "rollouts", name), absent: noGroup(group),
	}, &rollout)
	return rollout, err
}

// PauseRollout has the further hosts of a group's rollout wait for ResumeRollout; those in the middle of it go on. It fails with
// CodeGroupNotFound or CodeNotRollingOut.
func (c *Client) PauseRollout(ctx context.Context, group string) error {
	return c.changeRollout(ctx, group, "pause", nil)
}

// ResumeRollout has a rollout that is paused, or waits behind its canaries, go on. It fails with CodeGroupNotFound or CodeNotRollingOut.
func (c *Client) ResumeRollout(ctx context.Context, group string) error {
	return c.changeRollout(ctx, group, "resume", nil)
}

// RollBack brings a group's hosts back to what ran there before its last rollout, or to the job to when it is set. It fails with
// CodeGroupNotFound, with CodeJobNotFound, or with CodeNotRollingOut when there is nothing to go back to.
func (c *Client) RollBack(ctx context.Context, group string, to model.JobID) error {
	return c.changeRollout(ctx, group, "rollback", model.RollbackRequest{To: to})
}

func (c *Client) changeRollout(ctx context.Context, group, change string, body any) error {
	return c.call(ctx, request{
		method: http.MethodPost, path: path("v1", "groups", group, change), body: body, absent: noGroup(group),
	}, nil)
}

// PreviewRollout tells what a rolling update would do on each host, in the order in which it would. It fails with CodeGroupNotFound,
// CodeJobNotFound or CodeInvalid.
func (c *Client) PreviewRollout(
	ctx context.Context, group string, job model.JobID, options model.RolloutOptions,
) (model.RolloutPreview, error) {
	var preview model.RolloutPreview
	err := c.call(ctx, request{
		method: http.MethodPost, path: path("v1", "groups", group, "preview"), read: true,
		body:   model.RollingUpdateRequest{JobID: job, RolloutOptions: &options},
		absent: noGroup(group),
	}, &preview)
	return preview, err
}
