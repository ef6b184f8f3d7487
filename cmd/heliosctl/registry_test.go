package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/heliosctl/heliosctl/daemon/daemontest/ports"
	"github.com/heliosctl/heliosctl/model"
)

// startEtcd runs a real etcd until the test ends and returns a client of it.
func startEtcd(t *testing.T) (*clientv3.Client, string) {
	t.Helper()
	binary, err := exec.LookPath("etcd")
	if err != nil {
		if os.Getenv("HELIOSCTL_REQUIRE_ETCD") == "1" {
			t.Fatalf("this test needs etcd (Debian: etcd-server): %v", err)
		}
		t.Skipf("this test needs etcd (Debian: etcd-server): %v", err)
	}
	address, peers := ports.Address(t), "http://"+ports.Address(t)
	etcd := exec.CommandContext(t.Context(), binary, "--data-dir", t.TempDir(), "--log-level", "error",
		"--listen-client-urls", "http://"+address, "--advertise-client-urls", "http://"+address,
		"--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", "default="+peers)
	if err := etcd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = etcd.Wait() }) // killed with the test's context
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{address}, Logger: zap.NewNop(), DialTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, address
}

// awaitRecords waits, moved by etcd's own watch, until there are so many records under the prefix, and returns the last of them.
func awaitRecords(t *testing.T, c *clientv3.Client, prefix string, want int) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	changes := c.Watch(ctx, prefix, clientv3.WithPrefix())
	for {
		found, err := c.Get(ctx, prefix, clientv3.WithPrefix())
		if err != nil {
			t.Fatalf("waiting for %d records: %v", want, err)
		}
		if len(found.Kvs) == want {
			if want == 0 {
				return ""
			}
			return string(found.Kvs[want-1].Key) + " " + string(found.Kvs[want-1].Value)
		}
		<-changes
	}
}

func TestServicesAreRegisteredInEtcd(t *testing.T) {
	t.Parallel()
	etcd, registry := startEtcd(t)
	gossip, api := ports.Address(t), ports.Address(t)
	startProcess(t, "master", "--name", "m1", "--state-dir", t.TempDir(), "--http", api, "--admin", ports.Address(t),
		"--gossip", gossip, "--raft", ports.Address(t)).waitFor("msg=ready")
	stateDir, agentGossip := t.TempDir(), ports.Address(t)
	startAgent := func() *process {
		p := startProcess(t, "agent", "--name", "web-1", "--state-dir", stateDir, "--no-http", "--gossip", agentGossip,
			"--join", gossip, "--runtime", "process", "--domain", "example.com", "--service-registry", "etcd://"+registry+"?ttl=3s")
		p.waitFor("msg=ready")
		return p
	}
	agent := startAgent()
	url := "http://" + api
	awaitHost(t, clientOf(t, url), "web-1", model.Up)
	must(t, "create", "--master", url, "web:1", "unused:1", "--port", "http=80:8123", "--register", "web/http=http", "--", "/bin/sleep", "1000")
	must(t, "deploy", "--master", url, "--wait", "web:1", "web-1")
	const prefix = "/skydns/com/example/_http/_web/"
	if record := awaitRecords(t, etcd, prefix, 1); !strings.Contains(record, `"port":8123`) || !strings.Contains(record, prefix+"web-1_8123") {
		t.Errorf("the record is %s", record)
	}

	agent.kill()
	awaitRecords(t, etcd, prefix, 0) // its lease has ended
	startAgent()
	awaitRecords(t, etcd, prefix, 1)
	must(t, "undeploy", "--master", url, "--wait", "web:1", "web-1")
	awaitRecords(t, etcd, prefix, 0)
}
