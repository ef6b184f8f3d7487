package registrar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/heliosctl/heliosctl/daemon/daemontest/ports"
	"github.com/heliosctl/heliosctl/model"
)

// etcdServer is a real etcd on the loopback.
type etcdServer struct {
	url     string
	peer    string
	process *exec.Cmd
	exited  chan struct{}
	client  *clientv3.Client // of the test
}

// startEtcd starts an etcd for one test. Without the program the test is skipped, unless HELIOSCTL_REQUIRE_ETCD says it must not be.
func startEtcd(t *testing.T) *etcdServer {
	t.Helper()
	if _, err := exec.LookPath("etcd"); err != nil {
		if os.Getenv("HELIOSCTL_REQUIRE_ETCD") == "1" {
			t.Fatalf("HELIOSCTL_REQUIRE_ETCD=1, but there is no etcd: %v", err)
		}
		t.Skip("SKIPPED: no etcd in the PATH; install Debian's etcd-server, or set HELIOSCTL_REQUIRE_ETCD=1 to make this an error")
	}
	t.Parallel()
	s := &etcdServer{url: "http://" + ports.Address(t), peer: "http://" + ports.Address(t)}
	s.start(t)
	t.Cleanup(s.kill)
	var err error
	if s.client, err = clientv3.New(clientv3.Config{Endpoints: []string{s.url}, Logger: zap.NewNop()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.client.Close() })
	s.ready(t)
	return s
}

// start runs etcd on an empty folder.
func (s *etcdServer) start(t *testing.T) {
	t.Helper()
	s.process = exec.Command("etcd",
		"--data-dir", t.TempDir(), "--name", "test",
		"--listen-client-urls", s.url, "--advertise-client-urls", s.url,
		"--listen-peer-urls", s.peer, "--initial-advertise-peer-urls", s.peer, "--initial-cluster", "test="+s.peer,
	)
	endWithTest(s.process)
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	process, exited := s.process, make(chan struct{})
	s.exited = exited
	go func() {
		// How it ends is not the point: it is killed.
		_ = process.Wait()
		close(exited)
	}()
}

func (s *etcdServer) kill() {
	_ = s.process.Process.Kill()
	<-s.exited
}

// ready waits until etcd answers.
func (s *etcdServer) ready(t *testing.T) {
	t.Helper()
	eventually(t, func() error {
		select {
		case <-s.exited:
			t.Fatal("etcd has ended by itself")
		default:
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := s.client.Get(ctx, "ready")
		return err
	})
}

// records returns everything below the prefix.
func (s *etcdServer) records(ctx context.Context) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	answer, err := s.client.Get(ctx, DefaultSkyDNSPrefix+"/", clientv3.WithPrefix())
	if err != nil {
		return nil, err
	}
	records := map[string]string{}
	for _, kv := range answer.Kvs {
		records[string(kv.Key)] = string(kv.Value)
	}
	return records, nil
}

func (s *etcdServer) awaitKeys(t *testing.T, want ...string) {
	t.Helper()
	eventually(t, func() error {
		records, err := s.records(t.Context())
		if err != nil {
			return err
		}
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(records))); diff != "" {
			return fmt.Errorf("keys (-want +got):\n%s", diff)
		}
		return nil
	})
}

