package daemon

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"path/filepath"

	"github.com/heliosctl/heliosctl/daemon/agent"
	"github.com/heliosctl/heliosctl/daemon/gossip"
	"github.com/heliosctl/heliosctl/daemon/registrar"
	"github.com/heliosctl/heliosctl/store"
)

// agentDaemon is one host's agent with everything around it.
type agentDaemon struct {
	config   Agent
	version  string
	log      *slog.Logger
	pool     *gossip.Gossip
	agent    *agent.Agent
	services registrar.Registrar
	http     net.Listener // nil: none
	admin    net.Listener // nil: none
	closers  closers
}

// newAgentDaemon opens everything that the agent needs and starts nothing. Whoever gets a daemon closes its closers, also when there
// is an error beside it.
func newAgentDaemon(c Config, config Agent, dir string) (d *agentDaemon, err error) {
	d = &agentDaemon{config: config, version: c.Version, log: c.Logger.With("host", config.Name)}
	records, err := store.OpenAgentRecords(filepath.Join(dir, "records"), store.AgentOptions{ID: config.ID, Logger: d.log})
	if err != nil {
		return d, err
	}
	d.closers.add(records.Close)
	runtime, closeRuntime, err := config.runtime(dir, d.log)
	if err != nil {
		return d, err
	}
	d.closers.add(closeRuntime)
	if d.http, err = d.closers.listen(config.HTTP, "--http"); err != nil {
		return d, err
	}
	if d.admin, err = d.closers.listen(config.Admin, "--admin"); err != nil {
		return d, err
	}
	ip, err := advertisedIP(config.Advertise, config.Gossip)
	if err != nil {
		return d, err
	}
	known, _, err := records.Registered()
	if err != nil {
		return d, err
	}
	d.pool, err = gossip.New(gossip.Config{
		Member: gossip.Member{Role: gossip.RoleAgent, Name: config.Name, ID: records.ID(), ClusterID: cmp.Or(config.ClusterID, known.ClusterID), Version: c.Version},
		Bind:   config.Gossip, Advertise: ip, Join: config.Join, EncryptKey: config.GossipKey, Profile: config.GossipProfile,
		StateDir: snapshotDir(c, dir), Loopback: c.Loopback, Logger: d.log,
	})
	if err != nil {
		return d, err
	}
	d.closers.add(d.pool.Close)
	if d.services, err = registrar.Open(config.ServiceRegistry, d.log); err != nil {
		return d, err
	}
	link := newMasters(d.pool, config.Name, d.log)
	d.closers.add(link.close)
	d.agent, err = agent.New(agent.Config{
		Host: config.Name, ClusterID: config.ClusterID, Master: link, Records: records, Runtime: runtime, Logger: c.Logger, Version: c.Version,
		Labels: config.Labels, Env: config.Env, PortRange: config.PortRange, RegistrationTTL: config.RegistrationTTL,
		Registrar: registrar.ForHost(d.services, registrar.Host{Name: config.Name, IP: d.pool.IP(), Domain: config.Domain}, d.log),
		DNS:       config.DNS, ExtraHosts: config.ExtraHosts, Binds: config.Binds, SyslogRedirectTo: config.SyslogRedirectTo,
	})
	return d, err
}

// run runs the agent until ctx ends; its containers go on. The pool is left last, so that it is told of once nothing works any more.
func (d *agentDaemon) run(ctx context.Context) error {
	stages := []stage{d.pool.Run, d.services.Run, d.agent.Run}
	if d.http != nil {
		stages = append(stages, func(ctx context.Context) error { return serveHTTP(ctx, d.http, d.agent.Handler(), d.log) })
	}
	if d.admin != nil {
		admin := adminHandler(d.agent.Health, d.version)
		stages = append(stages, func(ctx context.Context) error { return serveHTTP(ctx, d.admin, admin, d.log) })
	}
	return runStages(ctx, stages...)
}

// snapshotDir is where gossip remembers the pool; a cluster of one process has nothing to remember.
func snapshotDir(c Config, dir string) string {
	if c.Loopback {
		return ""
	}
	return dir
}
