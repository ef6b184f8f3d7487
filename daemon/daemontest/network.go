//go:build unix

package daemontest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// RequireNetns skips a test where networks cannot be made, and fails it there when HELIOSCTL_REQUIRE_NETNS is 1.
func RequireNetns(t testing.TB) {
	t.Helper()
	missing := netnsMissing()
	if missing == "" {
		return
	}
	if os.Getenv("HELIOSCTL_REQUIRE_NETNS") == "1" {
		t.Fatalf("networks of processes cannot be made: %s", missing)
	}
	t.Skipf("SKIPPED, IT PROVES NOTHING: networks of processes cannot be made: %s", missing)
}

var netnsMissing = sync.OnceValue(func() string {
	if os.Geteuid() != 0 {
		return "it takes root"
	}
	for _, tool := range []string{"ip", "iptables", "nsenter"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "there is no command " + tool + "; install iproute2, iptables and util-linux"
		}
	}
	probe := fmt.Sprintf("hlprobe-%d", os.Getpid())
	if err := command("ip", "netns", "add", probe); err != nil {
		return err.Error()
	}
	defer func() { _ = command("ip", "netns", "delete", probe) }()
	if err := filter(probe, "-A", "INPUT", "-s", "192.0.2.1", "-j", "DROP"); err != nil {
		return err.Error()
	}
	return ""
})

// Network is a switch with nodes on it, every node a network namespace with an address of its own, and this process beside them, who
// reaches every node and whom no partition cuts off. The switch has a namespace of its own too, because Docker drops what other
// bridges of the machine forward. Its methods are for the goroutine of the test.
type Network struct {
	t      testing.TB
	subnet int
	owner  string // PID-BIRTH
	nodes  []*Node
}

// Node is a place on a network.
type Node struct {
	Name      string
	IP        netip.Addr
	Namespace string
}

// subnets is how many networks there can be at a time: 10.201.N.0/24, N from 1.
const subnets = 250

// NewNetwork makes a network that is removed, with everything that runs in it, when the test ends. What earlier processes left behind
// is removed first.
func NewNetwork(t testing.TB) *Network {
	t.Helper()
	RequireNetns(t)
	if err := sweep(); err != nil {
		t.Logf("the rest of an earlier laboratory: %v", err)
	}
	n := &Network{t: t, owner: fmt.Sprintf("%d-%s", os.Getpid(), birth(os.Getpid()))}
	t.Cleanup(n.remove)
	n.must(n.claim())
	hub := n.namespace("hub")
	n.must(command("ip", "link", "set", n.uplink()+"h", "netns", hub))
	n.must(command("ip", "address", "add", n.address(254).String()+"/24", "dev", n.uplink()))
	n.must(command("ip", "link", "set", n.uplink(), "up"))
	n.must(command("ip", "-n", hub, "link", "add", "bridge", "type", "bridge"))
	n.must(command("ip", "-n", hub, "link", "set", "bridge", "up"))
	n.must(command("ip", "-n", hub, "link", "set", n.uplink()+"h", "master", "bridge", "up"))
	return n
}

// claim takes a subnet: whoever makes the interface of its name has it.
func (n *Network) claim() error {
	var last error
	for i := range subnets {
		n.subnet = 1 + (os.Getpid()+i)%subnets
		taken, err := exec.Command("ip", "route", "show", "to", "match", n.address(1).String()).Output()
		if err != nil {
			return fmt.Errorf("look for a free subnet: %w", err)
		}
		if slices.ContainsFunc(strings.Split(string(taken), "\n"), isRoute) {
			continue
		}
		if last = command("ip", "link", "add", n.uplink(), "type", "veth", "peer", "name", n.uplink()+"h"); last != nil {
			continue
		}
		namespace := n.namespace("hub")
		if last = command("ip", "netns", "add", namespace); last == nil {
			return nil
		}
		return errors.Join(last, command("ip", "link", "delete", n.uplink()))
	}
	n.subnet = 0
	return fmt.Errorf("no subnet of 10.201.0.0/16 is free: %w", last)
}

// isRoute tells whether a line of `ip route` says that an address is reached other than through the default route.
func isRoute(line string) bool {
	return line != "" && !strings.HasPrefix(line, "default")
}

func (n *Network) uplink() string               { return fmt.Sprintf("%s%d", labPrefix, n.subnet) }
func (n *Network) namespace(node string) string { return n.uplink() + "-" + n.owner + "-" + node }

func (n *Network) address(host int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 201, byte(n.subnet), byte(host)})
}

func (n *Network) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

// ClientIP is where the nodes reach this process.
func (n *Network) ClientIP() netip.Addr { return n.address(254) }

