package conformance_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon"
	"github.com/heliosctl/heliosctl/daemon/daemontest/ports"
	"github.com/heliosctl/heliosctl/model"
)

// The tests S.. are the system tests of the original as far as they are about the API, with real agents whose containers are
// simulated. docs/compatibility.md says where those that are not here are proved.

const startGoal = `{"jobId":"%s","goal":"START"}`

// put deploys a job with its goal START, as the original's client does.
func (c *cluster) put(job, host, query string) answer {
	c.t.Helper()
	return c.ask("PUT", "/hosts/"+host+"/jobs/"+job+"?user=test-user"+query, fmt.Sprintf(startGoal, job))
}

// patch sets the goal of a job.
func (c *cluster) patch(job, host, goal, query string) answer {
	c.t.Helper()
	return c.ask("PATCH", "/hosts/"+host+"/jobs/"+job+"?user=test-user"+query, `{"jobId":"`+job+`","goal":"`+goal+`"}`)
}

func (c *cluster) undeploy(job, host, query string) answer {
	c.t.Helper()
	return c.ask("DELETE", "/hosts/"+host+"/jobs/"+job+"?user=test-user"+query, "")
}

func (c *cluster) remove(job, query string) answer {
	c.t.Helper()
	return c.ask("DELETE", "/jobs/"+job+"?user=test-user"+query, "")
}

// is fails the test unless an answer has a status and its status word.
func (c *cluster) is(got answer, status int, word string) {
	c.t.Helper()
	if got.status != status || decoded[struct{ Status string }](c.t, got.body).Status != word {
		c.t.Fatalf("%d %s, want %d and %s", got.status, got.body, status, word)
	}
}

func (c *cluster) undeployed(job, host string) {
	c.t.Helper()
	c.is(c.undeploy(job, host, ""), 200, "OK")
	c.expect("GET", "/hosts/"+host+"/jobs/"+job, "", 404, "")
	c.awaitGone(host, job)
}

func alone(t *testing.T) *cluster {
	t.Helper()
	t.Parallel()
	return startCluster(t, 1)
}

func TestS02DeployAndUndeploy(t *testing.T) {
	c := alone(t)
	c.agent("host1")
	definition := `"image":"busybox","command":["sleep","9"],"env":{"BAD":"f00d"},"ports":{"foo":{"internalPort":4711},"bar":{"internalPort":5000,"externalPort":5050}},` +
		`"registration":{"foo-service/tcp":{"ports":{"foo":{}}},"bar-service/http":{"ports":{"bar":{}}}}`
	id := c.createJob(`{"id":"job:1",` + definition + `}`)
	job := decoded[map[string]any](t, c.must("GET", "/jobs/"+id, ""))
	for _, q := range []string{"job", "job:1", id} {
		if found := decoded[map[string]any](t, c.must("GET", "/jobs/?q="+q, "")); len(found) != 1 || found[id] == nil {
			t.Errorf("q=%s finds %v", q, found)
		}
	}
	c.expect("GET", "/jobs/?q=foozbarz", "", 200, `{}`)

	// The clone of a job differs in nothing but its version.
	clone := decoded[map[string]any](t, c.must("GET", "/jobs/"+c.createJob(`{"id":"job:1-cloned",`+definition+`}`), ""))
	for _, each := range []map[string]any{job, clone} {
		delete(each, "id")
		delete(each, "created")
	}
	if diff := compare("", job, clone); len(diff) > 0 {
		t.Error(diff)
	}
	c.is(c.ask("POST", "/jobs/", `{"id":"job:1","image":"busybox","command":["sleep","9"]}`), 400, "JOB_ALREADY_EXISTS")

	bogus := "bogus:job:" + strings.Repeat("0", 40)
	c.is(c.patch(id, "host1", "STOP", ""), 404, "JOB_NOT_DEPLOYED")
	c.is(c.put(id, "host1", ""), 200, "OK")
	if _, ok := c.hostStatus("host1").Jobs[id]; !ok {
		t.Error("the status of the host does not have the job")
	}
	c.awaitTask("host1", id, "RUNNING")
	c.is(c.patch(id, "BOGUS_HOST", "STOP", ""), 404, "HOST_NOT_FOUND")
	c.is(c.patch(bogus, "host1", "STOP", ""), 404, "JOB_NOT_DEPLOYED")
	c.is(c.patch(id, "host1", "STOP", ""), 200, "OK")
	c.awaitTask("host1", id, "STOPPED")
	c.is(c.undeploy(id, "BOGUS_HOST", ""), 404, "HOST_NOT_FOUND")
	c.is(c.undeploy(bogus, "host1", ""), 404, "JOB_NOT_FOUND")
	c.undeployed(id, "host1")
}

