package agent_test

import (
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	mobycontainer "github.com/docker/docker/api/types/container"
	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/agent"
	"github.com/heliosctl/heliosctl/model"
)

// What an agent's options do to its containers; env, binds and the port range are seen with the jobs' fields.
func TestDockerAgentOptions(t *testing.T) {
	t.Parallel()
	syslog, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer syslog.Close()
	h := newDockerHost(t)
	h.change = func(c *agent.Config) {
		c.Labels = map[string]string{"role": "web"}
		c.DNS = []string{"192.0.2.53", "192.0.2.54"}
		c.ExtraHosts = []string{"secrethost:169.254.169.254", "other:192.0.2.7"}
		c.SyslogRedirectTo = syslog.LocalAddr().String()
	}
	h.start()
	job := h.job("options", "echo hello, log; "+serveUntilTerm)
	r := h.run(job)

	t.Run("name and id", func(t *testing.T) {
		want := regexp.MustCompile("^/helios-" + regexp.QuoteMeta(h.id) + "-options_1_" + job.ID.Hash[:7] + "_[0-9a-f]{1,8}$")
		if !want.MatchString(r.info.Name) || r.info.Config.Labels["heliosctl.host"] != "host1" {
			t.Errorf("container %s of host %s, want %s of host1", r.info.Name, r.info.Config.Labels["heliosctl.host"], want)
		}
	})
	t.Run("labels", func(t *testing.T) {
		if role, ok := r.info.Config.Labels["role"]; ok {
			t.Errorf("the host's label role=%s is on the container", role)
		}
	})
	t.Run("dns", func(t *testing.T) {
		r.says("grep ^nameserver /etc/resolv.conf", "nameserver 192.0.2.53\nnameserver 192.0.2.54")
	})
	t.Run("add-host", func(t *testing.T) {
		r.says("grep -E 'secrethost|other' /etc/hosts", "169.254.169.254\tsecrethost\n192.0.2.7\tother")
	})
	t.Run("syslog-redirect-to", func(t *testing.T) {
		want := mobycontainer.LogConfig{Type: "syslog", Config: map[string]string{
			"syslog-address": "udp://" + syslog.LocalAddr().String(), "syslog-facility": "local0", "tag": job.ID.String(),
		}}
		if diff := cmp.Diff(want, r.info.HostConfig.LogConfig); diff != "" {
			t.Errorf("log configuration (-want +got):\n%s", diff)
		}
		line := make([]byte, 1000)
		_ = syslog.SetReadDeadline(time.Now().Add(30 * time.Second))
		n, _, err := syslog.ReadFrom(line)
		if got := string(line[:n]); err != nil || !strings.Contains(got, "hello, log") || !strings.Contains(got, job.ID.String()) {
			t.Errorf("syslog gets %q, %v; want the line and the job's id", got, err)
		}
	})

	t.Run("none", func(t *testing.T) {
		h := newDockerHost(t)
		h.start()
		r := h.run(h.job("plain", serveUntilTerm, func(job *model.Job) { job.Env = map[string]string{"OWN": "1"} }))
		if got := r.inside("cat /etc/resolv.conf"); !strings.Contains(got, "nameserver") || strings.Contains(got, "192.0.2.") {
			t.Errorf("resolv.conf is %q, want the engine's", got)
		}
		r.says("grep -c secrethost /etc/hosts", "0")
		if got := r.info.HostConfig.LogConfig.Type; got == "syslog" {
			t.Errorf("logs to %s, want the engine's default", got)
		}
		if diff := cmp.Diff(map[string]string{"OWN": "1"}, r.status.Env); diff != "" {
			t.Errorf("environment (-want +got):\n%s", diff)
		}
	})
}
