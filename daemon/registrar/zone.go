package registrar

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

// hostLabel is the label under which the zone keeps the names of hosts.
const hostLabel = "host"

// zone is everything the name server knows at one moment. It is not changed once it is built. Names in it are in small letters and
// end in a dot.
type zone struct {
	apex   string
	serial uint32
	nodes  map[string]*node
}

// node is what there is at one name. A name with nothing but names below it has an empty node.
type node struct {
	srv  []srvRecord
	ip4  []netip.Addr
	ip6  []netip.Addr
	apex bool
}

type srvRecord struct {
	target string // a name in the zone that has address, or the host as it calls itself
	port   uint16
	addr   netip.Addr // zero when not known
}

// zoneBuilder builds a zone. It knows what is in it already, so that a service of many hosts does not take the square of their number.
type zoneBuilder struct {
	*zone
	records   map[nodeRecord]struct{}
	addresses map[nodeAddress]struct{}
}

type nodeRecord struct {
	node   *node
	record srvRecord
}

type nodeAddress struct {
	node    *node
	address netip.Addr
}

// newZone builds a zone out of what a Catalog says. Endpoints that have no place in it are told in skipped, with the reason.
func newZone(apex string, serial uint32, masters, endpoints []Endpoint) (z *zone, skipped map[string]string) {
	b := zoneBuilder{
		zone:      &zone{apex: apex, serial: serial, nodes: make(map[string]*node, len(endpoints)+8)},
		records:   make(map[nodeRecord]struct{}, 2*len(endpoints)),
		addresses: make(map[nodeAddress]struct{}, 3*len(endpoints)),
	}
	b.nodes[apex] = &node{apex: true}
	b.node(nameServer(apex))
	skipped = map[string]string{}
	add := func(e Endpoint, master bool) {
		if err := b.add(e, master); err != nil {
			skipped[fmt.Sprintf("%s/%s on %s:%d", e.Name, e.Protocol, e.Host, e.Port)] = err.Error()
		}
	}
	for _, e := range masters {
		e.Domain = apex
		add(e, true)
		if address := e.Address(); address.IsValid() {
			b.addAddress(nameServer(apex), address)
		}
	}
	for _, e := range endpoints {
		add(e, false)
	}
	return b.zone, skipped
}

// nameServer is the name of all the masters' name servers together.
func nameServer(apex string) string { return "ns." + apex }

// add puts an endpoint under both names of its service.
func (b zoneBuilder) add(e Endpoint, master bool) error {
	domain := canonical(e.Domain)
	if !dns.IsSubDomain(b.apex, domain) {
		return fmt.Errorf("its domain %q is not below %q", domain, b.apex)
	}
	if e.Port <= 0 || e.Port > 65535 {
		return fmt.Errorf("%d is not a port", e.Port)
	}
	plain := canonical(e.Name + "." + e.Protocol + "." + domain)
	underscored := canonical("_" + e.Name + "._" + e.Protocol + "." + domain)
	if !isHostName(plain) || !isHostName(underscored) {
		return fmt.Errorf("%q is not a domain name", plain)
	}
	if !master && domain == b.apex && strings.EqualFold(e.Name, MasterService) && strings.EqualFold(e.Protocol, MasterProtocol) {
		return fmt.Errorf("the masters are the service %s/%s", MasterService, MasterProtocol)
	}
	record := srvRecord{port: uint16(e.Port), addr: e.Address()}
	target, err := b.target(e, record.addr)
	if err != nil {
		return err
	}
	record.target = target
	for _, name := range []string{underscored, plain} {
		b.addRecord(name, record)
		if record.addr.IsValid() {
			b.addAddress(name, record.addr)
		}
	}
	return nil
}

// target names the host of an endpoint. A name in the zone always leads to the right address; a host without a known address can
// only be called what it calls itself. An address that is one of several of a host has a name of its own.
func (b zoneBuilder) target(e Endpoint, addr netip.Addr) (string, error) {
	if !addr.IsValid() {
		name := canonical(e.Host)
		if !isHostName(name) {
			return "", fmt.Errorf("%q is not the name of a host", e.Host)
		}
		return name, nil
	}
	name := hostLabelOf(e.Host)
	if e.Bind.IsValid() && e.Bind != e.IP {
		name = hostLabelOf(e.Bind.String()) + "." + name
	}
	name += "." + hostLabel + "." + b.apex
	if !isHostName(name) {
		return "", fmt.Errorf("%q is not the name of a host", e.Host)
	}
	b.addAddress(name, addr)
	return name, nil
}

func (b zoneBuilder) addRecord(name string, record srvRecord) {
	n := b.node(name)
	key := nodeRecord{n, record}
	if _, known := b.records[key]; !known {
		b.records[key] = struct{}{}
		n.srv = append(n.srv, record)
	}
}

func (b zoneBuilder) addAddress(name string, address netip.Addr) {
	n := b.node(name)
	key := nodeAddress{n, address}
	if _, known := b.addresses[key]; !known {
		b.addresses[key] = struct{}{}
		if address.Is4() {
			n.ip4 = append(n.ip4, address)
		} else {
			n.ip6 = append(n.ip6, address)
		}
	}
}

// node returns the node of a name in the zone, which it makes along with those between it and the apex.
func (b zoneBuilder) node(name string) *node {
	n, found := b.nodes[name]
	if found {
		return n
	}
	n = &node{}
	b.nodes[name] = n
	for parent := parentOf(name); b.nodes[parent] == nil; parent = parentOf(parent) {
		b.nodes[parent] = &node{}
	}
	return n
}

// canonical returns a name as the zone keeps it.
func canonical(name string) string {
	return strings.ToLower(strings.TrimRight(name, ".")) + "."
}

func parentOf(name string) string {
	_, parent, _ := strings.Cut(name, ".")
	return parent
}

// isHostName tells whether a canonical name can be asked for, and means the same to everybody: letters, digits, hyphens and
// underscores in labels of 1 to 63.
func isHostName(name string) bool {
	if len(name) > 254 || name == "." {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, r := range label {
			if r != '-' && r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9') {
				return false
			}
		}
	}
	return true
}

// hostLabelOf makes a name below hostLabel out of a host's: as it is, dots included; of an address, with hyphens for its dots and
// colons.
func hostLabelOf(host string) string {
	if address, err := netip.ParseAddr(host); err == nil {
		return strings.NewReplacer(".", "-", ":", "-", "%", "-").Replace(address.String())
	}
	return strings.TrimSuffix(canonical(host), ".")
}
