package client

import (
	"context"
	"net/http"

	"github.com/heliosctl/heliosctl/model"
)

// History returns what happened to a job on all hosts, oldest first. It fails with CodeInvalidID or CodeJobNotFound.
func (c *Client) History(ctx context.Context, id model.JobID) ([]model.TaskStatusEvent, error) {
	var answer model.TaskStatusEvents
	absent := model.Errorf(model.CodeJobNotFound, "job %s does not exist", id)
	err := c.call(ctx, request{method: http.MethodGet, path: path("history", "jobs", id.String()), absent: absent}, &answer)
	if err != nil {
		return nil, err
	}
	if answer.Status == model.CodeJobIDNotFound {
		return nil, absent
	}
	return answer.Events, nil
}
