package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon"
	"github.com/heliosctl/heliosctl/daemon/container/containertest"
	"github.com/heliosctl/heliosctl/daemon/daemontest/ports"
	"github.com/heliosctl/heliosctl/model"
)

// multiplexer is a tmux of its own with a shell in it.
type multiplexer struct {
	t      *testing.T
	socket string
	folder string        // of the shell
	more   chan struct{} // there is something when the screen may have changed
}

// startTmux starts a shell on a screen of 120 by 36. Without tmux the test is skipped, unless HELIOSCTL_REQUIRE_TMUX says it must not be.
func startTmux(t *testing.T, env ...string) *multiplexer {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		if os.Getenv("HELIOSCTL_REQUIRE_TMUX") == "1" {
			t.Fatal("HELIOSCTL_REQUIRE_TMUX is set, but there is no tmux in PATH (Debian's package tmux has it)")
		}
		t.Skip("SKIPPED, NOTHING PROVEN: there is no tmux in PATH (Debian's package tmux has it); HELIOSCTL_REQUIRE_TMUX=1 makes this a failure")
	}
	m := &multiplexer{t: t, folder: t.TempDir(), more: make(chan struct{}, 1)}
	m.socket = filepath.Join(m.folder, "tmux")
	command := exec.Command("tmux", "-S", m.socket, "-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "36", "-c", m.folder, "sh")
	command.Env = append([]string{"HOME=" + m.folder, "PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "TERM=xterm-256color"}, env...)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("tmux", "-S", m.socket, "kill-server").Run() })
	m.watch()
	m.press("PS1='sh''ell> '", "Enter")
	m.see("shell>")
	return m
}

// watch has tmux tell whenever the program in it writes something.
func (m *multiplexer) watch() {
	m.t.Helper()
	fifo := filepath.Join(m.folder, "output")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		m.t.Fatal(err)
	}
	pipe, err := os.OpenFile(fifo, os.O_RDWR, 0) // both ways, for it to be open without anybody at the other end
	if err != nil {
		m.t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		buffer := make([]byte, 64<<10)
		for {
			if _, err := pipe.Read(buffer); err != nil {
				return
			}
			select {
			case m.more <- struct{}{}:
			default:
			}
		}
	})
	m.t.Cleanup(func() {
		_ = pipe.Close()
		reading.Wait()
	})
	m.tmux("pipe-pane", "cat > "+fifo)
}

