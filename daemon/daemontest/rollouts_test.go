//go:build unix

package daemontest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/container/containertest"
	"github.com/heliosctl/heliosctl/daemon/daemontest"
	"github.com/heliosctl/heliosctl/model"
)

const (
	webHosts = 5

	// webTimeout is how many seconds a broken version takes to fail, and enough for a good one on the way back.
	webTimeout = 20

	exitRolledBack = 10 // of heliosctl, as its help promises
)

// web is a fleet with a group of five hosts that share one Docker engine.
type web struct {
	*daemontest.Fleet
	api    *client.Client
	images map[string]string // by version
}

// startWeb starts a fleet whose agents are told apart by their ids and their ranges of ports, and makes an image for each version.
func startWeb(t *testing.T, versions ...string) *web {
	t.Helper()
	engine := containertest.RequireDocker(t)
	w := &web{images: map[string]string{}}
	for _, version := range versions {
		w.images[version] = containertest.BusyboxImage(t, engine)
	}
	args := map[string][]string{}
	for i := range webHosts {
		const first, each = 21000, 200
		args[fmt.Sprintf("h%d", i+1)] = []string{
			"--id", containertest.AgentID(t, engine), "--port-range", fmt.Sprintf("%d:%d", first+i*each, first+(i+1)*each),
		}
	}
	w.Fleet = daemontest.StartFleet(t, daemontest.FleetConfig{
		Masters: 3, Agents: webHosts, Loopback: true, Runtime: "docker",
		MasterArgs: fast, AgentArgs: append(slices.Clone(fast), "--labels", "role=web"), Args: args,
	})
	w.api = w.Client("tester")
	_, err := w.api.CreateGroup(t.Context(), model.DeploymentGroup{
		Name: "web", HostSelectors: []model.HostSelector{{Label: "role", Operator: model.SelectorEquals, Operand: "web"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// serves is the command of a version: an HTTP server that tells which one it is, and ends when it is told to.
func serves(version string) []string {
	script := "trap 'exit 0' TERM; mkdir /tmp/www; echo %s >/tmp/www/index.html; httpd -f -p 8080 -h /tmp/www & wait"
	return []string{"sh", "-c", fmt.Sprintf(script, version)}
}

// broken is the command of a version that ends at once.
func broken() []string { return []string{"sh", "-c", "exit 3"} }

// create makes the job of a version. It does not count as RUNNING until it answers.
func (w *web) create(t *testing.T, version string, command []string) model.JobID {
	t.Helper()
	id, err := w.api.CreateJob(t.Context(), model.Job{
		ID: model.JobID{Name: "web", Version: version}, Image: w.images[version], Command: command,
		Ports:       map[string]model.PortMapping{"http": {InternalPort: 8080, Protocol: "tcp"}},
		HealthCheck: &model.HealthCheck{Type: "http", Path: "/", Port: "http"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// awaitRollout waits until the group's last rollout is as wanted.
func (w *web) awaitRollout(t *testing.T, what string, is func(model.Rollout) bool) model.Rollout {
	t.Helper()
	var last model.Rollout
	daemontest.AwaitWithin(t, 3*time.Minute, what, func() (err error) {
		if last, err = w.api.Rollout(t.Context(), "web", 0); err == nil && !is(last) {
			err = fmt.Errorf("the rollout is %+v", last)
		}
		return err
	})
	return last
}

// update rolls a version out and waits until it is on all hosts.
func (w *web) update(t *testing.T, version string, options model.RolloutOptions) {
	t.Helper()
	id := w.create(t, version, serves(version))
	if _, err := w.api.RollingUpdate(t.Context(), "web", id, options); err != nil {
		t.Fatal(err)
	}
	last := w.awaitRollout(t, "the end of "+version, func(r model.Rollout) bool { return r.To == id && !r.State.Active() })
	expectDone(t, last)
}

func expectDone(t *testing.T, r model.Rollout) {
	t.Helper()
	if r.State != model.RolloutDone || r.Counts == nil || r.Counts.Done != webHosts {
		t.Fatalf("the rollout ended as %+v", r)
	}
}

// command runs heliosctl as an operator does, and returns its output and its exit code.
func (w *web) command(t *testing.T, args ...string) (output string, exit int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, daemontest.Binary(t, daemontest.Build{}), append(args, "--master", w.Masters[0].API)...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	out, err := cmd.CombinedOutput()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	t.Logf("$ heliosctl %s\n%s(exit code %d)", strings.Join(args, " "), out, cmd.ProcessState.ExitCode())
	return string(out), cmd.ProcessState.ExitCode()
}

// A group of real services on real processes is updated while it is called all the time: to a version that runs, to one that does not,
// without its leader, and by a client that knows nothing but the original.
func TestRollingUpdatesOfServicesThatAreCalled(t *testing.T) {
	t.Parallel()
	w := startWeb(t, "v1", "v2", "v3", "v4", "v5", "v6")
	all, one, second := webHosts, 1, int64(1)
	w.update(t, "v1", model.RolloutOptions{Parallelism: &all})

	t.Log("v2, one host at a time")
	calls := startWatch(t, w.Fleet, "http")
	w.update(t, "v2", model.RolloutOptions{Parallelism: &one})
	seen := calls.result(t)
	seen.expect(t, webHosts-1, "v1", "v2")
	for i, outages := range seen.outages {
		if len(outages) == 0 {
			t.Errorf("%s was replaced and that was not seen: it is not called often enough", seen.hosts[i])
		}
	}

	t.Log("v3 is broken and goes back")
	calls = startWatch(t, w.Fleet, "http")
	w.rollsBack(t)
	calls.result(t).expect(t, webHosts-1, "v2")

	t.Log("v4, and the leader is killed in the middle")
	calls = startWatch(t, w.Fleet, "http")
	w.losesLeader(t, model.RolloutOptions{Parallelism: &one, MinHealthy: &second})
	calls.result(t).expect(t, webHosts-1, "v2", "v4")

	t.Log("v5 and v6 by a client of the original; all hosts at once, which must be noticed")
	calls = startWatch(t, w.Fleet, "http")
	original := &originalClient{urls: w.URLs()}
	w.updatesAsOriginal(t, original)
	seen = calls.result(t)
	seen.expect(t, 0, "v4", "v5")
	if seen.fewest >= webHosts-1 {
		t.Errorf("%d hosts answered in every moment of an update of all at once: who watches them is blind", seen.fewest)
	}
	w.failsAsOriginal(t, original)
}

// rollsBack has an operator roll out a version that ends at once.
func (w *web) rollsBack(t *testing.T) {
	t.Helper()
	id := w.create(t, "v3", broken())
	output, exit := w.command(t, "rolling-update", "web:v3", "web", "--on-failure", "rollback", "--timeout", fmt.Sprint(webTimeout))
	if exit != exitRolledBack {
		t.Fatalf("rolling-update ended with exit code %d, want %d", exit, exitRolledBack)
	}
	back := w.awaitRollout(t, "the way back", func(r model.Rollout) bool { return r.Reason == model.RolloutBack && !r.State.Active() })
	if back.State != model.RolloutDone || back.Cause == "" || back.To.Version != "v2" {
		t.Errorf("the way back ended as %+v", back)
	}
	failed, err := w.api.Rollout(t.Context(), "web", back.Undoes)
	if err != nil {
		t.Fatal(err)
	}
	reason := fmt.Sprintf("h1: timed out after %ds waiting for job %s to run", webTimeout, id)
	if failed.To != id || failed.State != model.RolloutRolledBack || !strings.Contains(failed.Result, reason) {
		t.Errorf("the rollout of v3 ended as %+v, want the reason %q", failed, reason)
	}
	list, _ := w.command(t, "rollouts", "web")
	for what, text := range map[string]string{"rolling-update": output, "rollouts": list} {
		// It is between two starts, or has just ended again.
		told := strings.Contains(text, ", start number ") || strings.Contains(text, "exit code 3")
		if !told || !strings.Contains(text, fmt.Sprintf("timed out after %ds", webTimeout)) {
			t.Errorf("%s does not tell why", what)
		}
	}
}

// losesLeader rolls out a version whose rollout's leader is killed when the first host is done.
func (w *web) losesLeader(t *testing.T, options model.RolloutOptions) {
	t.Helper()
	id := w.create(t, "v4", serves("v4"))
	leader := w.AwaitLeader()
	if _, err := w.api.RollingUpdate(t.Context(), "web", id, options); err != nil {
		t.Fatal(err)
	}
	at := w.awaitRollout(t, "the middle", func(r model.Rollout) bool {
		return r.To == id && len(r.Hosts) > 1 && r.Hosts[0].Phase == model.PhaseDone
	})
	leader.Kill()
	if !at.State.Active() {
		t.Fatalf("the rollout had ended before the leader was killed: %+v", at)
	}
	last := w.awaitRollout(t, "the end without "+leader.Name(), func(r model.Rollout) bool { return r.To == id && !r.State.Active() })
	expectDone(t, last)
	if last.ID != at.ID {
		t.Errorf("the new leader began another rollout: %+v, it was %+v", last, at)
	}
	w.Start(leader)
	w.AwaitLeader()
}

// originalClient speaks what the original's clients speak, in their bodies.
type originalClient struct{ urls []string }

// ask sends a request to one master after the other until one does not answer that it cannot.
func (c *originalClient) ask(ctx context.Context, method, path, body string, answer any) error {
	var err error
	for _, url := range c.urls {
		var retry bool
		if retry, err = askOnce(ctx, method, url+path+"?user=original", body, answer); !retry {
			return err
		}
	}
	return err
}

func askOnce(ctx context.Context, method, url, body string, answer any) (retry bool, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return false, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Helios-Version", "0.9.283")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return true, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return true, err
	}
	if resp.StatusCode != http.StatusOK {
		return resp.StatusCode == http.StatusBadGateway, fmt.Errorf("%s %s: status %d: %s", method, url, resp.StatusCode, text)
	}
	return false, json.Unmarshal(text, answer)
}

// originalStatus is what the original's clients read of a group's status.
type originalStatus struct {
	Status       string
	Error        *string
	HostStatuses []struct{ Host, JobID, State string }
}

// create makes a job and returns its id.
func (c *originalClient) create(ctx context.Context, version, image string, command []string) (string, error) {
	words, err := json.Marshal(command)
	if err != nil {
		return "", err
	}
	var created struct {
		Status, ID string
		Errors     []string
	}
	err = c.ask(ctx, http.MethodPost, "/jobs/", fmt.Sprintf(`{"id":"web:%s","image":%q,"command":%s,"env":{},
		"ports":{"http":{"internalPort":8080,"externalPort":null,"protocol":"tcp"}},
		"registration":{},"gracePeriod":null,"volumes":{},"expires":null,"registrationDomain":"","creatingUser":"original","token":"",
		"healthCheck":{"type":"http","path":"/","port":"http"},"securityOpt":[],"networkMode":null,"metadata":{},
		"addCapabilities":[],"dropCapabilities":[],"labels":{}}`, version, image, words), &created)
	if err == nil && created.Status != "OK" {
		err = fmt.Errorf("the job was answered with %+v", created)
	}
	return created.ID, err
}

// update starts a rolling update and asks for the group's status until it is over. It returns the words it read, in turn, and the last
// answer.
func (c *originalClient) update(
	ctx context.Context, job string, parallelism, timeout int,
) (words []string, last originalStatus, err error) {
	body := fmt.Sprintf(`{"job":%q,"rolloutOptions":
		{"migrate":false,"parallelism":%d,"timeout":%d,"overlap":false,"token":"","ignoreFailures":false}}`, job, parallelism, timeout)
	var started struct{ Status string }
	if err := c.ask(ctx, http.MethodPost, "/deployment-group/web/rolling-update", body, &started); err != nil || started.Status != "OK" {
		return nil, last, errors.Join(fmt.Errorf("the rolling update was answered with %+v", started), err)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		last = originalStatus{}
		if err := c.ask(ctx, http.MethodGet, "/deployment-group/web/status", "", &last); err != nil {
			return words, last, err
		}
		if len(words) == 0 || words[len(words)-1] != last.Status {
			words = append(words, last.Status)
		}
		if last.Status != "ROLLING_OUT" {
			return words, last, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return words, last, ctx.Err()
		}
	}
}

// rollOutAsOriginal makes a job of a version and rolls it out. It returns the job's id and what originalClient.update does.
func (w *web) rollOutAsOriginal(
	t *testing.T, c *originalClient, version string, command []string, parallelism, timeout int,
) (string, []string, originalStatus) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	job, err := c.create(ctx, version, w.images[version], command)
	if err != nil {
		t.Fatal(err)
	}
	words, last, err := c.update(ctx, job, parallelism, timeout)
	if err != nil {
		t.Fatalf("%v; it read %v", err, words)
	}
	return job, words, last
}

func (w *web) updatesAsOriginal(t *testing.T, c *originalClient) {
	t.Helper()
	job, words, last := w.rollOutAsOriginal(t, c, "v5", serves("v5"), webHosts, 300)
	if want := []string{"ROLLING_OUT", "ACTIVE"}; !slices.Equal(words, want) || last.Error != nil || len(last.HostStatuses) != webHosts {
		t.Errorf("the client read %v, want %v, and last %+v", words, want, last)
	}
	for i, host := range last.HostStatuses {
		if host.Host != w.Agents[i].Name() || host.JobID != job || host.State != "RUNNING" {
			t.Errorf("host %d is %+v", i, host)
		}
	}
}

func (w *web) failsAsOriginal(t *testing.T, c *originalClient) {
	t.Helper()
	job, words, last := w.rollOutAsOriginal(t, c, "v6", broken(), 1, webTimeout)
	if want := []string{"ROLLING_OUT", "FAILED"}; !slices.Equal(words, want) {
		t.Errorf("the client read %v, want %v", words, want)
	}
	if last.Error == nil || !strings.Contains(*last.Error, "h1") || !strings.Contains(*last.Error, job) {
		t.Fatalf("the last answer is %+v, and no error that names the host and the job", last)
	}
	t.Logf("the client reads: %s", *last.Error)
}
