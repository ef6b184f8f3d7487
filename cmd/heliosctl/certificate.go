package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"path/filepath"
	"slices"
	"strings"
)

// secure makes the TLS settings for a target: the client certificate of HELIOS_CERT_PATH, and what --insecure leaves out. It is nil where
// there is nothing to set, and reads no file for masters without TLS.
func (env *environment) secure(t target) (*tls.Config, error) {
	secure := t.domain != nil || slices.ContainsFunc(t.masters, func(url string) bool { return strings.HasPrefix(url, "https:") })
	folder := env.getenv("HELIOS_CERT_PATH")
	if !secure || folder == "" && !env.options.insecure {
		return nil, nil
	}
	settings := &tls.Config{}
	if folder != "" {
		certificate, err := tls.LoadX509KeyPair(filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem"))
		if err != nil {
			return nil, usagef("HELIOS_CERT_PATH is %q, which has no usable cert.pem and key.pem: %v", folder, err)
		}
		settings.Certificates = []tls.Certificate{certificate}
	}
	if env.options.insecure {
		settings.InsecureSkipVerify = true // of everything, so the rest is checked here
		settings.VerifyConnection = verifyChain
	}
	return settings, nil
}

// verifyChain accepts a certificate that somebody trusted has signed, whatever host it is for.
func verifyChain(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the master has no certificate")
	}
	intermediates := x509.NewCertPool()
	for _, certificate := range state.PeerCertificates[1:] {
		intermediates.AddCert(certificate)
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Intermediates: intermediates})
	return err
}
