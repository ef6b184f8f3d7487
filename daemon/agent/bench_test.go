package agent_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/agent"
	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

// BenchmarkDeployToRunning measures, in turns, a deployment until its master has heard RUNNING, and a bare create and start of the
// same container.
func BenchmarkDeployToRunning(b *testing.B) {
	for _, network := range []string{"bridge", "host"} {
		b.Run(network, func(b *testing.B) {
			h := newDockerHost(b)
			h.start()
			h.eventually(func() bool { return h.agent.Health()[agent.HealthMasters] == nil }, func() string { return "no master" })
			var raw, deployed time.Duration
			for i := 0; b.Loop(); i++ {
				job := h.job(fmt.Sprint("bench", i), "exec sleep 1000", func(job *model.Job) { job.NetworkMode = network })
				raw += rawStart(b, h, job)

				began := time.Now()
				h.master.deploy(job, model.GoalStart)
				id := h.wait(job.ID, model.StateRunning, "").ContainerID
				deployed += time.Since(began)
				if err := h.docker.Kill(b.Context(), id); err != nil {
					b.Fatal(err)
				}
				h.master.undeploy(job.ID)
				h.eventually(func() bool { _, there := h.master.status(job.ID); return !there }, func() string { return "not undeployed" })
			}
			b.ReportMetric(raw.Seconds()*1000/float64(b.N), "raw-ms/op")
			b.ReportMetric(deployed.Seconds()*1000/float64(b.N), "deploy-ms/op")
			b.ReportMetric(deployed.Seconds()/raw.Seconds(), "ratio")
		})
	}
}

func rawStart(b *testing.B, h *dockerHost, job model.Job) time.Duration {
	spec := container.Spec{
		Name: h.id + "-raw-" + job.ID.Name, AgentID: h.id + "-raw", Image: job.Image, Command: job.Command, NetworkMode: job.NetworkMode,
	}
	began := time.Now()
	id, err := h.docker.Create(b.Context(), spec)
	if err == nil {
		err = h.docker.Start(b.Context(), id)
	}
	took := time.Since(began)
	if err == nil {
		err = h.docker.Kill(b.Context(), id)
	}
	if err == nil {
		err = h.docker.Remove(b.Context(), id)
	}
	if err != nil {
		b.Fatal(err)
	}
	return took
}

// BenchmarkTwoHundredJobs measures a snapshot of 200 new jobs until all of them run, on the simulated engine with real records.
func BenchmarkTwoHundredJobs(b *testing.B) {
	const jobs = 200
	for b.Loop() {
		b.StopTimer()
		sim, master := container.NewSim(), newFakeMaster()
		sim.AddImage(image)
		for i := range jobs {
			master.deploy(testJob(fmt.Sprint("job", i)), model.GoalStart)
		}
		records, err := store.OpenAgentRecords(b.TempDir(), store.AgentOptions{})
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		a, err := agent.New(agent.Config{Host: "host1", Master: master, Records: records, Runtime: sim})
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(b.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.Run(ctx) }()
		for master.countRunning() < jobs {
			time.Sleep(time.Millisecond)
		}
		b.StopTimer()
		cancel()
		if err := errors.Join(<-ended, records.Close()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
