package agent_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

func TestPullsTellHowFarTheyAre(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		job := testJob("web", func(job *model.Job) { job.Image = "registry/web:7" })
		var steps []container.PullProgress
		for i := range 25 { // two and a half seconds, with news twice in each
			steps = append(steps, container.PullProgress{Current: int64(i+2) / 5 * 5_000_000, Total: 30_000_000, Layers: 2})
		}
		h.sim.SlowPull(job.Image, steps...)
		h.start()
		settle(time.Second)
		h.master.deploy(job, model.GoalStart)
		settle(1050 * time.Millisecond)
		if got := h.agent.TaskStatuses()[job.ID]; got.State != model.StatePullingImage || got.Progress != "10 of 30 MB, 0 of 2 layers" {
			t.Errorf("after a second the agent says %s (%s)", got.State, got.Progress)
		}
		settle(5 * time.Second)
		h.wantStates(job.ID, started...)
		if got := h.agent.TaskStatuses()[job.ID].Progress; got != "" {
			t.Errorf("the running task has the progress %q", got)
		}
		h.master.mu.Lock()
		defer h.master.mu.Unlock()
		var told []string
		for _, gauges := range h.master.gauges {
			told = append(told, gauges.Progress[job.ID])
		}
		for len(told) > 0 && told[0] == "" {
			told = told[1:]
		}
		told = slices.Compact(told)
		want := []string{
			"0 of 30 MB, 0 of 2 layers", "10 of 30 MB, 0 of 2 layers", "20 of 30 MB, 0 of 2 layers", "",
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("what the master was told (-want +got):\n%s", diff)
		}
		for _, report := range h.master.reports {
			if report.Status != nil && report.Status.Progress != "" {
				t.Errorf("progress in a report: %s", report.Status.Progress)
			}
		}
	})
}
