package daemon

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"

	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/daemon/gossip"
	"github.com/heliosctl/heliosctl/daemon/master"
	"github.com/heliosctl/heliosctl/daemon/registrar"
)

// masterDaemon is a master with everything around it.
type masterDaemon struct {
	config  Master
	version string
	log     *slog.Logger
	pool    *gossip.Gossip
	master  *master.Master
	api     *api.Server
	http    net.Listener
	admin   net.Listener   // nil: none
	dns     *registrar.DNS // nil: none
	catalog *catalog       // of dns
	closers closers
}

// The API asks for nothing that a master does not have.
var _ api.Backend = (*master.Master)(nil)

// newMasterDaemon opens everything that the master needs and starts nothing. Whoever gets a daemon closes its closers, also when
// there is an error beside it.
func newMasterDaemon(c Config, dir string) (d *masterDaemon, err error) {
	d = &masterDaemon{config: *c.Master, version: c.Version, log: c.Logger.With("master", c.Master.Name)}
	if d.http, err = d.closers.listen(d.config.HTTP, "--http"); err != nil {
		return d, err
	}
	if d.admin, err = d.closers.listen(d.config.Admin, "--admin"); err != nil {
		return d, err
	}
	advertised, err := advertisedIP(d.config.Advertise, d.config.Gossip)
	if err != nil {
		return d, err
	}
	url := reachable(d.http, advertised)
	d.pool, err = gossip.New(gossip.Config{
		Member: gossip.Member{Role: gossip.RoleMaster, Name: d.config.Name, API: url, Version: c.Version},
		Bind:   d.config.Gossip, Advertise: d.config.Advertise, Join: d.config.Join,
		StateDir: snapshotDir(c, dir), Loopback: c.Loopback, Logger: d.log,
	})
	if err != nil {
		return d, err
	}
	d.closers.add(d.pool.Close)
	d.master, err = master.New(master.Config{
		Name: d.config.Name, DataDir: filepath.Join(dir, "data"), RaftBind: d.config.Raft, RaftAdvertise: d.config.Advertise,
		Logger: d.log, CapabilityWhitelist: d.config.CapabilityWhitelist,
		AgentReapingTimeout: d.config.AgentReapingTimeout, JobRetention: d.config.JobRetention, ReapHistory: d.config.ReapHistory,
	})
	if err != nil {
		return d, err
	}
	d.closers.add(d.master.Close)
	d.master.Attach(d.pool, nil)
	if d.config.DNS != "" {
		d.catalog = newCatalog(d.master, d.pool, d.config.Domain)
		d.dns, err = registrar.NewDNS(registrar.DNSConfig{Listen: d.config.DNS, Domain: d.config.Domain, Catalog: d.catalog, Logger: d.log})
		if err != nil {
			return d, err
		}
		d.closers.add(unlessClosed(d.dns.Close))
	}
	d.api = api.New(api.Config{
		Backend: d.master, Logger: d.log, ProductVersion: c.Version,
		URL: url, Peers: func() []string { return masterURLs(d.pool) },
	})
	return d, nil
}

// run runs the master until ctx ends. Requests end before the master does, and the pool is left last.
func (d *masterDaemon) run(ctx context.Context) error {
	stages := []stage{d.pool.Run, d.master.Run, d.tellClusterID, func(ctx context.Context) error { return d.api.Serve(ctx, d.http) }}
	if d.dns != nil {
		stages = append(stages, d.catalog.run, d.dns.Run)
	}
	if d.admin != nil {
		admin := adminHandler(d.master.Health, d.version)
		stages = append(stages, func(ctx context.Context) error { return serveHTTP(ctx, d.admin, admin, d.log) })
	}
	return runStages(ctx, stages...)
}

// tellClusterID gossips which cluster this is, as soon as that is known.
func (d *masterDaemon) tellClusterID(ctx context.Context) error {
	select {
	case <-d.master.Ready():
		if err := d.pool.Update(func(m *gossip.Member) { m.ClusterID = d.master.ClusterID() }); err != nil {
			d.log.Warn("the others do not know which cluster this is", "err", err)
		}
	case <-ctx.Done():
	}
	<-ctx.Done()
	return nil
}
