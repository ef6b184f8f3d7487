package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/container/containertest"
	"github.com/heliosctl/heliosctl/daemon/daemontest/ports"
	"github.com/heliosctl/heliosctl/model"
)

// teller prints a line on each output and ends with code 1 when there is a file named stop.
const teller = `trap "exit 0" TERM; echo begin; echo trouble >&2; while [ ! -e stop ]; do sleep 0.02; done; echo end; exit 1`

// endAndBegin is what a teller prints around a restart, its error output aside, which can come anywhere.
var endAndBegin = regexp.MustCompile(`(?s)end\n.*begin\n`)

// startTeller starts a cluster of one process and deploys a teller to all its hosts.
func startTeller(t *testing.T, agents int) (url string, id model.JobID) {
	t.Helper()
	_, url = startDev(t, t.TempDir(), "--runtime", "process", "--agents", fmt.Sprint(agents))
	id = createdJob(t, url, "teller:1", "unused:1", "--", "/bin/sh", "-c", teller)
	args := []string{"deploy", "--master", url, "--wait", "teller:1"}
	for i := range agents {
		args = append(args, fmt.Sprintf("dev-%d", i+1))
	}
	must(t, args...)
	t.Cleanup(func() { must(t, "undeploy", "--master", url, "--wait", "--all", "--yes", "teller:1") })
	return url, id
}