func TestS18Deployment(t *testing.T) {
	c := alone(t)
	c.agent("host1")
	text := `{"id":"job:1","image":"busybox","command":["sleep","9"],"ports":{"foo":{"internalPort":17,"externalPort":5017}}}`
	id := c.createJob(text)
	c.is(c.ask("POST", "/jobs/?user=test-user", text), 400, "JOB_ALREADY_EXISTS")
	c.expect("GET", "/jobs/?q=jobnot_matching", "", 200, `{}`)
	bogus := "bogus:job:" + strings.Repeat("0", 40)

	c.is(c.put(id, "host1", ""), 200, "OK")
	c.is(c.put(id, "host1", ""), 400, "JOB_ALREADY_DEPLOYED")
	c.is(c.put(bogus, "host1", ""), 400, "JOB_NOT_FOUND")
	c.is(c.put(id, "BOGUS_HOST", ""), 400, "HOST_NOT_FOUND")
	c.is(c.undeploy(id, "host1", ""), 200, "OK")
	c.is(c.put(id, "host1", ""), 200, "OK")
	c.expect("GET", "/hosts/host1/jobs/"+id, "", 200, `{"jobId":"`+id+`","goal":"START","deployerUser":"test-user"}`)
	c.awaitTask("host1", id, "RUNNING")
	c.is(c.remove(id, ""), 400, "STILL_IN_USE")
	c.undeployed(id, "host1")
	c.is(c.remove(id, ""), 200, "OK")
	c.is(c.remove(id, ""), 404, "JOB_NOT_FOUND")
}

func TestS19ManyJobs(t *testing.T) {
	c := alone(t)
	a := c.agent("host1")
	var ids []string
	for i := range 40 {
		ids = append(ids, c.createJob(fmt.Sprintf(`{"id":"job-%d:1","image":"busybox"}`, i)))
		c.is(c.put(ids[i], "host1", ""), 200, "OK")
	}
	for _, id := range ids {
		c.awaitTask("host1", id, "RUNNING")
	}
	killed := map[string]bool{}
	for _, container := range a.config.Simulated.Containers() {
		killed[container.ID] = a.config.Simulated.Exit(container.ID, 137)
	}
	for _, id := range ids {
		eventually(t, id+" to run again", func() error {
			task := decoded[jobStatus](t, c.must("GET", "/jobs/"+id+"/status", "")).TaskStatuses["host1"]
			if task.State != "RUNNING" || killed[task.ContainerID] {
				return fmt.Errorf("%+v", task)
			}
			return nil
		})
	}
}

func TestS20JobWithDigest(t *testing.T) {
	c := alone(t)
	c.agent("host1")
	image := "busybox@sha256:" + strings.Repeat("ab", 32)
	id := c.createJob(`{"id":"job:1","image":"` + image + `"}`)
	if job := decoded[struct{ Image string }](t, c.must("GET", "/jobs/"+id, "")); job.Image != image {
		t.Errorf("image %s", job.Image)
	}
	c.is(c.put(id, "host1", ""), 200, "OK")
	c.awaitTask("host1", id, "RUNNING")
}

func TestS22Deregister(t *testing.T) {
	c := alone(t)
	a := c.agent("host1")
	id := c.createJob(`{"id":"job:1","image":"busybox"}`)
	c.is(c.put(id, "host1", ""), 200, "OK")
	c.awaitTask("host1", id, "RUNNING")
	a.end()
	c.expect("DELETE", "/hosts/host1?user=test-user", "", 200, `{"status":"OK","host":"host1"}`)
	c.expect("GET", "/hosts/", "", 200, `[]`)
	c.is(c.remove(id, ""), 200, "OK")
}

func TestS23DeregisterWithoutStatus(t *testing.T) {
	c := alone(t)
	c.expect("PUT", "/hosts/host1?id=abc&user=test-user", "", 200, `"OK"`)
	id := c.createJob(`{"id":"job:1","image":"busybox"}`)
	c.is(c.put(id, "host1", ""), 200, "OK")
	c.expect("DELETE", "/hosts/host1", "", 200, `{"status":"OK","host":"host1"}`)
	c.is(c.remove(id, ""), 200, "OK")
}

func takesOverAfter(ttl time.Duration, id string) func(*daemon.Agent) {
	return func(a *daemon.Agent) { a.RegistrationTTL, a.ID = &ttl, id }
}

