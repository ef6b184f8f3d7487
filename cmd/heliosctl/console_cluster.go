package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/cmd/heliosctl/config"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
	fleet "github.com/heliosctl/heliosctl/tui/demo"
	"github.com/heliosctl/heliosctl/tui/live"
)

// How long the console waits for an answer when it only wants to know whether there is one.
const (
	probePatience = 2 * time.Second
	probeRetry    = time.Nanosecond // each master is asked once
)

// consoleCluster is a cluster that the console can look at.
type consoleCluster struct {
	tui.ClusterChoice
	open   func() (source tui.Source, run func(context.Context), err error)
	config *client.Config // to ask it how it is; nil: it is simulated
}

// liveCluster is a cluster that is reached over the network.
func liveCluster(cluster tui.Cluster, c client.Config, now func() time.Time) *consoleCluster {
	return &consoleCluster{
		ClusterChoice: tui.ClusterChoice{Cluster: cluster, Masters: describeMasters(c)}, config: &c,
		open: func() (tui.Source, func(context.Context), error) {
			source, err := live.New(live.Options{Config: c, Cluster: cluster, Now: now, Reading: setConsoleHeap})
			if err != nil {
				return nil, nil, err
			}
			return source, source.Run, nil
		},
	}
}

// warmUp is how long the simulated fleet has lived when it is first seen.
const warmUp = 18 * time.Minute

// demoCluster is a simulated fleet that lives as long as it is looked at.
func demoCluster(now func() time.Time) *consoleCluster {
	return &consoleCluster{
		ClusterChoice: tui.ClusterChoice{
			Cluster: tui.Cluster{Name: fleet.ClusterName, Environment: tui.EnvironmentDemo}, Masters: "simulated in this process",
		},
		open: func() (tui.Source, func(context.Context), error) {
			at := now()
			simulated := fleet.New(fleet.Options{Seed: 1, Start: at.Add(-warmUp)})
			simulated.Advance(at)
			return simulated, simulated.Run, nil
		},
	}
}

// describeMasters says in a few words where the masters of a cluster are.
func describeMasters(c client.Config) string {
	if c.Domain != nil {
		return "SRV of " + c.Domain.Name
	}
	if len(c.Endpoints) == 1 {
		return c.Endpoints[0]
	}
	var hosts []string
	for _, endpoint := range c.Endpoints {
		hosts = append(hosts, hostOf(endpoint))
	}
	if len(hosts) > 3 {
		return strings.Join(hosts[:2], ", ") + fmt.Sprintf(" and %d more", len(hosts)-2)
	}
	return strings.Join(hosts, ", ")
}

func hostOf(endpoint string) string {
	if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
		return u.Host
	}
	return endpoint
}

// probe asks a cluster how it is.
func (c *consoleCluster) probe(ctx context.Context) tui.Probed {
	if c.config == nil {
		return tui.Probed{OK: true, Text: "ready"}
	}
	text, err := probeMasters(ctx, *c.config)
	if err != nil {
		return tui.Probed{Text: "no answer"}
	}
	return tui.Probed{OK: true, Text: text}
}

// probeMasters asks one master that answers for all of them.
func probeMasters(ctx context.Context, c client.Config) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, probePatience)
	defer cancel()
	c.HTTPTimeout, c.RetryTimeout = probePatience, probeRetry
	api, err := client.New(c)
	if err != nil {
		return "", err
	}
	defer api.Close()
	began := time.Now()
	masters, err := api.Masters(ctx)
	if err != nil {
		return "", err
	}
	words := fmt.Sprintf("%d masters", len(masters))
	if len(masters) == 1 {
		words = "1 master"
	}
	return fmt.Sprintf("%s, %d ms", words, max(1, time.Since(began).Milliseconds())), nil
}

// consoleEnvironments are the console's words for those of the configuration.
var consoleEnvironments = map[config.Environment]tui.Environment{
	config.Production: tui.EnvironmentProduction, config.Staging: tui.EnvironmentStaging, config.Development: tui.EnvironmentDevelop,
}

// contextCluster is the cluster of a context. Flags are what command lines need to get there.
func contextCluster(env *environment, c config.Context, flags string) (*consoleCluster, error) {
	reach, err := env.contextConfig(c)
	if err != nil {
		return nil, err
	}
	cluster := tui.Cluster{Name: c.Name, Environment: consoleEnvironments[c.Environment], ReadOnly: c.ReadOnly, Flags: flags}
	return liveCluster(cluster, reach, env.now), nil
}

// contextConfig says how to reach the masters of a context and as whom.
func (env *environment) contextConfig(c config.Context) (client.Config, error) {
	t, err := env.contextTarget("", c)
	if err != nil {
		return client.Config{}, err
	}
	return env.configOf(t)
}

// clusterFlags are the global flags that named the cluster; command lines need them again. Variables and the context in use need not be
// repeated.
func (o *globalOptions) clusterFlags() string {
	var words []string
	for _, given := range []struct {
		flag   string
		values []string
	}{{"--master", o.masters}, {"--domains", o.domains}, {"--context", o.contexts}} {
		for _, value := range given.values {
			words = append(words, given.flag, model.QuoteWord(value))
		}
	}
	return strings.Join(words, " ")
}

// firstCluster is the cluster that the console begins with.
func firstCluster(env *environment, file config.File) (*consoleCluster, error) {
	t, err := env.onlyCluster(env.running)
	if err != nil {
		return nil, err
	}
	if t.context.Name != "" {
		return contextCluster(env, t.context, env.options.clusterFlags())
	}
	reach, err := env.configOf(t)
	if err != nil {
		return nil, err
	}
	cluster := namedCluster(file, reach)
	cluster.Flags = env.options.clusterFlags()
	return liveCluster(cluster, reach, env.now), nil
}

// namedCluster says what the console calls a cluster that is no context: like the context that one of its masters belongs to, so that
// production is marked as such however it is named.
func namedCluster(file config.File, reach client.Config) tui.Cluster {
	for _, c := range file.Contexts {
		named := reach.Domain != nil && c.Domain == reach.Domain.Name
		if named || slices.ContainsFunc(reach.Endpoints, func(endpoint string) bool { return slices.Contains(c.Masters, endpoint) }) {
			return tui.Cluster{Name: c.Name, Environment: consoleEnvironments[c.Environment], ReadOnly: c.ReadOnly}
		}
	}
	if reach.Domain != nil {
		return tui.Cluster{Name: reach.Domain.Name}
	}
	return tui.Cluster{Name: hostOf(slices.Concat(reach.Endpoints, []string{""})[0])}
}