// restartTeller ends the container of a teller and waits for the next.
func restartTeller(t *testing.T, url string, id model.JobID) {
	t.Helper()
	c := clientOf(t, url)
	before, err := c.JobStatus(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	// The command may end with its container, if it is not quick enough.
	if _, stderr, code := runProgram(t, "exec", "--master", url, "teller:1", "dev-1", "--", "touch", "stop"); code != 0 && code != 137 {
		t.Fatalf("exec ended with %d: %s", code, stderr)
	}
	awaitStatus(t, c, id, "running again", func(s model.TaskStatus) bool {
		return s.State == model.StateRunning && s.ContainerID != before.TaskStatuses["dev-1"].ContainerID
	})
}

// sortedLines makes the order of lines that came on different ways unimportant.
func sortedLines(text string) []string {
	return slices.Sorted(strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n"))
}

func TestLogsOfSeveralHosts(t *testing.T) {
	url, id := startTeller(t, 2)
	all := []string{"dev-1  begin", "dev-1  trouble", "dev-2  begin", "dev-2  trouble"}
	for name, tt := range map[string]struct {
		args []string
		want []string
	}{
		"all hosts":  {nil, all},
		"both hosts": {[]string{"dev-1", "dev-2"}, all},
		"one host":   {[]string{"dev-2"}, []string{"begin", "trouble"}},
		"none":       {[]string{"dev-2", "--tail", "0"}, []string{""}},
		"the last":   {[]string{"dev-2", "--tail", "1"}, nil},
		"the young":  {[]string{"dev-2", "--since", "1h"}, []string{"begin", "trouble"}},
		"the future": {[]string{"dev-2", "--since", "2100-01-01T00:00:00Z"}, []string{""}},
	} {
		out := must(t, append([]string{"logs", "--master", url, "teller"}, tt.args...)...)
		if tt.want == nil {
			if n := strings.Count(out, "\n"); n != 1 {
				t.Errorf("%s: %q", name, out)
			}
			continue
		}
		if diff := cmp.Diff(tt.want, sortedLines(out)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}

	var got []string
	for text := range strings.Lines(must(t, "logs", "--master", url, "--json", id.String())) {
		var line model.LogLine
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		if age := time.Since(line.Time); age < 0 || age > time.Hour {
			t.Errorf("a line is %s old", age)
		}
		got = append(got, line.Host+" "+string(line.Stream)+" "+line.Text)
	}
	slices.Sort(got)
	want := []string{"dev-1 stderr trouble", "dev-1 stdout begin", "dev-2 stderr trouble", "dev-2 stdout begin"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("as JSON (-want +got):\n%s", diff)
	}

	at, text, _ := strings.Cut(must(t, "logs", "--master", url, "teller", "dev-1", "-t", "--tail", "1"), "  ")
	if _, err := time.ParseInLocation("2006-01-02 15:04:05.000", at, time.Local); err != nil || text == "" {
		t.Errorf("with its time the line is %q  %q: %v", at, text, err)
	}
}

func TestLogsGoOnAfterARestart(t *testing.T) {
	url, id := startTeller(t, 1)
	follower := startProcess(t, "logs", "--master", url, "-f", "teller", "dev-1")
	follower.waitFor("begin")
	_, stderr, code := runProgram(t, "logs", "--master", url, "--previous", "teller")
	if code != 3 || !contains(stderr, "it has had no container before the current one") {
		t.Errorf("before there is a previous container: code %d, %q", code, stderr)
	}
	restartTeller(t, url, id)
	follower.waitMatch(endAndBegin)
	if diff := cmp.Diff([]string{"begin", "end", "trouble"}, sortedLines(must(t, "logs", "--master", url, "-p", "teller", "dev-1"))); diff != "" {
		t.Errorf("of the previous container (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"begin", "trouble"}, sortedLines(must(t, "logs", "--master", url, "teller", "dev-1"))); diff != "" {
		t.Errorf("of the current container (-want +got):\n%s", diff)
	}

	interrupted := startProcess(t, "logs", "--master", url, "-f", "teller", "dev-1")
	interrupted.waitFor("begin")
	interrupted.signal(syscall.SIGINT)
	if code := interrupted.wait(); code != exitInterrupted {
		t.Errorf("interrupted, it ended with %d", code)
	}
	must(t, "undeploy", "--master", url, "--wait", "teller:1", "dev-1")
	if code := follower.wait(); code != exitOK {
		t.Errorf("when the job was gone, it ended with %d", code)
	}
	must(t, "deploy", "--master", url, "teller:1", "dev-1") // for the clean-up
}

// Every line comes once, and in its order, whichever masters there are.
func TestFollowedLogsOutliveTheirMaster(t *testing.T) {
	c := startCluster(t)
	for _, host := range []string{"web-1", "web-2"} {
		c.agent(host, "--runtime", "process")
		awaitHost(t, c.all(), host, model.Up)
	}
	every := []string{"--master", c.urls["m1"], "--master", c.urls["m2"], "--master", c.urls["m3"], "--retry-timeout", "30s"}
	must(t, append(every, "create", "count:1", "unused:1", "--", "sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done")...)
	must(t, append(every, "deploy", "count:1", "web-1", "web-2", "--wait")...)
	t.Cleanup(func() { must(t, append(every, "undeploy", "count:1", "--all", "--yes", "--wait")...) })

	follower := startProcess(t, append(every, "logs", "-f", "count:1", "-vv")...)
	follower.waitFor("web-1  20\n")
	follower.waitFor("web-2  20\n")
	printed, _ := follower.out.read()
	served := regexp.MustCompile(`(http://\S+) answers GET /v1/jobs/\S+/logs with 200`).FindStringSubmatch(printed)
	if served == nil {
		t.Fatal("nothing tells which master has the stream")
	}
	for name, url := range c.urls {
		if url == served[1] {
			c.masters[name].kill()
		}
	}
	follower.waitFor("trying again until a master answers: the stream of " + served[1] + " broke")
	follower.waitFor("a master answers again")
	printed, _ = follower.out.read()
	line := regexp.MustCompile(`(?m)^(web-\d)  (\d+)$`)
	last := map[string]int{}
	for _, match := range line.FindAllStringSubmatch(printed, -1) {
		last[match[1]], _ = strconv.Atoi(match[2])
	}
	for host, n := range last {
		follower.waitFor(fmt.Sprintf("%s  %d\n", host, n+50))
	}
	follower.signal(syscall.SIGINT)
	if code := follower.wait(); code != exitInterrupted {
		t.Errorf("interrupted, it ended with %d", code)
	}
	printed, _ = follower.out.read()
	next := map[string]int{"web-1": 1, "web-2": 1}
	for _, match := range line.FindAllStringSubmatch(printed, -1) {
		if match[2] != strconv.Itoa(next[match[1]]) {
			t.Fatalf("%s: line %s comes where %d belongs", match[1], match[2], next[match[1]])
		}
		next[match[1]]++
	}
}

func TestLogsOfMuchOutput(t *testing.T) {
	_, url := startDev(t, t.TempDir(), "--runtime", "process")
	const lines, width = 100_000, 105
	createdJob(t, url, "loud:1", "unused:1", "--", "/bin/sh", "-c", "seq -f %0105.0f 1 100000; echo done >&2; exec sleep 1000")
	must(t, "deploy", "--master", url, "--wait", "loud:1", "dev-1")
	startProcess(t, "logs", "--master", url, "-f", "loud:1").waitFor("done")
	out := must(t, "logs", "--master", url, "loud:1", "dev-1")
	n := 0
	for line := range strings.Lines(strings.Replace(out, "done\n", "", 1)) {
		if n++; line != fmt.Sprintf("%0*d\n", width, n) {
			t.Fatalf("line %d is %q", n, line)
		}
	}
	if n != lines || len(out) < 10<<20 {
		t.Errorf("%d lines, %d bytes", n, len(out))
	}
	must(t, "undeploy", "--master", url, "--wait", "loud:1", "dev-1")
}

func TestLogsAndExecInContainers(t *testing.T) {
	image := containertest.BusyboxImage(t, containertest.RequireDocker(t))
	_, url := startDev(t, devFolder(t), "--runtime", "docker")
	id := createdJob(t, url, "teller:1", image, "--", "sh", "-c", teller)
	must(t, "deploy", "--master", url, "--wait", "teller:1", "dev-1")
	follower := startProcess(t, "logs", "--master", url, "-f", "teller")
	follower.waitFor("dev-1  begin")
	stdout, stderr, code := runInput(t, strings.NewReader("text"), "exec", "--master", url, "teller", "dev-1", "--", "sh", "-c", "cat; echo oops >&2; exit 5")
	if stdout != "text" || stderr != "oops\n" || code != 5 {
		t.Errorf("exec: %q, %q, code %d", stdout, stderr, code)
	}
	restartTeller(t, url, id)
	follower.waitMatch(endAndBegin)
	if diff := cmp.Diff([]string{"begin", "end", "trouble"}, sortedLines(must(t, "logs", "--master", url, "-p", "teller", "dev-1"))); diff != "" {
		t.Errorf("of the previous container (-want +got):\n%s", diff)
	}
	must(t, "undeploy", "--master", url, "--wait", "teller:1", "dev-1")
	if code := follower.wait(); code != exitOK {
		t.Errorf("when the job was gone, the follower ended with %d", code)
	}
}

// Whoever asks for a host that is down is told so at once.
func TestLogsAndExecOnAHostThatIsDown(t *testing.T) {
	gossip, api := ports.Address(t), ports.Address(t)
	startProcess(t, "master", "--name", "m1", "--state-dir", t.TempDir(), "--http", api, "--admin", ports.Address(t),
		"--gossip", gossip, "--raft", ports.Address(t)).waitFor("msg=ready")
	agent := startProcess(t, "agent", "--name", "web-1", "--state-dir", t.TempDir(), "--no-http", "--gossip", ports.Address(t),
		"--join", gossip, "--runtime", "sim")
	agent.waitFor("msg=ready")
	url := "http://" + api
	c := clientOf(t, url)
	awaitHost(t, c, "web-1", model.Up)
	createdJob(t, url, "web:1", "unused:1")
	must(t, "deploy", "--master", url, "--wait", "web:1", "web-1")

	follower := startProcess(t, "logs", "--master", url, "-f", "web", "web-1")
	echo := startProcessEnv(t, nil, "exec", "--master", url, "web", "web-1", "-n", "--", "x") // ends: the simulation echoes its input
	if code := echo.wait(); code != exitOK {
		t.Errorf("exec ended with %d", code)
	}
	agent.signal(syscall.SIGTERM)
	agent.wait()
	if code := follower.wait(); code != 6 {
		t.Errorf("when the agent went away, the follower ended with %d", code)
	}
	awaitHost(t, c, "web-1", model.Down)
	for _, args := range [][]string{{"logs", "web"}, {"logs", "-f", "web", "web-1"}, {"exec", "web", "web-1", "--", "true"}} {
		_, stderr, code := runProgram(t, append([]string{"--master", url}, args...)...)
		if code != 6 || !contains(stderr, "host web-1 is DOWN") {
			t.Errorf("%s: code %d, %q", args, code, stderr)
		}
	}
}

func TestLinesDoNotDriveTheTerminal(t *testing.T) {
	for text, want := range map[string]string{
		"plain ü":                         "plain ü",
		"a\tb":                            "a\tb",
		"\x1b[1;31mred\x1b[0m and \x1b[m": "\x1b[1;31mred\x1b[0m and \x1b[m",
		"\x1b]0;title\a":                  `\x1b]0;title\a`,
		"\x1b[2J\x1b[":                    `\x1b[2J\x1b[`,
		"50%\r60%":                        `50%\r60%`,
		"\x1b[31":                         `\x1b[31`,
	} {
		if got := harmless(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}
