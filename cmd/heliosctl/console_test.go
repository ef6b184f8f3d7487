package main

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/heliosctl/heliosctl/cmd/heliosctl/config"
	"github.com/heliosctl/heliosctl/daemon/daemontest/ports"
	"github.com/heliosctl/heliosctl/tui"
)

// provide writes a file in a folder that may not be there yet.
func provide(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}

// quits presses the key that quits and waits for the end.
func (s *screen) quits(key string) {
	s.t.Helper()
	s.keys(key)
	s.await("\x1b[?1049l")
	if err := s.command.Wait(); err != nil {
		s.t.Errorf("it ended with %v", err)
	}
}

// Two clusters in the configuration: one is shown, the other one is a key away, and who is what is plain to see.
func TestDashboardSwitchesBetweenClusters(t *testing.T) {
	t.Parallel()
	first, eu := startDev(t, t.TempDir(), "--runtime", "sim", "--agents", "3")
	second, lab := startDev(t, t.TempDir(), "--runtime", "sim", "--agents", "2")
	home := t.TempDir()
	provide(t, filepath.Join(home, ".config/heliosctl/config.yaml"), `
current: eu
contexts:
  - {name: eu, masters: ["`+eu+`"], environment: production, readOnly: true}
  - {name: lab, masters: ["`+lab+`"], environment: staging, username: ann}
console:
  keys: {quit: [Q]}
`)
	s := startScreen(t, []string{"HOME=" + home, "NO_COLOR=1"})
	s.await("[PROD]")
	s.await("LIVE")
	s.keys("2")
	s.await("3 hosts")
	s.keys("D")
	s.await("read-only: eu is configured so")
	s.keys("@")
	s.await("[STAGE] lab")
	s.await("1 master, ")
	s.keys("lab\r")
	s.await("looking at STAGE lab")
	s.keys("j")
	s.await("2 hosts")
	must(t, "-z", lab, "create", "-q", "web:1", "nginx:1.25")
	s.keys("3")
	s.await("web:1")
	s.keys("D")
	s.await("Deploy web:1 to")
	s.keys(" \r")
	s.await("same as  heliosctl --context lab deploy web:1 ") // lab is not the context in use
	s.keys("\t\r")
	s.await("✓ 1 done")
	s.keys("\r7q") // which is no command any more
	s.await("voters alive")
	s.quits("Q")

	if status := must(t, "-z", lab, "hosts", "dev-1", "--json"); !strings.Contains(status, `"ann"`) {
		t.Errorf("it was not deployed by ann: %s", status)
	}
	first.signal(syscall.SIGTERM)
	second.signal(syscall.SIGTERM)
}

// What one console has saved, another one has too, also when both run.
func TestDashboardRemembers(t *testing.T) {
	t.Parallel()
	home := []string{"HOME=" + t.TempDir()}
	s := startScreen(t, home, "dashboard", "--demo", "--open", "hosts?f=role=pay")
	s.await("of 400")
	s.keys("bpays\r")
	s.await("saved view pays")
	other := startScreen(t, home, "dashboard", "--demo")
	other.await("Needs attention")
	other.keys("3mj")
	other.await("mark j is jobs")
	other.quits("q")
	s.keys("mh")
	s.await("mark h is hosts?f=role=pay")
	s.quits("q")
	again := startScreen(t, home, "dashboard", "--demo")
	again.await("Needs attention")
	again.keys("bpays\r")
	again.await("view pays")
	again.keys("'j")
	again.await("JOB")
	again.keys("'h")
	again.await("role=pay")
	again.quits("q")
}

