package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/container/containertest"
	"github.com/heliosctl/heliosctl/daemon/daemontest/ports"
	"github.com/heliosctl/heliosctl/model"
)

// get returns the body of a page that answers 200.
func get(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s answers %s: %s, %v", url, answer.Status, body, err)
	}
	return string(body)
}

// An agent that is given all its options, as a process, gives them to a container on a real engine.
func TestAgentOptionsReachTheContainer(t *testing.T) {
	t.Parallel()
	docker := containertest.RequireDocker(t)
	image := containertest.BusyboxImage(t, docker)
	id := containertest.AgentID(t, docker)
	raw := containertest.RawClient(t)
	syslog, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer syslog.Close()
	bound := filepath.Join(t.TempDir(), "bound")
	writeText(t, bound, "from the host")

	gossip, api, agentAPI, agentAdmin := ports.Address(t), ports.Address(t), ports.Address(t), ports.Address(t)
	startProcess(t, "master", "--name", "m1", "--state-dir", t.TempDir(), "--http", api, "--admin", ports.Address(t),
		"--gossip", gossip, "--raft", ports.Address(t)).waitFor("msg=ready")
	startProcess(t, "agent", "--name", "web-1", "--id", id, "--state-dir", t.TempDir(), "--http", agentAPI, "--admin", agentAdmin,
		"--gossip", ports.Address(t), "--join", gossip, "--docker", raw.DaemonHost(),
		"--env", "REGION=eu", "LEVEL=agent", "--env", "ZONE=a=b", "--labels", "role=web",
		"--bind", bound+":/bound:ro", "--add-host", "secrethost:192.0.2.7", "--dns", "192.0.2.53", "--dns", "192.0.2.54",
		"--port-range", "21320:21330", "--syslog-redirect", syslog.LocalAddr().String(), "--domain", "example.com").waitFor("msg=ready")
	url := "http://" + api
	c := clientOf(t, url)
	awaitHost(t, c, "web-1", model.Up)
	job := createdJob(t, url, "options:1", image, "--port", "http=80", "--env", "LEVEL=job", "--", "sh", "-c",
		`echo "$REGION $LEVEL $ZONE $HELIOS_PORT_http"; cat /bound; echo; grep -c 192.0.2.5 /etc/resolv.conf; grep -c secrethost /etc/hosts; exec sleep 3600`)
	must(t, "deploy", "--master", url, "--wait", "options:1", "web-1")
	status, err := c.JobStatus(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	task := status.TaskStatuses["web-1"]
	port := *task.Ports["http"].ExternalPort
	if port < 21320 || port >= 21330 {
		t.Errorf("port %d is not of the range", port)
	}
	info, err := raw.ContainerInspect(t.Context(), task.ContainerID)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(info.Name, "/helios-"+id+"-options_1_") {
		t.Errorf("container %s, want the agent's id in its name", info.Name)
	}
	var logged []string
	_ = syslog.SetReadDeadline(time.Now().Add(30 * time.Second))
	for line := make([]byte, 2000); len(logged) < 4; {
		n, _, err := syslog.ReadFrom(line)
		if err != nil {
			t.Fatalf("syslog gets %q, then %v", logged, err)
		}
		_, tagged, _ := strings.Cut(string(line[:n]), job.String())
		_, text, _ := strings.Cut(tagged, ": ") // the process id comes before
		logged = append(logged, strings.TrimSpace(text))
	}
	want := []string{fmt.Sprintf("eu job a=b web-1:%d", port), "from the host", "2", "1"}
	if diff := cmp.Diff(want, logged); diff != "" {
		t.Errorf("what the container says (-want +got):\n%s", diff)
	}
	host, err := c.HostStatus(t.Context(), "web-1")
	if err != nil || host.Labels["role"] != "web" {
		t.Errorf("labels of the host %v, %v", host.Labels, err)
	}

	var tasks map[string]model.TaskStatus
	if err := json.Unmarshal([]byte(get(t, "http://"+agentAPI+"/helios/taskstatus")), &tasks); err != nil || len(tasks) != 1 {
		t.Errorf("the agent's API tells of %d tasks, %v", len(tasks), err)
	}
	if page := get(t, "http://"+agentAdmin+"/healthcheck"); !strings.Contains(page, "docker") {
		t.Errorf("the health check says %s", page)
	}
}
