package client_test

import (
	"errors"
	"testing"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/model"
)

func TestDrain(t *testing.T) {
	_, master := newMaster(t, api.Config{})
	c := newClient(t, client.Config{Endpoints: []string{master.URL}})
	ctx := t.Context()
	if err := c.RegisterHost(ctx, "höst 1%", "id"); err != nil {
		t.Fatal(err)
	}
	id, err := c.CreateJob(ctx, model.Job{ID: model.JobID{Name: "web", Version: "1"}, Image: "nginx:1"})
	if err != nil {
		t.Fatal(err)
	}
	drain, err := c.Drain(ctx, "höst 1%", true)
	if err != nil || drain.Since == 0 || drain.User != "alice" {
		t.Errorf("drain %+v, error %v", drain, err)
	}
	host, err := c.HostStatus(ctx, "höst 1%")
	if err != nil || host.Drain == nil || host.Drain.User != "alice" {
		t.Errorf("host %+v, error %v", host, err)
	}
	deployment := model.Deployment{JobID: id, Goal: model.GoalStart}
	if err := c.Deploy(ctx, "höst 1%", deployment, ""); !errors.Is(err, model.ErrHostDrained) {
		t.Errorf("deploying to it: %v", err)
	}
	if err := c.Undrain(ctx, "höst 1%"); err != nil {
		t.Error(err)
	}
	if err := c.Deploy(ctx, "höst 1%", deployment, ""); err != nil {
		t.Errorf("deploying to it afterwards: %v", err)
	}
	if _, err := c.Drain(ctx, "nope", false); !errors.Is(err, model.ErrHostNotFound) {
		t.Errorf("draining an unknown host: %v", err)
	}
	if err := c.Undrain(ctx, "nope"); !errors.Is(err, model.ErrHostNotFound) {
		t.Errorf("undraining an unknown host: %v", err)
	}
}
