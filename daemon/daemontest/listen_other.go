//go:build unix && !linux

package daemontest

import (
	"errors"
	"net"
)

var errNoNamespaces = errors.New("only Linux has network namespaces")

func listenIn(string, string) (net.Listener, error) {
	return nil, errNoNamespaces
}

func dialIn(string, string) (net.Conn, error) { return nil, errNoNamespaces }
