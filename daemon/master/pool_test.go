package master

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/daemon/daemontest/ports"
	"github.com/heliosctl/heliosctl/daemon/gossip"
	"github.com/heliosctl/heliosctl/model"
)

// pool is the gossip and the network between masters of one process.
type pool struct {
	t testing.TB

	mu      sync.Mutex
	peers   []*peer // every master that ever ran
	hidden  map[[2]string]bool
	cuts    map[[2]string]bool
	conns   map[net.Conn][2]string
	agents  map[string]string // agents that are alive: host to id
	gone    map[string]string // agents that were seen to go: host to id
	places  map[string]string // folder of a master to the address of its raft, which it keeps when it starts again
	changed chan struct{}
}

func newPool(t testing.TB) *pool {
	return &pool{
		t: t, hidden: map[[2]string]bool{}, cuts: map[[2]string]bool{}, conns: map[net.Conn][2]string{}, agents: map[string]string{},
		gone: map[string]string{}, places: map[string]string{}, changed: make(chan struct{}),
	}
}

// peer is a master of a pool.
type peer struct {
	*Master
	pool   *pool
	name   string
	dir    string
	alive  bool // guarded by the pool
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // once ended
}

// start starts a master on a folder and does not wait for anything.
func (p *pool) start(name, dir string, change func(*Config)) *peer {
	p.t.Helper()
	config := Config{Name: name, DataDir: dir, RaftBind: p.placeOf(dir), LivenessGrace: 1, PeerStableTime: 300 * time.Millisecond}
	if os.Getenv("HELIOSCTL_TEST_LOG") != "" {
		config.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil)).With("m", name)
	}
	if change != nil {
		change(&config)
	}
	m, err := New(config)
	if err != nil {
		p.t.Fatal(err)
	}
	r := &peer{Master: m, pool: p, name: name, dir: dir, alive: true, ended: make(chan struct{})}
	m.Attach(poolView{p, r}, poolRemote{p, r})
	m.stream.dial = r.dial
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	p.change(func() { p.peers = append(p.peers, r) })
	var watch sync.WaitGroup
	watch.Go(func() { r.tellOthers(ctx) })
	go func() {
		defer close(r.ended)
		r.err = m.Run(ctx)
		cancel()
		watch.Wait()
	}()
	p.t.Cleanup(func() { r.stop() })
	return r
}

// placeOf returns where the raft of the master with that folder listens.
func (p *pool) placeOf(dir string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.places[dir] == "" {
		p.places[dir] = ports.Address(p.t)
	}
	return p.places[dir]
}

