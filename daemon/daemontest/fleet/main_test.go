//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/daemontest"
	"github.com/heliosctl/heliosctl/model"
)

// freePorts finds the first of so many ports in a row of which none is in use.
func freePorts(t *testing.T, n int) int {
	t.Helper()
	for first := 21000 + os.Getpid()%500*10; first < 29000; first += n {
		if allFree(first, n) {
			return first
		}
	}
	t.Fatal("no ports are free")
	return 0
}

func allFree(first, n int) bool {
	for port := first; port < first+n; port++ {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return false
		}
		_ = listener.Close()
	}
	return true
}

func TestMain(m *testing.M) { os.Exit(daemontest.Run(m)) }

// The fleet comes up, works, and leaves nothing behind.
func TestFleet(t *testing.T) {
	const masters = 3
	t.Setenv("TMPDIR", t.TempDir())
	o := options{masters: masters, agents: 2, port: freePorts(t, 10*(masters+2)), runtime: "process"}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	interrupted, interrupt := context.WithCancel(ctx)
	defer interrupt()
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(interrupted, o, write)
		_ = write.CloseWithError(io.EOF)
		ended <- err
	}()
	lines := bufio.NewScanner(read)
	for lines.Scan() && !strings.Contains(lines.Text(), "Break it") {
		t.Log(lines.Text())
	}
	go func() { _, _ = io.Copy(io.Discard, read) }()
	if lines.Err() != nil || !strings.Contains(lines.Text(), "Break it") {
		t.Fatalf("it ended early: %v", <-ended)
	}

	c, err := client.New(client.Config{Endpoints: []string{fmt.Sprintf("http://127.0.0.1:%d", o.port+1)}, User: "tester"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	file := filepath.Join(t.TempDir(), "pid")
	id, err := c.CreateJob(ctx, model.Job{
		ID: model.JobID{Name: "web", Version: "1"}, Image: "busybox:1.36", Command: []string{"/bin/sh", "-c", "echo $$ > " + file + "; exec sleep 100000"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Deploy(ctx, "h1", model.Deployment{JobID: id, Goal: model.GoalStart}, ""); err != nil {
		t.Fatal(err)
	}
	var pid string
	for ctx.Err() == nil && !strings.HasSuffix(pid, "\n") {
		text, _ := os.ReadFile(file)
		pid = string(text)
		time.Sleep(20 * time.Millisecond)
	}
	interrupt()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	if _, err := os.Stat("/proc/" + strings.TrimSpace(pid)); err == nil {
		t.Errorf("process %s of the job is left", pid)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "heliosctl-fleet-*")); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
}
