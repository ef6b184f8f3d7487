package demo

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// role is a kind of host and what runs on all of them.
type role struct {
	name, prefix string
	share        int // of 400 hosts
	jobs         []string
}

var roles = []role{
	{"web", "web", 120, []string{"web-api:41", "envoy-edge:33", "session:8", "rate-limit:12"}},
	{"api", "api", 90, []string{"search-api:11", "auth-api:27", "cart-api:18", "catalog:44", "feature-flags:22"}},
	{"pay", "pay", 52, []string{"pay-worker:7", "pay-ledger:21", "invoice:31", "audit:5"}},
	{"geo", "geo", 40, []string{"geo-cache:3", "geo-api:15", "cdn-warm:4"}},
	{"batch", "bat", 98, []string{"report:19", "thumbs:12", "rec-train:2"}},
}

var everywhere = []string{"node-exporter:5", "log-ship:14", "consul-agent:9"}

// scattered are jobs that run here and there.
var scattered = []string{
	"auth-ui:13", "cart-ui:40", "promo:7", "stock-sync:10", "stock-api:9", "mailer:6", "rec-engine:16", "search-idx:8", "billing-ui:3", "fraud:14",
	"price-feed:21", "review-api:5", "image-proxy:11", "short-links:2", "webhooks:17", "ab-test:4", "metrics-gw:6", "sitemap:1", "gdpr-export:3", "newsletter:8",
}

var tokenJobs = []string{"pay-worker", "auth-api"}

func parse(text string) (name string, version int) {
	name, after, _ := strings.Cut(text, ":")
	_, _ = fmt.Sscan(after, &version)
	return name, version
}

func (f *Fleet) build(hosts int) {
	f.store.SetFreshness(tui.Freshness{State: tui.Live, Master: "master-2", Leader: true})
	f.quiet = true
	number := 100
	for _, role := range roles {
		for range max(1, role.share*hosts/400) {
			f.addHost(role, number)
			number++
		}
	}
	f.scatter()
	f.quiet = false
	f.buildMasters()
	f.buildGroups()
	f.buildTrouble()
	f.tickGauges()
	f.wander()
}

func (f *Fleet) buildMasters() {
	var masters []tui.Master
	var members []model.Member
	for i := 1; i <= 3; i++ {
		name, state := fmt.Sprintf("master-%d", i), model.MasterFollower
		if i == 2 {
			state = model.MasterLeader
		}
		address := fmt.Sprintf("10.4.1.%d", 10+i)
		masters = append(masters, tui.Master{
			Name: name, Address: "http://" + address + ":5801", State: state, Voter: true, Alive: true, Version: "1.4.0", Term: 7,
			Index: 918_204, LastContact: time.Duration((i-2)*(i-2)) * 7 * time.Millisecond, Connected: i == 2,
		})
		members = append(members, model.Member{
			Name: name, Role: model.RoleMaster, Status: model.MemberAlive, Address: address + ":5805", API: "http://" + address + ":5801",
			Raft: address + ":5806", ClusterID: "demo", Version: "1.4.0",
		})
	}
	f.store.SetMasters(masters)
	for i, h := range f.hosts {
		members = append(members, model.Member{
			Name: h.facts.Name, Role: model.RoleAgent, Status: model.MemberAlive, Address: fmt.Sprintf("10.4.%d.%d:5805", 2+i/200, 1+i%200),
			ClusterID: "demo", Version: h.facts.Agent.Version,
		})
	}
	f.store.SetMembers(members)
}

