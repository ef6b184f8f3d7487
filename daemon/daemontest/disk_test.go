//go:build unix

package daemontest_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/daemontest"
	"github.com/heliosctl/heliosctl/model"
)

// The disk of a master becomes full, whether it leads or follows: the others go on, and it does too when there is room again.
func TestFullDiskOfOneMaster(t *testing.T) {
	t.Parallel()
	daemontest.RequireNetns(t)
	for _, leads := range []bool{false, true} {
		t.Run(map[bool]string{false: "follower", true: "leader"}[leads], func(t *testing.T) {
			t.Parallel()
			disk := tmpfs(t, "320m")
			config := clusterOf(1)
			config.StateDirs = map[string]string{"m1": filepath.Join(disk, "m1")}
			f := daemontest.StartFleet(t, config)
			victim := f.Masters[0]
			makeLead(t, f, victim, leads)

			ballast := filepath.Join(disk, "ballast")
			fillUp(t, ballast)
			ended := victim.ExpectEnd() // a master that cannot write may end
			w := startWriters(t, f, 2)
			w.awaitMore(t, 60)
			rest := others(f, victim)
			f.AwaitLeader(rest...)
			before := len(w.snapshot())
			daemontest.Await(t, "writes to go on", func() error { return w.moreThan(before + 10) })
			id := deployed(t, fleetWithout(f, victim), sleeper("while-full"), f.Agents...)
			awaitState(t, rest[0], id, f.Agents[0], model.StateRunning)

			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
			select {
			case <-ended:
				t.Log("the master had ended and is started again")
				f.Start(victim)
			case <-time.After(time.Second):
			}
			f.AwaitLeader(f.Masters...)
			w.awaitMore(t, 30)
			w.end()
			w.expectKept(t, f)
			awaitAgreement(t, f)
		})
	}
}

// fillUp writes a file until the disk has no room left.
func fillUp(t *testing.T, file string) {
	t.Helper()
	var fs syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(file), &fs); err != nil {
		t.Fatal(err)
	}
	fill(t, file, int64(fs.Bavail)*int64(fs.Bsize)-4<<20)
}

// makeLead restarts leaders until the given master leads, or does not.
func makeLead(t *testing.T, f *daemontest.Fleet, master *daemontest.Daemon, leads bool) {
	t.Helper()
	for range 30 {
		leader := f.AwaitLeader()
		if (leader == master) == leads {
			return
		}
		f.Stop(leader)
		f.AwaitLeader()
		f.Start(leader)
	}
	t.Fatalf("%s leads: not %v after 30 elections", master.Name(), leads)
}
