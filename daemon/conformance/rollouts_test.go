package conformance_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The tests D.. are those of the original's deployment groups, as far as they are about the API, with real agents whose containers are
// simulated.

const myGroup = `{"name":"my_group","hostSelectors":[{"label":"foo","operator":"EQUALS","operand":"bar"}]}`

// groupOf starts agents with the label foo=bar and makes their group.
func groupOf(t *testing.T, hosts ...string) (*cluster, []*agent) {
	t.Helper()
	c := alone(t)
	return c, c.group(hosts...)
}

func (c *cluster) group(hosts ...string) []*agent {
	c.t.Helper()
	agents := c.agents(hosts, labels("foo", "bar"))
	c.expect("POST", "/deployment-group/?user=test-user", myGroup, 200, `{"status":"CREATED"}`)
	return agents
}

// roll starts a rolling update with the options that the original's client sends, which others may follow.
func (c *cluster) roll(job, options string) {
	c.t.Helper()
	all := `"migrate":false,"overlap":false,"parallelism":1,"timeout":300,"token":"","ignoreFailures":false`
	if options != "" {
		all += "," + options
	}
	c.expect("POST", "/deployment-group/my_group/rolling-update?user=test-user", `{"job":"`+job+`","rolloutOptions":{`+all+`}}`, 200, `{"status":"OK"}`)
}

type groupState struct {
	Status, Error   string
	DeploymentGroup struct{ JobID string }
	HostStatuses    []struct{ Host, JobID, State string }
}

func (c *cluster) groupState() groupState {
	c.t.Helper()
	return decoded[groupState](c.t, c.must("GET", "/deployment-group/my_group/status", ""))
}

// awaitRolled waits until the group runs a job on exactly these hosts, in their order, and the rollout has ended well.
func (c *cluster) awaitRolled(job string, hosts ...string) {
	c.t.Helper()
	eventually(c.t, job+" to be rolled out", func() error {
		state := c.groupState()
		if state.Status == "FAILED" {
			c.t.Fatalf("the rollout failed: %s", state.Error)
		}
		if state.Status != "ACTIVE" || len(state.HostStatuses) != len(hosts) {
			return fmt.Errorf("%+v", state)
		}
		for i, host := range state.HostStatuses {
			if host.Host != hosts[i] || host.JobID != job || host.State != "RUNNING" {
				return fmt.Errorf("%+v", state)
			}
		}
		return nil
	})
	for _, host := range hosts {
		if d := decoded[deployment](c.t, c.must("GET", "/hosts/"+host+"/jobs/"+job, "")); d.DeploymentGroupName != "my_group" || d.Goal != "START" || d.DeployerMaster == "" {
			c.t.Errorf("%s: %+v", host, d)
		}
	}
}

func (c *cluster) version(n int) string {
	c.t.Helper()
	return c.createJob(fmt.Sprintf(`{"id":"my_job:%d","image":"busybox"}`, n))
}

// fiveHosts are in the order in which a rollout visits them, and not in that of their characters.
var fiveHosts = []string{"dc1-test-a1", "dc1-test-a2", "dc2-test-a1", "dc2-test-a3", "dc3-test-a4"}

func TestD02RollingUpdate(t *testing.T) {
	c, _ := groupOf(t, fiveHosts...)
	first, second := c.version(1), c.version(2)
	c.roll(first, "")
	c.awaitRolled(first, fiveHosts...)
	c.roll(second, "")
	c.awaitRolled(second, fiveHosts...)
	for _, host := range fiveHosts {
		c.expect("GET", "/hosts/"+host+"/jobs/"+first, "", 404, "")
	}

	// One after the other, in the order of the hosts.
	type event struct {
		Host      string
		Timestamp int64
		Status    taskStatus
	}
	running := map[string]int64{}
	for _, e := range decoded[struct{ Events []event }](t, c.must("GET", "/history/jobs/"+second, "")).Events {
		if e.Status.State == "RUNNING" {
			running[e.Host] = e.Timestamp
		}
	}
	if !slices.IsSortedFunc(fiveHosts, func(a, b string) int { return int(running[a] - running[b]) }) {
		t.Errorf("the hosts ran it at %v", running)
	}
}

func TestD03AgentAddedLater(t *testing.T) {
	c, _ := groupOf(t, "host1")
	job := c.version(1)
	c.roll(job, "")
	c.awaitRolled(job, "host1")
	c.agent("host2", labels("foo", "bar"))
	c.awaitRolled(job, "host1", "host2")
}

