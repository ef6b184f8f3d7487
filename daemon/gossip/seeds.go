package gossip

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// joinRetryMin and joinRetryMax bound the pause between two attempts to join, rememberedTries how many remembered members each asks, and
// warnPause how often the log tells that it still does not work.
const (
	joinRetryMin    = 500 * time.Millisecond
	joinRetryMax    = 15 * time.Second
	rememberedTries = 5
	warnPause       = time.Minute
)

// snapshotFile is where Serf remembers its members.
const snapshotFile = "serf.snapshot"

// seeds are the addresses at which a daemon looks for the pool. Its owner is the goroutine that does.
type seeds struct {
	named      []string // host:port, as configured
	remembered []string // IP:port of those that were alive when this daemon last ran
	lookup     func(ctx context.Context, network, host string) ([]netip.Addr, error)
}

func newSeeds(cfg Config) (*seeds, error) {
	s := &seeds{lookup: cfg.Lookup}
	if s.lookup == nil {
		s.lookup = net.DefaultResolver.LookupNetIP
	}
	for _, addr := range cfg.Join {
		full, err := withPort(addr)
		if err != nil {
			return nil, err
		}
		s.named = append(s.named, full)
	}
	if cfg.StateDir == "" {
		return s, nil
	}
	members, err := readSnapshot(filepath.Join(cfg.StateDir, snapshotFile), cfg.Member.nodeName())
	if err != nil {
		return nil, err
	}
	masters, err := readMasters(cfg.StateDir)
	s.remembered = append(members, masters...)
	slices.Sort(s.remembered)
	s.remembered = slices.Compact(s.remembered)
	return s, err
}

// withPort completes a host, IPv6 addresses with and without brackets among them, to host:port.
func withPort(addr string) (string, error) {
	bare := strings.TrimSuffix(strings.TrimPrefix(addr, "["), "]")
	host, port, err := net.SplitHostPort(addr)
	if err != nil || net.ParseIP(bare) != nil {
		host, port = bare, strconv.Itoa(DefaultPort)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	badHost := host == "" || strings.ContainsAny(host, "[]/ ") || strings.Contains(host, ":") && net.ParseIP(host) == nil
	if err != nil || number == 0 || badHost {
		return "", model.Errorf(model.CodeInvalid, "cannot join %q: give the address of a daemon's gossip as HOST or HOST:PORT", addr)
	}
	return net.JoinHostPort(host, port), nil
}

// readSnapshot returns the addresses of the members that Serf's snapshot has as alive, other than self. Serf asks them too, but only once,
// at its start, when the network may not be up yet.
func readSnapshot(path, self string) ([]string, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, model.Errorf(model.CodeUnavailable, "gossip cannot read its members: %v", err)
	}
	defer file.Close()
	alive := map[string]string{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "not-alive: "); ok {
			delete(alive, name)
			continue
		}
		node, ok := strings.CutPrefix(lines.Text(), "alive: ")
		if at := strings.LastIndex(node, " "); ok && at > 0 && node[:at] != self {
			alive[node[:at]] = node[at+1:]
		}
	}
	addrs := make([]string, 0, len(alive))
	for _, addr := range alive {
		addrs = append(addrs, addr)
	}
	return addrs, lines.Err()
}

// addresses returns IP:port of whom to ask next: everyone named, and the others given.
func (s *seeds) addresses(ctx context.Context, others []string) (addrs []string, failed error) {
	for _, addr := range s.named {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			failed = err
			continue
		}
		if net.ParseIP(host) != nil {
			addrs = append(addrs, addr)
			continue
		}
		ips, err := s.lookup(ctx, "ip", host)
		if err != nil {
			failed = err
		}
		for _, ip := range ips {
			addrs = append(addrs, net.JoinHostPort(ip.Unmap().String(), port))
		}
	}
	addrs = append(addrs, others...)
	rand.Shuffle(len(addrs), func(i, j int) { addrs[i], addrs[j] = addrs[j], addrs[i] })
	return addrs, failed
}

// seek looks for the pool as long as no other master is alive in it, from the start and whenever it has come to that: whoever it waits for
// may start later, and those who left do not look for us.
func (g *Gossip) seek(ctx context.Context) {
	pause := joinRetryMin
	var warned time.Time
	for ctx.Err() == nil {
		changed := g.Changed()
		var again <-chan time.Time
		switch others := g.others(); {
		case g.accompanied():
			pause = joinRetryMin
		case len(g.seeds.named)+len(others) > 0:
			err := g.join(ctx, others)
			if g.accompanied() {
				continue
			}
			if err != nil && ctx.Err() == nil && time.Since(warned) > warnPause {
				warned = time.Now()
				g.log.Warn("cannot join the gossip pool yet", "through", g.cfg.Join, "err", err)
			}
			// A fleet that starts together must not knock together.
			again, changed = time.After(pause/2+rand.N(pause)), nil
			pause = min(pause*2, joinRetryMax-joinRetryMax/3)
		}
		select {
		case <-changed:
		case <-again:
		case <-ctx.Done():
		case <-g.serf.ShutdownCh():
			return
		}
	}
}

// join asks one address after the other until it is no longer without a master.
func (g *Gossip) join(ctx context.Context, others []string) error {
	addrs, failed := g.seeds.addresses(ctx, others)
	own := g.Addr()
	for _, addr := range addrs {
		if addr == own {
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if _, err := g.serf.Join([]string{addr}, true); err != nil {
			failed = err
			continue
		}
		if g.awaitCompany(ctx) {
			g.log.Info("joined the gossip pool", "through", addr)
			return nil
		}
	}
	return failed
}

// awaitCompany waits for the events that a join brings to be taken in, and tells whether there is a master.
func (g *Gossip) awaitCompany(ctx context.Context) bool {
	settled := time.After(joinRetryMin)
	for {
		changed := g.Changed()
		if g.accompanied() {
			return true
		}
		select {
		case <-changed:
		case <-settled:
			return g.accompanied()
		case <-ctx.Done():
			return false
		}
	}
}

// accompanied tells whether a master other than this daemon is alive.
func (g *Gossip) accompanied() bool { return len(g.liveMasters()) > 0 }

// others returns addresses that nobody named: of masters that are gone, and of some remembered members, until anybody is there; from then
// on Serf itself tries those that failed.
func (g *Gossip) others() []string {
	g.members.mu.RLock()
	defer g.members.mu.RUnlock()
	for node, m := range g.members.byNode {
		if node != g.node && m.Alive {
			g.seeds.remembered = nil
			break
		}
	}
	var addrs []string
	for node, addr := range g.members.masters {
		if node != g.node && !g.members.byNode[node].Alive {
			addrs = append(addrs, addr)
		}
	}
	tries := slices.Clone(g.seeds.remembered)
	rand.Shuffle(len(tries), func(i, j int) { tries[i], tries[j] = tries[j], tries[i] })
	return append(addrs, tries[:min(len(tries), rememberedTries)]...)
}