func TestDashboardTellsOfADamagedState(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	path := filepath.Join(home, ".local/state/heliosctl/console.yaml")
	provide(t, path, "views: [")
	s := startScreen(t, []string{"HOME=" + home}, "dashboard", "--demo")
	s.await("is damaged")
	s.keys("2ma")
	s.await("mark a is hosts")
	s.quits("q")
	if left, err := os.ReadFile(path + ".bad"); err != nil || string(left) != "views: [" {
		t.Errorf("the damaged file has become %q, %v", left, err)
	}
	if state, err := (stateFile{path}).load(); err != nil || len(state.Marks["demo-eu"]) != 1 {
		t.Errorf("what is remembered now is %v, %v", state, err)
	}
}

// withoutMasterHere skips a test that only makes sense where no master has the usual port of this machine.
func withoutMasterHere(t *testing.T) {
	t.Helper()
	if c, err := net.Dial("tcp", "localhost:"+usualPort); err == nil {
		_ = c.Close()
		t.Skip("something answers at localhost:" + usualPort)
	}
}

// There are contexts, none of which is in use, and no master on this machine: the console asks which one is meant.
func TestDashboardAsksWhichClusterIsMeant(t *testing.T) {
	t.Parallel()
	withoutMasterHere(t)
	p, url := startDev(t, t.TempDir(), "--runtime", "sim")
	home := t.TempDir()
	provide(t, filepath.Join(home, ".config/heliosctl/config.yaml"), `contexts: [{name: lab, masters: ["`+url+`"], environment: staging}]`)
	s := startScreen(t, []string{"HOME=" + home})
	s.await("[STAGE] lab")
	s.keys("lab\r")
	s.await("looking at STAGE lab")
	s.await("LIVE")
	s.quits("q")
	p.signal(syscall.SIGTERM)
}

// Nobody has said where a cluster is, and there is none on this machine: the console asks, connects, and keeps the answer.
func TestDashboardAsksForTheFirstCluster(t *testing.T) {
	t.Parallel()
	withoutMasterHere(t)
	p, url := startDev(t, t.TempDir(), "--runtime", "sim")
	home := t.TempDir()
	s := startScreen(t, []string{"HOME=" + home})
	s.await("Welcome: connect to a cluster")
	s.keys("\t127.0.0.1:1\r")
	s.await("✗ no master")
	s.keys("\x15" + strings.TrimPrefix(url, "http://") + "\r")
	s.await("Save this cluster?")
	s.keys("\x15lab\r")
	s.await("as lab in")
	s.quits("q")
	file, err := config.Load(filepath.Join(home, ".config/heliosctl/config.yaml"))
	if err != nil || file.Current != "lab" || len(file.Contexts) != 1 || file.Contexts[0].Masters[0] != url || !file.Contexts[0].ReadOnly {
		t.Errorf("the configuration is %+v, %v", file, err)
	}
	again := startScreen(t, []string{"HOME=" + home}, "dashboard", "--open", "hosts/dev-1")
	again.await("Hosts › dev-1")
	again.quits("q")
	p.signal(syscall.SIGTERM)
}

// Quitting the console is what ends dev on a terminal, and nothing that is logged gets onto the screen.
func TestDevOpensTheConsole(t *testing.T) {
	t.Parallel()
	folder, address := t.TempDir(), ports.Address(t)
	s := startScreen(t, nil, "dev", "--runtime", "sim", "--agents", "2", "--http", address, "--state-dir", folder)
	s.await("logs go to " + folder + "/dev.log")
	s.await("\x1b[?1049h")
	s.await(" DEV ")
	s.await("logs go to ")
	s.keys("2")
	s.await("dev-2")
	must(t, "-z", "http://"+address, "create", "-q", "web:1", "nginx:1.25")
	s.quits("\x03")
	printed, _ := s.out.read()
	if strings.Contains(printed, "level=") {
		t.Errorf("logs are on the screen: %q", printed)
	}
	log, err := os.ReadFile(filepath.Join(folder, "dev.log"))
	if err != nil || !strings.Contains(string(log), "level=INFO") {
		t.Errorf("the log is %q, %v", log, err)
	}
	if _, stderr, code := runProgram(t, "-z", "http://"+address, "hosts", "--retry-timeout", "1"); code != 6 {
		t.Errorf("dev goes on after its console: %d %s", code, stderr)
	}
}