// TestS24Takeover is S26 as well.
func TestS24Takeover(t *testing.T) {
	c := alone(t)
	first := c.agent("host1", takesOverAfter(0, "FIRST"), labels("num", "1"))
	id := c.createJob(`{"id":"job:1","image":"busybox"}`)
	c.is(c.put(id, "host1", ""), 200, "OK")
	c.awaitTask("host1", id, "RUNNING")
	before := c.hostStatus("host1").Statuses[id].ContainerID
	first.end()

	c.agent("host1", takesOverAfter(0, "SECOND"), labels("num", "2"))
	eventually(t, "the job to run in another container", func() error {
		host := c.hostStatus("host1")
		task := host.Statuses[id]
		if host.Status != "UP" || host.Labels["num"] != "2" || task.State != "RUNNING" || task.ContainerID == before {
			return fmt.Errorf("%+v", host)
		}
		return nil
	})
}

func TestS27Environment(t *testing.T) {
	c := alone(t)
	environment := map[string]string{"SPOTIFY_POD": "PODNAME", "SPOTIFY_ROLE": "ROLENAME", "BAR": "badfood"}
	c.agent("host1", func(a *daemon.Agent) { a.Env = environment })
	id := c.createJob(`{"id":"job:1","image":"busybox","env":{"FOO":"4711","BAR":"deadbeef"}}`)
	c.is(c.put(id, "host1", ""), 200, "OK")
	c.awaitTask("host1", id, "RUNNING")
	host := c.hostStatus("host1")
	if !maps.Equal(host.Environment, environment) {
		t.Errorf("environment of the host %v", host.Environment)
	}
	want := map[string]string{"SPOTIFY_POD": "PODNAME", "SPOTIFY_ROLE": "ROLENAME", "BAR": "deadbeef", "FOO": "4711"}
	if got := host.Statuses[id].Env; !maps.Equal(got, want) {
		t.Errorf("environment of the task %v", got)
	}
}

func TestS32JobExpiration(t *testing.T) {
	c := alone(t)
	a := c.agent("host1")
	id := c.createJob(fmt.Sprintf(`{"id":"job:1","image":"busybox","expires":%q}`, time.Now().Add(5*time.Second).UTC().Format("2006-01-02T15:04:05.000-0700")))
	c.is(c.put(id, "host1", ""), 200, "OK")
	c.awaitTask("host1", id, "RUNNING")
	eventually(t, "the job to be gone", func() error { return expectStatus(c.ask("GET", "/jobs/"+id, ""), http.StatusNotFound) })
	eventually(t, "its container to have ended", func() error {
		for _, container := range a.config.Simulated.Containers() {
			if container.Running {
				return fmt.Errorf("%s runs", container.ID)
			}
		}
		return nil
	})
}

func TestS33JobHistory(t *testing.T) {
	c := alone(t)
	c.agent("host1")
	id := c.createJob(`{"id":"job:1","image":"busybox"}`)
	c.is(c.put(id, "host1", ""), 200, "OK")
	c.awaitTask("host1", id, "RUNNING")
	c.undeployed(id, "host1")
	type history struct {
		Status string
		Events []struct {
			Host      string
			Timestamp int64
			Status    taskStatus
		}
	}
	var states []string
	last := int64(0)
	for _, event := range decoded[history](t, c.must("GET", "/history/jobs/"+id+"?user=test-user", "")).Events {
		state := event.Status.State
		if event.Timestamp < last || event.Host != "host1" {
			t.Errorf("%+v after %d", event, last)
		}
		if early := state == "PULLING_IMAGE" || state == "CREATING"; early != (event.Status.ContainerID == "") {
			t.Errorf("%s with container %q", state, event.Status.ContainerID)
		}
		last = event.Timestamp
		if len(states) == 0 || states[len(states)-1] != state {
			states = append(states, state)
		}
	}
	want := []string{"PULLING_IMAGE", "CREATING", "STARTING", "RUNNING", "STOPPING"}
	if len(states) != len(want)+1 || !slices.Equal(states[:len(want)], want) || !slices.Contains([]string{"EXITED", "STOPPED"}, states[len(want)]) {
		t.Errorf("states %v", states)
	}
}

