package registrar

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/heliosctl/heliosctl/model"
)

// serve runs a name server for one test.
func serve(t testing.TB, c Catalog) *DNS {
	t.Helper()
	d, err := NewDNS(DNSConfig{Listen: "127.0.0.1:0", Domain: "helios.test", Catalog: c})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return d
}

func exchange(t testing.TB, d *DNS, network string, query *dns.Msg) *dns.Msg {
	t.Helper()
	client := dns.Client{Net: network, Timeout: 10 * time.Second}
	reply, _, err := client.Exchange(query, d.Addr().String())
	if err != nil {
		t.Fatalf("%s: %v", network, err)
	}
	return reply
}

func TestDNSAnswersByUDPAndTCP(t *testing.T) {
	c := newCatalog(web("web1", "10.0.0.1", 20001))
	c.masters = []Endpoint{MasterEndpoint(Host{Name: "master1"}, 5801)}
	d := serve(t, c)
	for _, network := range []string{"udp", "tcp"} {
		reply := exchange(t, d, network, ask("_web._http.helios.test.", dns.TypeSRV))
		want := []string{"_web._http.helios.test. 5 SRV 1 1 20001 web1.host.helios.test."}
		if diff := cmp.Diff(want, lines(reply.Answer)); diff != "" {
			t.Errorf("%s: service (-want +got):\n%s", network, diff)
		}
		reply = exchange(t, d, network, ask("_helios._http.helios.test.", dns.TypeSRV))
		if diff := cmp.Diff([]string{"_helios._http.helios.test. 5 SRV 1 1 5801 master1."}, lines(reply.Answer)); diff != "" {
			t.Errorf("%s: masters (-want +got):\n%s", network, diff)
		}
	}
}

func TestDNSLargeAnswers(t *testing.T) {
	d := serve(t, newCatalog(manyWebs(200)...))
	query := ask("_web._http.helios.test.", dns.TypeSRV)
	plain := exchange(t, d, "udp", query)
	extended := exchange(t, d, "udp", ask("_web._http.helios.test.", dns.TypeSRV).SetEdns0(4096, false))
	whole := exchange(t, d, "tcp", query)
	if !plain.Truncated || !extended.Truncated || whole.Truncated {
		t.Errorf("truncated: plain UDP %v, EDNS %v, TCP %v; want true, true, false", plain.Truncated, extended.Truncated, whole.Truncated)
	}
	if len(whole.Answer) != 200 || len(extended.Answer) <= len(plain.Answer) || len(plain.Answer) == 0 {
		t.Errorf("records: plain UDP %d, EDNS %d, TCP %d", len(plain.Answer), len(extended.Answer), len(whole.Answer))
	}
}

func TestDNSForgetsADeadHost(t *testing.T) {
	c := newCatalog(web("web1", "10.0.0.1", 80), web("web2", "10.0.0.2", 80))
	d := serve(t, c)
	addresses := func() []string {
		return lines(exchange(t, d, "udp", ask("web.http.helios.test.", dns.TypeA)).Answer)
	}
	await := func(want ...string) {
		t.Helper()
		eventually(t, func() error {
			if diff := cmp.Diff(want, addresses()); diff != "" {
				return fmt.Errorf("addresses (-want +got):\n%s", diff)
			}
			return nil
		})
	}
	await("web.http.helios.test. 5 A 10.0.0.1", "web.http.helios.test. 5 A 10.0.0.2")
	c.set(web("web2", "10.0.0.2", 80))
	await("web.http.helios.test. 5 A 10.0.0.2")
	c.set()
	eventually(t, func() error {
		if reply := exchange(t, d, "udp", ask("web.http.helios.test.", dns.TypeA)); reply.Rcode != dns.RcodeNameError {
			return fmt.Errorf("answers %s", dns.RcodeToString[reply.Rcode])
		}
		return nil
	})
	if reply := exchange(t, d, "udp", ask("web1.host.helios.test.", dns.TypeA)); reply.Rcode != dns.RcodeNameError {
		t.Errorf("the dead host is still %s", dns.RcodeToString[reply.Rcode])
	}
	c.set(web("web1", "10.0.0.1", 80))
	await("web.http.helios.test. 5 A 10.0.0.1")
}

func TestDNSSerialGrows(t *testing.T) {
	c := newCatalog()
	d := serve(t, c)
	serial := func() uint32 {
		return exchange(t, d, "udp", ask("helios.test.", dns.TypeSOA)).Answer[0].(*dns.SOA).Serial
	}
	before := serial()
	c.set(web("web1", "10.0.0.1", 80))
	eventually(t, func() error {
		if now := serial(); now <= before {
			return fmt.Errorf("serial %d, was %d", now, before)
		}
		return nil
	})
}

// slowCatalog takes its time, as one of a large cluster does.
type slowCatalog struct {
	*liveCatalog
	takes time.Duration
	reads int
}

func (c *slowCatalog) Endpoints() []Endpoint {
	time.Sleep(c.takes)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	return c.endpoints
}

