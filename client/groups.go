package client

import (
	"context"
	"net/http"

	"github.com/heliosctl/heliosctl/model"
)

// Groups returns the names of all deployment groups, sorted.
func (c *Client) Groups(ctx context.Context) ([]string, error) {
	names := []string{}
	err := c.call(ctx, request{method: http.MethodGet, path: path("deployment-group")}, &names)
	return names, err
}

// Group returns a deployment group. It fails with CodeGroupNotFound.
func (c *Client) Group(ctx context.Context, name string) (model.DeploymentGroup, error) {
	var group model.DeploymentGroup
	err := c.call(ctx, request{method: http.MethodGet, path: path("deployment-group", name), absent: noGroup(name)}, &group)
	return group, err
}

// CreateGroup creates a deployment group and returns CodeGroupCreated, or CodeGroupNotModified when it exists with the same selectors.
// With others it fails with CodeGroupConflict.
func (c *Client) CreateGroup(ctx context.Context, group model.DeploymentGroup) (model.Code, error) {
	var said outcome
	err := c.call(ctx, request{method: http.MethodPost, path: path("deployment-group"), body: group}, &said)
	if err == nil && said.Status != model.CodeGroupCreated && said.Status != model.CodeGroupNotModified {
		err = said.failure("deployment group " + group.Name + " exists with other selectors")
	}
	return said.Status, err
}

// SetSelectors changes which hosts belong to a group. Hosts that come and go are brought to where the group is, as when their labels
// had changed. Unless was is nil, it names the selectors that the group must have until now. It fails with CodeGroupNotFound, with
// CodeGroupConflict when somebody has changed the selectors meanwhile, or with CodeNotFound by masters of the original.
func (c *Client) SetSelectors(ctx context.Context, group string, selectors, was []model.HostSelector) error {
	body := model.SelectorsRequest{HostSelectors: selectors}
	if was != nil {
		body.Was = &was
	}
	return c.call(ctx, request{
		method: http.MethodPut, path: path("v1", "groups", group, "selectors"), body: body,
		absent: model.Errorf(model.CodeNotFound, "the master is too old to change the selectors of a group"),
	}, nil)
}

// RemoveGroup removes a deployment group; what it deployed stays deployed. It fails with CodeGroupNotFound; masters of the original
// answer that a group which did not exist was removed.
func (c *Client) RemoveGroup(ctx context.Context, name string) error {
	var said outcome
	err := c.call(ctx, request{method: http.MethodDelete, path: path("deployment-group", name), absent: noGroup(name)}, &said)
	if err == nil && said.Status != model.CodeGroupRemoved {
		err = said.failure(noGroup(name).Message)
	}
	return err
}

// GroupStatus tells how far a deployment group has come, with its hosts that are up. It fails with CodeGroupNotFound.
func (c *Client) GroupStatus(ctx context.Context, name string) (model.DeploymentGroupStatusResponse, error) {
	var status model.DeploymentGroupStatusResponse
	err := c.call(ctx, request{
		method: http.MethodGet, path: path("deployment-group", name, "status"), absent: noGroup(name),
	}, &status)
	return status, err
}

func noGroup(name string) *model.Error {
	return model.Errorf(model.CodeGroupNotFound, "deployment group %s does not exist", name)
}

// outcome is an answer with status 200 that may be a refusal all the same.
type outcome struct {
	Status  model.Code `json:"status"`
	Message string     `json:"message"` // of our masters
}

// failure is the refusal, in the words given where the master has none.
func (o outcome) failure(words string) error {
	if o.Message != "" {
		words = o.Message
	}
	return &model.Error{Code: o.Status, Message: words}
}
