package main

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// TestJobGoesWhenItExpires deploys a job with --expires and leaves it alone.
func TestJobGoesWhenItExpires(t *testing.T) {
	t.Parallel()
	_, url := startDev(t, t.TempDir(), "--runtime", "sim", "--agents", "2")
	c := clientOf(t, url)
	for _, host := range []string{"dev-1", "dev-2"} {
		awaitHostUp(t, c, host)
	}
	lasting := createdJob(t, url, "lasting:1", "unused:1")
	must(t, "deploy", "--master", url, "lasting:1", "dev-1")

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	expires := time.Now().Add(5 * time.Second).Truncate(time.Millisecond)
	id := createdJob(t, url, "brief:1", "unused:1", "--token", "s+e&c/r%t", "--expires", expires.UTC().Format("2006-01-02T15:04:05.000Z"))
	must(t, "deploy", "--master", url, "--token", "s+e&c/r%t", "brief:1", "dev-1", "dev-2")
	var seen []string
	for event, err := range c.Events(ctx, 0) {
		if err != nil {
			t.Fatalf("waiting for the job to go: %v", err)
		}
		if event.JobID == nil || *event.JobID != id || event.Type == model.EventTaskStatus {
			continue
		}
		if event.Reason == model.ReasonExpired {
			if event.Time < model.TimestampOf(expires) || event.User != "" {
				t.Errorf("%s by %q at %s; the job expires at %s", event.Type, event.User, event.Time, model.TimestampOf(expires))
			}
			seen = append(seen, string(event.Type)+" "+event.Host)
		}
		// The tasks end last: their agents stop them as after any undeploy.
		if event.Type == model.EventTaskRemoved {
			seen = append(seen, string(event.Type)+" "+event.Host)
		}
		if len(seen) == 5 {
			break
		}
	}
	slices.Sort(seen)
	want := []string{"deployment.removed dev-1", "deployment.removed dev-2", "job.removed ", "task.removed dev-1", "task.removed dev-2"}
	if !slices.Equal(seen, want) {
		t.Errorf("by itself there was\n%s\nwant\n%s", strings.Join(seen, "\n"), strings.Join(want, "\n"))
	}
	if out := must(t, "jobs", "--master", url, "-q"); strings.TrimSpace(out) != lasting.String() {
		t.Errorf("the jobs are %q", out)
	}
	host, err := c.HostStatus(ctx, "dev-2")
	if err != nil || len(host.Jobs) != 0 || len(host.Statuses) != 0 {
		t.Errorf("dev-2 has jobs %v and statuses %v, %v", host.Jobs, host.Statuses, err)
	}
	if _, stderr, code := runProgram(t, "inspect", "--master", url, "brief:1"); code != 3 {
		t.Errorf("inspect: code %d, %s", code, stderr)
	}
}
