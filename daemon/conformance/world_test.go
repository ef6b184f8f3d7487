package conformance_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// The world that every row of the contract finds. In rows $WEB, $FREE, $SAFE, $FULL and $ROLL stand for the ids of its jobs, $UNKNOWN for a
// full id of no job, $MASTERS for the names of all masters.
//
//	web:1   deployed to host1 by alice; RUNNING there, with three events of history; wants the static port 8080/tcp
//	free:1  deployed nowhere; wants the static port 8080/udp
//	safe:1  deployed nowhere; has the token s+e&c/r%t ü
//	full:1  deployed nowhere; has every field
//	roll:1  deployed to host1 by the group busy, of which its agent never tells anything
//
// host1 and host2 are UP, was1 was UP once, and new1 is registered and was never there. The group idle has all hosts with role=web and
// was never rolled out, busy has host1 and rolls out roll:1, done has no hosts and has rolled out roll:1.
type world struct {
	*cluster
	names *strings.Replacer
	seq   map[string]uint64 // the last status that each host has posted
	base  string            // the picture of what reset has made
	known map[string]bool   // its jobs, hosts and groups, and its deployments as host/job
}

const unknownJob = "nope:1:0123456789012345678901234567890123456789"

// secret is the token of safe:1, and secretParameter how the original's client writes it into a query.
const secret = "s+e&c/r%t ü"

var secretParameter = "token=" + url.QueryEscape(secret)

const fullJob = `{"id":"full:1","image":"registry.example:5000/team/web:3","hostname":"web1","command":["serve","--port","80"],"env":{"MODE":"a<b>&\u2028é"},` +
	`"resources":{"memory":10485760,"memorySwap":20971520,"cpuShares":512,"cpuset":"0-3"},` +
	`"ports":{"http":{"ip":"127.0.0.1","internalPort":80,"externalPort":9090,"protocol":"tcp"},"dyn":{"internalPort":81}},` +
	`"registration":{"web":{"ports":{"http":{"tags":["a","b"]},"dyn":{}}}},"gracePeriod":null,"volumes":{"/data:ro":"/srv/data"},` +
	`"expires":"2033-05-18T03:33:20.000+0000","registrationDomain":"example.net","token":"t","healthCheck":{"type":"http","path":"/","port":"http","type":"http"},` +
	`"securityOpt":["b","a"],"networkMode":"bridge","metadata":{"GIT_COMMIT":"abc"},"addCapabilities":[],"dropCapabilities":["KILL"],` +
	`"labels":{"k":"v"},"secondsToWaitBeforeKill":30,"ramdisks":{"/tmp":"size=64m"},` +
	`"rolloutOptions":{"timeout":"1000","parallelism":2,"overlap":"false"},"runtime":"runc","nonsense":{"a":[1]}}`

// fullAnswer is full:1 as a master tells it.
const fullAnswer = `{"id":"$FULL","image":"registry.example:5000/team/web:3","hostname":"web1","created":"<number>","command":["serve","--port","80"],` +
	`"env":{"MODE":"a<b>&\u2028é"},"resources":{"memory":10485760,"memorySwap":20971520,"cpuShares":512,"cpuset":"0-3"},` +
	`"ports":{"http":{"ip":"127.0.0.1","internalPort":80,"externalPort":9090,"protocol":"tcp"},"dyn":{"ip":null,"internalPort":81,"externalPort":null,"protocol":"tcp"}},` +
	`"registration":{"web/http":{"ports":{"http":{"tags":["a","b"]},"dyn":{}}}},"gracePeriod":null,"volumes":{"/data:ro":"/srv/data"},` +
	`"expires":2000000000000,"registrationDomain":"example.net","creatingUser":"alice","token":"t","healthCheck":{"type":"http","path":"/","port":"http"},` +
	`"securityOpt":["b","a"],"networkMode":"bridge","metadata":{"GIT_COMMIT":"abc"},"addCapabilities":[],"dropCapabilities":["KILL"],` +
	`"labels":{"k":"v"},"secondsToWaitBeforeKill":30,"ramdisks":{"/tmp":"size=64m"},` +
	`"rolloutOptions":{"timeout":1000,"parallelism":2,"migrate":null,"overlap":false,"token":null,"ignoreFailures":null},"runtime":"runc"}`