func TestD04LabelsThatChange(t *testing.T) {
	c, agents := groupOf(t, "host1", "host2")
	job := c.version(1)
	c.roll(job, "")
	c.awaitRolled(job, "host1", "host2")
	second := agents[1]
	container := c.hostStatus("host2").Statuses[job].ContainerID
	restart := func(value string) {
		second.end()
		second.config.Labels = map[string]string{"foo": value}
		second.start()
	}

	restart("bar")
	c.awaitRolled(job, "host1", "host2")
	if got := c.hostStatus("host2").Statuses[job].ContainerID; got != container {
		t.Errorf("with labels that match still, container %s was replaced by %s", container, got)
	}
	restart("notbar")
	c.awaitGone("host2", job)
	c.awaitRolled(job, "host1")
	restart("bar")
	c.awaitRolled(job, "host1", "host2")
	second.end()
	c.expect("DELETE", "/hosts/host2", "", 200, `{"status":"OK","host":"host2"}`)
	c.awaitRolled(job, "host1")
}

// migrates deploys a job by hand and has the group take it over.
func migrates(t *testing.T, definition, query, options string) {
	t.Helper()
	c, _ := groupOf(t, "host1")
	job := c.createJob(definition)
	c.is(c.put(job, "host1", query), 200, "OK")
	c.awaitTask("host1", job, "RUNNING")
	c.roll(job, options)
	c.awaitRolled(job, "host1")
}

func TestD07Migrate(t *testing.T) {
	migrates(t, `{"id":"my_job:1","image":"busybox"}`, "", `"migrate":true`)
}

func TestD08MigrateWithToken(t *testing.T) {
	migrates(t, `{"id":"my_job:1","image":"busybox","token":"foo-token"}`, "&token=foo-token", `"migrate":true,"token":"foo-token"`)
}

func TestD09MigrateLeavesOtherJobs(t *testing.T) {
	c, _ := groupOf(t, "host1")
	other, job := c.createJob(`{"id":"other:1","image":"busybox"}`), c.version(1)
	c.is(c.put(other, "host1", ""), 200, "OK")
	c.roll(job, `"migrate":true`)
	c.awaitRolled(job, "host1")
	c.expect("GET", "/hosts/host1/jobs/"+other, "", 200, `{"jobId":"`+other+`","goal":"START","deployerUser":"test-user"}`)
	c.awaitTask("host1", other, "RUNNING")
}

// TestD12Coordination has three masters and many hosts at once. Every master takes the requests; the one that leads does the deploying.
func TestD12Coordination(t *testing.T) {
	c := startCluster(t, 3)
	var hosts []string
	for i := range 20 {
		hosts = append(hosts, fmt.Sprintf("host%d", i+1))
	}
	c.group(hosts...)
	job := c.version(1)
	c.roll(job, `"parallelism":20`)
	c.awaitRolled(job, hosts...)
	for at := range c.apis {
		c.at = at
		c.awaitRolled(job, hosts...)
	}
	for host, d := range decoded[jobStatus](t, c.must("GET", "/jobs/"+job+"/status", "")).Deployments {
		if !slices.Contains(c.names, d.DeployerMaster) {
			t.Errorf("%s: deployed by %s", host, d.DeployerMaster)
		}
	}
}

// TestStopInTheInstantOfTheEnd stops a group while its rollouts, of no hosts, end: there is no moment in which that cannot be done.
func TestStopInTheInstantOfTheEnd(t *testing.T) {
	c, _ := groupOf(t)
	job := c.version(1)
	var rolls sync.WaitGroup
	for range 50 {
		rolls.Go(func() {
			body := strings.NewReader(`{"job":"` + job + `","rolloutOptions":{}}`)
			resp, err := http.Post("http://"+c.apis[0]+"/deployment-group/my_group/rolling-update", "application/json", body)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusBadGateway {
				t.Errorf("rolling update: %s", resp.Status)
			}
		})
		c.expect("POST", "/deployment-group/my_group/stop", "", http.StatusNoContent, "")
	}
	rolls.Wait()
}

func TestD13IdenticalRollouts(t *testing.T) {
	c, _ := groupOf(t)
	job := c.version(1)
	c.roll(job, "")
	c.awaitRolled(job)
	c.expect("POST", "/deployment-group/my_group/stop?user=test-user", "", http.StatusNoContent, "")
	if state := c.groupState(); state.Status != "FAILED" || state.Error != "Stopped by user" {
		t.Errorf("%+v", state)
	}
	c.roll(job, "")
	eventually(t, "the second rollout", func() error {
		if state := c.groupState(); state.Status != "ACTIVE" || state.Error != "" {
			return fmt.Errorf("%+v", state)
		}
		return nil
	})
}

