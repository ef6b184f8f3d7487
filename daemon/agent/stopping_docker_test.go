package agent_test

import (
	"strings"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// A container gets TERM and no other signal, after the grace period of a registered service, and KILL when its time is over.
func TestDockerStopping(t *testing.T) {
	t.Parallel()
	h := newDockerHost(t)
	h.start()
	const stubborn = `trap '' TERM; while true; do sleep 0.05; done`
	const honest = `trap 'exit 2' INT; trap 'exit 15' TERM; while true; do sleep 0.05; done`
	registered := func(job *model.Job) {
		job.Registration = map[model.ServiceEndpoint]model.ServicePorts{{Name: "web", Protocol: "http"}: {
			Ports: map[string]model.ServicePortParameters{"http": {}},
		}}
		job.Ports = map[string]model.PortMapping{"http": {InternalPort: 80, Protocol: "tcp"}}
	}
	for _, test := range []struct {
		name    string
		script  string
		edit    func(*model.Job)
		code    int
		atLeast time.Duration // between STOPPING and the end
		atMost  time.Duration // of them that do not wait
	}{
		{"TERM", honest, func(job *model.Job) { job.SecondsToWaitBeforeKill = ptr(50) }, 15, 0, 40 * time.Second},
		{"secondsToWaitBeforeKill", stubborn, func(job *model.Job) { job.SecondsToWaitBeforeKill = ptr(1) }, 137, time.Second, time.Minute},
		{"gracePeriod", honest, func(job *model.Job) { registered(job); job.GracePeriod = ptr(1) }, 15, time.Second, time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := h.in(t)
			r := h.run(h.job(jobName(t), test.script, test.edit))
			r.inside("true") // its traps are set once a command runs in it
			h.master.setGoal(r.job.ID, model.GoalStop)
			h.wait(r.job.ID, model.StateStopped, "")
			state, err := h.docker.Inspect(t.Context(), r.status.ContainerID)
			if err != nil || state.ExitCode != test.code {
				t.Errorf("exit code %d, %v; want %d", state.ExitCode, err, test.code)
			}
			var stopping time.Time
			for _, report := range h.master.history(r.job.ID) {
				if report.Status.State == model.StateStopping {
					stopping = time.UnixMilli(int64(report.Timestamp))
				}
			}
			if took := state.FinishedAt.Sub(stopping); took < test.atLeast || took > test.atMost {
				t.Errorf("it ended %s after STOPPING, want %s to %s", took, test.atLeast, test.atMost)
			}
			if got := strings.Join(h.master.states(r.job.ID), " "); !strings.HasSuffix(got, "RUNNING STOPPING STOPPED") {
				t.Errorf("states %s", got)
			}
		})
	}
}