// Node adds a node. Names are unique in a network and short.
func (n *Network) Node(name string) *Node {
	n.t.Helper()
	number := len(n.nodes) + 1
	node := &Node{Name: name, IP: n.address(number), Namespace: n.namespace(name)}
	port, hub := fmt.Sprintf("port%d", number), n.namespace("hub")
	n.must(command("ip", "netns", "add", node.Namespace))
	n.nodes = append(n.nodes, node)
	n.must(command("ip", "-n", hub, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", node.Namespace))
	n.must(command("ip", "-n", hub, "link", "set", port, "master", "bridge", "up"))
	n.must(command("ip", "-n", node.Namespace, "address", "add", node.IP.String()+"/24", "dev", "eth0"))
	n.must(command("ip", "-n", node.Namespace, "link", "set", "eth0", "up"))
	n.must(command("ip", "-n", node.Namespace, "link", "set", "lo", "up"))
	n.must(command("ip", "-n", node.Namespace, "route", "add", "default", "via", n.ClientIP().String()))
	return node
}

// remove takes everything away. The interface of this process goes last: as long as it is there nobody else takes the subnet.
func (n *Network) remove() {
	if n.subnet == 0 {
		return
	}
	var removals sync.WaitGroup
	for _, node := range n.nodes {
		removals.Go(func() {
			if err := removeNamespace(node.Namespace); err != nil {
				n.t.Error(err)
			}
		})
	}
	removals.Wait()
	if err := removeNamespace(n.namespace("hub")); err != nil {
		n.t.Error(err)
	}
	// The kernel removes the interfaces of a namespace some time after it; this one is waited for.
	_ = command("ip", "link", "delete", n.uplink())
}

// filter changes the firewall of a namespace.
func filter(namespace string, rule ...string) error {
	return finish(inNamespace(context.Background(), namespace, append([]string{"iptables", "-w"}, rule...)...))
}

// drop has a node lose every packet from the given others. They are lost on arrival, so that the senders notice nothing, as in a
// network that fails.
func (n *Network) drop(to *Node, from ...*Node) error {
	addrs := make([]string, 0, len(from))
	for _, node := range from {
		if node != to {
			addrs = append(addrs, node.IP.String())
		}
	}
	if len(addrs) == 0 {
		return nil
	}
	return filter(to.Namespace, "-A", "INPUT", "-s", strings.Join(addrs, ","), "-j", "DROP")
}

// Partition cuts two nodes off from each other.
func (n *Network) Partition(a, b *Node) {
	n.t.Helper()
	n.must(errors.Join(n.drop(a, b), n.drop(b, a)))
}

// PartitionOneWay loses what from sends to to, and nothing else.
func (n *Network) PartitionOneWay(from, to *Node) {
	n.t.Helper()
	n.must(n.drop(to, from))
}

// Isolate cuts a node off from all others, not from this process.
func (n *Network) Isolate(node *Node) {
	n.t.Helper()
	n.Split([]*Node{node})
}

// Split cuts the network into groups that cannot reach each other; the nodes that are in none are another group.
func (n *Network) Split(groups ...[]*Node) {
	n.t.Helper()
	group := map[*Node]int{}
	for i, nodes := range groups {
		for _, node := range nodes {
			group[node] = i + 1
		}
	}
	n.must(n.each(func(node *Node) error {
		others := slices.DeleteFunc(slices.Clone(n.nodes), func(other *Node) bool { return group[other] == group[node] })
		return n.drop(node, others...)
	}))
}

// CutClient loses what this process sends to a node.
func (n *Network) CutClient(node *Node) {
	n.t.Helper()
	n.must(filter(node.Namespace, "-A", "INPUT", "-s", n.ClientIP().String(), "-j", "DROP"))
}

// Heal ends all partitions.
func (n *Network) Heal() {
	n.t.Helper()
	n.must(n.each(func(node *Node) error { return filter(node.Namespace, "-F", "INPUT") }))
}

// each does something to all nodes at once.
func (n *Network) each(do func(*Node) error) error {
	var all sync.WaitGroup
	errs := make([]error, len(n.nodes))
	for i, node := range n.nodes {
		all.Go(func() { errs[i] = do(node) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// Slow puts a proxy in front of a TCP port of a node: what others connect to from now on goes through it, and is cut by the same partitions.
// Connections that are open stay as they are. The program sees its own address at the other end. The proxy ends with the test.
func (n *Network) Slow(node *Node, port int) *Proxy {
	n.t.Helper()
	listener, err := listenIn(node.Namespace, "0.0.0.0:0")
	n.must(err)
	proxy := newProxy(listener, func() (net.Conn, error) { return dialIn(node.Namespace, fmt.Sprintf("%s:%d", node.IP, port)) })
	n.t.Cleanup(func() { _ = proxy.Close() })
	redirect := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	n.must(filter(node.Namespace, "-t", "nat", "-A", "PREROUTING", "-p", "tcp", "--dport", strconv.Itoa(port), "-j", "REDIRECT", "--to-ports", redirect))
	return proxy
}
