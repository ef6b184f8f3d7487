package conformance_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon"
	"github.com/heliosctl/heliosctl/daemon/container"
)

// junitRule makes the calls of helios-testing's rule TemporaryJobs, in its order and in the words of its client.
type junitRule struct {
	*cluster
	prefix string
	jobs   map[string]string // hosts by the ids that are deployed there
}

const junitUser = "user=junit"

// javaJob is a job as Java writes it: every member, sorted, and the type of the health check twice.
func javaJob(id, image, domain string, expires time.Time) string {
	return `{"addCapabilities":[],"command":["sh","-c","serve"],"created":null,"creatingUser":null,"dropCapabilities":[],"env":{"A":"b"},` +
		`"expires":"` + expires.UTC().Format("2006-01-02T15:04:05.000-0700") + `","gracePeriod":null,"healthCheck":{"type":"exec","command":["true"],"type":"exec"},` +
		`"hostname":null,"id":"` + id + `","image":"` + image + `","labels":{},"metadata":{},"networkMode":null,` +
		`"ports":{"http":{"externalPort":null,"internalPort":80,"ip":null,"protocol":"tcp"}},"ramdisks":{},` +
		`"registration":{"web/http":{"ports":{"http":{}}}},"registrationDomain":"` + domain + `","resources":null,"rolloutOptions":null,"runtime":null,` +
		`"secondsToWaitBeforeKill":null,"securityOpt":[],"token":"","volumes":{}}`
}

// before removes what runs that were cut short have left: jobs with their prefix.
func (r *junitRule) before(leftOver string) {
	r.t.Helper()
	for id := range decoded[map[string]any](r.t, r.must("GET", "/jobs/?"+junitUser, "")) {
		if !strings.HasPrefix(id, leftOver) {
			continue
		}
		status := decoded[jobStatus](r.t, r.must("GET", "/jobs/"+id+"/status?"+junitUser, ""))
		for host := range status.Deployments {
			r.undeploys(id, host)
		}
		r.deletes(id)
	}
}

// deploy creates a job and deploys it to the first host that is UP.
func (r *junitRule) deploy(name, image string) (id, host string) {
	r.t.Helper()
	for _, each := range decoded[[]string](r.t, r.must("GET", "/hosts/?"+junitUser, "")) {
		if status := decoded[hostStatus](r.t, r.must("GET", "/hosts/"+each+"/status?"+junitUser, "")); host == "" && status.Status == "UP" {
			host = each
		}
	}
	answer := decoded[struct {
		Status, ID string
		Errors     []string
	}](r.t, r.must("POST", "/jobs/?"+junitUser, javaJob(r.prefix+name+":1", image, r.prefix+".local", time.Now().Add(30*time.Minute))))
	if answer.Status != "OK" || answer.Errors == nil {
		r.t.Fatalf("%+v", answer)
	}
	id = answer.ID
	r.is(r.ask("PUT", "/hosts/"+host+"/jobs/"+id+"?"+junitUser,
		`{"deployerUser":null,"goal":"START","jobId":"`+id+`"}`), 200, "OK")
	r.jobs[id] = host
	return id, host
}

// after undeploys and deletes everything.
func (r *junitRule) after() {
	r.t.Helper()
	for id, host := range r.jobs {
		r.undeploys(id, host)
		r.deletes(id)
	}
}

func (r *junitRule) undeploys(id, host string) {
	r.t.Helper()
	r.is(r.ask("DELETE", "/hosts/"+host+"/jobs/"+id+"?token=&"+junitUser, ""), 200, "OK")
	eventually(r.t, id+" to have stopped", func() error {
		status := decoded[hostStatus](r.t, r.must("GET", "/hosts/"+host+"/status?"+junitUser, "")).Statuses
		if task, ok := status[id]; ok && task.State != "STOPPED" && task.State != "EXITED" && task.State != "FAILED" {
			return fmt.Errorf("it is %s", task.State)
		}
		return nil
	})
}

func (r *junitRule) deletes(id string) {
	r.t.Helper()
	r.is(r.ask("DELETE", "/jobs/"+id+"?token=&"+junitUser, ""), 200, "OK")
}

// awaitSolo waits as HeliosSoloDeployment does for a cluster of its own: until a master answers and a host is UP.
func (r *junitRule) awaitSolo() {
	r.t.Helper()
	eventually(r.t, "the solo cluster", func() error {
		got := r.ask("GET", "/hosts/?"+junitUser, "")
		if err := expectStatus(got, 200); err != nil {
			return err
		}
		hosts := decoded[[]string](r.t, got.body)
		if len(hosts) == 0 {
			return fmt.Errorf("no host")
		}
		if status := r.hostStatus(hosts[0]); status.Status != "UP" {
			return fmt.Errorf("%+v", status)
		}
		return nil
	})
}

// TestHeliosTesting holds what a test author's rule sees from its first call to its last.
func TestHeliosTesting(t *testing.T) {
	c := alone(t)
	a := c.agent("host1", func(a *daemon.Agent) { a.Env = map[string]string{"HELIOS_HOST_ADDRESS": "192.0.2.1"} })
	rule := func() *junitRule {
		return &junitRule{cluster: c, prefix: fmt.Sprintf("tmp-20260102-%04x-", time.Now().UnixNano()&0xffff), jobs: map[string]string{}}
	}
	first := rule()
	first.awaitSolo()
	c.agent("host0").end()
	id, host := first.deploy("web", "busybox")
	if host != "host1" {
		t.Errorf("deployed to %s, which is not UP", host)
	}
	c.awaitTask(host, id, "RUNNING")

	// The address of a job is its host's, or what the agent's environment says, and the port that was allocated.
	status := c.hostStatus(host)
	port := status.Statuses[id].Ports["http"]
	if status.Environment["HELIOS_HOST_ADDRESS"] != "192.0.2.1" || port.InternalPort != 80 || port.ExternalPort < 20000 {
		t.Errorf("%+v", status)
	}

	// A job that ends is seen to.
	a.config.Simulated.SetBehaviour(func(spec container.Spec) container.SimBehaviour {
		return container.SimBehaviour{Runs: 1, ExitCode: 1}
	})
	broken, _ := first.deploy("broken", "busybox")
	eventually(t, "the job that ends to be told of", func() error {
		events := c.must("GET", "/history/jobs/"+broken+"?"+junitUser, "")
		if !strings.Contains(events, `"state":"FAILED"`) && !strings.Contains(events, `"state":"EXITED"`) {
			return fmt.Errorf("%s", events)
		}
		return nil
	})

	// This run is cut short; the next one removes what it has left, and then what it has made itself.
	a.config.Simulated.SetBehaviour(nil)
	second := rule()
	second.before(first.prefix)
	own, _ := second.deploy("web", "busybox")
	c.awaitTask("host1", own, "RUNNING")
	second.after()
	c.expect("GET", "/jobs/?"+junitUser, "", 200, `{}`)
}
