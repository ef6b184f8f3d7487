package main

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/daemon"
	"github.com/heliosctl/heliosctl/model"
)

// agentOptions are the flags of `heliosctl agent`.
type agentOptions struct {
	daemonOptions
	daemon.Agent
	noHTTP bool
	ttl    int // minutes
	labels pairs
	env    pairs
}

func newAgentCommand(env *environment) *cobra.Command {
	o := &agentOptions{Agent: daemon.Agent{Runtime: daemon.RuntimeDocker, PortRange: daemon.DefaultPortRange()}}
	command := &cobra.Command{
		Use:   "agent",
		Short: "Run the agent of this host: it runs the containers that masters want here",
		Long: `Run the agent of this host: it registers the host with the masters that it finds by gossip, runs the containers that they want here,
and tells them what becomes of those. Containers go on running when the agent ends; started again with the same folder, it goes on
where it stopped.`,
		Example: `  heliosctl agent --join master1:5805
  heliosctl agent --join 10.0.0.1:5805 --labels role=web zone=a --env REGION=eu`,
		Args: cobra.NoArgs,
	}
	flags := command.Flags()
	command.RunE = runDaemon(func(ctx context.Context) error {
		if !flags.Changed("domain") {
			o.Domain = resolverDomain(resolvConf)
		}
		return runAgent(ctx, env, o)
	})
	o.daemonOptions.bind(flags, "agent")
	flags.StringVar(&o.Name, "name", "", "`NAME` of this host (default the machine's)")
	flags.StringVar(&o.ID, "id", "", "`ID` of this agent, kept in the state folder from the first start on (default: made up)")
	flags.StringVar(&o.HTTP, "http", "0.0.0.0:5803", "`ADDRESS` of the agent's API")
	flags.StringVar(&o.Admin, "admin", "0.0.0.0:5804", "`ADDRESS` of /healthcheck, /ping and /metrics")
	flags.BoolVar(&o.noHTTP, "no-http", false, "serve neither of the two")
	flags.StringVar(&o.Gossip, "gossip", "0.0.0.0:5805", "`ADDRESS` of gossip, UDP and TCP")
	flags.StringVar(&o.Advertise, "advertise", "", "`IP` at which others reach this machine (default: found out)")
	flags.StringSliceVar(&o.Join, "join", nil, "gossip `ADDRESS` of a daemon to join; repeat or separate by commas")
	flags.StringVar(&o.ClusterID, "cluster-id", "", "`ID` of the only cluster to take orders from, as heliosctl version tells it (default: the first one that took this agent in)")
	bindGossip(flags, &o.GossipKey, &o.GossipProfile)
	flags.StringVar((*string)(&o.Runtime), "runtime", string(daemon.RuntimeDocker), "`KIND` of runtime: docker, or process and sim for trying things out")
	flags.StringVar(&o.Docker, "docker", "", "`ENDPOINT` of the Docker engine (default $DOCKER_HOST, else the default socket)")
	flags.StringVar(&o.DockerCertPath, "docker-cert-path", "", "`FOLDER` with ca.pem, cert.pem and key.pem (default $DOCKER_CERT_PATH)")
	flags.Var(&o.labels, "labels", "`KEY=VALUE` label of this host, for selectors; repeatable, or several after one flag")
	flags.Var(&o.env, "env", "`KEY=VALUE` given to every container; repeatable, or several after one flag")
	flags.Var((*portRange)(&o.PortRange), "port-range", "`START:END` of dynamic ports, END not included")
	flags.IntVar(&o.ttl, "registration-ttl", int(model.DefaultRegistrationTTL.Minutes()),
		"`MINUTES` that another agent of this name must have been away until this one takes its place; 0: as soon as it is away")
	flags.StringVar(&o.ServiceRegistry, "service-registry", "", "`URL` of what services are registered with: etcd://HOST:PORT or consul://HOST:PORT (default: the masters' DNS alone)")
	flags.Var((*ipList)(&o.DNS), "dns", "`IP` of a name server for every container; repeatable")
	flags.StringArrayVar(&o.Binds, "bind", nil, "`SOURCE:PATH[:ro|rw]` bound into every container; repeatable")
	flags.StringArrayVar(&o.ExtraHosts, "add-host", nil, "`NAME:IP` line for every container's /etc/hosts; repeatable")
	flags.StringVar(&o.SyslogRedirectTo, "syslog-redirect-to", "", "`HOST:PORT` of a syslog server that gets the output of every container, by UDP")
	flags.StringVar(&o.Domain, "domain", "", "`DOMAIN` in which services are registered whose job names none (default the one in "+resolvConf+")")
	return command
}

func runAgent(ctx context.Context, env *environment, o *agentOptions) error {
	stateDir, err := o.stateDirOr(env, "agent")
	if err != nil {
		return err
	}
	if o.Name == "" {
		if o.Name, err = hostName(); err != nil {
			return err
		}
	}
	if o.noHTTP {
		o.HTTP, o.Admin = "", ""
	}
	if err := checkExtraHosts(o.ExtraHosts); err != nil {
		return err
	}
	o.Labels, o.Env = o.labels, o.env
	o.GossipKey = gossipKey(env, o.GossipKey)
	if most := int(math.MaxInt64 / int64(time.Minute)); o.ttl < 0 || o.ttl > most {
		return model.Errorf(model.CodeInvalid, "--registration-ttl is %d; give a number from 0 to %d", o.ttl, most)
	}
	ttl := time.Duration(o.ttl) * time.Minute
	o.RegistrationTTL = &ttl
	log := o.logger(env.err, slog.LevelInfo)
	return daemon.Run(ctx, daemon.Config{
		StateDir: stateDir, Version: productVersion(), Logger: log, Agents: []daemon.Agent{o.Agent},
		Ready: func(r daemon.Running) { log.Info("ready", "host", o.Name, "gossip", r.Gossip, "state", stateDir) },
	})
}

func checkExtraHosts(lines []string) error {
	for _, line := range lines {
		name, ip, ok := strings.Cut(line, ":")
		if !ok || name == "" || net.ParseIP(ip) == nil {
			return model.Errorf(model.CodeInvalid, "--add-host %q is not NAME:IP", line)
		}
	}
	return nil
}

// portRange is a START:END flag.
type portRange daemon.PortRange

// String returns the flag's text.
func (r *portRange) String() string { return fmt.Sprintf("%d:%d", r.Start, r.End) }

// Set takes two integers; Config.Validate judges them.
func (r *portRange) Set(text string) error {
	var start, end int
	if n, err := fmt.Sscanf(text+"\n", "%d:%d\n", &start, &end); n != 2 || err != nil {
		return model.Errorf(model.CodeInvalid, "%q is not START:END", text)
	}
	r.Start, r.End = start, end
	return nil
}

// Type names the kind of value in help texts.
func (r *portRange) Type() string { return "START:END" }

// ipList is a repeatable flag of IP addresses.
type ipList []string

// String returns the flag's text.
func (l *ipList) String() string { return strings.Join(*l, ",") }

// Set takes one address.
func (l *ipList) Set(text string) error {
	if net.ParseIP(text) == nil {
		return model.Errorf(model.CodeInvalid, "%q is not an IP address", text)
	}
	*l = append(*l, text)
	return nil
}

// Type names the kind of value in help texts.
func (l *ipList) Type() string { return "IP" }
