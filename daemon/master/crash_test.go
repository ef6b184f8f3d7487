package master

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// childEnv holds the data folder in a process that TestKilledMasterKeepsWhatItAcknowledged starts.
const childEnv = "HELIOSCTL_TEST_CRASH_DIR"

// runChild runs a master that creates jobs, one after the other in several goroutines, and prints each that was acknowledged. It
// takes snapshots and truncates its log all the time.
func runChild() int {
	m, err := New(Config{Name: "m1", DataDir: os.Getenv(childEnv)})
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	go func() {
		<-m.Ready()
		n := m.node.Load()
		config := n.ReloadableConfig()
		config.TrailingLogs = 10
		if err := n.ReloadConfig(config); err != nil {
			fmt.Println("error", err)
		}
		go func() {
			for {
				// Refused now and then: when nothing is new, or a change of the configuration is under way.
				_ = n.Snapshot().Error()
			}
		}()
		from := len(m.Jobs(model.JobFilter{}))
		for worker := range 4 {
			go func() {
				for i := from + worker; ; i += 4 {
					job := testJob("job", strconv.Itoa(i))
					if _, err := m.CreateJob(context.Background(), model.Request{ID: "r" + strconv.Itoa(i)}, job); err != nil {
						fmt.Println("error", err)
						continue
					}
					fmt.Println("created", i)
				}
			}()
		}
	}()
	if err := m.Run(context.Background()); err != nil {
		fmt.Println("error", err)
	}
	return 1
}

// TestKilledMasterKeepsWhatItAcknowledged kills a master at random moments and looks for every write it had acknowledged.
func TestKilledMasterKeepsWhatItAcknowledged(t *testing.T) {
	dir := t.TempDir()
	acknowledged := map[int]bool{}
	for range 6 {
		for _, version := range runUntilKilled(t, dir, 20+rand.IntN(120)) {
			acknowledged[version] = true
		}
	}
	m := start(t, dir, nil)
	have := map[int]bool{}
	for _, job := range m.Jobs(model.JobFilter{}) {
		version, err := strconv.Atoi(job.ID.Version)
		if err != nil {
			t.Fatal(err)
		}
		have[version] = true
	}
	var lost []int
	for version := range acknowledged {
		if !have[version] {
			lost = append(lost, version)
		}
	}
	slices.Sort(lost)
	if len(lost) > 0 {
		t.Errorf("of %d acknowledged jobs %d are lost: %v", len(acknowledged), len(lost), lost)
	}
	if len(acknowledged) < 6 {
		t.Errorf("only %d jobs were acknowledged", len(acknowledged))
	}
	first, err := m.folders.log.FirstIndex()
	if err != nil {
		t.Fatal(err)
	}
	last, err := m.folders.log.LastIndex()
	if err != nil || m.Index() > last || first < 2 || first > last {
		t.Errorf("the log is %d to %d, the state at %d: %v", first, last, m.Index(), err)
	}
}

// runUntilKilled starts a master and kills it a moment after it has acknowledged some writes. It returns all it acknowledged.
func runUntilKilled(t *testing.T, dir string, writes int) []int {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	// The kill comes from another goroutine, so that it hits anywhere in the writes after that one.
	reached := make(chan struct{})
	killed := make(chan error, 1)
	go func() {
		select {
		case <-reached:
		case <-time.After(30 * time.Second):
		}
		killed <- child.Process.Kill()
	}()
	var versions []int
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		if word != "created" {
			t.Errorf("the master says %q", lines.Text())
			continue
		}
		version, err := strconv.Atoi(rest)
		if err != nil {
			t.Fatal(err)
		}
		versions = append(versions, version)
		if len(versions) == writes {
			close(reached)
		}
	}
	if err := <-killed; err != nil {
		t.Error(err)
	}
	_ = child.Wait()
	return versions
}
