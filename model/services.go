package model

import "strings"

// defaultProtocol is what a registration means when it names no protocol.
const defaultProtocol = "http"

// ServiceEndpoint is a service name and its protocol, "name/protocol" as a JSON map key; "http" when the key has no protocol.
type ServiceEndpoint struct {
	Name     string
	Protocol string
}

// ServicePorts are the ports registered under one endpoint, by name. Nil is null on the wire.
type ServicePorts struct {
	Ports map[string]ServicePortParameters `json:"ports"`
}

// ServicePortParameters carries the tags of a registered port. Nil tags are left out, empty ones are written.
type ServicePortParameters struct {
	Tags []string `json:"tags"`

	// Null stands for a port registered with null instead of an object. It means the same as no tags, but gives another job id.
	Null bool `json:"-"`
}

// String returns name/protocol.
func (e ServiceEndpoint) String() string {
	return e.Name + "/" + e.Protocol
}

// Compare orders endpoints by their joined text.
func (e ServiceEndpoint) Compare(other ServiceEndpoint) int {
	return strings.Compare(e.String(), other.String())
}

// MarshalText returns String.
func (e ServiceEndpoint) MarshalText() ([]byte, error) {
	return []byte(e.String()), nil
}

// UnmarshalText reads name or name/protocol. The error has CodeInvalid.
func (e *ServiceEndpoint) UnmarshalText(text []byte) error {
	name, protocol, _ := strings.Cut(string(text), "/")
	if name == "" {
		return Errorf(CodeInvalid, "service %q has no name: want name/protocol", text)
	}
	if strings.Contains(protocol, "/") {
		return Errorf(CodeInvalid, "service %q has too many slashes: want name/protocol", text)
	}
	if protocol == "" {
		protocol = defaultProtocol
	}
	*e = ServiceEndpoint{Name: name, Protocol: protocol}
	return nil
}
