package daemon

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"time"

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
	peers   *peers // how to ask other masters
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
	ip, err := advertisedIP(d.config.Advertise, d.config.Gossip)
	if err != nil {
		return d, err
	}
	if err := d.openMaster(dir, ip, c.Version); err != nil {
		return d, err
	}
	url := reachable(d.http, ip)
	if err := d.openPool(c, dir, ip, url); err != nil {
		return d, err
	}
	d.peers = newPeers(c.Version)
	d.closers.add(d.peers.close)
	d.master.Attach(d.pool, d.peers)
	if d.config.DNS != "" {
		d.catalog = newCatalog(d.master, d.pool, d.config.Domain)
		d.dns, err = registrar.NewDNS(registrar.DNSConfig{Listen: d.config.DNS, Domain: d.config.Domain, Catalog: d.catalog, Logger: d.log})
		if err != nil {
			return d, err
		}
		d.closers.add(unlessClosed(d.dns.Close))
	}
	d.api = api.New(api.Config{
		Backend: d.master, Pool: d.pool, Logger: d.log, ProductVersion: c.Version,
		URL: url, Peers: func() []string { return masterURLs(d.pool) },
	})
	return d, nil
}

// openMaster opens the data folder and the port of raft.
func (d *masterDaemon) openMaster(dir, ip, version string) error {
	m, err := master.New(master.Config{
		Name: d.config.Name, DataDir: filepath.Join(dir, "data"), RaftBind: d.config.Raft, RaftAdvertise: ip,
		Initial: d.config.initialNames(), Join: len(d.config.Join) > 0 && len(d.config.Initial) == 0,
		Logger: d.log, Version: version, CapabilityWhitelist: d.config.CapabilityWhitelist,
		AgentReapingTimeout: d.config.AgentReapingTimeout, JobRetention: d.config.JobRetention, ReapHistory: d.config.ReapHistory,
	})
	if err != nil {
		return err
	}
	d.master = m
	d.closers.add(m.Close)
	return nil
}

// openPool becomes visible to the others, as the master that the folder says.
func (d *masterDaemon) openPool(c Config, dir, ip, url string) (err error) {
	initial, _ := d.master.Initializing()
	d.pool, err = gossip.New(gossip.Config{
		Member: gossip.Member{
			Role: gossip.RoleMaster, Name: d.config.Name, ID: d.master.ServerID(), API: url, Raft: d.master.RaftAddress(),
			Initial: initial, ClusterID: d.master.ClusterID(), Version: c.Version,
		},
		Bind: d.config.Gossip, Advertise: ip, Join: d.config.joinAddresses(), EncryptKey: d.config.GossipKey, Profile: d.config.GossipProfile,
		StateDir: snapshotDir(c, dir), Loopback: c.Loopback, Logger: d.log,
	})
	if err != nil {
		return err
	}
	d.closers.add(d.pool.Close)
	return nil
}

// run runs the master until ctx ends. Requests end before the master does, and the pool is left last.
func (d *masterDaemon) run(ctx context.Context) error {
	stages := []stage{d.pool.Run, d.master.Run, d.tellOthers, func(ctx context.Context) error { return d.api.Serve(ctx, d.http) }}
	if d.dns != nil {
		stages = append(stages, d.catalog.run, d.dns.Run)
	}
	if d.admin != nil {
		admin := adminHandler(d.master.Health, d.version)
		stages = append(stages, func(ctx context.Context) error { return serveHTTP(ctx, d.admin, admin, d.log) })
	}
	return runStages(ctx, stages...)
}

// tellOthersEvery is how soon the others learn what has changed of this master. Nothing is sent when nothing has.
const tellOthersEvery = time.Second

// tellOthers gossips which cluster this master belongs to and whether it waits for one to form, as soon as that changes.
func (d *masterDaemon) tellOthers(ctx context.Context) error {
	ready := d.master.Ready()
	for {
		initial, _ := d.master.Initializing()
		err := d.pool.Update(func(m *gossip.Member) { m.ClusterID, m.Initial = d.master.ClusterID(), initial })
		if err != nil {
			d.log.Warn("the others do not know what this master is", "err", err)
		}
		select {
		case <-ready:
			ready = nil
		case <-time.After(tellOthersEvery):
		case <-ctx.Done():
			return nil
		}
	}
}