func TestS41HostSelectors(t *testing.T) {
	c := alone(t)
	c.agent("host1", labels("role", "foo", "xyz", "123"))
	c.agent("host2", labels("role", "bar", "xyz", "123"))
	for selectors, want := range map[string]string{
		"role=foo": `["host1"]`, "xyz=123": `["host1","host2"]`, "xyz=123|role=foo": `["host1"]`, "role!=foo": `["host2"]`, "role in (foo, bar)": `["host1","host2"]`,
		"role notin (foo, bar)": `[]`, "role=doesnt_exist": `[]`, "role=doesnt_exist|xyz=123": `[]`,
	} {
		var query []string
		for _, selector := range strings.Split(selectors, "|") {
			query = append(query, "selector="+strings.NewReplacer(" ", "+", "=", "%3D", "!", "%21", ",", "%2C", "(", "%28", ")", "%29").Replace(selector))
		}
		c.expect("GET", "/hosts/?"+strings.Join(query, "&")+"&user=test-user", "", 200, want)
	}
	if got := c.hostStatus("host1").Labels; !maps.Equal(got, map[string]string{"role": "foo", "xyz": "123"}) {
		t.Errorf("labels %v", got) // S40
	}
}

// TestS43MasterWithoutOthers has a master whose others never come: it answers at once that another one is to be asked, and says on the
// admin port that it is not well.
func TestS43MasterWithoutOthers(t *testing.T) {
	t.Parallel()
	c := &cluster{t: t, apis: []string{ports.Address(t)}, admins: []string{ports.Address(t)}, gossips: []string{ports.Address(t)}}
	c.run(daemon.Config{StateDir: t.TempDir(), Master: &daemon.Master{
		Name: "m1", HTTP: c.apis[0], Admin: c.admins[0], Gossip: c.gossips[0], Raft: "127.0.0.1:0",
		Initial: []daemon.InitialMaster{{Name: "m1", Gossip: c.gossips[0]}, {Name: "m2", Gossip: ports.Address(t)}, {Name: "m3", Gossip: ports.Address(t)}},
	}})
	for _, got := range []answer{c.askOnce("GET", "/jobs/", ""), c.askOnce("POST", "/jobs/", `{"id":"a:1","image":"x"}`)} {
		if diff := differences(`{"code":"UNAVAILABLE","message":"<text>"}`, got.body); got.status != 502 || len(diff) > 0 {
			t.Errorf("%d %v", got.status, diff)
		}
	}
	c.expect("GET", "/masters/", "", 200, `["m1"]`)
	health := ask(t, c.admins[0], "GET", "/healthcheck", "")
	if health.status != 500 || !strings.Contains(health.body, `"healthy":false,"message":`) {
		t.Errorf("health %+v", health)
	}
}

func TestS47MultiplePorts(t *testing.T) {
	c := alone(t)
	a := c.agent("host1", func(a *daemon.Agent) { a.PortRange = daemon.PortRange{Start: 20000, End: 20002} })
	var ids []string
	for i, static := range []int{5101, 5102} {
		ids = append(ids, c.createJob(fmt.Sprintf(`{"id":"job-%d:1","image":"busybox","ports":{"foo":{"internalPort":4711},"bar":{"internalPort":4712,"externalPort":%d}}}`, i, static)))
		c.is(c.put(ids[i], "host1", ""), 200, "OK")
		c.awaitTask("host1", ids[i], "RUNNING")
	}
	ports := func() [2][2]int {
		var all [2][2]int
		for i, id := range ids {
			task := decoded[jobStatus](t, c.must("GET", "/jobs/"+id+"/status", "")).TaskStatuses["host1"]
			all[i] = [2]int{task.Ports["foo"].ExternalPort, task.Ports["bar"].ExternalPort}
			if task.Ports["foo"].InternalPort != 4711 || all[i][0]/2 != 10000 || task.Env["HELIOS_PORT_bar"] != fmt.Sprintf("host1:%d", all[i][1]) {
				t.Errorf("%+v", task) // S48
			}
		}
		return all
	}
	before := ports()
	if before[0][0] == before[1][0] || before[0][1] != 5101 || before[1][1] != 5102 {
		t.Errorf("ports %v", before)
	}
	old := c.hostStatus("host1").Statuses[ids[0]].ContainerID
	a.config.Simulated.Exit(old, 137)
	a.end()
	a.start()
	eventually(t, "another container", func() error {
		if task := c.hostStatus("host1").Statuses[ids[0]]; task.State != "RUNNING" || task.ContainerID == old {
			return fmt.Errorf("%+v", task)
		}
		return nil
	})
	if after := ports(); after != before {
		t.Errorf("ports %v, before %v", after, before)
	}
}