// run starts a registrar and returns the function that ends it.
func run(t *testing.T, r Registrar) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func (s *etcdServer) registrar(t *testing.T) Registrar {
	t.Helper()
	r, err := NewEtcd(EtcdConfig{Endpoints: []string{s.url}, LeaseTTL: minEtcdLeaseTTL, Logger: testLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func webOn(host string, port int) Registration {
	return Registration{
		Job:       model.JobID{Name: "web", Version: "1", Hash: strings.Repeat("a", 40)},
		Endpoints: []Endpoint{{Name: "web", Protocol: "http", Domain: "example.com", Host: host, Port: port}},
	}
}

const (
	web1Key = "/skydns/com/example/_http/_web/web1_example_com_8080"
	web2Key = "/skydns/com/example/_http/_web/web2_example_com_8080"
)

// resolve looks a service up the way CoreDNS does: everything below the labels of the name.
func (s *etcdServer) resolve(t *testing.T, name string) []skyDNSRecord {
	t.Helper()
	labels := strings.Split(strings.Trim(name, "."), ".")
	slices.Reverse(labels)
	prefix := "/skydns/" + strings.Join(labels, "/") + "/"
	records, err := s.records(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var found []skyDNSRecord
	for _, key := range slices.Sorted(maps.Keys(records)) {
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		var r skyDNSRecord
		if err := json.Unmarshal([]byte(records[key]), &r); err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		found = append(found, r)
	}
	return found
}

func TestEtcdRegistersAndUnregisters(t *testing.T) {
	s := startEtcd(t)
	r := s.registrar(t)
	run(t, r)
	first := r.Register(webOn("web1.example.com", 8080))
	second := r.Register(webOn("web2.example.com", 8080))
	s.awaitKeys(t, web1Key, web2Key)
	want := []skyDNSRecord{
		{Host: "web1.example.com.", Port: 8080, Priority: 10, Weight: 100, TTL: 10},
		{Host: "web2.example.com.", Port: 8080, Priority: 10, Weight: 100, TTL: 10},
	}
	if diff := cmp.Diff(want, s.resolve(t, "_web._http.example.com")); diff != "" {
		t.Errorf("service (-want +got):\n%s", diff)
	}

	// Unregister has removed the record when it returns: the task may be stopped.
	if err := r.Unregister(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want[1:], s.resolve(t, "_web._http.example.com")); diff != "" {
		t.Errorf("service after the first left (-want +got):\n%s", diff)
	}
	if err := r.Unregister(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	if left := s.resolve(t, "_web._http.example.com"); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestEtcdRegistersWhenItIsBack(t *testing.T) {
	s := startEtcd(t)
	s.kill()
	r := s.registrar(t)
	run(t, r)
	r.Register(webOn("web1.example.com", 8080))
	s.start(t)
	s.awaitKeys(t, web1Key)

	// It comes back without a lease or a record it ever had, as after a restore from a backup.
	s.kill()
	s.start(t)
	s.awaitKeys(t, web1Key)
}

func TestEtcdRecordsOutliveARestartOfTheirDaemon(t *testing.T) {
	s := startEtcd(t)
	old := s.registrar(t)
	stop := run(t, old)
	old.Register(webOn("web1.example.com", 8080))
	s.awaitKeys(t, web1Key)
	before, err := s.client.Get(t.Context(), web1Key)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	changes := s.client.Watch(ctx, web1Key, clientv3.WithRev(before.Header.Revision+1))

	stop()
	r := s.registrar(t)
	run(t, r)
	r.Register(webOn("web1.example.com", 8080))
	// The old lease ends meanwhile, and must take nothing with it.
	lease := clientv3.LeaseID(before.Kvs[0].Lease)
	eventually(t, func() error {
		left, err := s.client.TimeToLive(t.Context(), lease)
		if err == nil && left.TTL > 0 {
			err = fmt.Errorf("the old lease has %d s left", left.TTL)
		}
		return err
	})
	s.awaitKeys(t, web1Key)

	// Everything that happened is in one batch of the watch or in several, ended by a change of our own.
	if _, err := s.client.Put(t.Context(), web1Key, "end"); err != nil {
		t.Fatal(err)
	}
	for batch := range changes {
		for _, event := range batch.Events {
			if event.Type == clientv3.EventTypeDelete {
				t.Error("the record was away for a moment")
			}
			if string(event.Kv.Value) == "end" {
				return
			}
		}
	}
}

func TestEtcdLeavesTheSuccessorsRecordAlone(t *testing.T) {
	s := startEtcd(t)
	old, next := s.registrar(t), s.registrar(t)
	run(t, old)
	run(t, next)
	handle := old.Register(webOn("web1.example.com", 8080))
	s.awaitKeys(t, web1Key)
	before, err := s.client.Get(t.Context(), web1Key)
	if err != nil {
		t.Fatal(err)
	}
	next.Register(webOn("web1.example.com", 8080))
	eventually(t, func() error {
		now, err := s.client.Get(t.Context(), web1Key)
		if err == nil && (len(now.Kvs) == 0 || now.Kvs[0].Lease == before.Kvs[0].Lease) {
			err = fmt.Errorf("not taken over: %v", now.Kvs)
		}
		return err
	})
	if err := old.Unregister(t.Context(), handle); err != nil {
		t.Fatal(err)
	}
	s.awaitKeys(t, web1Key)
}

func TestEtcdWritesAgainWhenTheLeaseIsRevoked(t *testing.T) {
	s := startEtcd(t)
	r := s.registrar(t)
	run(t, r)
	r.Register(webOn("web1.example.com", 8080))
	s.awaitKeys(t, web1Key)
	record, err := s.client.Get(t.Context(), web1Key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.Revoke(t.Context(), clientv3.LeaseID(record.Kvs[0].Lease)); err != nil {
		t.Fatal(err)
	}
	s.awaitKeys(t, web1Key)
}

func TestEtcdFindsRecordsThatSomebodyDeleted(t *testing.T) {
	s := startEtcd(t)
	service, err := dialEtcd(EtcdConfig{Endpoints: []string{s.url}}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	defer service.close()
	for host, key := range map[string]string{"web1.example.com": web1Key, "web2.example.com": web2Key} {
		if err := service.put(t.Context(), record{id: key, endpoint: webOn(host, 8080).Endpoints[0]}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.client.Delete(t.Context(), web1Key); err != nil {
		t.Fatal(err)
	}
	service.(*etcd).looked = time.Now().Add(-etcdLookAgain)
	lost, err := service.refresh(t.Context(), []string{web1Key, web2Key})
	if diff := cmp.Diff([]string{web1Key}, lost); err != nil || diff != "" {
		t.Errorf("lost: %v (-want +got):\n%s", err, diff)
	}
}

func TestEtcdThatRefusesIsToldFromOneThatIsAway(t *testing.T) {
	s := startEtcd(t)
	service, err := dialEtcd(EtcdConfig{Endpoints: []string{s.url}}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	defer service.close()
	for _, step := range []func(context.Context) error{
		func(ctx context.Context) error { _, err := s.client.RoleAdd(ctx, "root"); return err },
		func(ctx context.Context) error { _, err := s.client.UserAdd(ctx, "root", "secret"); return err },
		func(ctx context.Context) error { _, err := s.client.UserGrantRole(ctx, "root", "root"); return err },
		func(ctx context.Context) error { _, err := s.client.AuthEnable(ctx); return err },
	} {
		if err := step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r := record{id: web1Key, endpoint: webOn("web1.example.com", 8080).Endpoints[0]}
	if err := service.put(t.Context(), r); err == nil || model.CodeOf(err) == model.CodeUnavailable {
		t.Errorf("put without a password: %v, want a refusal", err)
	}
	if _, err := dialEtcd(EtcdConfig{Endpoints: []string{s.url}, Username: "root", Password: "wrong"}.withDefaults()); model.CodeOf(err) == model.CodeUnavailable {
		t.Errorf("wrong password: %v, want a refusal", err)
	}
	known, err := dialEtcd(EtcdConfig{Endpoints: []string{s.url}, Username: "root", Password: "secret"}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	defer known.close()
	if err := known.put(t.Context(), r); err != nil {
		t.Errorf("put with the password: %v", err)
	}
	s.kill()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := known.put(ctx, r); model.CodeOf(err) != model.CodeUnavailable {
		t.Errorf("put into a dead etcd: %v, want code %s", err, model.CodeUnavailable)
	}
}

// doomedHost names the variable that makes this test program a host that registers a service and waits to be killed.
const doomedHost = "REGISTRAR_TEST_DOOMED_HOST"

func runDoomedHost() {
	r, err := NewEtcd(EtcdConfig{Endpoints: []string{os.Getenv(doomedHost)}, LeaseTTL: minEtcdLeaseTTL})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	r.Register(webOn("web1.example.com", 8080))
	_ = r.Run(context.Background())
}

func TestEtcdRecordsOfADeadHostVanish(t *testing.T) {
	s := startEtcd(t)
	doomed := exec.Command(os.Args[0])
	doomed.Env = append(os.Environ(), doomedHost+"="+s.url)
	endWithTest(doomed)
	if err := doomed.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = doomed.Wait() }()
	defer doomed.Process.Kill()
	survivor := s.registrar(t)
	run(t, survivor)
	survivor.Register(webOn("web2.example.com", 8080))
	s.awaitKeys(t, web1Key, web2Key)

	if err := doomed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	s.awaitKeys(t, web2Key)
}

func TestEtcdConfigurationFaults(t *testing.T) {
	_, err := NewEtcd(EtcdConfig{Prefix: "skydns", Names: "${srv}.${domain}", LeaseTTL: time.Second})
	var fault *model.Error
	if !errors.As(err, &fault) || fault.Code != model.CodeInvalid {
		t.Fatalf("got %v, want code %s", err, model.CodeInvalid)
	}
	if len(fault.Details) != 5 {
		t.Errorf("details %q, want one for each of 5 faults", fault.Details)
	}
}

func TestEtcdRegistersAddresses(t *testing.T) {
	s := startEtcd(t)
	r := s.registrar(t)
	run(t, r)
	endpoint := Endpoint{Name: "web", Protocol: "http", Domain: "local", Host: "node1", IP: netip.MustParseAddr("fd00::1"), Port: 80}
	r.Register(Registration{Endpoints: []Endpoint{endpoint}})
	s.awaitKeys(t, "/skydns/local/_http/_web/node1_80")
	want := []skyDNSRecord{{Host: "fd00::1", Port: 80, Priority: 10, Weight: 100, TTL: 10}}
	if diff := cmp.Diff(want, s.resolve(t, "_web._http.local.")); diff != "" {
		t.Errorf("service (-want +got):\n%s", diff)
	}
}
