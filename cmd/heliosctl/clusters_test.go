package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/heliosctl/heliosctl/model"
)

// Three masters of one cluster and the one of another are two clusters, of which each gets a change once, also when a master is down.
func TestSeveralMastersAreAsManyClustersAsTheyAre(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.agent("web-1").waitFor("msg=ready")
	other, otherURL := startDev(t, t.TempDir(), "--runtime", "sim")
	awaitHost(t, c.all(), "web-1", model.Up)
	awaitHost(t, clientOf(t, otherURL), "dev-1", model.Up)
	urls := []string{c.urls["m1"], otherURL, c.urls["m2"], c.urls["m3"]}
	everywhere := func(args ...string) []string {
		for _, url := range urls {
			args = append(args, "-z", url)
		}
		return args
	}

	must(t, everywhere("create", "web:1", "unused:1")...)
	jobs := func() (byCluster map[string][]string) {
		t.Helper()
		if err := json.Unmarshal([]byte(must(t, everywhere("jobs", "-q", "--json")...)), &byCluster); err != nil {
			t.Fatal(err)
		}
		return byCluster
	}
	if found := jobs(); len(found) != 2 || len(found[urls[0]]) != 1 || !slices.Equal(found[urls[0]], found[otherURL]) {
		t.Fatalf("jobs by cluster: %v", found)
	}
	// A second deployment of a job to the same host would be refused.
	must(t, "deploy", "web:1", "web-1", "-z", c.urls["m1"], "-z", c.urls["m2"], "-z", c.urls["m3"])

	// A master that is down is known to be one of the cluster, even the one that is named first.
	c.masters["m1"].kill()
	if found := jobs(); len(found) != 2 || len(found[c.urls["m1"]]) != 1 {
		t.Fatalf("jobs by cluster without m1: %v", found)
	}
	must(t, "undeploy", "--yes", "web:1", "web-1", "-z", c.urls["m1"], "-z", c.urls["m2"], "-z", c.urls["m3"])

	// A cluster that is down is nobody's: the command fails on it, and works on the other.
	other.kill()
	stdout, stderr, code := runProgram(t, everywhere("create", "web:2", "unused:1", "--retry-timeout", "1ms")...)
	if code != 6 || !strings.Contains(stderr, "heliosctl: "+otherURL+": no master answers") || !contains(stdout, "web:2") {
		t.Errorf("ended with %d:\n%s%s", code, stdout, stderr)
	}
	if found, err := clientOf(t, c.urls["m3"]).Jobs(t.Context(), "web:2", ""); err != nil || len(found) != 1 {
		t.Errorf("the cluster that is up has %v, %v", found, err)
	}

	// Where nobody answers at all, nothing is known of who belongs to whom.
	for _, name := range []string{"m2", "m3"} {
		c.masters[name].kill()
	}
	_, stderr, code = runProgram(t, everywhere("jobs", "--retry-timeout", "1ms")...)
	if code != 6 || strings.Count(stderr, "no master answers") != len(urls) {
		t.Errorf("ended with %d:\n%s", code, stderr)
	}
}

// A context with several masters goes on without one of them.
func TestContextGoesOnWithoutAMaster(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	file := filepath.Join(t.TempDir(), "config.yaml")
	run := func(args ...string) string {
		t.Helper()
		p := startProcessEnv(t, []string{"HELIOSCTL_CONFIG=" + file}, args...)
		if code := p.wait(); code != exitOK {
			t.Fatalf("heliosctl %s ended with %d", strings.Join(args, " "), code)
		}
		printed, _ := p.out.read()
		return printed
	}
	run("context", "add", "prod", "-z", c.urls["m1"], "-z", c.urls["m2"], "-z", c.urls["m3"], "--use")
	run("create", "web:1", "unused:1")
	c.masters[c.leader()].kill()
	eventually(t, func() error {
		_, err := c.all().Jobs(t.Context(), "", "")
		return err
	})
	if printed := run("jobs", "-q", "--context", "prod"); !strings.HasPrefix(printed, "web:1:") {
		t.Errorf("jobs: %s", printed)
	}
}

