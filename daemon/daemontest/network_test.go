//go:build unix

package daemontest_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/daemontest"
)

// nodes makes a network with nodes that can be reached from each other.
func nodes(t *testing.T, names ...string) (*daemontest.Network, []*daemontest.Node) {
	t.Helper()
	n := daemontest.NewNetwork(t)
	var made []*daemontest.Node
	for _, name := range names {
		made = append(made, n.Node(name))
	}
	return n, made
}

// pings tells whether packets get from a node to another and back within the time given, in seconds.
func pings(from, to *daemontest.Node, within float64) bool {
	// Bash's own TCP suffices: a port where nobody listens refuses at once, and a packet that is lost is waited for.
	script := fmt.Sprintf("timeout %g bash -c '</dev/tcp/%s/9' 2>&1; exit $?", within, to.IP)
	err := exec.Command("ip", "netns", "exec", from.Namespace, "bash", "-c", script).Run()
	exit, ok := err.(*exec.ExitError)
	return !ok || exit.ExitCode() != 124
}

func expectPings(t *testing.T, all []*daemontest.Node, want func(from, to *daemontest.Node) bool) {
	t.Helper()
	for _, from := range all {
		for _, to := range all {
			if from == to {
				continue
			}
			// A busy machine may take long for what gets through; what does not is given up soon.
			within := map[bool]float64{true: 30, false: 0.7}[want(from, to)]
			if got := pings(from, to, within); got != want(from, to) {
				t.Errorf("%s reaches %s: %v", from.Name, to.Name, got)
			}
		}
	}
}

func TestPartitions(t *testing.T) {
	t.Parallel()
	n, all := nodes(t, "a", "b", "c")
	a, b, c := all[0], all[1], all[2]
	everything := func(_, _ *daemontest.Node) bool { return true }
	expectPings(t, all, everything)

	n.Partition(a, b)
	expectPings(t, all, func(x, y *daemontest.Node) bool { return x == c || y == c })
	n.Heal()
	n.Isolate(c)
	expectPings(t, all, func(x, y *daemontest.Node) bool { return x != c && y != c })
	n.Heal()
	n.Split([]*daemontest.Node{a}, []*daemontest.Node{b})
	expectPings(t, all, func(_, _ *daemontest.Node) bool { return false })
	n.Heal()
	expectPings(t, all, everything)
}

func TestOneWayPartition(t *testing.T) {
	t.Parallel()
	n, all := nodes(t, "a", "b")
	n.PartitionOneWay(all[0], all[1])
	// A direction is told by a packet that needs no answer.
	for i, want := range []bool{false, true} {
		from, to := all[i], all[1-i]
		if got := arrives(t, from, to); got != want {
			t.Errorf("what %s sends arrives at %s: %v", from.Name, to.Name, got)
		}
	}
}

