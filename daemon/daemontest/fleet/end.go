//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/daemontest"
	"github.com/heliosctl/heliosctl/model"
)

// endLimit is how long jobs may take to end.
const endLimit = 30 * time.Second

// end ends all jobs, then all daemons, and then what is left of either.
func (f *fleet) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), endLimit)
	defer cancel()
	err := f.removeJobs(ctx)
	var all sync.WaitGroup
	for _, d := range f.daemons() {
		all.Go(d.Kill)
	}
	all.Wait()
	return errors.Join(err, endLeftovers(f.dir))
}

func (f *fleet) daemons() []*daemontest.Daemon {
	return append(f.masters[:len(f.masters):len(f.masters)], f.agents...)
}

// removeJobs takes every job off every host and waits until the agents have ended them: with Docker nobody else would. A fleet that does not
// answer any more has nothing to be taken off that could be reached.
func (f *fleet) removeJobs(ctx context.Context) error {
	var urls []string
	for _, m := range f.masters {
		urls = append(urls, m.API)
	}
	c, err := client.New(client.Config{Endpoints: urls, User: "fleet"})
	if err != nil {
		return err
	}
	defer c.Close()
	hosts, err := c.Hosts(ctx, "", nil)
	if err != nil {
		return nil
	}
	for _, host := range hosts {
		if err := removeHostJobs(ctx, c, host); err != nil {
			return fmt.Errorf("the jobs of %s may be left: %w", host, err)
		}
	}
	return nil
}

func removeHostJobs(ctx context.Context, c *client.Client, host string) error {
	status, err := c.HostStatus(ctx, host)
	if err != nil {
		return err
	}
	for id := range status.Jobs {
		if err := c.Undeploy(ctx, host, id, status.Statuses[id].Job.Token); err != nil {
			return err
		}
	}
	for status.Status == model.Up && len(status.Statuses) > 0 {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
		if status, err = c.HostStatus(ctx, host); err != nil {
			return err
		}
	}
	return nil
}

// endLeftovers kills the processes whose command line names a folder of the fleet: the process runtime's, which outlive their agent. Where
// there is no /proc nothing is found.
func endLeftovers(dir string) error {
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return err
	}
	var errs []error
	for _, line := range lines {
		text, err := os.ReadFile(line)
		if err != nil || !bytes.Contains(text, []byte(dir+"/")) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(line)))
		if err != nil || pid == os.Getpid() {
			continue
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
