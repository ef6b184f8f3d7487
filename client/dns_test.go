package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

// nameServer answers from records in the form of zone files.
type nameServer struct {
	*net.Resolver // asks only this server

	mu      sync.Mutex
	records []dns.RR
}

func newNameServer(t *testing.T, records ...string) *nameServer {
	t.Helper()
	n := &nameServer{}
	n.set(t, records...)
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: conn, Handler: n}
	served := make(chan error, 1)
	started := make(chan struct{})
	server.NotifyStartedFunc = func() { close(started) }
	go func() { served <- server.ActivateAndServe() }()
	<-started
	t.Cleanup(func() {
		_ = server.Shutdown()
		<-served
	})
	n.Resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
	return n
}

func (n *nameServer) set(t *testing.T, records ...string) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.records = nil
	for _, text := range records {
		record, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		n.records = append(n.records, record)
	}
}

func (n *nameServer) ServeDNS(w dns.ResponseWriter, question *dns.Msg) {
	n.mu.Lock()
	defer n.mu.Unlock()
	answer := new(dns.Msg)
	answer.SetRcode(question, dns.RcodeNameError)
	for _, record := range n.records {
		if !strings.EqualFold(record.Header().Name, question.Question[0].Name) {
			continue
		}
		answer.Rcode = dns.RcodeSuccess
		if record.Header().Rrtype == question.Question[0].Qtype {
			answer.Answer = append(answer.Answer, record)
		}
	}
	_ = w.WriteMsg(answer)
}

func TestMastersAreFoundByDomain(t *testing.T) {
	secure := "_helios._https.secure.example. 60 IN SRV 0 0 443 m1.secure.example."
	tests := []struct {
		name    string
		records []string
		domain  client.Domain
		want    []string
	}{
		{"HTTPS first", []string{secure, "_helios._http.secure.example. 60 IN SRV 0 0 80 m2.secure.example."},
			client.Domain{Name: "secure.example"}, []string{"https://m1.secure.example:443"}},
		{"HTTP else, whatever the priority", []string{
			"_helios._http.plain.example. 60 IN SRV 9 1 5801 m1.plain.example.", "_helios._http.plain.example. 60 IN SRV 1 9 5802 m2.plain.example.",
		}, client.Domain{Name: "plain.example"}, []string{"http://m1.plain.example:5801", "http://m2.plain.example:5802"}},
		{"another service", []string{secure, "_other._http.secure.example. 60 IN SRV 0 0 81 m3.secure.example."},
			client.Domain{Name: "secure.example", Service: "other"}, []string{"http://m3.secure.example:81"}},
		{"other formats", []string{"helios.tls.odd.example. 60 IN SRV 0 0 7 m.odd.example."},
			client.Domain{Name: "odd.example", HTTPSFormat: "%s.tls.%s", HTTPFormat: "%s.tcp.%s"}, []string{"https://m.odd.example:7"}},
		{"a target that says there is none", []string{"_helios._http.none.example. 60 IN SRV 0 0 0 ."}, client.Domain{Name: "none.example"}, nil},
		{"a name without such records", []string{"_helios._http.txt.example. 60 IN TXT x"}, client.Domain{Name: "txt.example"}, nil},
		{"nothing", nil, client.Domain{Name: "nothing.example"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.domain.Resolver = newNameServer(t, test.records...).Resolver
			urls, err := test.domain.Resolve(context.Background())
			if diff := cmp.Diff(test.want, urls, cmpopts.SortSlices(strings.Compare)); diff != "" {
				t.Errorf("masters (-want +got):\n%s", diff)
			}
			if test.want != nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			want := fmt.Sprintf("Failed to resolve helios master in %s (srv: helios)", test.domain.Name)
			if !errors.Is(err, model.ErrUnavailable) || err.Error() != want {
				t.Errorf("error %v, want %q", err, want)
			}
		})
	}
}

// listenOn serves at an address of this machine with a given port, 0 for any.
func listenOn(t *testing.T, ip, port, name string) string {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(ip, port))
	if err != nil {
		t.Skipf("SKIPPED: %s is no address of this machine: %v", ip, err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: answer(200, `["`+name+`"]`)}}
	server.Start()
	t.Cleanup(server.Close)
	_, port, err = net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// TestANameWithSeveralAddresses holds that every address is a master, and that the one that is dead is passed over.
func TestANameWithSeveralAddresses(t *testing.T) {
	port := listenOn(t, "127.0.0.1", "0", "one")
	listenOn(t, "127.0.0.2", port, "two")
	names := newNameServer(t, "masters.example. 60 IN A 127.0.0.1", "masters.example. 60 IN A 127.0.0.2", "masters.example. 60 IN A 127.0.0.3",
		"_helios._http.example. 60 IN SRV 0 0 "+port+" masters.example.")
	for name, config := range map[string]client.Config{
		"named":           {Endpoints: []string{"http://masters.example:" + port}},
		"found by domain": {Domain: &client.Domain{Name: "example", Resolver: names.Resolver}},
	} {
		t.Run(name, func(t *testing.T) {
			config.Resolver = names.Resolver
			c := newClient(t, config)
			seen := map[string]bool{}
			for range 6 {
				masters, err := c.Masters(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				seen[masters[0]] = true
			}
			if diff := cmp.Diff(map[string]bool{"one": true, "two": true}, seen); diff != "" {
				t.Errorf("masters that answered (-want +got):\n%s", diff)
			}
		})
	}
}

func TestADomainWithoutMasters(t *testing.T) {
	names := newNameServer(t)
	c := newClient(t, client.Config{Domain: &client.Domain{Name: "example", Service: "x", Resolver: names.Resolver}})
	_, err := c.Masters(context.Background())
	if !errors.Is(err, model.ErrUnavailable) || err.Error() != "Failed to resolve helios master in example (srv: x)" {
		t.Errorf("error %v", err)
	}
}
