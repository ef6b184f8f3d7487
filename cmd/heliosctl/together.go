package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/heliosctl/heliosctl/client"
)

// withClientsTogether runs a command that may never end with a client of each cluster that it speaks to. On several it runs at the same
// time, and every line that it prints has the cluster before it: in text its name and a colon, in an object of JSON its first member,
// "cluster". Failures are reported as they come, and the others go on; see withClient for the error.
func withClientsTogether(env *environment, run func(streams, *client.Client) error) error {
	return withClients(env, func(clusters []clusterClient) error {
		if len(clusters) == 1 {
			return env.suggestGroup(clusters[0].api, run(env.streams, clusters[0].api))
		}
		p := newParts(env)
		var mu sync.Mutex // of what is printed, and of p
		var running sync.WaitGroup
		for _, cluster := range clusters {
			running.Go(func() {
				lines := newClusterLines(env, &mu, cluster.name)
				io := env.streams
				io.out, io.screen, io.display, io.terminal, io.progress = lines, false, nil, nil, nil
				err := env.suggestGroup(cluster.api, run(io, cluster.api))
				lines.end(err)
				mu.Lock()
				defer mu.Unlock()
				if err != nil && !errors.Is(err, context.Canceled) {
					p.fail(err)
				}
			})
		}
		running.Wait()
		if err := env.running.Err(); err != nil {
			return err
		}
		return p.failure
	})
}

// withClientOrTogether is withClientsTogether for a command that goes on, and withClient for the same command when it does not.
func (env *environment) withClientOrTogether(goesOn bool, run func(streams, *client.Client) error) error {
	if goesOn {
		return withClientsTogether(env, run)
	}
	return withClient(env, func(api *client.Client) error { return run(env.streams, api) })
}

// clusterLines puts a cluster before every line that is written. Lines of several clusters do not mix.
type clusterLines struct {
	env    *environment
	mu     *sync.Mutex
	name   string
	before []byte
	line   []byte // that is not complete yet
}

func newClusterLines(env *environment, mu *sync.Mutex, name string) *clusterLines {
	c := &clusterLines{env: env, mu: mu, name: name, before: []byte(oneLine(name) + ": ")}
	if env.options.json {
		c.before = fmt.Appendf(nil, `{"cluster":%s,`, raw(name))
	}
	return c
}

// Write prints lines once they are complete.
func (c *clusterLines) Write(p []byte) (int, error) {
	c.line = append(c.line, p...)
	for {
		at := bytes.IndexByte(c.line, '\n')
		if at < 0 {
			return len(p), nil
		}
		if err := c.print(c.line[:at]); err != nil {
			return 0, err
		}
		c.line = c.line[at+1:]
	}
}

func (c *clusterLines) print(line []byte) error {
	if c.env.options.json {
		line, _ = bytes.CutPrefix(line, []byte("{"))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := fmt.Fprintf(c.env.out, "%s%s\n", c.before, line)
	return err
}

// end prints what is left, and why the command has ended.
func (c *clusterLines) end(err error) {
	if len(c.line) > 0 {
		_, _ = io.WriteString(c, "\n")
	}
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	if c.env.options.json {
		if text, jsonErr := compactJSON(failureOf(err)); jsonErr == nil {
			_, _ = io.WriteString(c, text+"\n")
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	told := *c.env
	told.options.json = false // that has been printed
	report(&told, &output{Writer: io.Discard}, &clusterError{c.name, err})
}
