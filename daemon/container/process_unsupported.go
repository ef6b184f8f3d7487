//go:build !unix

package container

import (
	"context"
	"iter"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// Process is not available on this system.
type Process struct{}

func errNoProcess() error {
	return model.Errorf(model.CodeRuntimeUnavailable, "the process runtime needs Linux or another Unix: use a docker engine")
}

// NewProcess always fails on this system.
func NewProcess(ProcessConfig) (*Process, error) { return nil, errNoProcess() }

// ShimMain always fails on this system.
func ShimMain([]string) int { return 1 }

func (*Process) Name() string                                        { return "process" }
func (*Process) Close() error                                        { return nil }
func (*Process) Info(context.Context) (Info, error)                  { return Info{}, errNoProcess() }
func (*Process) Pull(context.Context, string) error                  { return errNoProcess() }
func (*Process) Image(context.Context, string) (Image, error)        { return Image{}, errNoProcess() }
func (*Process) Create(context.Context, Spec) (string, error)        { return "", errNoProcess() }
func (*Process) Start(context.Context, string) error                 { return errNoProcess() }
func (*Process) Inspect(context.Context, string) (State, error)      { return State{}, errNoProcess() }
func (*Process) Stop(context.Context, string, time.Duration) error   { return errNoProcess() }
func (*Process) Kill(context.Context, string) error                  { return errNoProcess() }
func (*Process) Remove(context.Context, string) error                { return errNoProcess() }
func (*Process) List(context.Context, string) ([]State, error)       { return nil, errNoProcess() }
func (*Process) Exec(context.Context, string, []string) (int, error) { return 0, errNoProcess() }
func (*Process) ExecAttached(context.Context, string, ExecOptions) (int, error) {
	return 0, errNoProcess()
}
func (*Process) Logs(context.Context, string, LogOptions) iter.Seq2[LogLine, error] {
	return func(yield func(LogLine, error) bool) { yield(LogLine{}, errNoProcess()) }
}
func (*Process) Events(context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) { yield(Event{}, errNoProcess()) }
}
