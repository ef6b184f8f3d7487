package container_test

import (
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/container"
)

func TestSignalThatEndedAContainer(t *testing.T) {
	ended := time.Now()
	for _, test := range []struct {
		name  string
		state container.State
		want  string
	}{
		{"running", container.State{Running: true, ExitCode: 137}, ""},
		{"never started", container.State{ExitCode: 137}, ""},
		{"ended well", container.State{FinishedAt: ended}, ""},
		{"ended with a code", container.State{FinishedAt: ended, ExitCode: 127}, ""},
		{"128 is no signal", container.State{FinishedAt: ended, ExitCode: 128}, ""},
		{"hangup", container.State{FinishedAt: ended, ExitCode: 129}, "SIGHUP"},
		{"killed", container.State{FinishedAt: ended, ExitCode: 137}, "SIGKILL"},
		{"terminated", container.State{FinishedAt: ended, ExitCode: 143}, "SIGTERM"},
		{"bad system call", container.State{FinishedAt: ended, ExitCode: 159}, "SIGSYS"},
		{"without a name", container.State{FinishedAt: ended, ExitCode: 128 + 34}, "signal 34"},
		{"above all signals", container.State{FinishedAt: ended, ExitCode: 255}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.state.Signal(); got != test.want {
				t.Errorf("signal %q, want %q", got, test.want)
			}
		})
	}
}
