package registrar

import (
	"math/rand/v2"
	"net/netip"
	"slices"

	"github.com/miekg/dns"
)

const (
	// maxUDPAnswer is what passes every network in one piece, the size that the DNS flag day of 2020 settled on.
	maxUDPAnswer = 1232
	maxTCPAnswer = dns.MaxMsgSize

	// Sizes that no record of a kind is below, its name compressed: no more of them fit than these say.
	minAddressSize = 2 + 10 + 4
	minSRVSize     = 2 + 10 + 6

	soaRefresh = 60 // seconds; nobody transfers the zone
	soaRetry   = 10
	soaExpire  = 86400
)

// answer answers one query from what the zone has. limit is the size of the largest message that the transport takes, ttl how many
// seconds an answer or the lack of one may be remembered.
func (z *zone) answer(query *dns.Msg, limit int, ttl uint32) *dns.Msg {
	reply := new(dns.Msg).SetReply(query)
	if opt := query.IsEdns0(); opt != nil {
		reply.SetEdns0(maxUDPAnswer, opt.Do())
		if opt.Version() != 0 {
			reply.Rcode = dns.RcodeBadVers
			return reply
		}
	}
	if rcode := z.refusal(query); rcode != dns.RcodeSuccess {
		reply.Rcode = rcode
		return reply
	}
	reply.Authoritative = true
	question := query.Question[0]
	n, found := z.nodes[dns.CanonicalName(question.Name)]
	a := answerer{zone: z, reply: reply, owner: question.Name, ttl: ttl, limit: limit}
	if found {
		a.fill(n, question.Qtype)
	} else {
		reply.Rcode = dns.RcodeNameError
	}
	if len(reply.Answer) == 0 {
		reply.Ns = append(reply.Ns, a.soa(z.apex))
	}
	fit(reply, limit)
	return reply
}

// refusal is what there is to say of a query that the zone has nothing to do with.
func (z *zone) refusal(query *dns.Msg) int {
	switch {
	case query.Opcode != dns.OpcodeQuery:
		return dns.RcodeNotImplemented
	case len(query.Question) != 1:
		return dns.RcodeFormatError
	}
	question := query.Question[0]
	switch {
	case question.Qclass != dns.ClassINET,
		question.Qtype == dns.TypeAXFR, question.Qtype == dns.TypeIXFR,
		!dns.IsSubDomain(z.apex, dns.CanonicalName(question.Name)):
		return dns.RcodeRefused
	}
	return dns.RcodeSuccess
}

// answerer writes the records of one reply. They bear the name as it was asked for: some resolvers check its case.
type answerer struct {
	zone  *zone
	reply *dns.Msg
	owner string
	ttl   uint32
	limit int // of the size of the reply
}

func (a answerer) fill(n *node, qtype uint16) {
	switch qtype {
	case dns.TypeSRV:
		a.services(n.srv)
	case dns.TypeA:
		a.addresses(n.ip4)
	case dns.TypeAAAA:
		a.addresses(n.ip6)
	case dns.TypeSOA:
		if n.apex {
			a.reply.Answer = append(a.reply.Answer, a.soa(a.owner))
		}
	case dns.TypeNS:
		if n.apex {
			a.nameServers()
		}
	case dns.TypeANY:
		// One made-up record is the whole answer, as RFC 8482 has it: the rest is seldom wanted and often abused.
		if n.apex || len(n.srv)+len(n.ip4)+len(n.ip6) > 0 {
			a.reply.Answer = append(a.reply.Answer, &dns.HINFO{Hdr: a.header(a.owner, dns.TypeHINFO), Cpu: "RFC8482"})
		}
	}
}

func (a answerer) services(records []srvRecord) {
	// Targets are below the apex. Those of hosts without a known address may be shorter: some of them are left out where they would
	// still have fitted.
	picked := pick(records, a.limit/(minSRVSize+len(a.zone.apex))+1)
	a.reply.Truncated = len(picked) < len(records)
	told := map[string]bool{}
	for _, record := range picked {
		a.reply.Answer = append(a.reply.Answer, &dns.SRV{
			Hdr: a.header(a.owner, dns.TypeSRV), Priority: 1, Weight: 1, Port: record.port, Target: record.target,
		})
		if record.addr.IsValid() && !told[record.target] {
			told[record.target] = true
			a.reply.Extra = append(a.reply.Extra, a.address(record.target, record.addr))
		}
	}
}

func (a answerer) addresses(addresses []netip.Addr) {
	picked := pick(addresses, a.limit/minAddressSize+1)
	a.reply.Truncated = len(picked) < len(addresses)
	for _, address := range picked {
		a.reply.Answer = append(a.reply.Answer, a.address(a.owner, address))
	}
}

func (a answerer) nameServers() {
	name := nameServer(a.zone.apex)
	a.reply.Answer = append(a.reply.Answer, &dns.NS{Hdr: a.header(a.owner, dns.TypeNS), Ns: name})
	servers := a.zone.nodes[name]
	for _, address := range slices.Concat(servers.ip4, servers.ip6) {
		a.reply.Extra = append(a.reply.Extra, a.address(name, address))
	}
}

func (a answerer) address(owner string, address netip.Addr) dns.RR {
	if address.Is4() {
		return &dns.A{Hdr: a.header(owner, dns.TypeA), A: address.AsSlice()}
	}
	return &dns.AAAA{Hdr: a.header(owner, dns.TypeAAAA), AAAA: address.AsSlice()}
}

func (a answerer) soa(owner string) dns.RR {
	return &dns.SOA{
		Hdr:     a.header(owner, dns.TypeSOA),
		Ns:      nameServer(a.zone.apex),
		Mbox:    "hostmaster." + a.zone.apex,
		Serial:  a.zone.serial,
		Refresh: soaRefresh,
		Retry:   soaRetry,
		Expire:  soaExpire,
		Minttl:  a.ttl,
	}
}

func (a answerer) header(owner string, rrtype uint16) dns.RR_Header {
	return dns.RR_Header{Name: owner, Rrtype: rrtype, Class: dns.ClassINET, Ttl: a.ttl}
}

// pick returns up to most of the list in an order of chance, so that the clients of a service spread. Of a long list it takes a
// stretch from anywhere.
func pick[T any](list []T, most int) []T {
	if len(list) == 0 {
		return nil
	}
	picked := make([]T, 0, min(len(list), most))
	for i, start := 0, rand.IntN(len(list)); i < cap(picked); i++ {
		picked = append(picked, list[(start+i)%len(list)])
	}
	rand.Shuffle(len(picked), func(i, j int) { picked[i], picked[j] = picked[j], picked[i] })
	return picked
}

// fit cuts a reply to the size that the transport takes. Only what was asked for counts as cut off: a client that misses the addresses
// of SRV targets asks for them, and need not ask the same again by TCP.
func fit(reply *dns.Msg, limit int) {
	answers, truncated := len(reply.Answer), reply.Truncated
	reply.Truncate(limit)
	reply.Compress = true
	reply.Truncated = truncated || len(reply.Answer) < answers
}
