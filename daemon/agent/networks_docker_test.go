package agent_test

import (
	"strings"
	"testing"

	"github.com/heliosctl/heliosctl/daemon/agent"
	"github.com/heliosctl/heliosctl/model"
)

// Containers in networks of their own, in the host's and in another container's, as told from the network name spaces.
func TestDockerNetworkModes(t *testing.T) {
	t.Parallel()
	h := newDockerHost(t)
	h.change = func(c *agent.Config) { c.DNS, c.ExtraHosts = []string{"192.0.2.53"}, []string{"secret:192.0.2.1"} }
	h.start()
	run := func(name, mode string) running {
		return h.run(h.job(name, servePorts, func(job *model.Job) {
			job.NetworkMode = mode
			if mode == "host" || strings.HasPrefix(mode, "container:") {
				job.Command[2] = serveUntilTerm
			}
		}))
	}
	const space = "readlink /proc/self/ns/net"
	unset, bridge, host := run("unset", ""), run("bridge", "bridge"), run("host", "host")
	spaces := map[string]string{unset.inside(space): "unset", bridge.inside(space): "bridge", host.inside(space): "host"}
	if len(spaces) != 3 {
		t.Errorf("network name spaces %v, want three different ones", spaces)
	}
	if got := host.info.HostConfig.NetworkMode; got != "host" {
		t.Errorf("network mode %s, want host", got)
	}
	host.says("ls /sys/class/net | grep -c docker0", "1")
	bridge.says("ls /sys/class/net | grep -c docker0", "0")

	guest := run("guest", "container:"+bridge.status.ContainerID)
	guest.says(space, strings.TrimSpace(bridge.inside(space)))
	guest.says("nc 127.0.0.1 80 < /dev/null", "http")
}