// plainJob is a job with nothing but an id, an image and perhaps a port and a token, as a master tells it.
func plainJob(id, ports, token string) string {
	return `{"id":"` + id + `","image":"nginx:1","hostname":null,"created":"<number>","command":[],"env":{},"resources":null,"ports":` + ports +
		`,"registration":{},"gracePeriod":null,"volumes":{},"expires":null,"registrationDomain":"","creatingUser":"alice","token":"` + token +
		`","healthCheck":null,"securityOpt":[],"networkMode":null,"metadata":{},"addCapabilities":[],"dropCapabilities":[],"labels":{},` +
		`"secondsToWaitBeforeKill":null,"ramdisks":{},"rolloutOptions":null,"runtime":null}`
}

const (
	portTCP = `{"http":{"ip":null,"internalPort":80,"externalPort":8080,"protocol":"tcp"}}`
	portUDP = `{"dns":{"ip":null,"internalPort":53,"externalPort":8080,"protocol":"udp"}}`

	hostInfo = `{"hostname":"host1.example.net","uname":"Linux host1 5.10","architecture":"amd64","osName":"Linux","osVersion":"5.10","cpus":8,` +
		`"loadAvg":0.28,"memoryTotalBytes":33421123584,"memoryFreeBytes":26494124032,"swapTotalBytes":0,"swapFreeBytes":0,` +
		`"dockerVersion":{"apiVersion":"1.41","arch":"amd64","gitCommit":"abc","goVersion":"go1.16","kernelVersion":"5.10","os":"linux","version":"20.10"},` +
		`"dockerHost":"unix:///var/run/docker.sock","dockerCertPath":null}`
	agentInfo = `{"name":"1@host1","vmName":"x","vmVendor":"x","vmVersion":"x","specName":"x","specVendor":"x","specVersion":"x",` +
		`"inputArguments":["--id","h"],"uptime":231779308,"startTime":1410308461448,"version":"0.9.0"}`
)

var (
	webJob  = plainJob("$WEB", portTCP, "")
	freeJob = plainJob("$FREE", portUDP, "")
	safeJob = plainJob("$SAFE", "{}", secret)
	rollJob = plainJob("$ROLL", "{}", "")

	webTask = `{"job":` + webJob + `,"goal":"START","state":"RUNNING","containerId":"5a31d4","throttled":"NO",` +
		`"ports":{"http":{"ip":null,"internalPort":80,"externalPort":8080,"protocol":"tcp"}},"env":{"MODE":"prod"},"containerError":""}`
	webDeployment = `{"jobId":"$WEB","goal":"START","deployerUser":"alice"}`
	webStatus     = `{"job":` + webJob + `,"taskStatuses":{"host1":` + webTask + `},"deployments":{"host1":` + webDeployment + `}}`
	rollingJob    = `{"jobId":"$ROLL","goal":"START","deployerUser":null,"deployerMaster":"<text>","deploymentGroupName":"busy"}`

	// agentNow is agentInfo as a master tells it: the time that an agent is up goes on.
	agentNow    = strings.Replace(agentInfo, "231779308", `"<number>"`, 1)
	host1Status = `{"status":"UP","jobs":{"$WEB":` + webDeployment + `,"$ROLL":` + rollingJob + `},"statuses":{"$WEB":` + webTask +
		`},"hostInfo":` + hostInfo + `,"agentInfo":` + agentNow + `,"environment":{"POD":"p1"},"labels":{"role":"web","rack":"a"}}`
	new1Status = `{"status":"DOWN","jobs":{},"statuses":{},"hostInfo":null,"agentInfo":null,"environment":{},"labels":{}}`

	rolloutOptions = `{"timeout":300,"parallelism":1,"migrate":false,"overlap":false,"token":"","ignoreFailures":false}`
	idleGroup      = `{"name":"idle","hostSelectors":[{"label":"role","operator":"EQUALS","operand":"web"}]}`
	busyGroup      = `{"name":"busy","hostSelectors":[{"label":"rack","operator":"EQUALS","operand":"a"}],"jobId":"$ROLL","rolloutOptions":` +
		rolloutOptions + `,"rollingUpdateReason":"MANUAL"}`
	doneGroup = `{"name":"done","hostSelectors":[{"label":"rack","operator":"NOT_IN","operand":["a","b"]}],"jobId":"$ROLL","rolloutOptions":` +
		`{"timeout":10,"parallelism":2,"migrate":true,"overlap":true,"token":"t","ignoreFailures":true},"rollingUpdateReason":"MANUAL"}`
)

