//go:build unix

package daemontest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

// FleetConfig says what a fleet is made of.
type FleetConfig struct {
	Masters, Agents int

	// Loopback runs all of them on this machine's own network, which takes no root and where nobody can be cut off: to measure masters
	// without a network between them and those who ask.
	Loopback bool

	Binary   string            // of heliosctl; empty: Binary(t, Build{})
	Binaries map[string]string // other ones, by the name of a daemon

	Runtime    string   // of the agents; empty: process
	MasterArgs []string // beside the usual ones
	AgentArgs  []string
	Args       map[string][]string // still more, by the name of a daemon

	// StateDirs are folders of daemons that are not to be in the test's own temporary folder, by name.
	StateDirs map[string]string
}

// Fleet is masters m1, m2, … and agents h1, h2, …, each a process in a network namespace of its own. Its methods are for the goroutine of
// the test.
type Fleet struct {
	Network *Network // nil on loopback
	Masters []*Daemon
	Agents  []*Daemon

	t      testing.TB
	config FleetConfig
	dir    string
	places map[string]Place // by the name of a daemon
}

// NewFleet makes a fleet of which nothing runs yet. It is gone when the test ends; when that has failed by then, the ends of the logs are
// shown.
func NewFleet(t testing.TB, config FleetConfig) *Fleet {
	t.Helper()
	if !config.Loopback {
		RequireNetns(t)
	}
	config.Binary = cmp.Or(config.Binary, Binary(t, Build{}))
	config.Runtime = cmp.Or(config.Runtime, "process")
	f := &Fleet{t: t, config: config, dir: t.TempDir(), places: map[string]Place{}}
	if !config.Loopback {
		f.Network = NewNetwork(t)
	}
	t.Cleanup(f.end)
	var nodes []*Node
	var initial []string
	for i := range config.Masters {
		node := f.node(fmt.Sprintf("m%d", i+1))
		nodes = append(nodes, node)
		initial = append(initial, node.Name+"="+f.places[node.Name].GossipAddress())
	}
	if config.Masters == 1 {
		initial = nil // it forms a cluster of itself
	}
	for _, node := range nodes {
		f.Masters = append(f.Masters, f.master(node, initial, config.MasterArgs))
	}
	for i := range config.Agents {
		f.Agents = append(f.Agents, f.agent(f.node(fmt.Sprintf("h%d", i+1))))
	}
	return f
}

// node makes a node for a daemon and settles where it listens.
func (f *Fleet) node(name string) *Node {
	f.t.Helper()
	if f.config.Loopback {
		place, err := FreePlace()
		f.must(err)
		f.places[name] = place
		return &Node{Name: name, IP: netip.MustParseAddr(place.IP)}
	}
	node := f.Network.Node(name)
	f.places[name] = StandardPlace(node.IP.String())
	return node
}

// StartFleet makes a fleet and waits until there is a leader and every host is UP at every master.
func StartFleet(t testing.TB, config FleetConfig) *Fleet {
	t.Helper()
	f := NewFleet(t, config)
	f.Start()
	if config.Masters > 1 {
		f.AwaitLeader(f.Masters...)
	} else {
		f.AwaitReads(f.Masters...)
	}
	f.AwaitHosts(model.Up, f.Agents...)
	return f
}

// AddMaster adds a master that is not one of the initial ones and does not run yet: it joins the others.
func (f *Fleet) AddMaster(name string) *Daemon {
	f.t.Helper()
	join := "--join=" + f.places[f.Masters[0].Name()].GossipAddress()
	d := f.master(f.node(name), nil, append([]string{join}, f.config.MasterArgs...))
	f.Masters = append(f.Masters, d)
	return d
}

func (f *Fleet) master(node *Node, initial, extra []string) *Daemon {
	place := f.places[node.Name]
	dir := f.stateDir(node.Name)
	return f.daemon(node, "http://"+place.address(place.HTTP), Command{
		Name: node.Name, StateDir: dir, Args: place.MasterArgs(node.Name, dir, initial, slices.Concat(extra, f.config.Args[node.Name])...),
	})
}

func (f *Fleet) agent(node *Node) *Daemon {
	place := f.places[node.Name]
	dir := f.stateDir(node.Name)
	var join []string
	for _, m := range f.Masters {
		join = append(join, f.places[m.Name()].GossipAddress())
	}
	extra := slices.Concat([]string{"--runtime", f.config.Runtime}, f.config.AgentArgs, f.config.Args[node.Name])
	args := place.AgentArgs(node.Name, dir, join, extra...)
	return f.daemon(node, "http://"+place.address(place.Agent), Command{Name: node.Name, StateDir: dir, Args: args})
}

func (f *Fleet) stateDir(name string) string {
	return cmp.Or(f.config.StateDirs[name], filepath.Join(f.dir, name))
}

func (f *Fleet) daemon(node *Node, api string, c Command) *Daemon {
	c.Path = cmp.Or(f.config.Binaries[c.Name], f.config.Binary)
	c.Env = []string{"HOME=" + f.dir, "HELIOS_MASTER="}
	c.Ended = func(err error) { f.t.Error(err) }
	return NewDaemon(node, api, f.dir, c)
}

// end kills everything. The processes of jobs go with the network.
func (f *Fleet) end() {
	for _, d := range f.Daemons() {
		d.Kill()
		f.expectNoAlarm(d)
	}
	failed := f.t.Failed()
	for _, d := range f.Daemons() {
		if failed {
			f.t.Logf("the end of the log of %s:\n%s", d.Name(), d.LogTail())
		}
	}
	if folder := os.Getenv("HELIOSCTL_LAB_LOGS"); failed && folder != "" {
		f.keepLogs(folder)
	}
}

