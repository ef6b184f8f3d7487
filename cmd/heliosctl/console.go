package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"

	"github.com/heliosctl/heliosctl/cmd/heliosctl/config"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// console is one run of the full-screen console. It owns the cluster that is looked at: one at a time, and the one before has ended
// when the next is shown.
type console struct {
	env      *environment
	flags    *dashboardOptions
	options  tui.Options
	clusters []*consoleCluster
	watching sync.WaitGroup

	ctx  context.Context // ends with the console
	fail context.CancelCauseFunc

	mu  sync.Mutex
	end func() // of the cluster that is looked at
}

// newConsole prepares a console for a terminal. What is wrong with the configuration is told here, before there is anything on the screen.
func newConsole(env *environment, file config.File, o *dashboardOptions) (*console, error) {
	options, err := o.console(env)
	if err != nil {
		return nil, err
	}
	c := &console{env: env, flags: o, options: options}
	for _, context := range file.Contexts {
		cluster, err := contextCluster(env, context, "--context "+model.QuoteWord(context.Name))
		if err != nil {
			return nil, err
		}
		c.clusters = append(c.clusters, cluster)
	}
	return c, nil
}

// run shows the console until it is quit, told to end, or hung up. Without a cluster it asks for one first.
func (c *console) run(ctx context.Context, first *consoleCluster) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP)
	defer stop()
	c.ctx, c.fail = context.WithCancelCause(ctx)
	defer func() {
		c.fail(nil)
		c.replace(func() {})
		c.watching.Wait()
	}()
	c.recall()
	if first != nil {
		source, err := c.show(first)
		if err != nil {
			return err
		}
		c.options.Source = source
		c.add(first)
	}
	if path := config.Path(c.env.getenv); path != "" {
		c.options.Reload = c.watch(c.ctx, path, c.flags)
	}
	c.options.Switch, c.options.Probe = c.change, c.probe
	for _, cluster := range c.clusters {
		c.options.Clusters = append(c.options.Clusters, cluster.ClusterChoice)
	}
	release := c.env.guardTerminal()
	err := tui.Run(c.ctx, c.options)
	release()
	var crash *tui.Panic
	if errors.As(context.Cause(c.ctx), &crash) {
		err = crash
	}
	return explainCrash(c.env, err)
}

// add makes a cluster one of those that can be looked at; one of the same name it replaces.
func (c *console) add(cluster *consoleCluster) {
	for i, known := range c.clusters {
		if known.Name == cluster.Name {
			c.clusters[i] = cluster
			return
		}
	}
	c.clusters = append(c.clusters, cluster)
}

func (c *console) find(name string) *consoleCluster {
	for _, cluster := range c.clusters {
		if cluster.Name == name {
			return cluster
		}
	}
	return nil
}

// change shows another cluster.
func (c *console) change(_ context.Context, name string) (tui.Source, error) {
	cluster := c.find(name)
	if cluster == nil {
		return nil, model.Errorf(model.CodeNotFound, "there is no cluster %q", name)
	}
	return c.show(cluster)
}

func (c *console) probe(ctx context.Context, name string) tui.Probed {
	if cluster := c.find(name); cluster != nil {
		return cluster.probe(ctx)
	}
	return tui.Probed{}
}

// show starts the source of a cluster, and ends the one before once that has worked.
func (c *console) show(cluster *consoleCluster) (tui.Source, error) {
	source, run, err := cluster.open()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(c.ctx)
	var running sync.WaitGroup
	running.Go(func() {
		defer func() {
			if value := recover(); value != nil {
				c.fail(&tui.Panic{Value: value, Stack: debug.Stack()})
			}
		}()
		run(ctx)
	})
	c.replace(func() {
		cancel()
		running.Wait()
	})
	return source, nil
}

// replace ends the cluster that is looked at and takes over how the next one is ended.
func (c *console) replace(end func()) {
	c.mu.Lock()
	before := c.end
	c.end = end
	c.mu.Unlock()
	if before != nil {
		before()
	}
}

// recall reads what is remembered from earlier runs. A file that cannot be read is left alone, and the console says so.
func (c *console) recall() {
	path := config.StatePath(c.env.getenv)
	if path == "" {
		return
	}
	file := stateFile{path}
	state, err := file.load()
	var damaged *damagedState
	switch {
	case errors.As(err, &damaged):
		c.notice(fmt.Sprintf("%v; starting without it; it becomes %s when there is something to keep", err, file.bad()))
	case err != nil:
		c.notice(fmt.Sprintf("nothing is remembered: %v", err))
		return
	}
	c.options.State, c.options.Remember = state, file.change
}

// notice adds to the first message of the console.
func (c *console) notice(text string) {
	if c.options.Notice != "" {
		text += "; " + c.options.Notice
	}
	c.options.Notice = text
}