// newWorld starts masters and the members of the pool that are alive.
func newWorld(t testing.TB, masters int) *world {
	t.Helper()
	w := &world{cluster: startCluster(t, masters), seq: map[string]uint64{}}
	w.joins("host1", "id-host1")
	w.joins("host2", "id-host2")
	return w
}

// restore brings the world back to what reset has made, with little to do where no more than something new was made.
func (w *world) restore() {
	w.t.Helper()
	if w.base != "" {
		w.clear(w.known)
		if len(changedLines(w.base, w.picture())) == 0 {
			return
		}
	}
	w.clear(nil)
	w.reset()
}

// reset makes the world out of nothing.
func (w *world) reset() {
	w.t.Helper()
	w.registers("host1", hostInfo, agentInfo, `{"POD":"p1"}`, `{"role":"web","rack":"a"}`)
	w.registers("host2", hostInfo, agentInfo, `{}`, `{"role":"web"}`)
	w.registers("was1", hostInfo, agentInfo, `{}`, `{"role":"web"}`)
	w.must("PUT", "/hosts/new1?id=new", "")

	create := func(text string) string {
		return decoded[struct{ ID string }](w.t, w.must("POST", "/jobs/?user=alice", text)).ID
	}
	web := create(`{"id":"web:1","image":"nginx:1","ports":` + portTCP + `}`)
	free := create(`{"id":"free:1","image":"nginx:1","ports":` + portUDP + `}`)
	safe := create(`{"id":"safe:1","image":"nginx:1","token":"` + secret + `"}`)
	full := create(fullJob)
	roll := create(`{"id":"roll:1","image":"nginx:1"}`)
	w.names = strings.NewReplacer("$WEB", web, "$FREE", free, "$SAFE", safe, "$FULL", full, "$ROLL", roll, "$UNKNOWN", unknownJob,
		"$MASTERS", encoded(w.cluster.names))

	w.must("PUT", "/hosts/host1/jobs/"+web+"?user=alice", `{"jobId":"`+web+`","goal":"START"}`)
	w.posts("host1", web, 1500000000001, `"state":"PULLING_IMAGE","containerId":null`)
	w.posts("host1", web, 1500000000002, `"state":"CREATING","containerId":null`)
	w.posts("host1", web, 1500000000003, `"state":"RUNNING","containerId":"5a31d4","ports":`+portTCP+`,"env":{"MODE":"prod"}`)
	w.groups(roll)
	w.awaitHost("host1", "UP")
	w.awaitHost("host2", "UP")
	w.base = w.picture()
	w.known = map[string]bool{"host1/" + web: true, "host1/" + roll: true}
	for _, name := range []string{web, free, safe, full, roll, "host1", "host2", "was1", "new1", "idle", "busy", "done"} {
		w.known[name] = true
	}
}

