// Package gossip joins the Serf pool that masters and agents share and tells who is alive. It owns membership, tags and discovery;
// it carries no desired state and knows nothing of jobs: tags are small and events can be lost.
package gossip

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/hashicorp/serf/serf"

	"github.com/heliosctl/heliosctl/model"
)

// Config says who joins and how.
type Config struct {
	Member Member // what the others learn of this daemon; its Alive and IP are ignored

	Bind      string   // host:port to listen on, UDP and TCP; port 0 picks a free one
	Advertise string   // IP or IP:port that the others reach this daemon at; empty: derived from Bind
	Join      []string // host or host:port of daemons to join; names are resolved anew at every attempt, without a port it is DefaultPort

	// StateDir keeps the list of known members, so that a restarted daemon finds the pool without Join, and the keys. Empty: nothing
	// is kept.
	StateDir string

	// EncryptKey is base64 of 16, 24 or 32 bytes. It makes the ring of keys where StateDir has none yet; later that ring counts.
	// Empty without a ring: gossip is not encrypted.
	EncryptKey string

	// Profile names the timings: see Profiles. Empty: ProfileLAN.
	Profile string

	// Loopback selects timings for pools that never leave this machine, whatever the profile.
	Loopback bool

	// Lookup resolves the names in Join; nil: as the system does.
	Lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

	Logger *slog.Logger
}

// DefaultPort is where daemons gossip unless told otherwise.
const DefaultPort = 5805

// Gossip is a member of the pool. Its methods are safe for concurrent use.
type Gossip struct {
	cfg     Config
	node    string // name in the pool
	update  sync.Mutex
	own     atomic.Pointer[Member] // what the others learn of this daemon; replaced under update
	log     *slog.Logger
	serf    *serf.Serf
	events  chan serf.Event
	members *members
	guard   *guard
	seeds   *seeds
	queries sync.WaitGroup // to the keys of all members
}

// New starts listening and becomes visible to those that join us; Run joins the others. The caller must call Run, which
// also releases what New took, or else Close. Errors name the address, or the setting, that could not be used.
func New(cfg Config) (*Gossip, error) {
	if err := cfg.Member.checkSize(); err != nil {
		return nil, err
	}
	g := &Gossip{cfg: cfg, node: cfg.Member.nodeName(), log: cfg.Logger, events: make(chan serf.Event, 256), members: newMembers()}
	g.own.Store(&cfg.Member)
	g.guard = newGuard(g)
	config, err := g.serfConfig()
	if err != nil {
		return nil, err
	}
	if g.seeds, err = newSeeds(cfg); err != nil {
		return nil, err
	}
	g.serf, err = serf.Create(config)
	if err != nil {
		return nil, model.Errorf(model.CodeUnavailable, "cannot gossip on %s: %v", cfg.Bind, err)
	}
	return g, nil
}

// Run joins the pool, keeps the picture of it current, and leaves it when ctx ends, so that others learn at once.
// It returns an error when the pool expels this daemon, which happens when another one runs under the same identity.
func (g *Gossip) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()

	var duties sync.WaitGroup
	duties.Go(func() { g.seek(ctx) })
	if g.cfg.StateDir != "" {
		duties.Go(func() { g.remember(ctx) })
	}
	drained := make(chan struct{})
	quit := make(chan struct{})
	go func() {
		defer close(drained)
		g.drain(quit)
	}()

	var expelled error
	select {
	case <-ctx.Done():
		if err := g.serf.Leave(); err != nil {
			g.log.Warn("leaving the gossip pool", "err", err)
		}
	case <-g.serf.ShutdownCh():
		expelled = model.Errorf(model.CodeHostConflict,
			"another daemon gossips as %q: two daemons run on copies of one state folder; stop one and give it a folder of its own", g.node)
	}
	stop()
	duties.Wait()
	if err := g.serf.Shutdown(); err != nil {
		g.log.Warn("closing the gossip sockets", "err", err)
	}
	// Serf may still be handing out events while it shuts down: the drain ends last.
	close(quit)
	<-drained
	g.queries.Wait()
	return expelled
}

