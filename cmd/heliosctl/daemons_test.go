package main

import (
	"context"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/daemon/daemontest/ports"
	"github.com/heliosctl/heliosctl/model"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

func writeFile(t *testing.T, path string) {
	t.Helper()
	writeText(t, path, "x")
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// removeContainer takes a container away that a failed test may have left.
func removeContainer(t *testing.T, engine *container.Docker, id string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := engine.Kill(ctx, id); err != nil {
		t.Logf("killing container %s: %v", id, err)
	}
	if err := engine.Remove(ctx, id); err != nil {
		t.Logf("removing container %s: %v", id, err)
	}
}

func TestMasterAndAgentFindEachOther(t *testing.T) {
	t.Parallel()
	gossip, api := ports.Address(t), ports.Address(t)
	masterDir, agentDir := t.TempDir(), t.TempDir()
	startMaster := func() *process {
		p := startProcess(t, "master", "--name", "m1", "--state-dir", masterDir, "--http", api, "--admin", ports.Address(t),
			"--gossip", gossip, "--raft", ports.Address(t))
		p.waitFor("msg=ready")
		return p
	}
	startAgent := func() *process {
		p := startProcess(t, "agent", "--name", "web-1", "--state-dir", agentDir, "--no-http", "--gossip", ports.Address(t),
			"--join", gossip, "--runtime", "sim", "--labels", "role=web", "zone=a", "--env", "REGION=eu")
		p.waitFor("msg=ready")
		return p
	}
	master, agent := startMaster(), startAgent()
	url := "http://" + api
	c := clientOf(t, url)
	awaitHost(t, c, "web-1", model.Up)

	id := createdJob(t, url, "web:1", "unused:1", "--port", "http=80")
	must(t, "deploy", "--master", url, "--wait", "web:1", "web-1")
	status, err := c.JobStatus(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	if got := status.TaskStatuses["web-1"].Env["REGION"]; got != "eu" {
		t.Errorf("the container's REGION is %q, the agent was started with --env REGION=eu", got)
	}
	host, err := c.HostStatus(context.Background(), "web-1")
	if err != nil {
		t.Fatal(err)
	}
	if host.Labels["role"] != "web" || host.Labels["zone"] != "a" || host.HostInfo == nil || host.HostInfo.CPUs == 0 || host.AgentInfo == nil {
		t.Errorf("the host tells %+v", host)
	}

	agent.signal(syscall.SIGTERM)
	if code := agent.wait(); code != exitOK {
		t.Errorf("the agent ended with code %d", code)
	}
	awaitHost(t, c, "web-1", model.Down)

	master.signal(syscall.SIGTERM)
	if code := master.wait(); code != exitOK {
		t.Errorf("the master ended with code %d", code)
	}
	startMaster()
	startAgent()
	awaitHost(t, clientOf(t, url), "web-1", model.Up)
	if out := must(t, "jobs", "--master", url, "-q"); strings.TrimSpace(out) != id.String() {
		t.Errorf("after the restart the jobs are %q", out)
	}
}

func TestDaemonsRefuseBadOptions(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"address without port":   {[]string{"master", "--http", "localhost"}, `--http "localhost" is not an address`},
		"port out of range":      {[]string{"master", "--http", "127.0.0.1:65536"}, `port "65536"`},
		"gossip on a name":       {[]string{"master", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--gossip", "localhost:0"}, `"localhost" is not an IP address`},
		"advertise a name":       {[]string{"master", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--advertise", "me"}, `--advertise "me" is not an IP address`},
		"reaping in ages":        {[]string{"master", "--agent-reaping-timeout", "2562048"}, "--agent-reaping-timeout is 2562048; give a number up to 2562047"},
		"retention for ages":     {[]string{"master", "--job-retention", "106752"}, "--job-retention is 106752; give a number up to 106751"},
		"retention in words":     {[]string{"master", "--job-retention", "two weeks"}, `"two weeks"`},
		"port range backwards":   {[]string{"agent", "--no-http", "--gossip", "127.0.0.1:0", "--port-range", "200:100"}, "port range 200:100"},
		"port range of words":    {[]string{"agent", "--port-range", "a:b"}, `"a:b" is not START:END`},
		"dns that is a name":     {[]string{"agent", "--dns", "ns1"}, `"ns1" is not an IP address`},
		"label without value":    {[]string{"agent", "--labels", "role"}, `"role" is not KEY=VALUE`},
		"unknown runtime":        {[]string{"agent", "--runtime", "podman"}, `unknown runtime "podman"`},
		"id that is no name":     {[]string{"agent", "--no-http", "--gossip", "127.0.0.1:0", "--id", "a b"}, `agent id "a b"`},
		"syslog without port":    {[]string{"agent", "--no-http", "--gossip", "127.0.0.1:0", "--syslog-redirect", "log1"}, `syslog address "log1"`},
		"extra host without ip":  {[]string{"agent", "--add-host", "db"}, `--add-host "db" is not NAME:IP`},
		"takeover in the past":   {[]string{"agent", "--registration-ttl", "-1"}, "--registration-ttl is -1; give a number from 0 to 153722867"},
		"takeover in ages":       {[]string{"agent", "--registration-ttl", "153722868"}, "--registration-ttl is 153722868"},
		"too many agents":        {[]string{"dev", "--agents", "101"}, "--agents is 101"},
		"no agents":              {[]string{"dev", "--agents", "0"}, "--agents is 0"},
		"argument to dev":        {[]string{"dev", "now"}, "now"},
		"unknown runtime of dev": {[]string{"dev", "--runtime", "podman", "--http", "127.0.0.1:0"}, `unknown runtime "podman"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, stderr, code := runProgram(t, append(tt.args, "--state-dir", t.TempDir())...)
			if code != 2 || !contains(stderr, tt.want) {
				t.Errorf("code %d, stderr %q; want 2 and %q", code, stderr, tt.want)
			}
		})
	}
}

// mountTmpfs mounts a small file system of its own for a test.
func mountTmpfs(t *testing.T, options string) string {
	t.Helper()
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("mounting a file system needs Linux and root")
	}
	dir := t.TempDir()
	mount(t, dir, options)
	return dir
}

func TestDaemonsTakeVerbose(t *testing.T) {
	t.Parallel()
	for _, quiet := range []slog.Level{slog.LevelInfo, slog.LevelWarn} {
		for args, want := range map[string]bool{"": false, "-v": true, "--verbose": true} {
			var o daemonOptions
			flags := pflag.NewFlagSet("daemon", pflag.ContinueOnError)
			o.bind(flags, "agent")
			if err := flags.Parse(strings.Fields(args)); err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			o.logger(&text, quiet).Debug("a detail")
			if got := contains(text.String(), "a detail"); got != want {
				t.Errorf("%q: a detail is logged: %v, want %v", args, got, want)
			}
		}
	}
}