// arrives tells whether what a node sends gets past what another drops, by the other's counters: of the rule that drops it, if there is
// one, and of one behind that.
func arrives(t *testing.T, from, to *daemontest.Node) bool {
	t.Helper()
	inside := func(node *daemontest.Node, argv ...string) string {
		out, err := exec.Command("ip", append([]string{"netns", "exec", node.Namespace}, argv...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v: %s", argv, err, out)
		}
		return string(out)
	}
	inside(to, "iptables", "-w", "-A", "INPUT", "-p", "udp", "-s", from.IP.String(), "-j", "ACCEPT")
	inside(from, "bash", "-c", fmt.Sprintf("echo hello >/dev/udp/%s/9", to.IP))
	var verdict string
	daemontest.Await(t, "the packet", func() error {
		for line := range strings.Lines(inside(to, "iptables", "-w", "-nvxL", "INPUT")) {
			if fields := strings.Fields(line); len(fields) > 7 && fields[0] != "0" && (fields[2] == "DROP" || fields[2] == "ACCEPT") {
				verdict = fields[2]
				return nil
			}
		}
		return errors.New("no rule has seen it")
	})
	return verdict == "ACCEPT"
}

func TestThisProcessReachesNodesWhatever(t *testing.T) {
	t.Parallel()
	n, all := nodes(t, "a", "b")
	n.Isolate(all[0])
	server := serve(t, all[0], 7000)
	conn := dial(t, server)
	echo(t, conn, "hello")
	n.CutClient(all[0])
	_ = conn.SetDeadline(time.Now().Add(300 * time.Millisecond))
	if _, err := conn.Write([]byte("lost")); err == nil {
		_, err = conn.Read(make([]byte, 4))
		if !isTimeout(err) {
			t.Errorf("a node that this process is cut off from answers with %v", err)
		}
	}
}

// serve starts a process in a node that sends back what it gets.
func serve(t *testing.T, node *daemontest.Node, port int) string {
	t.Helper()
	p := daemontest.NewProcess(daemontest.Command{
		Name: "echo", Path: os.Args[0], Namespace: node.Namespace, LogFile: filepath.Join(t.TempDir(), "log"),
		Env: []string{fmt.Sprintf("%s=%s:%d", echoVariable, node.IP, port)}, Ended: func(err error) { t.Error(err) },
	})
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	if err := p.WaitLog(t.Context(), "listening"); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s:%d", node.IP, port)
}

func TestSlowPort(t *testing.T) {
	t.Parallel()
	n, all := nodes(t, "a", "b")
	server := serve(t, all[0], 7000)
	proxy := n.Slow(all[0], 7000)
	conn := dial(t, server)
	echo(t, conn, "open")
	const delay = 200 * time.Millisecond
	proxy.Shape(daemontest.Link{Delay: delay}, daemontest.Link{})
	if took := echo(t, conn, "slow"); took < delay {
		t.Errorf("a word was there and back within %s", took)
	}
	proxy.Cut()
	if _, err := conn.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("a connection that was cut reads with %v", err)
	}
}

func TestNetworksSideBySide(t *testing.T) {
	t.Parallel()
	_, first := nodes(t, "a", "b")
	_, second := nodes(t, "a", "b")
	if first[0].IP == second[0].IP || first[0].Namespace == second[0].Namespace {
		t.Fatalf("two networks share %+v", first[0])
	}
	if !pings(first[0], first[1], 30) || !pings(second[0], second[1], 30) {
		t.Error("nodes of one network do not reach each other")
	}
}

// A test process that is killed leaves its network and what outlived it; the next network removes both.
func TestNextNetworkRemovesWhatAKilledTestLeft(t *testing.T) {
	t.Parallel()
	daemontest.RequireNetns(t)
	killed := exec.Command(os.Args[0], "-test.run", "^TestVictim$")
	killed.Env = append(os.Environ(), victimVariable+"=1")
	out, err := killed.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	var namespace string
	var job int
	if _, err := fmt.Fscanf(out, "victim %s %d\n", &namespace, &job); err != nil {
		rest, _ := io.ReadAll(out)
		t.Fatalf("%v: %s", err, rest)
	}
	if _, err := os.Stat(filepath.Join("/run/netns", namespace)); err != nil {
		t.Fatal(err)
	}
	_ = killed.Process.Kill()
	_ = killed.Wait()
	daemontest.NewNetwork(t)
	daemontest.Await(t, "everything to be gone", func() error {
		if _, err := os.Stat(filepath.Join("/run/netns", namespace)); err == nil {
			return fmt.Errorf("namespace %s is still there", namespace)
		}
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", job)); err == nil {
			return fmt.Errorf("process %d still runs", job)
		}
		return nil
	})
}

const (
	victimVariable = "DAEMONTEST_VICTIM"
	echoVariable   = "DAEMONTEST_ECHO"
)

// TestVictim is the process that TestNextNetworkRemovesWhatAKilledTestLeft kills: it has a network with a process in a session of its
// own, as the process runtime leaves them, and waits.
func TestVictim(t *testing.T) {
	if os.Getenv(victimVariable) == "" {
		t.Skip("not a test of its own")
	}
	_, all := nodes(t, "a")
	out, err := exec.Command("ip", "netns", "exec", all[0].Namespace, "bash", "-c", "setsid sleep 600 >/dev/null 2>&1 & echo $!").Output()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("victim %s %s\n", all[0].Namespace, strings.TrimSpace(string(out)))
	select {}
}

// serveEcho is what the process of serve does.
func serveEcho(address string) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		panic(err)
	}
	fmt.Println("listening")
	for {
		conn, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		go func() {
			defer conn.Close()
			_, _ = io.Copy(conn, conn)
		}()
	}
}
