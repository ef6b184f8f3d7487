package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon"
	"github.com/heliosctl/heliosctl/model"
)

// startCluster runs a master and three hosts, dev-1 to dev-3, in this process until stop is called. Nothing really runs on them.
func startCluster(ctx context.Context) (url string, stop func()) {
	dir, err := os.MkdirTemp("", "heliosctl-example-")
	if err != nil {
		log.Fatal(err)
	}
	config, err := daemon.Dev(ctx, daemon.DevOptions{
		StateDir: dir, HTTP: "127.0.0.1:0", Agents: 3, Runtime: daemon.RuntimeSim, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		log.Fatal(err)
	}
	ready, ended := make(chan string, 1), make(chan error, 1)
	config.Ready = func(r daemon.Running) { ready <- r.MasterURL }
	ctx, cancel := context.WithCancel(ctx)
	go func() { ended <- daemon.Run(ctx, config) }()
	stop = func() {
		cancel()
		if err := errors.Join(<-ended, os.RemoveAll(dir)); err != nil {
			log.Fatal(err)
		}
	}
	select {
	case url = <-ready:
	case err := <-ended:
		log.Fatal(err)
	}
	return url, stop
}

// A job is created, deployed to a host, waited for, and taken off again.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	url, stop := startCluster(ctx)
	defer stop()

	c, err := client.New(client.Config{Endpoints: []string{url}, User: "alice"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	id, err := c.CreateJob(ctx, model.Job{
		ID:    model.JobID{Name: "web", Version: "1"},
		Image: "nginx:1.27",
		Ports: map[string]model.PortMapping{"http": {InternalPort: 80, Protocol: "tcp"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := c.Deploy(ctx, "dev-1", model.Deployment{JobID: id, Goal: model.GoalStart}, ""); err != nil {
		log.Fatal(err)
	}
	task, err := c.WaitRunning(ctx, "dev-1", id)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(id.Short(), "is", task.State)

	if err := c.Undeploy(ctx, "dev-1", id, ""); err != nil {
		log.Fatal(err)
	}
	if err := c.WaitGone(ctx, "dev-1", id); err != nil {
		log.Fatal(err)
	}
	fmt.Println("it is gone")
	// Output:
	// web:1:3f8bf1f is RUNNING
	// it is gone
}

// A group of hosts is brought to a job, and its progress is followed.
func ExampleClient_WatchRollout() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	url, stop := startCluster(ctx)
	defer stop()
	c, err := client.New(client.Config{Endpoints: []string{url}, User: "alice"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	id, err := c.CreateJob(ctx, model.Job{ID: model.JobID{Name: "web", Version: "1"}, Image: "nginx:1.27"})
	if err != nil {
		log.Fatal(err)
	}
	selector, err := model.ParseHostSelector("env=dev")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := c.CreateGroup(ctx, model.DeploymentGroup{Name: "web", HostSelectors: []model.HostSelector{selector}}); err != nil {
		log.Fatal(err)
	}
	rollout, err := c.RollingUpdate(ctx, "web", id, model.RolloutOptions{})
	if err != nil {
		log.Fatal(err)
	}
	var last model.Rollout
	for state, err := range c.WatchRollout(ctx, "web", rollout) {
		if err != nil {
			log.Fatal(err)
		}
		last = state
	}
	fmt.Println(last.State)
	for _, host := range last.Hosts {
		fmt.Println(host.Host, host.Phase)
	}
	// Output:
	// DONE
	// dev-1 DONE
	// dev-2 DONE
	// dev-3 DONE
}

// Events tell of every change, from whatever master; a heartbeat comes first.
func ExampleClient_WatchEvents() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	url, stop := startCluster(ctx)
	defer stop()
	c, err := client.New(client.Config{Endpoints: []string{url}, User: "alice"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	for event, err := range c.WatchEvents(ctx, client.EventQuery{Job: "web"}) {
		if err != nil {
			log.Fatal(err)
		}
		if event.Type == model.EventHeartbeat {
			if _, err := c.CreateJob(ctx, model.Job{ID: model.JobID{Name: "web", Version: "1"}, Image: "nginx:1.27"}); err != nil {
				log.Fatal(err)
			}
			continue
		}
		fmt.Println(event.Type, event.JobID.Short(), "by", event.User)
		break
	}
	// Output:
	// job.created web:1:24778f7 by alice
}

// Errors are told apart by their codes.
func Example_errors() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	url, stop := startCluster(ctx)
	defer stop()
	c, err := client.New(client.Config{Endpoints: []string{url}, User: "alice"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	job := model.Job{ID: model.JobID{Name: "web", Version: "1"}, Image: "nginx:1.27"}
	if _, err := c.CreateJob(ctx, job); err != nil {
		log.Fatal(err)
	}
	_, err = c.CreateJob(ctx, job)
	fmt.Println(errors.Is(err, model.ErrJobAlreadyExists))

	job.Image, job.Hostname = "", "NO"
	_, err = c.CreateJob(ctx, job)
	var refused *model.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Code, refused.Code.Class(), len(refused.Details))
	}

	away, err := client.New(client.Config{Endpoints: []string{"http://127.0.0.1:1"}, RetryTimeout: time.Nanosecond})
	if err != nil {
		log.Fatal(err)
	}
	defer away.Close()
	_, err = away.Masters(ctx)
	fmt.Println(errors.Is(err, model.ErrUnavailable))
	// Output:
	// true
	// INVALID_JOB_DEFINITION invalid 2
	// true
}