func TestD14StoppedJob(t *testing.T) {
	c, _ := groupOf(t, "host1")
	first, second := c.version(1), c.version(2)
	c.roll(first, "")
	c.awaitRolled(first, "host1")
	c.is(c.patch(first, "host1", "STOP", ""), 200, "OK")
	c.awaitTask("host1", first, "STOPPED")
	c.roll(second, "")
	c.awaitRolled(second, "host1")
	c.expect("GET", "/hosts/host1/jobs/"+first, "", 404, "")
	c.is(c.patch(second, "host1", "STOP", ""), 200, "OK")
	c.awaitTask("host1", second, "STOPPED")
	c.roll(second, "")
	c.awaitRolled(second, "host1")
}

// overlaps rolls out two versions, the second of which runs on each host before the first one goes.
func overlaps(t *testing.T, options string) {
	t.Helper()
	c, _ := groupOf(t, fiveHosts...)
	first, second := c.version(1), c.version(2)
	for _, job := range []string{first, second} {
		c.roll(job, options)
		c.awaitRolled(job, fiveHosts...)
	}
	type event struct {
		Host      string
		Timestamp int64
		Status    taskStatus
	}
	when := func(job, state string) map[string]int64 {
		at := map[string]int64{}
		for _, e := range decoded[struct{ Events []event }](t, c.must("GET", "/history/jobs/"+job, "")).Events {
			if _, known := at[e.Host]; !known && e.Status.State == state {
				at[e.Host] = e.Timestamp
			}
		}
		return at
	}
	for _, host := range fiveHosts {
		c.awaitGone(host, first)
	}
	runs, stops := when(second, "RUNNING"), when(first, "STOPPING")
	for _, host := range fiveHosts {
		if runs[host] == 0 || runs[host] > stops[host] {
			t.Errorf("%s ran the second version at %d and stopped the first at %d", host, runs[host], stops[host])
		}
	}
}

func TestD15Overlap(t *testing.T) {
	overlaps(t, `"overlap":true`)
}

func TestD16OverlapAndParallelism(t *testing.T) {
	overlaps(t, `"overlap":true,"parallelism":2`)
}

func TestD17Token(t *testing.T) {
	c, _ := groupOf(t, "host1")
	job := c.createJob(`{"id":"my_job:1","image":"busybox","token":"foo-token"}`)
	c.roll(job, `"token":"foo-token"`)
	c.awaitRolled(job, "host1")
	c.is(c.undeploy(job, "host1", ""), 403, "FORBIDDEN")
	c.awaitTask("host1", job, "RUNNING")

	// Without the token the rollout fails and says why.
	other := c.createJob(`{"id":"my_job:2","image":"busybox","token":"bar-token"}`)
	c.roll(other, "")
	eventually(t, "the rollout to fail", func() error {
		if state := c.groupState(); state.Status != "FAILED" || !strings.HasPrefix(state.Error, "host1: ") {
			return fmt.Errorf("%+v", state)
		}
		return nil
	})
}

func TestD19RemoveWhileItRollsOut(t *testing.T) {
	c, agents := groupOf(t, "host1")
	agents[0].config.Simulated.MissImage("invalid_image")
	job := c.createJob(`{"id":"my_job:1","image":"invalid_image"}`)
	c.roll(job, "")
	c.awaitTask("host1", job, "FAILED")
	c.expect("DELETE", "/deployment-group/my_group?user=test-user", "", 200, `{"status":"REMOVED"}`)
	c.expect("GET", "/deployment-group/my_group", "", 404, "")
	c.expect("GET", "/hosts/host1/jobs/"+job, "", 200, `{"jobId":"`+job+`","goal":"START","deployerUser":null,"deployerMaster":"m1","deploymentGroupName":"my_group"}`)
}

// TestHostsThatAreDownAreLeftOut holds that a group's status tells of the hosts that are UP, and a rollout passes the others by.
func TestHostsThatAreDownAreLeftOut(t *testing.T) {
	c, agents := groupOf(t, "host1", "host2")
	agents[1].end()
	job := c.version(1)
	eventually(t, "rollouts to know that host2 is away", func() error {
		preview := c.must("POST", "/v1/groups/my_group/preview", `{"job":"`+job+`"}`)
		if !strings.Contains(preview, `"skipped":"the host is down"`) {
			return fmt.Errorf("%s", preview)
		}
		return nil
	})
	c.roll(job, "")
	c.awaitRolled(job, "host1")
	c.expect("GET", "/hosts/host2/jobs/"+job, "", 404, "")
}
