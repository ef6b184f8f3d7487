package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/heliosctl/heliosctl/model"
)

// bashCompletion is where the package of that name is.
const bashCompletion = "/usr/share/bash-completion/bash_completion"

// In a real shell, in front of a real cluster, the tab key completes a command, a job with a colon in it, and a host.
func TestBashCompletesFromTheCluster(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if _, missing := os.Stat(bashCompletion); err != nil || missing != nil {
		t.Skip("bash or bash-completion is not installed")
	}
	_, url := startDev(t, t.TempDir(), "--runtime", "sim")
	awaitHost(t, clientOf(t, url), "dev-1", model.Up)
	must(t, "create", "-z", url, "web:1", "nginx:1")
	must(t, "create", "-z", url, "db:1", "postgres:1")
	must(t, "deploy", "-z", url, "web:1", "dev-1")
	if out := must(t, "__complete", "deploy", "-z", url, "web:1", ""); out != "dev-1\n:4\n" {
		t.Errorf("hosts: %q", out)
	}

	cmd := exec.Command(bash, "--norc", "--noprofile", "-i")
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "TERM=dumb", "PS1=$ ", "HELIOS_MASTER="+url, "INPUTRC=/dev/null",
		"PATH="+filepath.Dir(program(t))+":"+os.Getenv("PATH"))
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: cmd, out: &watchedOutput{changed: make(chan struct{})}, exited: make(chan struct{})}
	go func() {
		defer close(p.exited)
		_, _ = terminal.WriteTo(p.out) // until the shell ends
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = terminal.Close()
		_ = cmd.Process.Kill()
		<-p.exited
		if t.Failed() {
			printed, _ := p.out.read()
			t.Logf("the shell printed\n%s", printed)
		}
	})
	typeIn := func(keys string) {
		if _, err := terminal.WriteString(keys); err != nil {
			t.Error(err)
		}
	}
	typeIn("source " + bashCompletion + "; source <(heliosctl completion bash); echo re''ady\n")
	p.waitFor("ready")
	typeIn("heliosctl unde\tweb:\tdev\t\n")
	p.waitFor("dev-1: done")
	typeIn("heliosctl inspect d\t\n")
	p.waitFor("Id: db:1:")

	// Nobody answers: nothing is completed, and nothing is said.
	typeIn("export HELIOS_MASTER=http://127.0.0.1:1; clear; echo star''ted\n")
	p.waitFor("started")
	typeIn("heliosctl inspect w\t; echo en''ded\n")
	p.waitFor("ended")
	printed, _ := p.out.read()
	_, after, _ := strings.Cut(strings.ReplaceAll(printed, "\a", ""), "started") // without bells
	if !strings.Contains(after, "inspect w; echo") {
		t.Errorf("without a master the line became %q", after)
	}
}