// A bad configuration or an address that is taken are told on the usual screen.
func TestDevThatCannotStartOpensNoConsole(t *testing.T) {
	t.Parallel()
	p, url := startDev(t, t.TempDir(), "--runtime", "sim")
	s := startScreen(t, nil, "dev", "--runtime", "sim", "--http", strings.TrimPrefix(url, "http://"), "--state-dir", t.TempDir())
	s.await("is in use")
	_ = s.command.Wait()
	if printed, _ := s.out.read(); strings.Contains(printed, "\x1b[?1049h") || s.command.ProcessState.ExitCode() == exitOK {
		t.Errorf("it ended with %d and %q", s.command.ProcessState.ExitCode(), printed)
	}
	p.signal(syscall.SIGTERM)
}

func TestDashboardPlainlyPrintsChanges(t *testing.T) {
	t.Parallel()
	p, url := startDev(t, t.TempDir(), "--runtime", "sim")
	lines := startProcess(t, "dashboard", "--plain", "-z", url)
	lines.waitFor("1 host up, 0 down")
	documents := startProcess(t, "dashboard", "--plain", "--json", "-z", url)
	documents.waitFor("1 host up, 0 down")
	must(t, "-z", url, "create", "-q", "web:1", "nginx:1.25")
	must(t, "-z", url, "deploy", "web:1", "dev-1")
	lines.waitFor("-> RUNNING")
	documents.waitFor(`"to":"RUNNING"`)
	printed, _ := lines.out.read()
	if strings.Contains(printed, "\x1b") || !strings.Contains(printed, "dev-1 web:1:") {
		t.Errorf("it printed %q", printed)
	}
	printed, _ = documents.out.read()
	for line := range strings.Lines(printed) {
		var l tui.Line
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.Time.IsZero() || l.Kind == "" {
			t.Errorf("%q is read as %+v, %v", line, l, err)
		}
	}
	for _, p := range []*process{lines, documents} {
		p.signal(syscall.SIGTERM)
		if code := p.wait(); code != exitInterrupted {
			t.Errorf("interrupted it ends with %d", code)
		}
	}
	p.signal(syscall.SIGTERM)
}

// The shell takes the terminal, and gives it back.
func TestDashboardRunsSSH(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	provide(t, filepath.Join(folder, "ssh"), "#!/bin/sh\necho \"shell $*\"\nread line\necho \"heard $line\"\nexit 3\n")
	s := startScreen(t, []string{"PATH=" + folder + ":" + os.Getenv("PATH")}, "dashboard", "--demo", "--open", "hosts?f=pay-342")
	s.await("1 of 400")
	s.keys("x")
	s.await("run ssh pay-342.eu1")
	s.keys("run\r")
	s.await("\x1b[?1049l")
	s.await("shell -- pay-342.eu1")
	s.keys("hello\r")
	s.await("heard hello")
	s.await("\x1b[?1049h")
	s.await("ssh pay-342.eu1: exit status 3")
	s.keys("x\r")
	s.await("\x1b]52;c;c3NoIHBheS0zNDIuZXUx\x07") // ssh pay-342.eu1
	s.quits("q")
}

func TestDashboardTakesOverAChangedConfiguration(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	path := filepath.Join(home, ".config/heliosctl/config.yaml")
	provide(t, path, "console: {theme: dark}\n")
	s := startScreen(t, []string{"HOME=" + home}, "dashboard", "--demo")
	s.await("Needs attention")
	provide(t, path, "console: {theme: light, keys: {quit: [Q]}}\n")
	s.await("took over the new configuration")
	provide(t, path, "console: {keys: {quit: [ctrl+c]}}\n")
	s.await("left as it was")
	s.quits("Q")
}
