package ports

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// With this variable the binary of these tests only takes rows of ports, prints them, and waits for the end of its input.
const takes = "HELIOSCTL_TEST_TAKES_PORTS"

func TestMain(m *testing.M) {
	if os.Getenv(takes) == "" {
		os.Exit(m.Run())
	}
	for range 15 {
		port, err := Row(10)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(port)
	}
	fmt.Println("done")
	_, _ = os.Stdin.Read(make([]byte, 1))
}

// Processes that take ports at the same time, long before they listen on them, never get the same ones.
func TestNoTwoProcessesGetTheSamePort(t *testing.T) {
	var mu sync.Mutex
	of := map[int]int{} // port → process
	var all sync.WaitGroup
	for i := range 5 {
		all.Go(func() {
			for _, port := range portsOfProcess(t) {
				mu.Lock()
				for p := port; p < port+10; p++ {
					if other, twice := of[p]; twice {
						t.Errorf("port %d was given to the processes %d and %d", p, other, i)
					}
					of[p] = i
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(of) != 5*15*10 {
		t.Errorf("%d ports were given out", len(of))
	}
}

// portsOfProcess returns the rows that another process has taken. It lives, and keeps them, until the test ends.
func portsOfProcess(t *testing.T) []int {
	p := exec.Command(os.Args[0])
	p.Env = append(os.Environ(), takes+"=1")
	in, err := p.StdinPipe()
	if err != nil {
		t.Error(err)
		return nil
	}
	out, err := p.StdoutPipe()
	if err != nil {
		t.Error(err)
		return nil
	}
	if err := p.Start(); err != nil {
		t.Error(err)
		return nil
	}
	t.Cleanup(func() {
		in.Close()
		if err := p.Wait(); err != nil {
			t.Error(err)
		}
	})
	var rows []int
	for {
		var line string
		if _, err := fmt.Fscanln(out, &line); err != nil {
			t.Errorf("after %d rows: %v", len(rows), err)
			return rows
		}
		port, err := strconv.Atoi(line)
		if err != nil {
			return rows // done
		}
		rows = append(rows, port)
	}
}

func TestAPortThatIsUsedIsPassedOver(t *testing.T) {
	h := &holder{folder: t.TempDir()}
	before, err := h.row(1)
	if err != nil {
		t.Fatal(err)
	}
	used, err := net.ListenPacket("udp4", address(before+3))
	if err != nil {
		t.Skip("SKIPPED: another program took the port that this test wants")
	}
	defer used.Close()
	if port, err := h.row(5); err != nil || port <= before+3 {
		t.Errorf("with a listener on %d: five ports from %d on, error %v", before+3, port, err)
	}
}

// One process alone may take all ports, and begins anew when it has.
func TestAllPortsAreGivenBeforeOneIsGivenAgain(t *testing.T) {
	h := &holder{folder: t.TempDir()}
	seen := map[int]bool{}
	for {
		port, err := h.row(block)
		if err != nil {
			t.Fatal(err)
		}
		if port < first || port+block-1 > last {
			t.Fatalf("port %d", port)
		}
		if seen[port] {
			break
		}
		seen[port] = true
	}
	// The ports that other programs of this machine use make blocks unfit for whole rows; a machine uses few.
	if blocks := (last - first + 1) / block; len(seen) < blocks/2 {
		t.Errorf("%d of %d blocks were given out", len(seen), blocks)
	}
	others := &holder{folder: h.folder}
	if _, err := others.row(1); err == nil || !strings.Contains(err.Error(), "are taken by tests that run") {
		t.Errorf("with all blocks locked: %v", err)
	}
}

func TestARowThatNoBlockHas(t *testing.T) {
	for _, n := range []int{-1, 0, block + 1} {
		if port, err := Row(n); err == nil {
			t.Errorf("%d ports: %d", n, port)
		}
	}
}