// tokenOperations has each operation refused with the wrong tokens and done with the right one.
func tokenOperations(t *testing.T, c *cluster, job, right string, wrong ...string) {
	t.Helper()
	for _, operation := range []func(query string) answer{
		func(query string) answer { return c.put(job, "host1", query) },
		func(query string) answer { return c.patch(job, "host1", "STOP", query) },
		func(query string) answer { return c.undeploy(job, "host1", query) },
		func(query string) answer { return c.remove(job, query) },
	} {
		for _, query := range wrong {
			c.is(operation(query), 403, "FORBIDDEN")
		}
		c.is(operation(right), 200, "OK")
	}
}

func TestS52JobWithToken(t *testing.T) {
	c := alone(t)
	c.agent("host1")
	tokenOperations(t, c, c.createJob(`{"id":"job:1","image":"busybox","token":"abc123"}`), "&token=abc123", "", "&token=", "&token=wrongToken", "&token=ABC123")
}

func TestS53JobWithoutToken(t *testing.T) {
	c := alone(t)
	c.agent("host1")
	tokenOperations(t, c, c.createJob(`{"id":"job:1","image":"busybox"}`), "", "&token=abc123")
}

func TestS54UndeployWhileTheAgentIsAway(t *testing.T) {
	c := alone(t)
	a := c.agent("host1")
	id := c.createJob(`{"id":"job:1","image":"busybox"}`)
	c.is(c.put(id, "host1", ""), 200, "OK")
	c.awaitTask("host1", id, "RUNNING")
	a.end()
	c.is(c.undeploy(id, "host1", ""), 200, "OK")
	host := c.hostStatus("host1")
	if task := host.Statuses[id]; len(host.Jobs) != 0 || task.State != "RUNNING" || task.Goal != "START" {
		t.Errorf("%+v", host)
	}
	c.expect("GET", "/hosts/host1/jobs/"+id, "", 404, "")
	a.start()
	c.awaitGone("host1", id)
}

func TestS55UndeployBeforeTheAgentCame(t *testing.T) {
	c := alone(t)
	c.expect("PUT", "/hosts/host1?id=test-agent-id", "", 200, `"OK"`)
	id := c.createJob(`{"id":"job:1","image":"busybox"}`)
	c.is(c.put(id, "host1", ""), 200, "OK")
	c.is(c.undeploy(id, "host1", ""), 200, "OK")
	c.agent("host1", func(a *daemon.Agent) { a.ID = "test-agent-id" })
	c.awaitGone("host1", id)
	c.expect("GET", "/hosts/host1/jobs/"+id, "", 404, "")
	c.is(c.remove(id, ""), 200, "OK")
}

// TestS59Versions asks as clients of every version around the server's own.
func TestS59Versions(t *testing.T) {
	c := alone(t)
	own, err := model.ParseVersion(model.ServerVersion)
	if err != nil {
		t.Fatal(err)
	}
	for version, want := range map[string]struct {
		class int
		word  string
	}{
		model.ServerVersion: {2, "EQUAL"},
		fmt.Sprintf("%d.%d.%d", own.Major+1, own.Minor, own.Patch): {4, "INCOMPATIBLE"},
		fmt.Sprintf("%d.%d.%d", own.Major, own.Minor, own.Patch+1): {2, "COMPATIBLE"},
		fmt.Sprintf("%d.%d.%d", own.Major, own.Minor+1, own.Patch): {2, "MAYBE"},
		"deadbeef": {4, "INVALID"},
		"":         {2, "MISSING"},
	} {
		got := c.ask("GET", "/masters/", "", strings.TrimSuffix("Helios-Version: "+version, " "))
		word, _ := got.header("Helios-Version-Status")
		server, _ := got.header("Helios-Server-Version")
		if got.status/100 != want.class || word != want.word || server != model.ServerVersion {
			t.Errorf("%q: %+v", version, got)
		}
	}
}

func TestS60ManyHosts(t *testing.T) {
	c := alone(t)
	id := c.createJob(`{"id":"job:1","image":"busybox"}`)
	var hosts []string
	for i := range 10 {
		hosts = append(hosts, fmt.Sprintf("host%d", i))
	}
	c.agents(hosts)
	for _, host := range hosts {
		c.is(c.put(id, host, ""), 200, "OK")
	}
	for _, host := range hosts {
		c.awaitTask(host, id, "RUNNING")
	}
	for _, host := range hosts {
		c.is(c.undeploy(id, host, ""), 200, "OK")
	}
	for _, host := range hosts {
		c.awaitGone(host, id)
	}
}