func TestDNSRestsBetweenBuildsOfABusyCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &slowCatalog{liveCatalog: newCatalog(), takes: 10 * time.Millisecond}
		d := &DNS{catalog: c, log: testLogger(t), apex: testApex, ttl: 5}
		ctx, cancel := context.WithCancel(t.Context())
		changed := c.Changed()
		rest := d.build()
		done := make(chan error, 1)
		go func() { done <- d.watch(ctx, changed, rest) }()

		// After a quiet time a change counts at once.
		time.Sleep(time.Minute)
		c.set(web("web1", "10.0.0.1", 80))
		synctest.Wait()
		time.Sleep(c.takes)
		synctest.Wait()
		if d.zone.Load().nodes["web.http.helios.test."] == nil {
			t.Error("the change is not seen yet")
		}

		// When something changes all the time, a build follows at most every tenth of the time it takes.
		before := c.reads
		for range 1000 {
			time.Sleep(10 * time.Millisecond)
			c.set()
		}
		if builds := c.reads - before; builds < 80 || builds > 101 {
			t.Errorf("%d builds of 10 ms in 10 s of steady change, want about 100", builds)
		}
		// The last change is not forgotten.
		c.set(web("web2", "10.0.0.2", 80))
		time.Sleep(time.Second)
		if d.zone.Load().nodes["web2.host.helios.test."] == nil {
			t.Error("the last change is not seen")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestDNSConfigurationFaults(t *testing.T) {
	_, err := NewDNS(DNSConfig{Listen: "127.0.0.1:0", Domain: "", TTL: time.Millisecond})
	var fault *model.Error
	if !errors.As(err, &fault) || fault.Code != model.CodeInvalid || len(fault.Details) != 3 {
		t.Errorf("got %v, want code %s with 3 details", err, model.CodeInvalid)
	}
	if _, err := NewDNS(DNSConfig{Listen: "5807", Domain: "helios", Catalog: newCatalog()}); model.CodeOf(err) != model.CodeInvalid {
		t.Errorf("address without a host: %v, want code %s", err, model.CodeInvalid)
	}
}

func TestDNSTellsThatItsAddressIsTaken(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			var address string
			if network == "udp" {
				taken, err := net.ListenPacket("udp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer taken.Close()
				address = taken.LocalAddr().String()
			} else {
				taken, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer taken.Close()
				address = taken.Addr().String()
			}
			_, err := NewDNS(DNSConfig{Listen: address, Domain: "helios", Catalog: newCatalog()})
			if model.CodeOf(err) != model.CodeUnavailable || !strings.Contains(err.Error(), address) {
				t.Errorf("got %v, want code %s and the address", err, model.CodeUnavailable)
			}
		})
	}
}

func TestDNSGivesItsAddressBack(t *testing.T) {
	d, err := NewDNS(DNSConfig{Listen: "127.0.0.1:0", Domain: "helios", Catalog: newCatalog()})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d, err = NewDNS(DNSConfig{Listen: d.Addr().String(), Domain: "helios", Catalog: newCatalog()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Run(ctx); err != nil {
		t.Errorf("Run that ends at once: %v", err)
	}
}

func TestDNSEndsWhenASocketFails(t *testing.T) {
	d, err := NewDNS(DNSConfig{Listen: "127.0.0.1:0", Domain: "helios", Catalog: newCatalog()})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.udp.Close(); err != nil {
		t.Fatal(err)
	}
	if err := d.Run(t.Context()); model.CodeOf(err) != model.CodeUnavailable {
		t.Errorf("got %v, want code %s", err, model.CodeUnavailable)
	}
}

// dig asks as people do.
func dig(t *testing.T, d *DNS, args ...string) string {
	t.Helper()
	program, err := exec.LookPath("dig")
	if err != nil {
		t.Skip("SKIPPED: no dig in the PATH; install Debian's bind9-dnsutils")
	}
	all := append([]string{"@" + d.Addr().Addr().String(), "-p", fmt.Sprint(d.Addr().Port()), "+noall", "+answer", "+comments"}, args...)
	output, err := exec.CommandContext(t.Context(), program, all...).CombinedOutput()
	if err != nil {
		t.Fatalf("dig %v: %v\n%s", args, err, output)
	}
	return string(output)
}

func TestDigResolvesAServiceAndNoMoreWhenItsHostIsDead(t *testing.T) {
	c := newCatalog(web("web1", "10.0.0.1", 20001))
	d := serve(t, c)
	if got := dig(t, d, "SRV", "_web._http.helios.test"); !strings.Contains(got, "1 1 20001 web1.host.helios.test.") {
		t.Errorf("dig SRV:\n%s", got)
	}
	if got := dig(t, d, "A", "web.http.helios.test", "+short"); strings.TrimSpace(got) != "10.0.0.1" {
		t.Errorf("dig A:\n%s", got)
	}
	c.set()
	eventually(t, func() error {
		if got := dig(t, d, "SRV", "_web._http.helios.test"); !strings.Contains(got, "status: NXDOMAIN") {
			return fmt.Errorf("dig SRV:\n%s", got)
		}
		return nil
	})
}

func TestDigGoesToTCPForLargeAnswers(t *testing.T) {
	d := serve(t, newCatalog(manyWebs(200)...))
	got := dig(t, d, "SRV", "_web._http.helios.test")
	if count := strings.Count(got, ".host.helios.test."); count != 200 {
		t.Errorf("dig sees %d of 200 records", count)
	}
	if got := dig(t, d, "SRV", "_web._http.helios.test", "+ignore", "+bufsize=1232"); !strings.Contains(got, " tc") {
		t.Errorf("dig without TCP:\n%s", got)
	}
}

func TestDigOutsideTheDomainIsRefused(t *testing.T) {
	d := serve(t, newCatalog())
	if got := dig(t, d, "A", "example.com"); !strings.Contains(got, "status: REFUSED") {
		t.Errorf("dig:\n%s", got)
	}
}
