package main

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/heliosctl/heliosctl/daemon/daemontest/ports"
	"github.com/heliosctl/heliosctl/model"
)

// ask returns the ports of the SRV records of a name and the answer's code.
func ask(t *testing.T, server, name string) (ports []uint16, code int) {
	t.Helper()
	question := new(dns.Msg)
	question.SetQuestion(name, dns.TypeSRV)
	answer, err := dns.Exchange(question, server)
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range answer.Answer {
		if srv, ok := record.(*dns.SRV); ok {
			ports = append(ports, srv.Port)
		}
	}
	return ports, answer.Rcode
}

// awaitAnswer asks at every event of the cluster until the number of records is right.
func awaitAnswer(t *testing.T, url, server, name string, want int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, err := range clientOf(t, url).Events(ctx, 0) {
		if err != nil {
			t.Fatalf("waiting for %d records of %s: %v", want, name, err)
		}
		// The name server hears of the event at the same time as this test.
		for range 50 {
			if ports, _ := ask(t, server, name); len(ports) == want {
				return
			}
		}
	}
}

func TestServicesAreFoundByDNSAndLeaveWithTheirHost(t *testing.T) {
	t.Parallel()
	gossip, api, names := ports.Address(t), ports.Address(t), ports.Address(t)
	startProcess(t, "master", "--name", "m1", "--state-dir", t.TempDir(), "--http", api, "--admin", ports.Address(t),
		"--gossip", gossip, "--raft", ports.Address(t), "--dns-listen", names, "--domain", "test.internal").waitFor("msg=ready")
	agent := startProcess(t, "agent", "--name", "web-1", "--state-dir", t.TempDir(), "--no-http", "--gossip", ports.Address(t),
		"--join", gossip, "--runtime", "sim")
	url := "http://" + api
	awaitHost(t, clientOf(t, url), "web-1", model.Up)

	if ports, code := ask(t, names, "_helios._http.test.internal."); len(ports) != 1 || code != dns.RcodeSuccess {
		t.Errorf("the masters: %v, %s", ports, dns.RcodeToString[code])
	}
	if _, code := ask(t, names, "_web._http.test.internal."); code != dns.RcodeNameError {
		t.Errorf("before the deployment: %s", dns.RcodeToString[code])
	}
	must(t, "create", "--master", url, "web:1", "unused:1", "--port", "http=80:8123", "--register", "web/http=http")
	must(t, "deploy", "--master", url, "--wait", "web:1", "web-1")
	awaitAnswer(t, url, names, "_web._http.test.internal.", 1)
	if ports, _ := ask(t, names, "_WEB._http.Test.Internal."); len(ports) != 1 || ports[0] != 8123 {
		t.Errorf("the service answers at %v, want port 8123", ports)
	}

	agent.kill()
	awaitAnswer(t, url, names, "_web._http.test.internal.", 0)
}

// The masters' own name server is one that the command line finds them by.
func TestMastersAreFoundByDomain(t *testing.T) {
	t.Parallel()
	api, names := ports.Address(t), ports.Address(t)
	startProcess(t, "master", "--name", "m1", "--state-dir", t.TempDir(), "--http", api, "--admin", ports.Address(t),
		"--gossip", ports.Address(t), "--raft", ports.Address(t), "--dns-listen", names, "--domain", "test.internal").waitFor("msg=ready")
	tests := []struct {
		name      string
		args      []string
		variables map[string]string
	}{
		{"flag", []string{"-d", "test.internal"}, map[string]string{"HELIOS_MASTER": "http://127.0.0.1:1"}},
		{"variable", nil, map[string]string{"HELIOS_MASTER": "domain://test.internal"}},
		{"another name by another format", []string{"--domains", "internal", "--srv-name", "test"},
			map[string]string{"HELIOS_HTTPS_SRV_FORMAT": "_no.%s.%s", "HELIOS_HTTP_SRV_FORMAT": "_helios._http.%s.%s"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out, errors strings.Builder
			env := processEnvironment()
			env.out, env.err = &out, &errors
			env.getenv = func(name string) string { return test.variables[name] }
			env.resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, network, names)
			}}
			if code := execute(t.Context(), env, append([]string{"masters"}, test.args...)); code != exitOK || !strings.Contains(out.String(), "m1") {
				t.Errorf("exit code %d, stdout %q, stderr %q", code, out.String(), errors.String())
			}
		})
	}
}
