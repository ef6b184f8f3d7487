package agent

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"

	"github.com/heliosctl/heliosctl/model"
)

// PortRange is the pool of ports for jobs that leave the choice to the agent: from Start up to but not including End.
type PortRange struct {
	Start, End int
}

// portAllocator picks ports. It walks a shuffled pool in a circle, so a port that was just given back is the last to be used
// again. Only the reconciler uses it.
type portAllocator struct {
	pool   []int
	cursor int
	free   func(port int, protocol, ip string) bool
}

func newPortAllocator(r PortRange) *portAllocator {
	a := &portAllocator{free: canBind}
	for port := r.Start; port < r.End; port++ {
		a.pool = append(a.pool, port)
	}
	rand.Shuffle(len(a.pool), func(i, j int) { a.pool[i], a.pool[j] = a.pool[j], a.pool[i] })
	return a
}

// allocate returns the external ports for a job by port name. used tells what holds each port in use. Static ports are as the job
// says and conflict with other jobs' whatever the protocol, as in the original. All or none: the error says which port is lacking.
func (a *portAllocator) allocate(job model.Job, used map[int]string) (map[string]int, error) {
	ports := make(map[string]int, len(job.Ports))
	taken := make(map[int]bool, len(job.Ports))
	for _, name := range slices.Sorted(maps.Keys(job.Ports)) {
		external := job.Ports[name].ExternalPort
		if external == nil {
			continue
		}
		if holder, ok := used[*external]; ok {
			return nil, fmt.Errorf("waiting for port %d (%s), which is in use by %s on this host", *external, name, holder)
		}
		ports[name] = *external
		taken[*external] = true
	}
	for _, name := range slices.Sorted(maps.Keys(job.Ports)) {
		mapping := job.Ports[name]
		if mapping.ExternalPort != nil {
			continue
		}
		port, ok := a.pick(mapping, func(port int) bool { return taken[port] || used[port] != "" })
		if !ok {
			return nil, fmt.Errorf("no free port for %s among the %d of the agent's port range; undeploy something or widen the range", name, len(a.pool))
		}
		ports[name] = port
		taken[port] = true
	}
	return ports, nil
}

func (a *portAllocator) pick(mapping model.PortMapping, taken func(int) bool) (int, bool) {
	for range a.pool {
		port := a.pool[a.cursor]
		a.cursor = (a.cursor + 1) % len(a.pool)
		if !taken(port) && a.free(port, mapping.Protocol, mapping.IP) {
			return port, true
		}
	}
	return 0, false
}

// canBind reports whether the port can be listened on right now.
func canBind(port int, protocol, ip string) bool {
	address := net.JoinHostPort(ip, strconv.Itoa(port))
	if protocol == "udp" {
		conn, err := net.ListenPacket("udp", address)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	return listener.Close() == nil
}