func (f *Fleet) addHost(r role, number int) {
	name := fmt.Sprintf("%s-%d.eu1", r.prefix, number)
	rack := fmt.Sprintf("b%d", 1+(number*7/11)%8)
	version := "1.4.0"
	if f.random.IntN(40) == 0 {
		version = "1.3.2"
	}
	up := f.between(2*24*time.Hour, 90*24*time.Hour)
	h := &host{load: 0.1 + 0.6*f.random.Float64(), memory: 0.2 + 0.6*f.random.Float64()}
	h.facts = tui.Host{
		Name: name, Status: model.Up, Since: f.now.Add(-up),
		Labels: map[string]string{"role": r.name, "rack": rack, "zone": "eu1-" + string("abc"[number%3]), "canary": yes(number%23 == 0)},
		Info: &model.HostInfo{
			Hostname: name, Architecture: "amd64", OSName: "Linux", OSVersion: "6.1.0-26", Uname: "Linux " + name + " 6.1.0-26-amd64",
			CPUs: 16, MemoryTotalBytes: 64 << 30, DockerVersion: &model.DockerVersion{Version: "27.3.1", APIVersion: "1.47"},
			DockerHost: "unix:///var/run/docker.sock", Runtime: "docker",
		},
		Agent:       &model.AgentInfo{Name: name, Version: version, StartTime: model.TimestampOf(f.now.Add(-up)), Uptime: up.Milliseconds()},
		Environment: map[string]string{"REGION": "eu1", "RACK": rack, "REGISTRY": "registry.eu"},
	}
	f.hosts = append(f.hosts, h)
	f.byName[name] = h
	f.store.SetHost(h.facts)
	for _, job := range slices.Concat(everywhere, r.jobs) {
		f.settle(name, job)
	}
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// scatter puts the jobs that run here and there somewhere.
func (f *Fleet) scatter() {
	for i, job := range scattered {
		n := 4 + f.random.IntN(6+3*i)
		for _, at := range f.random.Perm(len(f.hosts))[:min(n, len(f.hosts))] {
			f.settle(f.hosts[at].facts.Name, job)
		}
	}
}

// settle makes a task that has been running for long.
func (f *Fleet) settle(hostName, job string) {
	name, version := parse(job)
	id := f.define(name, version)
	t := f.newTask(hostName, id, model.GoalStart, "")
	since := f.now
	f.now = f.now.Add(-f.between(12*time.Hour, 50*24*time.Hour))
	f.enter(t, model.StateRunning, "healthy")
	f.now = since
}

// define makes a job known.
func (f *Fleet) define(name string, version int) model.JobID {
	id := f.job(name, version)
	if f.jobs[id] != nil {
		return id
	}
	created := model.TimestampOf(f.now.Add(-f.between(24*time.Hour, 60*24*time.Hour)))
	spec := &model.Job{
		ID: id, Image: fmt.Sprintf("registry.eu/%s:%d", strings.Replace(name, "-", "/", 1), version), Created: &created, CreatingUser: "deploy-bot",
		Env:   map[string]string{"LOG_LEVEL": "info", "REGION": "eu1"},
		Ports: map[string]model.PortMapping{"http": {InternalPort: 8000 + int(sum(name)%999), Protocol: "tcp"}},
	}
	if sum(name)%3 != 0 {
		spec.HealthCheck = &model.HealthCheck{Type: model.HealthCheckHTTP, Path: "/health", Port: "http"}
	}
	if slices.Contains(tokenJobs, name) {
		spec.Token = Token
	}
	f.jobs[id] = spec
	shown := *spec
	f.store.SetJob(&shown)
	return id
}

func (f *Fleet) sortedJobs() []*model.Job {
	jobs := make([]*model.Job, 0, len(f.jobs))
	for _, job := range f.jobs {
		jobs = append(jobs, job)
	}
	slices.SortFunc(jobs, func(a, b *model.Job) int { return a.ID.Compare(b.ID) })
	return jobs
}

func sortTransitions(t []tui.Transition) {
	slices.SortStableFunc(t, func(a, b tui.Transition) int { return a.At.Compare(b.At) })
}

// tickGauges reads the gauges of a fifth of the hosts every second.
func (f *Fleet) tickGauges() {
	round := 0
	var tick func()
	tick = func() {
		for i := round % 5; i < len(f.hosts); i += 5 {
			h := f.hosts[i]
			if h.facts.Status != model.Up {
				continue
			}
			h.load = min(max(h.load+0.06*(f.random.Float64()-0.5), 0.03), 1.1)
			h.memory = min(max(h.memory+0.02*(f.random.Float64()-0.5), 0.15), 0.97)
			memory := float64(h.facts.Info.MemoryTotalBytes)
			f.store.SetGauges(h.facts.Name, 16*h.load, int64(memory*(1-h.memory)), f.now)
		}
		round++
		f.after(time.Second, tick)
	}
	tick()
	for range 4 {
		round++
		for i := round % 5; i < len(f.hosts); i += 5 {
			h := f.hosts[i]
			memory := float64(h.facts.Info.MemoryTotalBytes)
			f.store.SetGauges(h.facts.Name, 16*h.load, int64(memory*(1-h.memory)), f.now)
		}
	}
}
