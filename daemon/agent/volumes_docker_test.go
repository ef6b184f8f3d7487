package agent_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/heliosctl/heliosctl/daemon/agent"
	"github.com/heliosctl/heliosctl/daemon/container/containertest"
	"github.com/heliosctl/heliosctl/model"
)

// Volumes from the host, with a name and without, and the agent's own binds beside them.
func TestDockerVolumes(t *testing.T) {
	t.Parallel()
	containertest.RequireDocker(t) // before there is anything to clean up
	named, raw := "heliosctl-test-"+uuid.NewString(), containertest.RawClient(t)
	t.Cleanup(func() { // after the containers are gone
		if err := raw.VolumeRemove(context.WithoutCancel(t.Context()), named, true); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
	h := newDockerHost(t)
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("file", "of the host")
	write("bound", "of the agent")
	h.change = func(c *agent.Config) {
		c.Binds = []string{dir + "/bound:/bound:ro", "/agents-own", dir + ":/whole"}
	}
	h.start()
	job := h.job("volumes", serveUntilTerm, func(job *model.Job) {
		job.Volumes = map[string]string{
			"/read:ro": dir, "/write:rw": dir, "/plain": dir + "/file", "/named": named, "/own": "", "/own-with-mode:ro": "",
		}
	})
	first := h.run(job)
	first.says("cat /read/file", "of the host")
	first.says("cat /plain", "of the host")
	first.says("cat /bound /whole/bound", "of the agentof the agent")
	for _, path := range []string{"/read/new", "/bound"} {
		if got := first.inside("echo x > " + path); !strings.Contains(got, "Read-only") {
			t.Errorf("writing to %s says %q, want that it is read-only", path, got)
		}
	}
	first.says("echo written > /write/new && echo kept | tee /named/file /own/file /own-with-mode/file /agents-own/file", "kept")
	if got, err := os.ReadFile(filepath.Join(dir, "new")); string(got) != "written\n" {
		t.Errorf("on the host the file holds %q, %v", got, err)
	}

	if err := h.docker.Kill(t.Context(), first.status.ContainerID); err != nil {
		t.Fatal(err)
	}
	second := h.see(job, h.wait(job.ID, model.StateRunning, first.status.ContainerID))
	second.says("cat /named/file", "kept")
	second.says("cat /write/new", "written")
	second.says("ls /own /agents-own", "/agents-own:\n\n/own:")
}
