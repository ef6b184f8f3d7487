package container_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/heliosctl/heliosctl/daemon/container"
)

// The test binary is also the shim and the agent that tests kill: see shimCommand and agentCommand.
const (
	argShim  = "process-shim"
	argAgent = "process-agent"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 2 {
		switch os.Args[1] {
		case argShim:
			os.Exit(container.ShimMain(os.Args[2:]))
		case argAgent:
			os.Exit(agentMain(os.Args[2:]))
		}
	}
	// A shim that was built with the race detector would sleep for a second before it ends.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}