// tellOthers lets the others see what gossip would tell of this master.
func (r *peer) tellOthers(ctx context.Context) {
	_, over := r.Initializing()
	for {
		changed := r.folders.state.Changed()
		r.pool.change(func() {})
		if r.ClusterID() != "" {
			return
		}
		select {
		case <-over:
			over = nil
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// stop stops the master as SIGTERM does.
func (r *peer) stop() {
	r.cancel()
	<-r.ended
	r.pool.change(func() { r.alive = false })
	if r.err != nil {
		r.pool.t.Errorf("%s ended with %v", r.name, r.err)
	}
}

// crash makes the master vanish from one moment to the next.
func (r *peer) crash() {
	r.pool.isolate(r.name, true)
	r.pool.change(func() { r.alive = false })
	r.stop()
	r.pool.isolate(r.name, false)
}

func (p *pool) change(do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	do()
	close(p.changed)
	p.changed = make(chan struct{})
}

// hide makes b invisible to a and a to b in gossip.
func (p *pool) hide(a, b string, hidden bool) {
	p.change(func() { p.hidden[[2]string{a, b}], p.hidden[[2]string{b, a}] = hidden, hidden })
}

// cut cuts raft and questions between a and b.
func (p *pool) cut(a, b string, cut bool) {
	p.change(func() {
		p.cuts[[2]string{a, b}], p.cuts[[2]string{b, a}] = cut, cut
		for conn, ends := range p.conns {
			if p.cuts[ends] {
				_ = conn.Close()
				delete(p.conns, conn)
			}
		}
	})
}

// isolate cuts a master off from every other.
func (p *pool) isolate(name string, cut bool) {
	for _, other := range p.names() {
		if other != name {
			p.cut(name, other, cut)
		}
	}
}

func (p *pool) names() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var names []string
	for _, r := range p.peers {
		names = append(names, r.name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

var errCut = errors.New("the network is cut")

// dial finds the master that listens at an address, as a switch would.
func (r *peer) dial(network, address string, timeout time.Duration) (net.Conn, error) {
	conn, err := net.DialTimeout(network, address, timeout)
	if err != nil {
		return nil, err
	}
	p := r.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, other := range p.peers {
		ends := [2]string{r.name, other.name}
		if other.RaftAddress() != address || other == r {
			continue
		}
		if p.cuts[ends] {
			return nil, errors.Join(errCut, conn.Close())
		}
		p.conns[conn] = ends
	}
	return conn, nil
}

// running returns the masters that are alive.
func (p *pool) running() []*peer {
	p.mu.Lock()
	defer p.mu.Unlock()
	var running []*peer
	for _, r := range p.peers {
		if r.alive {
			running = append(running, r)
		}
	}
	return running
}

func (p *pool) leader() *peer {
	for _, r := range p.running() {
		if view, _ := r.leading.get(); view.self && view.ready {
			return r
		}
	}
	return nil
}

// eventually waits until check no longer fails.
func (p *pool) eventually(check func() error) {
	p.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("after a minute: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// awaitLeader waits until one of the masters that are alive leads and all of them know it.
func (p *pool) awaitLeader() *peer {
	p.t.Helper()
	var leader *peer
	p.eventually(func() error {
		if leader = p.leader(); leader == nil {
			return errors.New("no master leads")
		}
		for _, r := range p.running() {
			if view, _ := r.leading.get(); !view.self && view.id != leader.folders.serverID {
				return fmt.Errorf("%s does not know that %s leads", r.name, leader.name)
			}
		}
		return nil
	})
	return leader
}

// others returns the masters that are alive and not that one.
func (p *pool) others(not *peer) []*peer {
	return slices.DeleteFunc(p.running(), func(r *peer) bool { return r == not })
}

// awaitServers waits until the leader's configuration is exactly these: names, those without a vote in brackets.
func (p *pool) awaitServers(want ...string) {
	p.t.Helper()
	p.eventually(func() error {
		leader := p.leader()
		if leader == nil {
			return errors.New("no master leads")
		}
		servers, _ := leader.node.Load().servers()
		var got []string
		for _, server := range servers {
			name := p.nameOf(server.ID)
			if server.Suffrage != raft.Voter {
				name = "(" + name + ")"
			}
			got = append(got, name)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			return fmt.Errorf("the servers are %v, want %v", got, want)
		}
		return nil
	})
}

// nameOf is the name of a server, marked when its master is not alive.
func (p *pool) nameOf(id raft.ServerID) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range slices.Backward(p.peers) {
		if r.folders.serverID == id {
			if !r.alive {
				return r.name + "!"
			}
			return r.name
		}
	}
	return string(id)
}

// mustCreate creates a job through whichever master takes it, as clients do.
func (p *pool) mustCreate(name string) model.Job {
	p.t.Helper()
	job := testJob(name, "1")
	req := model.Request{ID: "create-" + name, User: "alice"}
	p.eventually(func() (err error) {
		err = errors.New("no master runs")
		for _, r := range p.running() {
			if job.ID, err = r.CreateJob(context.Background(), req, job); err == nil {
				return nil
			}
		}
		return err
	})
	return job
}

// awaitJobs waits until all masters that are alive have the jobs, read through each.
func (p *pool) awaitJobs(names ...string) {
	p.t.Helper()
	slices.Sort(names)
	for _, r := range p.running() {
		p.eventually(func() error {
			if err := r.ReadIndex(context.Background()); err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			if got := r.jobNames(); !slices.Equal(got, names) {
				return fmt.Errorf("%s has the jobs %v, want %v", r.name, got, names)
			}
			return nil
		})
	}
}

func (r *peer) jobNames() []string {
	var names []string
	for _, job := range r.Jobs(model.JobFilter{}) {
		names = append(names, job.ID.Name)
	}
	return names
}

// poolView is what one master sees of its pool.
type poolView struct {
	pool *pool
	self *peer
}

func (v poolView) AgentAlive(host, id string) bool {
	v.pool.mu.Lock()
	defer v.pool.mu.Unlock()
	return id != "" && v.pool.agents[host] == id
}

func (v poolView) AgentGone(host, id string) bool {
	v.pool.mu.Lock()
	defer v.pool.mu.Unlock()
	return id != "" && v.pool.gone[host] == id
}

func (poolView) MasterNames() []string { return nil }

func (v poolView) KnownMasters() []gossip.Member {
	v.pool.mu.Lock()
	peers := slices.Clone(v.pool.peers)
	var members []gossip.Member
	for _, r := range peers {
		members = append(members, gossip.Member{
			Role: gossip.RoleMaster, Name: r.name, ID: r.ServerID(), Raft: r.RaftAddress(), API: "http://" + r.name, Version: "1",
			Alive: r.alive && !v.pool.hidden[[2]string{v.self.name, r.name}],
		})
	}
	v.pool.mu.Unlock()
	for i, r := range peers {
		members[i].Initial, _ = r.Initializing()
		members[i].ClusterID = r.ClusterID()
	}
	return slices.DeleteFunc(members, func(m gossip.Member) bool { return m.Name != v.self.name && !m.Alive && m.ClusterID == "" })
}

func (v poolView) Changed() <-chan struct{} {
	v.pool.mu.Lock()
	defer v.pool.mu.Unlock()
	return v.pool.changed
}

// poolRemote asks other masters of the pool directly.
type poolRemote struct {
	pool *pool
	self *peer
}

func (p poolRemote) find(api string) (*peer, error) {
	for _, r := range p.pool.running() {
		if "http://"+r.name != api {
			continue
		}
		p.pool.mu.Lock()
		cut := p.pool.cuts[[2]string{p.self.name, r.name}]
		p.pool.mu.Unlock()
		if !cut {
			return r, nil
		}
	}
	return nil, model.Errorf(model.CodeUnavailable, "%s does not answer", api)
}

func (p poolRemote) ConfirmedIndex(ctx context.Context, api string) (uint64, error) {
	r, err := p.find(api)
	if err != nil {
		return 0, err
	}
	return r.Master.ConfirmedIndex(ctx)
}

func (p poolRemote) Self(_ context.Context, api string) (model.MasterStatus, error) {
	r, err := p.find(api)
	if err != nil {
		return model.MasterStatus{}, err
	}
	return r.Master.Self(), nil
}

func (p poolRemote) GaugesSince(_ context.Context, api string, version uint64) (model.GaugeUpdate, error) {
	r, err := p.find(api)
	if err != nil {
		return model.GaugeUpdate{}, err
	}
	return r.Master.GaugesSince(version), nil
}

func (p poolRemote) RemovePeer(ctx context.Context, api string, req model.Request, id string, force bool) error {
	r, err := p.find(api)
	if err != nil {
		return err
	}
	return r.Master.RemovePeer(ctx, req, id, force)
}

// startThree forms a cluster of a, b and c.
func startThree(t testing.TB, change func(*Config)) *pool {
	t.Helper()
	p := newPool(t)
	for _, name := range []string{"a", "b", "c"} {
		p.start(name, t.TempDir(), named(change, "a", "b", "c"))
	}
	p.wantOneCluster()
	return p
}

// named makes a configuration name the initial masters.
func named(change func(*Config), names ...string) func(*Config) {
	return func(c *Config) {
		c.Initial = names
		if change != nil {
			change(c)
		}
	}
}

func joining(c *Config) { c.Join = true }

func (p *pool) get(name string) *peer {
	p.t.Helper()
	for _, r := range p.running() {
		if r.name == name {
			return r
		}
	}
	p.t.Fatalf("no master %s runs", name)
	return nil
}
