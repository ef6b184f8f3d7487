package main

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
	"github.com/heliosctl/heliosctl/tui/live"
)

// The feed of the console begins with what masters remember, and when the master that it reads from dies it goes on at another one: each
// event once, in order.
func TestTheFeedHasItsPastAndOutlivesItsMaster(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.agent("web-1").waitFor("msg=ready")
	awaitHost(t, c.all(), "web-1", model.Up)
	create := func(from, to int) {
		t.Helper()
		for i := from; i <= to; i++ {
			job := model.Job{ID: model.JobID{Name: "web", Version: fmt.Sprint(i)}, Image: "unused:1"}
			if _, err := c.all().CreateJob(t.Context(), job); err != nil {
				t.Fatal(err)
			}
		}
	}
	create(1, 5)
	var endpoints []string
	for _, name := range clusterNames {
		endpoints = append(endpoints, c.urls[name])
	}
	source, err := live.New(live.Options{Config: client.Config{Endpoints: endpoints}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { source.Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })

	await := func(what string, holds func(*tui.Snapshot) bool) {
		t.Helper()
		deadline := time.After(time.Minute)
		for !holds(source.Snapshot()) {
			select {
			case <-source.Changed():
			case <-deadline:
				t.Fatalf("it never came to this: %s; %+v", what, source.Snapshot().Freshness)
			}
		}
	}
	versions := func(s *tui.Snapshot) string {
		text := ""
		for _, e := range s.Events {
			if e.Type == model.EventJobCreated {
				text += e.Job.Version + " "
			}
		}
		return text
	}
	await("the past", func(s *tui.Snapshot) bool { return versions(s) == "1 2 3 4 5 " && s.Events[0].Past })
	create(6, 7)
	await("past and present", func(s *tui.Snapshot) bool { return versions(s) == "1 2 3 4 5 6 7 " })
	await("the name of the master", func(s *tui.Snapshot) bool { return c.masters[s.Freshness.Master] != nil })
	home := source.Snapshot().Freshness.Master
	c.masters[home].signal(syscall.SIGKILL)
	c.masters[home].wait()
	create(8, 9)
	await("the same at another master", func(s *tui.Snapshot) bool {
		return s.Freshness.State == tui.Live && s.Freshness.Master != home && versions(s) == "1 2 3 4 5 6 7 8 9 "
	})
	seen := map[string]bool{}
	for _, e := range source.Snapshot().Events {
		key := fmt.Sprint(e.Index, e.Type, e.Host, e.Job, e.To)
		if seen[key] {
			t.Errorf("twice in the feed: %+v", e)
		}
		seen[key] = true
	}
}
