package daemon

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"syscall"

	sockaddr "github.com/hashicorp/go-sockaddr"

	"github.com/heliosctl/heliosctl/model"
)

// listen opens the TCP address of one of our servers. The address is host:port or, as the original wanted it, http://host:port.
// Errors name the flag to change.
func listen(addr, flag string) (net.Listener, error) {
	hostPort := strings.TrimSuffix(strings.TrimPrefix(addr, "http://"), "/")
	_, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, model.Errorf(model.CodeInvalid, "%s %q is not an address; give it as HOST:PORT", flag, addr)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return nil, model.Errorf(model.CodeInvalid, "%s %q: port %q is not a number from 0 to 65535", flag, addr, port)
	}
	l, err := net.Listen("tcp", hostPort)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, model.Errorf(model.CodeUnavailable, "%s is in use, perhaps by another heliosctl or Helios; stop that one or choose another address with %s", hostPort, flag)
	case errors.Is(err, syscall.EACCES):
		return nil, model.Errorf(model.CodeUnavailable, "this user may not listen on %s; choose a port above 1023 with %s", hostPort, flag)
	case err != nil:
		return nil, model.Errorf(model.CodeInvalid, "cannot listen on %s: %v; choose another address with %s", hostPort, err, flag)
	}
	return l, nil
}

// reachable is the base URL at which others find what listens on l: with a wildcard address, at the host given.
func reachable(l net.Listener, host string) string {
	addr := l.Addr().(*net.TCPAddr)
	if !addr.IP.IsUnspecified() {
		host = addr.IP.String()
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(addr.Port))
}

// advertisedIP is the address of this machine that others use: the one given, else that which gossip listens on, else the one
// that packets to the outside would leave from.
func advertisedIP(given, gossipAddr string) (string, error) {
	if given != "" {
		if net.ParseIP(given) == nil {
			return "", model.Errorf(model.CodeInvalid, "--advertise %q is not an IP address", given)
		}
		return given, nil
	}
	host, _, err := net.SplitHostPort(gossipAddr)
	if err != nil {
		return "", model.Errorf(model.CodeInvalid, "--gossip %q is not an address; give it as IP:PORT", gossipAddr)
	}
	if ip := net.ParseIP(host); ip != nil && !ip.IsUnspecified() {
		return host, nil
	}
	ip, err := sockaddr.GetPrivateIP()
	if err != nil || ip == "" {
		return "", model.Errorf(model.CodeInvalid, "cannot tell which of this machine's addresses others reach; give it with --advertise")
	}
	return ip, nil
}
