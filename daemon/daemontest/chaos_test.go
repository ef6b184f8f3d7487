//go:build unix

package daemontest_test

import (
	"flag"
	"os/exec"
	"testing"
	"time"
)

var (
	chaosFor  = flag.Duration("chaos.for", 10*time.Second, "how long TestChaos makes things go wrong; from a minute on slow tests run too")
	chaosSeed = flag.Uint64("chaos.seed", 0, "what TestChaos draws from; 0: something new")
)

// longRun is the -chaos.for from which on slow tests run.
const longRun = time.Minute

func run(t *testing.T, argv ...string) {
	t.Helper()
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v: %s", argv, err, out)
	}
}
