//go:build unix

package daemontest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/daemon/daemontest/ports"
)

// Place is where a daemon listens.
type Place struct {
	IP                               string
	HTTP, Admin, Gossip, Raft, Agent int // ports; Agent is the one of an agent's own API
}

// StandardPlace is a machine of one's own: the ports that are the defaults.
func StandardPlace(ip string) Place {
	return Place{IP: ip, HTTP: 5801, Admin: 5802, Agent: 5803, Gossip: 5805, Raft: 5806}
}

// FreePlace returns a place on this machine's loopback of ports that nobody uses now and that no other test is given.
func FreePlace() (Place, error) {
	port, err := ports.Row(6)
	if err != nil {
		return Place{}, err
	}
	return Place{IP: "127.0.0.1", HTTP: port, Admin: port + 1, Agent: port + 2, Gossip: port + 4, Raft: port + 5}, nil
}

func (p Place) address(port int) string { return net.JoinHostPort(p.IP, strconv.Itoa(port)) }

// GossipAddress is where others join.
func (p Place) GossipAddress() string { return p.address(p.Gossip) }

// MasterArgs are the arguments of a master there. Masters are the initial ones, as --masters takes them; empty: it is the only one, or
// joins others that extra names.
func (p Place) MasterArgs(name, stateDir string, masters []string, extra ...string) []string {
	args := []string{
		"master", "--name", name, "--state-dir", stateDir, "--advertise", p.IP, "--http", p.address(p.HTTP), "--admin", p.address(p.Admin),
		"--gossip", p.address(p.Gossip), "--raft", p.address(p.Raft),
	}
	if len(masters) > 0 {
		args = append(args, "--masters", strings.Join(masters, ","))
	}
	return append(args, extra...)
}

// AgentArgs are the arguments of an agent there that joins the pool at the given gossip addresses.
func (p Place) AgentArgs(name, stateDir string, join []string, extra ...string) []string {
	return append([]string{
		"agent", "--name", name, "--state-dir", stateDir, "--advertise", p.IP, "--http", p.address(p.Agent), "--admin", p.address(p.Admin),
		"--gossip", p.address(p.Gossip), "--join", strings.Join(join, ","),
	}, extra...)
}

// Daemon is a master or an agent that runs as a process.
type Daemon struct {
	*Process
	Node *Node  // nil when it runs in no network of ours
	API  string // base URL of its own API
}

// NewDaemon makes a daemon that does not run yet. Its state and its log are below dir.
func NewDaemon(node *Node, api string, dir string, c Command) *Daemon {
	c.LogFile = filepath.Join(dir, c.Name+".log")
	if node != nil {
		c.Namespace = node.Namespace
	}
	return &Daemon{Process: NewProcess(c), Node: node, API: api}
}

// asking asks daemons without retries. Connections are not kept: partitions and crashes would leave them behind.
var asking = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// StatusError is an answer other than 200.
type StatusError struct {
	Status int
	Body   string
}

func (e *StatusError) Error() string { return fmt.Sprintf("status %d: %s", e.Status, e.Body) }

// askLimit is how long a daemon may take to answer Get.
const askLimit = 5 * time.Second

// Get asks this daemon, and nobody else, once. Any status but 200 is a *StatusError.
func (d *Daemon) Get(path string, out any) error {
	ctx, cancel := context.WithTimeout(context.Background(), askLimit)
	defer cancel()
	return d.Do(ctx, http.MethodGet, path, out)
}

// Do sends a request without a body to this daemon once.
func (d *Daemon) Do(ctx context.Context, method, path string, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, d.API+path, nil)
	if err != nil {
		return err
	}
	resp, err := asking.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", d.Name(), err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%s: %w", d.Name(), err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s %s: %w", d.Name(), method, path, &StatusError{resp.StatusCode, string(body)})
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(body, out)
}
