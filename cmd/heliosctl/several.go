package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/heliosctl/heliosctl/client"
)

// withClient runs a command with a client of each cluster that it speaks to, one after the other. All are tried; when some fail, that
// has been reported when it returns, and the error is their exit code where it is the same, else that of different reasons.
//
// With several, text has a heading for each cluster, and JSON is one object of what the command prints for each.
func withClient(env *environment, run func(*client.Client) error) error {
	return onClusters(env, run, func(error) bool { return true })
}

// withClientUntilFailure is withClient, but ends with the first cluster on which the command fails.
func withClientUntilFailure(env *environment, run func(*client.Client) error) error {
	return onClusters(env, run, func(err error) bool { return err == nil })
}

// withOneClient is withClient for commands that make no sense on several clusters: it refuses those.
func withOneClient(env *environment, run func(*client.Client) error) error {
	t, err := env.onlyCluster(env.running)
	if err != nil {
		return err
	}
	return env.with(t, run)
}

// clusterClient is a client of one of the clusters of a command.
type clusterClient struct {
	name string
	api  *client.Client
}

// withClients runs a command once with clients of all clusters that it speaks to.
func withClients(env *environment, run func([]clusterClient) error) error {
	targets, err := env.clusters(env.running)
	if err != nil {
		return err
	}
	var clients []clusterClient
	for _, t := range targets {
		api, err := env.connect(t)
		if err != nil {
			return err
		}
		defer api.Close()
		clients = append(clients, clusterClient{t.name, api})
	}
	return run(clients)
}

func onClusters(env *environment, run func(*client.Client) error, goOn func(error) bool) error {
	targets, err := env.clusters(env.running)
	if err != nil {
		return err
	}
	if len(targets) == 1 {
		return env.with(targets[0], run)
	}
	p := newParts(env)
	var served []string // ids
	for _, t := range targets {
		t, silence := env.settled(env.running, t)
		if t.cluster != "" && slices.Contains(served, t.cluster) {
			env.say(sayTargets, "%s is of a cluster that has had its turn", t.name)
			continue
		}
		served = append(served, t.cluster)
		err = p.run(t, func(api *client.Client) error {
			if silence != nil {
				return silence
			}
			return run(api)
		})
		if !goOn(err) || isUsage(err) || errors.Is(err, context.Canceled) {
			break
		}
	}
	p.close()
	if isUsage(err) || errors.Is(err, context.Canceled) {
		return err
	}
	return p.failure
}

// connect makes a client of a target. It sends nothing.
func (env *environment) connect(t target) (*client.Client, error) {
	config, err := env.configOf(t)
	if err != nil {
		return nil, err
	}
	return client.New(config)
}

func (env *environment) with(t target, run func(*client.Client) error) error {
	api, err := env.connect(t)
	if err != nil {
		return err
	}
	defer api.Close()
	return env.suggestGroup(api, run(api))
}

func isUsage(err error) bool {
	var usage *usageError
	return errors.As(err, &usage)
}

// parts are what a command prints for each of several clusters.
type parts struct {
	env     *environment
	out     io.Writer // of the command as a whole
	in      io.Reader
	read    bytes.Buffer // of in, for the clusters that come later
	members []member     // with --json
	failure error
}

// member is a name and a value of a JSON object.
type member struct {
	name  string
	value json.RawMessage
}

func newParts(env *environment) *parts { return &parts{env: env, out: env.out, in: env.in} }

// run runs the command on one cluster and reports its failure. The error that it returns is the command's.
func (p *parts) run(t target, run func(*client.Client) error) error {
	env := p.env
	if !env.interactive { // each cluster is given the same
		env.in = io.MultiReader(bytes.NewReader(p.read.Bytes()), io.TeeReader(p.in, &p.read))
	}
	var collected bytes.Buffer
	out := &output{Writer: p.out}
	if env.options.json {
		out = &output{Writer: &collected}
	} else {
		p.heading(t)
	}
	env.out = out
	err := env.with(t, run)
	if isUsage(err) || errors.Is(err, context.Canceled) {
		return err
	}
	if err != nil {
		report(env, out, &clusterError{t.name, err})
		p.fail(err)
	}
	if env.options.json {
		p.members = append(p.members, member{t.name, oneDocument(collected.Bytes())})
	} else {
		fmt.Fprintln(p.out)
	}
	return err
}

// heading names a cluster, as the original's command line did.
func (p *parts) heading(t target) {
	line := oneLine(fmt.Sprintf("%s ([%s])", t.name, t.places()))
	fmt.Fprintf(p.out, "%s\n%s\n", line, strings.Repeat("-", utf8.RuneCountInString(line)))
}

// fail takes a failure in: the exit code is that of all failures, or that of different reasons.
func (p *parts) fail(err error) {
	code := exitStatus(exitCode(err))
	if p.failure != nil && p.failure != code {
		code = exitFailure
	}
	p.failure = code
}

// close gives the environment back and prints what was collected.
func (p *parts) close() {
	p.env.out, p.env.in = p.out, p.in
	if len(p.members) == 0 {
		return
	}
	var object bytes.Buffer
	object.WriteByte('{')
	for i, m := range p.members {
		if i > 0 {
			object.WriteByte(',')
		}
		object.Write(raw(m.name))
		object.WriteByte(':')
		object.Write(m.value)
	}
	object.WriteByte('}')
	printJSON(p.out, json.RawMessage(object.Bytes()))
}

// oneDocument makes one JSON value of what a command has printed: that value, an array of several, null for nothing, and text where it
// is no JSON.
func oneDocument(printed []byte) json.RawMessage {
	var values []json.RawMessage
	decoder := json.NewDecoder(bytes.NewReader(printed))
	for {
		var value json.RawMessage
		err := decoder.Decode(&value)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return raw(string(printed))
		}
		values = append(values, value)
	}
	switch len(values) {
	case 0:
		return json.RawMessage("null")
	case 1:
		return values[0]
	}
	return raw(values)
}

// raw is the JSON of what has one: a text, or values that are JSON already.
func raw(value any) json.RawMessage {
	text, _ := compactJSON(value)
	return json.RawMessage(text)
}

// clusterError is the failure of a command on one of several clusters.
type clusterError struct {
	cluster string
	err     error
}

func (e *clusterError) Error() string { return e.cluster + ": " + e.err.Error() }

func (e *clusterError) Unwrap() error { return e.err }