// alarms are what must not be in the log of a daemon, however well it went on.
var alarms = []string{"WARNING: DATA RACE", "panic: ", "fatal error: ", "handler panicked"}

func (f *Fleet) expectNoAlarm(d *Daemon) {
	text, err := os.ReadFile(d.LogFile())
	if err != nil {
		return // it was never started
	}
	for _, alarm := range alarms {
		if at := bytes.Index(text, []byte(alarm)); at >= 0 {
			f.t.Errorf("%s tells of a fault:\n%s", d.Name(), text[at:min(at+alarmLength, len(text))])
		}
	}
}

// alarmLength is how much of a log is shown from an alarm on.
const alarmLength = 4 << 10

// keepLogs copies the logs of a test that failed.
func (f *Fleet) keepLogs(folder string) {
	folder = filepath.Join(folder, filepath.Base(f.t.Name()))
	err := os.MkdirAll(folder, 0o755)
	for _, d := range f.Daemons() {
		text, readErr := os.ReadFile(d.LogFile())
		err = errors.Join(err, readErr, os.WriteFile(filepath.Join(folder, d.Name()+".log"), text, 0o644))
	}
	if err != nil {
		f.t.Logf("keep the logs: %v", err)
	}
}

// Daemons are all masters and agents.
func (f *Fleet) Daemons() []*Daemon { return slices.Concat(f.Masters, f.Agents) }

// Start starts the daemons given, all that do not run when there are none.
func (f *Fleet) Start(daemons ...*Daemon) {
	f.t.Helper()
	if len(daemons) == 0 {
		daemons = slices.DeleteFunc(f.Daemons(), func(d *Daemon) bool { return d.Alive() })
	}
	for _, d := range daemons {
		f.must(d.Start())
	}
}

// Stop ends daemons one after the other as an operator does.
func (f *Fleet) Stop(daemons ...*Daemon) {
	f.t.Helper()
	for _, d := range daemons {
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		err := d.Stop(ctx)
		cancel()
		f.must(err)
	}
}

func (f *Fleet) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// Client returns a client that knows the given masters, all when there are none.
func (f *Fleet) Client(user string, masters ...*Daemon) *client.Client {
	f.t.Helper()
	c, err := client.New(client.Config{Endpoints: f.URLs(masters...), User: user})
	f.must(err)
	f.t.Cleanup(func() { _ = c.Close() })
	return c
}

// URLs are the base URLs of the given masters, of all when there are none.
func (f *Fleet) URLs(masters ...*Daemon) []string {
	if len(masters) == 0 {
		masters = f.Masters
	}
	var urls []string
	for _, m := range masters {
		urls = append(urls, m.API)
	}
	return urls
}

// Self is what a master says of itself.
func (f *Fleet) Self(master *Daemon) (model.MasterStatus, error) {
	var self model.MasterStatus
	err := master.Get("/v1/self", &self)
	return self, err
}

// Leader returns the master that leads in the highest term, nil when none says so. A paused or cut off one may say so wrongly.
func (f *Fleet) Leader() *Daemon {
	var leader *Daemon
	var term uint64
	for _, m := range f.Masters {
		if self, err := f.Self(m); err == nil && self.State == model.MasterLeader && self.Term >= term {
			leader, term = m, self.Term
		}
	}
	return leader
}

// AwaitLeader waits until the given masters follow one of them, all that run when there are none, and each serves a read through it.
func (f *Fleet) AwaitLeader(among ...*Daemon) *Daemon {
	f.t.Helper()
	if len(among) == 0 {
		among = slices.DeleteFunc(slices.Clone(f.Masters), func(m *Daemon) bool { return !m.Alive() })
	}
	var leader *Daemon
	Await(f.t, "a leader", func() (err error) {
		leader, err = f.agreedLeader(among)
		return err
	})
	f.AwaitReads(among...)
	return leader
}

func (f *Fleet) agreedLeader(among []*Daemon) (*Daemon, error) {
	var leader *Daemon
	followed := map[string]bool{}
	for _, m := range among {
		self, err := f.Self(m)
		if err != nil {
			return nil, err
		}
		followed[self.Leader] = true
		if self.State == model.MasterLeader {
			leader = m
		}
	}
	if leader == nil || len(followed) != 1 {
		return nil, fmt.Errorf("they follow %v", followed)
	}
	return leader, nil
}

// AwaitReads waits until each of the masters answers reads that are current.
func (f *Fleet) AwaitReads(masters ...*Daemon) {
	f.t.Helper()
	for _, m := range masters {
		Await(f.t, m.Name()+" to answer", func() error { return m.Get("/hosts", nil) })
	}
}

// AwaitHosts waits until every master that runs says of each of the agents' hosts that it is UP or DOWN.
func (f *Fleet) AwaitHosts(want model.Liveness, agents ...*Daemon) {
	f.t.Helper()
	for _, m := range f.Masters {
		if m.Alive() {
			f.AwaitHostsAt(m, want, agents...)
		}
	}
}

// AwaitHostsAt waits until one master says of each of the agents' hosts that it is UP or DOWN.
func (f *Fleet) AwaitHostsAt(master *Daemon, want model.Liveness, agents ...*Daemon) {
	f.t.Helper()
	for _, agent := range agents {
		Await(f.t, fmt.Sprintf("%s to be %s at %s", agent.Name(), want, master.Name()), func() error {
			var host model.HostStatus
			if err := master.Get("/hosts/"+url.PathEscape(agent.Name())+"/status", &host); err != nil {
				return err
			}
			if host.Status != want {
				return fmt.Errorf("it is %s", host.Status)
			}
			return nil
		})
	}
}

// Refuses tells whether err is a master's answer that it has no leader.
func Refuses(err error) bool {
	var status *StatusError
	return errors.As(err, &status) && status.Status == http.StatusBadGateway
}