// nameServer answers from records, and only from them.
func nameServer(t *testing.T, records ...string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var known []dns.RR
	for _, text := range records {
		record, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		known = append(known, record)
	}
	started, ended := make(chan struct{}), make(chan error, 1)
	server := &dns.Server{PacketConn: conn, NotifyStartedFunc: func() { close(started) }, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		answer := new(dns.Msg).SetReply(q)
		for _, record := range known {
			if h := record.Header(); h.Name == q.Question[0].Name && h.Rrtype == q.Question[0].Qtype {
				answer.Answer = append(answer.Answer, record)
			}
		}
		_ = w.WriteMsg(answer)
	})}
	go func() { ended <- server.ActivateAndServe() }()
	<-started
	t.Cleanup(func() {
		_ = server.Shutdown()
		<-ended
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// Domains are targets like others: two of one cluster are one, and one whose masters are down belongs to the cluster that knows them.
func TestDomainsOfOneClusterAreOne(t *testing.T) {
	t.Parallel()
	eu, us := newFakeMaster(t), startFakeMasterOf("cluster2", t.Cleanup)
	port := func(m *fakeMaster) string { return m.server.URL[strings.LastIndexByte(m.server.URL, ':')+1:] }
	record := func(domain, port string) string {
		return "_helios._http." + domain + ".test. 1 IN SRV 0 0 " + port + " master.test."
	}
	resolver := nameServer(t, "master.test. 1 IN A 127.0.0.1", record("eu", port(eu)), record("europe", port(eu)), record("us", port(us)),
		record("gone", "1"), record("stranger", "2"))
	eu.pool.Add(model.Member{Name: "m2", Role: model.RoleMaster, Status: model.MemberFailed, API: "http://127.0.0.1:1"})

	for domains, want := range map[string]string{
		"eu.test,europe.test":           "eu.test",
		"eu.test,us.test,europe.test":   "eu.test us.test",
		"gone.test,eu.test":             "gone.test", // the name is the first one's, though its masters are down
		"us.test,stranger.test,eu.test": "us.test stranger.test eu.test",
		"nowhere.test,europe.test":      "nowhere.test europe.test",
		"stranger.test,gone.test":       "stranger.test gone.test",
		"us.test,gone.test":             "us.test gone.test", // not a master of that cluster
	} {
		env := &environment{
			streams: streams{out: io.Discard, err: io.Discard}, getenv: func(string) string { return "" }, login: func() string { return "tester" },
			now: time.Now, running: t.Context(), resolver: resolver,
		}
		env.options.domains = []string{domains}
		clusters, err := env.clusters(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, c := range clusters {
			names = append(names, c.name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %q, want %q", domains, got, want)
		}
	}
}

// Masters that come back while a command runs are of one cluster all the same.
func TestMastersThatComeBackAreServedOnce(t *testing.T) {
	t.Parallel()
	master := newFakeMaster(t)
	args := []string{"create", "web:1", "busybox:1"}
	for range 3 {
		var asked atomic.Bool
		away := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !asked.Swap(true) {
				panic(http.ErrAbortHandler)
			}
			master.server.Config.Handler.ServeHTTP(w, r)
		}))
		t.Cleanup(away.Close)
		args = append(args, "-z", away.URL)
	}
	var out, errs strings.Builder
	env := &environment{
		streams: streams{in: strings.NewReader(""), out: &out, err: &errs}, getenv: func(string) string { return "" },
		login: func() string { return "tester" }, now: time.Now,
	}
	if code := execute(t.Context(), env, args); code != exitOK {
		t.Fatalf("ended with %d: %s%s", code, out.String(), errs.String())
	}
	if written := master.takeWritten(); !slices.Equal(written, []string{"POST /jobs"}) {
		t.Errorf("changes asked for: %q", written)
	}
}
