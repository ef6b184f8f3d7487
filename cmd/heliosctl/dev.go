package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/daemon"
)

// devOptions are the flags of `heliosctl dev`.
type devOptions struct {
	daemonOptions
	agents    int
	http      string
	runtime   string
	docker    string
	dns       string
	domain    string
	noConsole bool
}

func newDevCommand(env *environment) *cobra.Command {
	o := &devOptions{}
	command := &cobra.Command{
		Use:   "dev",
		Short: "Run a whole cluster in this process: a master and one or more agents",
		Long: `Run a whole cluster in this process, on this machine alone: a master and one or more agents (dev-1, dev-2, …), whose
labels are env=dev, host=dev-1 and zone=a, b or c.

On a terminal it opens the console when the cluster is ready, and logs go to dev.log in the state folder; quitting the console ends dev.
With --no-console, or without a terminal, it prints where the cluster is and serves until it is interrupted.

Containers run on the Docker engine that answers. Where none does, jobs run as ordinary processes, and the first line says so.
Containers go on running when dev ends; started again with the same folder, it goes on where it stopped.`,
		Example: `  heliosctl dev
  heliosctl dev --no-console
  heliosctl dev --agents 3 --http 127.0.0.1:5901 --state-dir /tmp/helios`,
		Args: cobra.NoArgs,
		RunE: runDaemon(func(ctx context.Context) error { return runDev(ctx, env, o) }),
	}
	flags := command.Flags()
	o.daemonOptions.bind(flags, "dev")
	flags.IntVar(&o.agents, "agents", 1, "`NUMBER` of agents")
	flags.StringVar(&o.http, "http", "127.0.0.1:5801", "`ADDRESS` of the API")
	flags.StringVar(&o.runtime, "runtime", string(daemon.RuntimeAuto), "`KIND` of runtime: auto, docker, process or sim")
	flags.StringVar(&o.docker, "docker", "", "`ENDPOINT` of the Docker engine (default $DOCKER_HOST, else the default socket)")
	flags.StringVar(&o.dns, "dns-listen", "", "`ADDRESS` of the name server for services, such as 127.0.0.1:5807 (default: none)")
	flags.StringVar(&o.domain, "domain", defaultDomain, "`DOMAIN` of services: _SERVICE._PROTOCOL.DOMAIN")
	flags.BoolVar(&o.noConsole, "no-console", false, "serve without the console even on a terminal")
	return command
}

func runDev(ctx context.Context, env *environment, o *devOptions) error {
	stateDir, err := o.stateDirOr(env, "dev")
	if err != nil {
		return err
	}
	if env.fullScreen() && !o.noConsole {
		return runDevConsole(ctx, env, o, stateDir)
	}
	config, err := o.config(ctx, stateDir, o.logger(env.err, slog.LevelWarn))
	if err != nil {
		return err
	}
	config.Ready = func(r daemon.Running) { printDevReady(env, config, r) }
	return daemon.Run(ctx, config)
}

func (o *devOptions) config(ctx context.Context, stateDir string, logger *slog.Logger) (daemon.Config, error) {
	config, err := daemon.Dev(ctx, daemon.DevOptions{
		StateDir: stateDir, HTTP: o.http, Agents: o.agents, Runtime: daemon.RuntimeKind(o.runtime), Docker: o.docker,
		Version: productVersion(), Logger: logger,
	})
	if err != nil {
		return config, err
	}
	config.Master.DNS, config.Master.Domain = o.dns, o.domain
	return config, nil
}

// devReady is the JSON of a cluster that is up.
type devReady struct {
	Master   string             `json:"master"` // URL
	Hosts    []string           `json:"hosts"`
	Runtime  daemon.RuntimeKind `json:"runtime"`
	StateDir string             `json:"stateDir"`
}

func printDevReady(env *environment, config daemon.Config, r daemon.Running) {
	w := env.out
	if env.options.json {
		_ = printJSON(w, devReady{r.MasterURL, r.Hosts, config.Agents[0].Runtime, config.StateDir}) // the command tells of a failure to write
		return
	}
	fmt.Fprintf(w, "heliosctl dev is ready at %s: %s on %s; state in %s\n",
		r.MasterURL, strings.Join(r.Hosts, ", "), describeRuntime(config.Agents[0].Runtime), config.StateDir)
	fmt.Fprintf(w, "Try: heliosctl -z %s hosts\n", r.MasterURL)
}

// describeRuntime says what jobs run on, and plainly so when it is not containers.
func describeRuntime(kind daemon.RuntimeKind) string {
	switch kind {
	case daemon.RuntimeDocker:
		return "Docker"
	case daemon.RuntimeProcess:
		return "the process runtime (without Docker: jobs run as ordinary processes, images are not used)"
	default:
		return "the simulated runtime (nothing really runs)"
	}
}
