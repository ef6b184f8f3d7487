package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// startTLSMaster serves a master behind TLS that asks for a client certificate. It returns its URL, the file of the root that has signed
// its certificate, and a folder with a client certificate.
func startTLSMaster(t *testing.T) (url, root, folder string) {
	t.Helper()
	master := newFakeMaster(t)
	server := httptest.NewUnstartedServer(master.server.Config.Handler)
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	folder = t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: server.Certificate().Raw}, "key.pem": {Type: "PRIVATE KEY", Bytes: key},
	} {
		writeText(t, filepath.Join(folder, name), string(pem.EncodeToMemory(block)))
	}
	return server.URL, filepath.Join(folder, "cert.pem"), folder
}

func TestMastersBehindTLS(t *testing.T) {
	t.Parallel()
	url, root, folder := startTLSMaster(t)
	elsewhere := strings.Replace(url, "127.0.0.1", "localhost", 1) // which the certificate is not for
	broken := t.TempDir()
	writeText(t, filepath.Join(broken, "cert.pem"), "nonsense")
	for _, test := range []struct {
		name, args string
		env        []string
		code       int
		want       string
	}{
		{"all is well", "-z " + url, []string{"SSL_CERT_FILE=" + root, "HELIOS_CERT_PATH=" + folder}, 0, "master1\n"},
		{"no client certificate", "-z " + url, []string{"SSL_CERT_FILE=" + root}, 6, "certificate required"},
		{"unknown root", "-z " + url, []string{"SSL_CERT_FILE=" + os.DevNull, "HELIOS_CERT_PATH=" + folder}, 6, "unknown authority"},
		{"another host", "-z " + elsewhere, []string{"SSL_CERT_FILE=" + root, "HELIOS_CERT_PATH=" + folder}, 6, "not localhost"},
		{"another host, and nobody minds", "-k -z " + elsewhere, []string{"SSL_CERT_FILE=" + root, "HELIOS_CERT_PATH=" + folder}, 0, "master1\n"},
		{"unknown root all the same", "-k -z " + elsewhere, []string{"SSL_CERT_FILE=" + os.DevNull, "HELIOS_CERT_PATH=" + folder}, 6, "unknown authority"},
		{"no such folder", "-z " + url, []string{"HELIOS_CERT_PATH=/nowhere"}, 2, `HELIOS_CERT_PATH is "/nowhere", which has no usable cert.pem and key.pem: open /nowhere/cert.pem`},
		{"no certificate in it", "-z " + url, []string{"HELIOS_CERT_PATH=" + broken}, 2, "which has no usable cert.pem and key.pem"},
		{"not needed without TLS", "-z http://127.0.0.1:1", []string{"HELIOS_CERT_PATH=/nowhere"}, 6, "connection refused"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := startProcessEnv(t, test.env, append(strings.Fields(test.args), "masters", "--retry-timeout", "1ms")...)
			code := p.wait()
			if printed, _ := p.out.read(); code != test.code || !strings.Contains(printed, test.want) {
				t.Errorf("ended with %d, want %d with %q:\n%s", code, test.code, test.want, printed)
			}
		})
	}
}
