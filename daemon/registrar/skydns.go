package registrar

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// The names of records when the configuration gives none.
const (
	DefaultSkyDNSPrefix = "/skydns"
	DefaultSkyDNSNames  = "_${service}._${protocol}.${domain}"
)

// What SkyDNS and CoreDNS take a record for that does not say.
const (
	skyDNSPriority = 10
	skyDNSWeight   = 100
)

// skyDNSRecord is the value of a key: what SkyDNS, CoreDNS and the original's plugin have in common.
type skyDNSRecord struct {
	Host     string `json:"host"`
	Port     int    `json:"port"`
	Priority int    `json:"priority"`
	Weight   int    `json:"weight"`
	TTL      int    `json:"ttl"` // seconds
}

// skyDNS writes records as SkyDNS keeps them: under the labels of their name, the last one first.
type skyDNS struct {
	prefix string // without a trailing slash
	names  string // the name of a service with ${service}, ${protocol} and ${domain}
	ttl    time.Duration
}

// validate returns what is wrong with the names.
func (s skyDNS) validate() []string {
	var faults []string
	if !strings.Contains(s.names, "${service}") {
		faults = append(faults, "record names \""+s.names+"\" have no ${service}")
	}
	if rest := expand(s.names, Endpoint{}); strings.Contains(rest, "${") {
		faults = append(faults, "record names \""+s.names+"\": only ${service}, ${protocol} and ${domain} are known")
	}
	if !strings.HasPrefix(s.prefix, "/") {
		faults = append(faults, "record prefix \""+s.prefix+"\" does not begin with a slash")
	}
	return faults
}

func expand(names string, e Endpoint) string {
	return strings.NewReplacer("${service}", e.Name, "${protocol}", e.Protocol, "${domain}", e.Domain).Replace(names)
}

// key is where the record of an endpoint is. Name servers look for small letters only.
func (s skyDNS) key(e Endpoint) (string, error) {
	if e.Name == "" || e.Host == "" || e.Port <= 0 {
		return "", model.Errorf(model.CodeInvalid, "an endpoint needs the name of a service, a host and a port")
	}
	name := strings.ToLower(expand(s.names, e))
	if strings.Contains(name, "/") {
		return "", model.Errorf(model.CodeInvalid, "the name %q has a slash in it", name)
	}
	labels := strings.FieldsFunc(name, func(r rune) bool { return r == '.' })
	slices.Reverse(labels)
	instance := strings.Map(instanceRune, strings.ToLower(e.Host)) + "_" + strconv.Itoa(e.Port)
	return s.prefix + "/" + strings.Join(labels, "/") + "/" + instance, nil
}

// instanceRune keeps a host's name in one label.
func instanceRune(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-':
		return r
	}
	return '_'
}

func (s skyDNS) value(e Endpoint) (string, error) {
	data, err := json.Marshal(skyDNSRecord{
		Host:     skyDNSHost(e),
		Port:     e.Port,
		Priority: skyDNSPriority,
		Weight:   skyDNSWeight,
		TTL:      max(1, int(s.ttl/time.Second)),
	})
	return string(data), err
}

// skyDNSHost is where a record points. The name is what the original wrote, with a dot at the end, or SkyDNS would take it for a
// name below its own domain. An address takes its place where the name does not lead there: when the port is bound to one of the
// host's addresses, or the name is an address or a bare word that no name server knows.
func skyDNSHost(e Endpoint) string {
	bare := !strings.Contains(strings.TrimSuffix(e.Host, "."), ".")
	address := e.Address()
	if address.IsValid() && (bare || e.Bind.IsValid() || !e.IP.IsValid()) {
		return address.String()
	}
	return strings.TrimSuffix(e.Host, ".") + "."
}
