package conformance_test

import (
	"flag"
	"os"
	"runtime"
	"strconv"
	"testing"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if atOnce := flag.Lookup("test.parallel"); atOnce.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		// Nobody asked for another number. Most of a test's time is waiting for others to notice what was done to them.
		_ = flag.Set("test.parallel", "4")
	}
	os.Exit(m.Run())
}
