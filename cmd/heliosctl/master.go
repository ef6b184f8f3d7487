package main

import (
	"context"
	"log/slog"
	"math"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/daemon"
	"github.com/heliosctl/heliosctl/model"
)

// masterOptions are the flags of `heliosctl master`.
type masterOptions struct {
	daemonOptions
	daemon.Master

	initial             []string
	agentReapingTimeout int // hours
	jobRetention        int // days
}

// defaultDomain is where services are found when nobody says where.
const defaultDomain = "helios.internal"

func newMasterCommand(env *environment) *cobra.Command {
	o := &masterOptions{}
	command := &cobra.Command{
		Use:   "master",
		Short: "Run a master: it keeps what should run where and answers the API",
		Long: `Run a master: it keeps what should run where and answers the API.

A master that is given neither --masters nor --join forms a cluster of itself. Three or five form one together when each is given
the same --masters at its first start; they begin when all of them are there. A later one is taken in with --join: it votes once it
is up to date. What a master was told at its first start no longer matters at the next ones.`,
		Example: `  heliosctl master
  heliosctl master --name m1 --masters m1=10.0.0.1,m2=10.0.0.2,m3=10.0.0.3
  heliosctl master --name m4 --join 10.0.0.1
  heliosctl master --http 127.0.0.1:5801 --state-dir /srv/heliosctl`,
		Args: cobra.NoArgs,
		RunE: runDaemon(func(ctx context.Context) error { return runMaster(ctx, env, o) }),
	}
	flags := command.Flags()
	o.daemonOptions.bind(flags, "master")
	flags.StringVar(&o.Name, "name", "", "`NAME` of this master (default the machine's)")
	flags.StringVar(&o.HTTP, "http", "0.0.0.0:5801", "`ADDRESS` of the API")
	flags.StringVar(&o.Admin, "admin", "0.0.0.0:5802", "`ADDRESS` of /healthcheck, /ping and /metrics")
	flags.StringVar(&o.Gossip, "gossip", "0.0.0.0:5805", "`ADDRESS` of gossip, UDP and TCP")
	flags.StringVar(&o.Raft, "raft", "0.0.0.0:5806", "`ADDRESS` of replication between masters")
	flags.StringVar(&o.DNS, "dns-listen", "", "`ADDRESS` of the name server for services, UDP and TCP, such as 0.0.0.0:5807 (default: none)")
	flags.StringVar(&o.Domain, "domain", defaultDomain, "`DOMAIN` of services: _SERVICE._PROTOCOL.DOMAIN")
	flags.StringVar(&o.Advertise, "advertise", "", "`IP` at which others reach this machine (default: found out)")
	flags.StringSliceVar(&o.Join, "join", nil, "gossip `ADDRESS` of a daemon to join; repeat or separate by commas")
	flags.StringSliceVar(&o.initial, "masters", nil,
		"`NAME[=ADDRESS]` of each master that forms the cluster, the same list on each; addresses are those of gossip (default: their names)")
	bindGossip(flags, &o.GossipKey, &o.GossipProfile)
	flags.StringArrayVar(&o.CapabilityWhitelist, "whitelisted-capability", nil, "`CAPABILITY` that jobs may add; repeatable")
	flags.IntVar(&o.agentReapingTimeout, "agent-reaping-timeout", 336,
		"`HOURS` that an agent is away until its host is deregistered with all its deployments; 0 or less: never")
	flags.IntVar(&o.jobRetention, "job-retention", -1,
		"`DAYS` that a job which is deployed nowhere is kept after its last use; 0 or less: for ever")
	flags.BoolVar(&o.ReapHistory, "reap-history", false, "once a day, remove the history of jobs that are gone")
	return command
}

// wholeUnits is a duration given as a number of units.
func wholeUnits(flag string, n int, unit time.Duration) (time.Duration, error) {
	if most := int(math.MaxInt64 / unit); n > most {
		return 0, model.Errorf(model.CodeInvalid, "%s is %d; give a number up to %d, or 0 for never", flag, n, most)
	}
	return time.Duration(max(n, 0)) * unit, nil
}

func runMaster(ctx context.Context, env *environment, o *masterOptions) error {
	stateDir, err := o.stateDirOr(env, "master")
	if err != nil {
		return err
	}
	if o.Name == "" {
		if o.Name, err = hostName(); err != nil {
			return err
		}
	}
	if o.Initial, err = daemon.ParseInitialMasters(o.initial); err != nil {
		return err
	}
	if o.AgentReapingTimeout, err = wholeUnits("--agent-reaping-timeout", o.agentReapingTimeout, time.Hour); err != nil {
		return err
	}
	if o.JobRetention, err = wholeUnits("--job-retention", o.jobRetention, 24*time.Hour); err != nil {
		return err
	}
	o.GossipKey = gossipKey(env, o.GossipKey)
	log := o.logger(env.err, slog.LevelInfo)
	return daemon.Run(ctx, daemon.Config{
		StateDir: stateDir, Version: productVersion(), Logger: log, Master: &o.Master,
		Ready: func(r daemon.Running) { log.Info("ready", "api", r.MasterURL, "gossip", r.Gossip, "state", stateDir) },
	})
}
