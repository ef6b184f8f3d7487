package container_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	mobycontainer "github.com/docker/docker/api/types/container"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/daemon/container/containertest"
)

// BenchmarkDockerCreateStart compares create and start, and stop, through the runtime with the same through the bare client library:
// what this package adds to the engine's own time. The two take turns, for the engine's time changes with what else the machine does;
// the medians and their ratios are reported.
func BenchmarkDockerCreateStart(b *testing.B) {
	docker := containertest.RequireDocker(b)
	image := containertest.BusyboxImage(b, docker)
	agent := containertest.AgentID(b, docker)
	raw := containertest.RawClient(b)
	command := []string{"sh", "-c", polite.script}
	patience := 10

	ways := []benchmarkedWay{
		{
			name: "raw",
			start: func(name string) error {
				config := &mobycontainer.Config{Image: image, Cmd: command, Labels: map[string]string{container.LabelAgent: agent}}
				host := &mobycontainer.HostConfig{NetworkMode: "host"}
				made, err := raw.ContainerCreate(b.Context(), config, host, nil, nil, name)
				if err != nil {
					return err
				}
				return raw.ContainerStart(b.Context(), made.ID, mobycontainer.StartOptions{})
			},
			stop: func(name string) error {
				return raw.ContainerStop(b.Context(), name, mobycontainer.StopOptions{Timeout: &patience})
			},
		},
		{
			name: "runtime",
			start: func(name string) error {
				id, err := docker.Create(b.Context(), container.Spec{
					Name: name, AgentID: agent, Image: image, Command: command, NetworkMode: "host",
				})
				if err != nil {
					return err
				}
				return docker.Start(b.Context(), id)
			},
			stop: func(name string) error {
				return docker.Stop(b.Context(), name, time.Duration(patience)*time.Second)
			},
		},
	}
	for n := 0; b.Loop(); n++ {
		for turn := range ways {
			way := &ways[(n+turn)%len(ways)]
			if err := way.round(b, docker, fmt.Sprintf("%s-%s-%d-%d", agent, way.name, b.N, n)); err != nil {
				b.Fatal(err)
			}
		}
	}
	for i := range ways {
		b.ReportMetric(median(ways[i].starts), ways[i].name+"-start-ms")
		b.ReportMetric(median(ways[i].stops), ways[i].name+"-stop-ms")
	}
	b.ReportMetric(median(ways[1].starts)/median(ways[0].starts), "start-ratio")
	b.ReportMetric(median(ways[1].stops)/median(ways[0].stops), "stop-ratio")
}

type benchmarkedWay struct {
	name          string
	start, stop   func(name string) error
	starts, stops []time.Duration
}

// round starts and stops one container.
func (w *benchmarkedWay) round(b *testing.B, docker *container.Docker, name string) error {
	begin := time.Now()
	if err := w.start(name); err != nil {
		return err
	}
	w.starts = append(w.starts, time.Since(begin))

	// Before its trap is set, the first process of a container does not hear TERM at all.
	for _, err := range docker.Logs(b.Context(), name, container.LogOptions{Follow: true}) {
		if err != nil {
			return err
		}
		break
	}

	begin = time.Now()
	if err := w.stop(name); err != nil {
		return err
	}
	w.stops = append(w.stops, time.Since(begin))
	return docker.Remove(b.Context(), name)
}

// median is in milliseconds.
func median(times []time.Duration) float64 {
	slices.Sort(times)
	return float64(times[len(times)/2]) / float64(time.Millisecond)
}
