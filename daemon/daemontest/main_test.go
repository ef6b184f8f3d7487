//go:build unix

package daemontest_test

import (
	"flag"
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/heliosctl/heliosctl/daemon/daemontest"
)

// TestMain runs the tests, or is one of the processes that they start.
func TestMain(m *testing.M) {
	if address := os.Getenv(echoVariable); address != "" {
		serveEcho(address)
	}
	flag.Parse()
	if atOnce := flag.Lookup("test.parallel"); atOnce.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		// Nobody asked for another number. Most of a test's time is waiting for others to notice what was done to them.
		_ = flag.Set("test.parallel", "6")
	}
	os.Exit(daemontest.Run(m))
}
