package container_test

import (
	"fmt"
	"testing"
	"time"

	mobycontainer "github.com/docker/docker/api/types/container"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/daemon/container/containertest"
)

// BenchmarkDockerCreateStart and BenchmarkDockerStop compare the runtime with the bare client library in one run: what this package
// adds to the engine's own time. The container ends at TERM.
func BenchmarkDockerCreateStart(b *testing.B) { benchmarkDocker(b, true) }

// BenchmarkDockerStop times the stop only.
func BenchmarkDockerStop(b *testing.B) { benchmarkDocker(b, false) }

func benchmarkDocker(b *testing.B, timeStart bool) {
	docker := containertest.RequireDocker(b)
	image := containertest.BusyboxImage(b, docker)
	agent := containertest.AgentID(b, docker)
	raw := rawClient(b)
	command := []string{"sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"}
	ctx := b.Context()
	patience := 10

	ways := map[string]struct {
		start func(name string) error
		stop  func(name string) error
	}{
		"raw": {
			start: func(name string) error {
				config := &mobycontainer.Config{Image: image, Cmd: command, Labels: map[string]string{container.LabelAgent: agent}}
				made, err := raw.ContainerCreate(ctx, config, &mobycontainer.HostConfig{NetworkMode: "host"}, nil, nil, name)
				if err != nil {
					return err
				}
				return raw.ContainerStart(ctx, made.ID, mobycontainer.StartOptions{})
			},
			stop: func(name string) error {
				return raw.ContainerStop(ctx, name, mobycontainer.StopOptions{Timeout: &patience})
			},
		},
		"runtime": {
			start: func(name string) error {
				id, err := docker.Create(ctx, container.Spec{
					Name: name, AgentID: agent, Image: image, Command: command, NetworkMode: "host",
				})
				if err != nil {
					return err
				}
				return docker.Start(ctx, id)
			},
			stop: func(name string) error { return docker.Stop(ctx, name, time.Duration(patience)*time.Second) },
		},
	}
	for _, way := range []string{"raw", "runtime"} {
		b.Run(way, func(b *testing.B) {
			for n := 0; b.Loop(); n++ {
				name := fmt.Sprintf("%s-%s-%d-%d", agent, way, b.N, n)
				if !timeStart {
					b.StopTimer()
				}
				if err := ways[way].start(name); err != nil {
					b.Fatal(err)
				}
				if timeStart {
					b.StopTimer()
				} else {
					b.StartTimer()
				}
				if err := ways[way].stop(name); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := docker.Remove(ctx, name); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
