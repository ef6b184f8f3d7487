package model

import (
	"net/netip"
	"strconv"
	"strings"
)

// This file reads what people type for ports, services and volumes on the command line.

const portMappingForm = "want NAME=[IP:]INTERNAL[:EXTERNAL][/PROTO], such as http=8080:80 (the container's port comes first)"

// ParsePortMapping reads NAME=[IP:]INTERNAL[:EXTERNAL][/PROTO]. The container's port comes first; without EXTERNAL the agent picks
// one; PROTO is tcp unless given. The error has CodeInvalid.
func ParsePortMapping(spec string) (name string, m PortMapping, err error) {
	bad := func() (string, PortMapping, error) {
		return "", PortMapping{}, Errorf(CodeInvalid, "bad port mapping %q: %s", spec, portMappingForm)
	}
	name, rest, found := strings.Cut(spec, "=")
	if !found || !consistsOf(name, isWordByte) {
		return bad()
	}
	m.Protocol = "tcp"
	if ports, protocol, found := strings.Cut(rest, "/"); found {
		if !consistsOf(protocol, isWordByte) {
			return bad()
		}
		rest, m.Protocol = ports, protocol
	}
	parts := strings.Split(rest, ":")
	if strings.Contains(parts[0], ".") {
		if !consistsOf(parts[0], isDottedByte) || len(parts) == 1 {
			return bad()
		}
		if m.IP, err = parseIPv4(spec, parts[0]); err != nil {
			return "", PortMapping{}, err
		}
		parts = parts[1:]
	}
	if len(parts) > 2 {
		return bad()
	}
	for _, part := range parts {
		if !consistsOf(part, isDigit) {
			return bad()
		}
	}
	if m.InternalPort, err = parsePort(spec, parts[0]); err != nil {
		return "", PortMapping{}, err
	}
	if len(parts) == 2 {
		external, err := parsePort(spec, parts[1])
		if err != nil {
			return "", PortMapping{}, err
		}
		m.ExternalPort = &external
	}
	return name, m, nil
}

func parseIPv4(spec, text string) (string, error) {
	if ip, err := netip.ParseAddr(text); err != nil || !ip.Is4() {
		return "", Errorf(CodeInvalid, "bad port mapping %q: %q is not a valid IP address", spec, text)
	}
	return text, nil
}

func parsePort(spec, digits string) (int, error) {
	port, err := strconv.Atoi(digits)
	if err != nil || port > maxPort {
		return 0, Errorf(CodeInvalid, "bad port mapping %q: port %s is out of range: want 0 to %d", spec, digits, maxPort)
	}
	return port, nil
}

// ParseServiceRegistration reads SERVICE[/PROTO][=PORT]: a service name of at least two characters, the protocol it speaks (http
// unless given) and the name of the port it is reached at, "" where the spec has none. The error has CodeInvalid.
func ParseServiceRegistration(spec string) (endpoint ServiceEndpoint, port string, err error) {
	service, port, hasPort := strings.Cut(spec, "=")
	name, protocol, hasProtocol := strings.Cut(service, "/")
	if !hasProtocol {
		protocol = defaultProtocol
	}
	switch {
	case len(name) < 2, !isLetter(name[0]), !consistsOf(name, isWordByte),
		!consistsOf(protocol, isWordByte),
		hasPort && !consistsOf(port, isWordByte):
		return ServiceEndpoint{}, "", Errorf(CodeInvalid,
			"bad service registration %q: want SERVICE[/PROTO][=PORT], the service being a letter followed by letters, digits, _ or -", spec)
	}
	return ServiceEndpoint{Name: name, Protocol: protocol}, port, nil
}

// ParseVolume reads PATH (a data volume, source "") or SOURCE:PATH[:MODE], and returns key and value for Job.Volumes. The error has
// CodeInvalid.
func ParseVolume(spec string) (key, source string, err error) {
	source, key, found := strings.Cut(spec, ":")
	if !found {
		source, key = "", spec
	} else if source == "" {
		return "", "", Errorf(CodeInvalid, "bad volume %q: the source before the colon is empty: want PATH or SOURCE:PATH[:MODE]", spec)
	}
	if !strings.HasPrefix(key, "/") {
		return "", "", Errorf(CodeInvalid,
			"bad volume %q: the path in the container %q must start with /: want PATH or SOURCE:PATH[:MODE]", spec, key)
	}
	return key, source, nil
}

// consistsOf reports whether s is one or more legal bytes.
func consistsOf(s string, legal func(byte) bool) bool {
	for i := range len(s) {
		if !legal(s[i]) {
			return false
		}
	}
	return s != ""
}

func isDigit(c byte) bool {
	return '0' <= c && c <= '9'
}

func isLetter(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z'
}

// isWordByte tells the characters of the names of ports and services.
func isWordByte(c byte) bool {
	return isLetter(c) || isDigit(c) || c == '_' || c == '-'
}

// isNameByte tells the characters of job names, versions, labels and their values.
func isNameByte(c byte) bool {
	return isWordByte(c) || c == '.'
}

func isDottedByte(c byte) bool {
	return isDigit(c) || c == '.'
}
