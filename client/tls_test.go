package client_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/client"
)

func TestTLSCarriesTheClientCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `["m1"]`) }))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())

	for _, test := range []struct {
		name   string
		config *tls.Config
		works  bool
	}{
		{"none", nil, false},
		{"the root alone", &tls.Config{RootCAs: roots}, false},
		{"both", &tls.Config{RootCAs: roots, Certificates: server.TLS.Certificates}, true},
	} {
		var seen []client.Exchange
		api, err := client.New(client.Config{
			Endpoints: []string{server.URL}, RetryTimeout: time.Millisecond, TLS: test.config,
			Trace: func(e client.Exchange) { seen = append(seen, e) },
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = api.Masters(t.Context())
		if (err == nil) != test.works {
			t.Errorf("%s: %v", test.name, err)
		}
		if len(seen) == 0 || seen[0].Master != server.URL || seen[0].Method != http.MethodGet || seen[0].Path != "/masters" ||
			(seen[0].Status == http.StatusOK) != test.works || (seen[0].Err == nil) != test.works {
			t.Errorf("%s: traced %+v", test.name, seen)
		}
		_ = api.Close()
	}
}