func (m *multiplexer) tmux(args ...string) string {
	m.t.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", m.socket}, args...)...).CombinedOutput()
	if err != nil {
		m.t.Fatalf("tmux %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (m *multiplexer) screen() string { return m.tmux("capture-pane", "-p") }

// until waits until what is on the screen satisfies a condition, and returns it.
func (m *multiplexer) until(what string, holds func(screen string) bool) string {
	m.t.Helper()
	deadline := time.After(time.Minute)
	for {
		screen := m.screen()
		if holds(screen) {
			return screen
		}
		select {
		case <-m.more:
		case <-deadline:
			m.t.Fatalf("the screen never showed %s:\n%s", what, screen)
		}
	}
}

// see waits until all texts are on the screen.
func (m *multiplexer) see(texts ...string) string {
	m.t.Helper()
	return m.until(fmt.Sprintf("%q", texts), func(screen string) bool {
		return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(screen, text) })
	})
}

// press sends keys as tmux names them.
func (m *multiplexer) press(keys ...string) {
	m.t.Helper()
	m.tmux(append([]string{"send-keys"}, keys...)...)
}

// confirm presses the button of a dialog, which has to be chosen first.
func (m *multiplexer) confirm(button string) {
	m.t.Helper()
	chosen := regexp.MustCompile(`▸\s+` + regexp.QuoteMeta(button))
	for range 20 {
		before := m.screen()
		if chosen.MatchString(before) {
			m.press("Enter")
			return
		}
		m.press("Tab")
		m.until("another choice", func(screen string) bool { return screen != before })
	}
	m.t.Fatalf("the button %s cannot be chosen:\n%s", button, m.screen())
}

// state is what tmux knows of the terminal: whether the other screen is shown, the cursor is, and the mouse is taken.
func (m *multiplexer) state() string {
	return strings.TrimSpace(m.tmux("display-message", "-p", "alternate #{alternate_on} cursor #{cursor_flag} mouse #{mouse_any_flag}"))
}

// tmux as it is configured by itself lets nobody set the clipboard by a sequence.
func TestDashboardCopiesInTmux(t *testing.T) {
	t.Parallel()
	m := startTmux(t)
	m.press(program(t)+" dashboard --demo --open hosts/pay-342.eu1", "Enter")
	m.see("Hosts › pay-342.eu1")
	m.press("x")
	m.see("copy ssh pay-342.eu1")
	m.press("Enter")
	m.see("copied")
	m.until("the buffer of tmux", func(string) bool {
		text, err := exec.Command("tmux", "-S", m.socket, "show-buffer").Output()
		return err == nil && string(text) == "ssh pay-342.eu1"
	})
	m.press("q")
	m.see("shell>")
}

// A day with the console, in a terminal as people have it: look around, deploy, watch, roll a group, read logs, lose the master and get
// it back, leave.
func TestDashboardInTmux(t *testing.T) {
	t.Run("containers", func(t *testing.T) {
		t.Parallel()
		image := containertest.BusyboxImage(t, containertest.RequireDocker(t))
		spendADay(t, daemon.RuntimeDocker, image)
	})
	t.Run("processes", func(t *testing.T) {
		t.Parallel()
		spendADay(t, daemon.RuntimeProcess, "none")
	})
}

func spendADay(t *testing.T, runtime daemon.RuntimeKind, image string) {
	dir, address := devFolderOf(t, 2, runtime), ports.Address(t)
	url := "http://" + address
	serve := func() *process {
		p := startProcess(t, "dev", "--no-console", "--runtime", string(runtime), "--agents", "2", "--http", address, "--state-dir", dir)
		p.waitFor("ready at " + url)
		return p
	}
	dev := serve()
	for _, version := range []string{"1", "2"} {
		must(t, "-z", url, "create", "-q", "web:"+version, image, "--", "sh", "-c",
			`trap 'exit 0' TERM; n=0; while :; do n=$((n+1)); echo "web `+version+` line $n"; sleep 0.1; done`)
	}
	must(t, "-z", url, "create-deployment-group", "-q", "fleet", "env=dev")

	m := startTmux(t, "HELIOS_MASTER="+url)
	m.press(program(t), "Enter")
	m.see("LIVE", "hosts 2▲", "Overview")

	m.press("2")
	m.see("dev-1", "dev-2")
	m.press("/", "dev-2", "Enter")
	if screen := m.see("1 of 2"); strings.Contains(screen, "▲ UP   dev-1") {
		t.Errorf("the filter leaves dev-1 in:\n%s", screen)
	}
	m.press("Escape")
	m.see("2 hosts")
	m.press("/", "dev-1", "Enter", "Enter")
	m.see("Hosts › dev-1")
	m.press("Escape")
	m.see("1 of 2")
	m.press("Escape")
	m.see("2 hosts")
	compareWithCanvas(t, m)

	m.press("3")
	m.see("web:1", "web:2", "2 jobs")
	m.press("D")
	m.see("Deploy web:1")
	m.press("Space")
	m.see("✓ dev-1")
	m.press("Enter")
	m.see("Cancel", "dev-1")
	m.confirm("Deploy")
	m.see("✓ dev-1")
	m.press("Escape")
	m.see("1/1  ━", "deploy: done")
	m.press("Enter")
	m.see("Timeline", "Per-host history", "● dev-1", "◐ STRT → ● RUN") // the lane has moved by itself

	m.press("4")
	m.see("fleet", "IDLE")
	m.press("O")
	m.see("Roll which job out to fleet?")
	m.press("web:2", "Enter")
	m.see("Rolling update to web:2", "parallelism")
	m.press("C-s")
	m.see("Rolling update of group fleet to web:2", "Type the name of the group")
	m.press("fleet")
	m.confirm("Roll out")
	m.see("✓ fleet")
	m.press("Escape")
	m.see("DONE", "web:2", "100%")
	m.press("3")
	m.until("web:2 on both hosts", func(screen string) bool { return regexp.MustCompile(`web:2 .* 2/2 `).MatchString(screen) })
	before := containers(t, url, "web", "2")

	m.press("/", "web:2", "Enter", "l")
	m.see("web 2 line", "following 2/2 streams")
	dev.kill()
	m.see("STALE", "Writes off")
	m.see("── all streams:", "seeking 2 streams")
	dev = serve()
	m.see("LIVE", "resynced,")
	m.press("f")
	m.see("following 2/2 streams", "web 2 line")
	checkLinesInARow(t, m)
	if after := containers(t, url, "web", "2"); !slices.Equal(before, after) || len(after) != 2 {
		t.Errorf("the containers were %q, after the master and the agents were killed they are %q", before, after)
	}

	m.press("q")
	if screen := m.see("shell>"); strings.Contains(screen, "LIVE") {
		t.Errorf("the console's screen is still there:\n%s", screen)
	}
	if state := m.state(); state != "alternate 0 cursor 1 mouse 0" {
		t.Errorf("the terminal is left with: %s", state)
	}
	dev.signal(syscall.SIGTERM)
}

// compareWithCanvas exports what the console draws and compares it with what tmux shows, but for the clock and the status line.
func compareWithCanvas(t *testing.T, m *multiplexer) {
	t.Helper()
	m.press("e")
	m.see("Export hosts", "hosts.txt")
	m.press("txt", "Enter")
	screen := m.see("exported to hosts.txt")
	drawn, err := os.ReadFile(filepath.Join(m.folder, "hosts.txt"))
	if err != nil {
		t.Fatal(err)
	}
	got, want := strings.Split(screen, "\n"), strings.Split(string(drawn), "\n")
	for y := 1; y < 36; y++ {
		if y == 34 {
			continue // which says that it was exported
		}
		if got, want := strings.TrimRight(got[y], " "), strings.TrimRight(want[y], " "); got != want {
			t.Errorf("row %d on the terminal is %q, it was drawn as %q", y, got, want)
		}
	}
}

var lineNumber = regexp.MustCompile(`^web 2 line (\d+)$`)

// checkLinesInARow exports the logs: of no host a line may be missing, or there twice.
func checkLinesInARow(t *testing.T, m *multiplexer) {
	t.Helper()
	m.press("e")
	m.see("Export logs")
	m.press("json", "Enter")
	m.see("exported to logs.json")
	exported, err := os.ReadFile(filepath.Join(m.folder, "logs.json"))
	if err != nil {
		t.Fatal(err)
	}
	last := map[string]int{}
	for text := range strings.Lines(string(exported)) {
		var line model.LogLine
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(lineNumber.FindStringSubmatch(line.Text)[1])
		if err != nil {
			t.Fatal(err)
		}
		if before, ok := last[line.Host]; ok && n != before+1 {
			t.Errorf("%s printed line %d after line %d", line.Host, n, before)
		}
		last[line.Host] = n
	}
	if len(last) != 2 {
		t.Errorf("there are lines of %d hosts", len(last))
	}
}

// containers are the containers of a job, by host.
func containers(t *testing.T, url, name, version string) []string {
	t.Helper()
	c := clientOf(t, url)
	jobs, err := c.Jobs(t.Context(), name+":"+version, "")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for id := range jobs {
		awaitRunningOn(t, c, id, 2)
		status, err := c.JobStatus(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		for host, task := range status.TaskStatuses {
			found = append(found, host+" "+task.ContainerID)
		}
	}
	slices.Sort(found)
	return found
}

// awaitRunningOn waits until a job runs on so many hosts, moved by the event stream.
func awaitRunningOn(t *testing.T, c *client.Client, id model.JobID, hosts int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, err := range c.Events(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		status, err := c.JobStatus(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		running := 0
		for _, task := range status.TaskStatuses {
			if task.State == model.StateRunning {
				running++
			}
		}
		if running == hosts {
			return
		}
	}
}

// Told to end, the console restores the terminal before it does.
func TestDashboardInTmuxIsTerminated(t *testing.T) {
	t.Parallel()
	m := startTmux(t)
	m.press("echo first; sh -c 'echo $$ > pid; exec "+program(t)+" dashboard --demo --mouse'; echo ended with $?", "Enter")
	m.see("Needs attention")
	if state := m.state(); state != "alternate 1 cursor 0 mouse 1" {
		t.Errorf("while it runs the terminal is: %s", state)
	}
	text, err := os.ReadFile(filepath.Join(m.folder, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if screen := m.see("ended with 0"); !strings.Contains(screen, "first") || strings.Contains(screen, "Needs attention") {
		t.Errorf("the usual screen is not back:\n%s", screen)
	}
	if state := m.state(); state != "alternate 0 cursor 1 mouse 0" {
		t.Errorf("the terminal is left with: %s", state)
	}
}
