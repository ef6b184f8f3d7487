//go:build unix

package daemontest_test

import (
	"os"
	"testing"

	"github.com/heliosctl/heliosctl/daemon/daemontest"
)

// TestMain runs the tests, or is one of the processes that they start.
func TestMain(m *testing.M) {
	if address := os.Getenv(echoVariable); address != "" {
		serveEcho(address)
	}
	os.Exit(daemontest.Run(m))
}
