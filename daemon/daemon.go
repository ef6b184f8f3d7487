package daemon

import (
	"context"
	"errors"
	"path/filepath"

	"golang.org/x/sync/errgroup"
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
			select {
			case <-running.answers:
				c.Ready(running.Running)
			case <-ctx.Done():
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
	answers <-chan struct{} // closed when requests can be answered
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
		made.MasterURL, made.Gossip, made.answers = reachable(d.http, "127.0.0.1"), d.pool.Addr(), d.master.Ready()
		stages = append(stages, d.run)
	} else {
		answers := make(chan struct{})
		close(answers) // an agent has no one to wait for: it works without masters too
		made.answers = answers
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