// Close releases what New took when Run is not to be called after all; after Run it does nothing.
func (g *Gossip) Close() error {
	return g.serf.Shutdown()
}

// Addr is the address that others join.
func (g *Gossip) Addr() string {
	m := g.serf.LocalMember()
	return net.JoinHostPort(m.Addr.String(), strconv.Itoa(int(m.Port)))
}

// IP is the address of this machine that others reach.
func (g *Gossip) IP() netip.Addr {
	ip, _ := netip.AddrFromSlice(g.serf.LocalMember().Addr)
	return ip.Unmap()
}

// Update changes what the others learn of this daemon: its cluster id, its addresses, whether it waits for initial masters. Its role,
// name and id stay. It fails with CodeInvalid for what is too long to be gossiped.
func (g *Gossip) Update(change func(*Member)) error {
	g.update.Lock()
	defer g.update.Unlock()
	old := g.own.Load()
	member := *old
	change(&member)
	member.Role, member.Name, member.ID = old.Role, old.Name, old.ID
	if member == *old {
		return nil
	}
	if err := member.checkSize(); err != nil {
		return err
	}
	if err := g.serf.SetTags(member.tags()); err != nil {
		return fmt.Errorf("gossiping what has changed of this daemon: %w", err)
	}
	g.own.Store(&member)
	return nil
}

func (g *Gossip) serfConfig() (*serf.Config, error) {
	config, err := profileConfig(g.cfg.Profile, g.cfg.Loopback)
	if err != nil {
		return nil, err
	}
	list := config.MemberlistConfig
	// Compression costs an allocation for every packet and a third of the CPU in large pools; receivers understand both.
	list.EnableCompression = false
	// A daemon that comes back under its name with another address may take over as soon as the old one is known to be dead.
	list.DeadNodeReclaimTime = time.Second
	list.Logger = stdLogger(g.log)
	if err := setAddresses(list, g.cfg.Bind, g.cfg.Advertise); err != nil {
		return nil, err
	}

	config.NodeName = g.node
	config.Tags = g.cfg.Member.tags()
	config.Merge = g.guard
	config.EventCh = g.events
	config.ProtocolVersion = serf.ProtocolVersionMax
	config.LogOutput = nil
	config.Logger = list.Logger
	config.RejoinAfterLeave = true
	if g.cfg.StateDir != "" {
		if err := os.MkdirAll(g.cfg.StateDir, 0o700); err != nil {
			return nil, model.Errorf(model.CodeUnavailable, "gossip cannot remember its members: %v", err)
		}
		config.SnapshotPath = filepath.Join(g.cfg.StateDir, snapshotFile)
	}
	config.KeyringFile, list.Keyring, err = openKeyring(g.cfg)
	return config, err
}

func setAddresses(list *memberlist.Config, bind, advertise string) error {
	host, port, err := splitAddr(bind)
	if err != nil {
		return model.Errorf(model.CodeInvalid, "gossip address %q: %v; give it as IP:PORT", bind, err)
	}
	list.BindAddr, list.BindPort, list.AdvertisePort = host, port, port
	if advertise == "" {
		return nil
	}
	if ip := net.ParseIP(advertise); ip != nil {
		list.AdvertiseAddr = advertise
		return nil
	}
	list.AdvertiseAddr, list.AdvertisePort, err = splitAddr(advertise)
	if err != nil {
		return model.Errorf(model.CodeInvalid, "advertised address %q: %v; give it as IP or IP:PORT", advertise, err)
	}
	return nil
}

func splitAddr(addr string) (string, int, error) {
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("port %q is not a number from 0 to 65535", portText)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	if net.ParseIP(host) == nil {
		return "", 0, fmt.Errorf("%q is not an IP address", host)
	}
	return host, int(port), nil
}
