package daemon

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/heliosctl/heliosctl/model"
)

// Run runs everything that the configuration names until ctx ends or a part fails. A part that cannot be opened fails before
// anything has started. When ctx ends, agents stop first, so that masters hear the last of them; containers go on running. An
// orderly end is no error.
func Run(ctx context.Context, c Config) (err error) {
	if err := c.Validate(); err != nil {
		return err
	}
	unlock, err := lockStateDir(c.StateDir)
	if err != nil {
		return err
	}
	var opened closers
	opened.add(unlock)
	defer func() { err = errors.Join(err, opened.close()) }()

	running, stages, err := open(c, &opened)
	if err != nil {
		return err
	}
	if c.Ready != nil {
		stages = append(stages, func(ctx context.Context) error {
			if running.awaitReady(ctx) {
				c.Ready(running.Running)
			}
			<-ctx.Done()
			return nil
		})
	}
	return runStages(ctx, stages...)
}

// parts is what open has made of a configuration.
type parts struct {
	Running
	master *masterDaemon // nil: none
}

// open makes every part and starts none. What it takes is released through opened, whether it fails or not.
func open(c Config, opened *closers) (parts, []stage, error) {
	var made parts
	var stages []stage
	if c.Master != nil {
		d, err := newMasterDaemon(c, filepath.Join(c.StateDir, "master"))
		opened.add(d.closers.close)
		if err != nil {
			return made, nil, err
		}
		made.master, made.MasterURL, made.Gossip = d, reachable(d.http, "127.0.0.1"), d.pool.Addr()
		stages = append(stages, d.run)
	}
	var agents []stage
	for _, config := range c.Agents {
		if c.Master != nil {
			config.Join = append(config.Join, made.Gossip)
		}
		d, err := newAgentDaemon(c, config, c.agentDir(config))
		opened.add(d.closers.close)
		if err != nil {
			return made, nil, err
		}
		if made.Gossip == "" {
			made.Gossip = d.pool.Addr()
		}
		made.Hosts = append(made.Hosts, config.Name)
		agents = append(agents, d.run)
	}
	return made, append(stages, together(agents)), nil
}

// hostsReadyTimeout is how long the hosts of this process may take to come up before the master is called ready without them.
const hostsReadyTimeout = 10 * time.Second

// awaitReady returns true when the master answers and the hosts of this process are up, and false when ctx ends before. An agent
// alone is ready at once: it works without masters too.
func (p parts) awaitReady(ctx context.Context) bool {
	if p.master == nil {
		return true
	}
	select {
	case <-p.master.master.Ready():
	case <-ctx.Done():
		return false
	}
	deadline := time.After(hostsReadyTimeout)
	for {
		_, _, more := p.master.master.Events(p.master.master.Index())
		if p.hostsUp() {
			return true
		}
		select {
		case <-more:
		case <-deadline:
			return true
		case <-ctx.Done():
			return false
		}
	}
}

func (p parts) hostsUp() bool {
	for _, name := range p.Hosts {
		host, err := p.master.master.Host(name)
		if err != nil || host.Status != model.Up {
			return false
		}
	}
	return true
}

// together makes one stage of several that need no order among them.
func together(stages []stage) stage {
	return func(ctx context.Context) error {
		group, running := errgroup.WithContext(ctx)
		for _, run := range stages {
			group.Go(func() error { return run(running) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	}
}