func (w *world) groups(roll string) {
	w.t.Helper()
	w.must("POST", "/deployment-group/", idleGroup)
	w.must("POST", "/deployment-group/", `{"name":"busy","hostSelectors":[{"label":"rack","operator":"EQUALS","operand":"a"}]}`)
	w.must("POST", "/deployment-group/", `{"name":"done","hostSelectors":[{"label":"rack","operator":"NOT_IN","operand":["a","b"]}]}`)
	w.must("POST", "/deployment-group/busy/rolling-update", `{"job":"`+roll+`","rolloutOptions":{}}`)
	w.must("POST", "/deployment-group/done/rolling-update",
		`{"job":"`+roll+`","rolloutOptions":{"timeout":10,"parallelism":2,"migrate":true,"overlap":true,"token":"t","ignoreFailures":true}}`)
	eventually(w.t, "the group busy to have deployed", func() error {
		return expectStatus(w.ask("GET", "/hosts/host1/jobs/"+roll, ""), http.StatusOK)
	})
	eventually(w.t, "the group done to be done", func() error {
		status := decoded[struct{ Status string }](w.t, w.must("GET", "/deployment-group/done/status", "")).Status
		if status != "ACTIVE" {
			return fmt.Errorf("it is %s", status)
		}
		return nil
	})
}

// clear removes everything but what is to be kept.
func (w *world) clear(keep map[string]bool) {
	w.t.Helper()
	for _, group := range decoded[[]string](w.t, w.must("GET", "/deployment-group/", "")) {
		if !keep[group] {
			w.must("DELETE", "/deployment-group/"+url.PathEscape(group), "")
		}
	}
	jobs := decoded[map[string]struct{ Token string }](w.t, w.must("GET", "/jobs/", ""))
	for _, host := range decoded[[]string](w.t, w.must("GET", "/hosts/", "")) {
		if !keep[host] {
			w.must("DELETE", "/hosts/"+url.PathEscape(host), "")
			continue
		}
		for id := range w.hostStatus(host).Jobs {
			if !keep[host+"/"+id] {
				w.must("DELETE", "/hosts/"+host+"/jobs/"+id+tokenQuery(jobs[id].Token), "")
			}
		}
	}
	for id, job := range jobs {
		if !keep[id] {
			w.must("DELETE", "/jobs/"+id+tokenQuery(job.Token), "")
		}
	}
}

func tokenQuery(token string) string {
	if token == "" {
		return ""
	}
	return "?token=" + url.QueryEscape(token)
}

// registers does what an agent does when it starts.
func (w *world) registers(host, hostInfo, agentInfo, environment, labels string) {
	w.t.Helper()
	body := w.must("PUT", "/v1/agents/"+host, `{"host":"`+host+`","agentId":"id-`+host+`","hostInfo":`+hostInfo+`,"agentInfo":`+agentInfo+
		`,"environment":`+environment+`,"labels":`+labels+`}`)
	w.seq[host] = decoded[struct{ AckedSeq uint64 }](w.t, body).AckedSeq
}

// posts does what an agent does when a task changes.
func (w *world) posts(host, job string, at int64, status string) {
	w.t.Helper()
	w.seq[host]++
	text := w.must("GET", "/jobs/"+job, "")
	w.must("POST", "/v1/agents/"+host+"/statuses", fmt.Sprintf(`{"agentId":"id-%s","reports":[{"seq":%d,"jobId":%q,"timestamp":%d,"status":{"job":%s,"goal":"START",%s}}]}`,
		host, w.seq[host], job, at, text, status))
}

// uptime is what goes on by itself.
var uptime = regexp.MustCompile(`"uptime":\d+`)

// picture is everything that the original's routes tell of the state, one JSON value a line.
func (w *world) picture() string {
	w.t.Helper()
	hosts := w.must("GET", "/hosts/", "")
	parts := []string{w.must("GET", "/jobs/", ""), hosts, w.must("POST", "/hosts/statuses", hosts), w.must("GET", "/deployment-group/", "")}
	for _, group := range decoded[[]string](w.t, parts[3]) {
		parts = append(parts, w.must("GET", "/deployment-group/"+url.PathEscape(group)+"/status", ""))
	}
	return uptime.ReplaceAllString(strings.Join(parts, "\n"), `"uptime":0`)
}
