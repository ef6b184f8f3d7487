package registrar

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

const testApex = "helios.test."

// testZone has a service on two hosts, one of them with IPv6, services in domains below, and two masters.
func testZone(t testing.TB) *zone {
	t.Helper()
	bound := web("web1.example.com", "10.0.0.1", 9090)
	bound.Name, bound.Bind = "bound", netip.MustParseAddr("10.9.9.9")
	blue := web("web1.example.com", "10.0.0.1", 20009)
	blue.Domain = "blue.helios.test"
	unknown := web("nowhere.example.com", "", 80)
	unknown.Name = "unknown"
	literal := web("192.0.2.7", "", 80)
	literal.Name = "literal"
	z, skipped := newZone(testApex, 7,
		[]Endpoint{
			MasterEndpoint(Host{Name: "master1", IP: netip.MustParseAddr("10.0.1.1")}, 5801),
			MasterEndpoint(Host{Name: "master2", IP: netip.MustParseAddr("10.0.1.2")}, 5801),
		},
		[]Endpoint{
			web("web1.example.com", "10.0.0.1", 20001), web("web2", "fd00::2", 20002), bound, blue, unknown, literal,
		})
	if len(skipped) != 0 {
		t.Fatalf("skipped: %v", skipped)
	}
	return z
}

// lines are records as text, sorted, without the class.
func lines(records []dns.RR) []string {
	var text []string
	for _, r := range records {
		if r.Header().Rrtype == dns.TypeOPT {
			continue
		}
		text = append(text, strings.ReplaceAll(strings.ReplaceAll(r.String(), "\tIN\t", " "), "\t", " "))
	}
	slices.Sort(text)
	return text
}

func ask(name string, qtype uint16) *dns.Msg {
	return new(dns.Msg).SetQuestion(name, qtype)
}

func TestAnswers(t *testing.T) {
	const soa = "helios.test. 5 SOA ns.helios.test. hostmaster.helios.test. 7 60 10 86400 5"
	services := func(name string) []string {
		return []string{
			name + " 5 SRV 1 1 20001 web1.example.com.host.helios.test.", name + " 5 SRV 1 1 20002 web2.host.helios.test.",
		}
	}
	glue := []string{"web1.example.com.host.helios.test. 5 A 10.0.0.1", "web2.host.helios.test. 5 AAAA fd00::2"}
	tests := map[string]struct {
		name   string
		qtype  uint16
		rcode  int
		answer []string
		extra  []string
		empty  bool // the zone has nothing of the kind: SOA in the authority section
	}{
		"SRV":                       {name: "_web._http.helios.test.", qtype: dns.TypeSRV, answer: services("_web._http.helios.test."), extra: glue},
		"SRV in the plugin's names": {name: "web.http.helios.test.", qtype: dns.TypeSRV, answer: services("web.http.helios.test."), extra: glue},
		"SRV in any case":           {name: "_WeB._hTTp.HELIOS.test.", qtype: dns.TypeSRV, answer: services("_WeB._hTTp.HELIOS.test."), extra: glue},
		"A of a service":            {name: "web.http.helios.test.", qtype: dns.TypeA, answer: []string{"web.http.helios.test. 5 A 10.0.0.1"}},
		"A of a service, underscored": {
			name: "_web._http.helios.test.", qtype: dns.TypeA, answer: []string{"_web._http.helios.test. 5 A 10.0.0.1"},
		},
		"AAAA of a service": {name: "web.http.helios.test.", qtype: dns.TypeAAAA, answer: []string{"web.http.helios.test. 5 AAAA fd00::2"}},
		"A of a target": {
			name: "web1.example.com.host.helios.test.", qtype: dns.TypeA, answer: []string{"web1.example.com.host.helios.test. 5 A 10.0.0.1"},
		},
		"SRV in a domain below": {
			name: "_web._http.blue.helios.test.", qtype: dns.TypeSRV,
			answer: []string{"_web._http.blue.helios.test. 5 SRV 1 1 20009 web1.example.com.host.helios.test."}, extra: glue[:1],
		},
		"SRV of a bound port": {
			name: "_bound._http.helios.test.", qtype: dns.TypeSRV,
			answer: []string{"_bound._http.helios.test. 5 SRV 1 1 9090 10-9-9-9.web1.example.com.host.helios.test."},
			extra:  []string{"10-9-9-9.web1.example.com.host.helios.test. 5 A 10.9.9.9"},
		},
		"SRV of a host without a known address": {
			name: "_unknown._http.helios.test.", qtype: dns.TypeSRV,
			answer: []string{"_unknown._http.helios.test. 5 SRV 1 1 80 nowhere.example.com."},
		},
		"A of a host without a known address": {name: "unknown.http.helios.test.", qtype: dns.TypeA, empty: true},
		"SRV of a host that is an address": {
			name: "_literal._http.helios.test.", qtype: dns.TypeSRV,
			answer: []string{"_literal._http.helios.test. 5 SRV 1 1 80 192-0-2-7.host.helios.test."},
			extra:  []string{"192-0-2-7.host.helios.test. 5 A 192.0.2.7"},
		},
		"masters": {
			name: "_helios._http.helios.test.", qtype: dns.TypeSRV,
			answer: []string{
				"_helios._http.helios.test. 5 SRV 1 1 5801 master1.host.helios.test.", "_helios._http.helios.test. 5 SRV 1 1 5801 master2.host.helios.test.",
			},
			extra: []string{"master1.host.helios.test. 5 A 10.0.1.1", "master2.host.helios.test. 5 A 10.0.1.2"},
		},
		"SOA": {name: "helios.test.", qtype: dns.TypeSOA, answer: []string{soa}},
		"NS": {
			name: "helios.test.", qtype: dns.TypeNS, answer: []string{"helios.test. 5 NS ns.helios.test."},
			extra: []string{"ns.helios.test. 5 A 10.0.1.1", "ns.helios.test. 5 A 10.0.1.2"},
		},
		"A of the name server": {
			name: "ns.helios.test.", qtype: dns.TypeA, answer: []string{"ns.helios.test. 5 A 10.0.1.1", "ns.helios.test. 5 A 10.0.1.2"},
		},
		"ANY": {name: "web.http.helios.test.", qtype: dns.TypeANY, answer: []string{`web.http.helios.test. 5 HINFO "RFC8482" ""`}},

		"no record of the type":         {name: "web1.example.com.host.helios.test.", qtype: dns.TypeSRV, empty: true},
		"no record of the family":       {name: "web1.example.com.host.helios.test.", qtype: dns.TypeAAAA, empty: true},
		"TXT":                           {name: "_web._http.helios.test.", qtype: dns.TypeTXT, empty: true},
		"A of the domain":               {name: "helios.test.", qtype: dns.TypeA, empty: true},
		"SOA below the apex":            {name: "web.http.helios.test.", qtype: dns.TypeSOA, empty: true},
		"name with only names below":    {name: "_http.helios.test.", qtype: dns.TypeA, empty: true},
		"ANY with only names below":     {name: "host.helios.test.", qtype: dns.TypeANY, empty: true},
		"host with only names below":    {name: "com.host.helios.test.", qtype: dns.TypeA, empty: true},
		"name that is not there":        {name: "_db._tcp.helios.test.", qtype: dns.TypeSRV, rcode: dns.RcodeNameError, empty: true},
		"name below one that is":        {name: "x._web._http.helios.test.", qtype: dns.TypeSRV, rcode: dns.RcodeNameError, empty: true},
		"ANY of a name not there":       {name: "nothing.helios.test.", qtype: dns.TypeANY, rcode: dns.RcodeNameError, empty: true},
		"other domain":                  {name: "example.com.", qtype: dns.TypeA, rcode: dns.RcodeRefused},
		"root":                          {name: ".", qtype: dns.TypeNS, rcode: dns.RcodeRefused},
		"parent":                        {name: "test.", qtype: dns.TypeSOA, rcode: dns.RcodeRefused},
		"domain with the same ending":   {name: "nothelios.test.", qtype: dns.TypeA, rcode: dns.RcodeRefused},
		"dot of a label, not of a name": {name: `_web\._http.helios.test.`, qtype: dns.TypeSRV, rcode: dns.RcodeNameError, empty: true},
		"transfer":                      {name: "helios.test.", qtype: dns.TypeAXFR, rcode: dns.RcodeRefused},
	}
	z := testZone(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			reply := z.answer(ask(test.name, test.qtype), maxTCPAnswer, 5)
			if reply.Rcode != test.rcode {
				t.Errorf("rcode %s, want %s", dns.RcodeToString[reply.Rcode], dns.RcodeToString[test.rcode])
			}
			if diff := cmp.Diff(test.answer, lines(reply.Answer)); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.extra, lines(reply.Extra)); diff != "" {
				t.Errorf("additional (-want +got):\n%s", diff)
			}
			var authority []string
			if test.empty {
				authority = []string{soa}
			}
			if diff := cmp.Diff(authority, lines(reply.Ns)); diff != "" {
				t.Errorf("authority (-want +got):\n%s", diff)
			}
			if want := test.rcode != dns.RcodeRefused; reply.Authoritative != want {
				t.Errorf("authoritative %v, want %v", reply.Authoritative, want)
			}
			if reply.RecursionAvailable || reply.Truncated || !reply.Response {
				t.Errorf("flags: %v", reply.MsgHdr)
			}
			if reply.Question[0].Name != test.name {
				t.Errorf("question %q, want the case of %q kept", reply.Question[0].Name, test.name)
			}
		})
	}
}

func TestAnswersToOddQueries(t *testing.T) {
	chaos := ask("version.bind.", dns.TypeTXT)
	chaos.Question[0].Qclass = dns.ClassCHAOS
	notify := ask("helios.test.", dns.TypeSOA)
	notify.Opcode = dns.OpcodeNotify
	two := ask("helios.test.", dns.TypeSOA)
	two.Question = append(two.Question, two.Question[0])
	future := ask("helios.test.", dns.TypeSOA).SetEdns0(1232, true)
	future.IsEdns0().SetVersion(1)
	for name, test := range map[string]struct {
		query *dns.Msg
		rcode int
	}{
		"class CHAOS":      {chaos, dns.RcodeRefused},
		"NOTIFY":           {notify, dns.RcodeNotImplemented},
		"two questions":    {two, dns.RcodeFormatError},
		"no question":      {new(dns.Msg), dns.RcodeFormatError},
		"EDNS of tomorrow": {future, dns.RcodeBadVers},
	} {
		t.Run(name, func(t *testing.T) {
			reply := testZone(t).answer(test.query, maxUDPAnswer, 5)
			if reply.Rcode != test.rcode || len(reply.Answer) != 0 {
				t.Errorf("got %v, want an empty answer with %s", reply, dns.RcodeToString[test.rcode])
			}
			if _, err := reply.Pack(); err != nil {
				t.Errorf("pack: %v", err)
			}
		})
	}
}

func TestMastersOnlyAreTheMasters(t *testing.T) {
	thief := web("web1", "10.0.0.1", 80)
	thief.Name = "Helios"
	inner := thief
	inner.Domain = "blue.helios.test"
	z, skipped := newZone(testApex, 1, nil, []Endpoint{thief, inner})
	if len(skipped) != 1 {
		t.Errorf("skipped %v, want the one in the masters' domain", skipped)
	}
	if reply := z.answer(ask("_helios._http.helios.test.", dns.TypeSRV), maxTCPAnswer, 5); len(reply.Answer) != 0 {
		t.Errorf("a job is among the masters: %v", reply)
	}
	if reply := z.answer(ask("_helios._http.blue.helios.test.", dns.TypeSRV), maxTCPAnswer, 5); len(reply.Answer) != 1 {
		t.Errorf("a service in a domain of its own is missing: %v", reply)
	}
}

func TestEndpointsWithoutAPlaceInTheZone(t *testing.T) {
	for name, edit := range map[string]func(*Endpoint){
		"other domain":     func(e *Endpoint) { e.Domain = "example.com." },
		"no domain":        func(e *Endpoint) { e.Domain = "" },
		"long name":        func(e *Endpoint) { e.Name = strings.Repeat("a", 63) },
		"no name":          func(e *Endpoint) { e.Name = "" },
		"odd letters":      func(e *Endpoint) { e.Name = "w b" },
		"no port":          func(e *Endpoint) { e.Port = 0 },
		"port too large":   func(e *Endpoint) { e.Port = 1 << 16 },
		"odd host":         func(e *Endpoint) { e.Host = "web/1" },
		"host without any": func(e *Endpoint) { e.Host = "" },
		"odd host, no address": func(e *Endpoint) {
			e.Host, e.IP = "web/1", netip.Addr{}
		},
		"very long host": func(e *Endpoint) { e.Host = strings.Repeat("abcdefghi.", 25) },
	} {
		t.Run(name, func(t *testing.T) {
			e := web("web1", "10.0.0.1", 80)
			edit(&e)
			z, skipped := newZone(testApex, 1, nil, []Endpoint{e, web("web2", "10.0.0.2", 80)})
			if len(skipped) != 1 {
				t.Errorf("skipped %v, want one", skipped)
			}
			reply := z.answer(ask("_web._http.helios.test.", dns.TypeSRV), maxTCPAnswer, 5)
			if diff := cmp.Diff([]string{"_web._http.helios.test. 5 SRV 1 1 80 web2.host.helios.test."}, lines(reply.Answer)); diff != "" {
				t.Errorf("the rest of the zone (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnswersFitTheTransport(t *testing.T) {
	z, _ := newZone(testApex, 1, nil, manyWebs(300))
	tests := map[string]struct {
		edns      uint16 // 0: none
		limit     int
		truncated bool
	}{
		"plain UDP": {0, dns.MinMsgSize, true},
		"EDNS":      {1232, 1232, true},
		"TCP":       {0, maxTCPAnswer, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, qtype := range []uint16{dns.TypeSRV, dns.TypeA, dns.TypeAAAA} {
				query := ask("_web._http.helios.test.", qtype)
				if test.edns != 0 {
					query.SetEdns0(test.edns, false)
				}
				reply := z.answer(query, test.limit, 5)
				packed, err := reply.Pack()
				if err != nil {
					t.Fatal(err)
				}
				if len(packed) > test.limit {
					t.Errorf("%d bytes, want at most %d", len(packed), test.limit)
				}
				if want := test.truncated && qtype != dns.TypeAAAA; reply.Truncated != want {
					t.Errorf("%s: truncated %v, want %v", dns.TypeToString[qtype], reply.Truncated, want)
				}
				if qtype != dns.TypeAAAA && len(reply.Answer) == 0 {
					t.Errorf("%s: nothing in the answer", dns.TypeToString[qtype])
				}
				if (reply.IsEdns0() != nil) != (test.edns != 0) {
					t.Errorf("EDNS in the answer: %v", reply.IsEdns0())
				}
			}
		})
	}
}

// A service so large that not even TCP takes all of it is cut, not refused.
func TestAnswersOfAHugeService(t *testing.T) {
	z, _ := newZone(testApex, 1, nil, manyWebs(5000))
	reply := z.answer(ask("_web._http.helios.test.", dns.TypeSRV), maxTCPAnswer, 5)
	packed, err := reply.Pack()
	if err != nil {
		t.Fatal(err)
	}
	if len(packed) > maxTCPAnswer || !reply.Truncated || len(reply.Answer) < 500 {
		t.Errorf("%d bytes, %d records, truncated %v", len(packed), len(reply.Answer), reply.Truncated)
	}
}

// Addresses of targets are a courtesy: what only lacks them is complete.
func TestAnswerWithoutRoomForAddressesIsComplete(t *testing.T) {
	z, _ := newZone(testApex, 1, nil, manyWebs(8))
	reply := z.answer(ask("_web._http.helios.test.", dns.TypeSRV), dns.MinMsgSize, 5)
	if len(reply.Answer) != 8 || len(reply.Extra) >= 8 {
		t.Fatalf("%d records and %d addresses do not make this test's point", len(reply.Answer), len(reply.Extra))
	}
	if reply.Truncated {
		t.Error("the client is sent to TCP for addresses it can ask for")
	}
}

func TestAnswersComeInChangingOrder(t *testing.T) {
	z, _ := newZone(testApex, 1, nil, manyWebs(5))
	first := map[string]bool{}
	for range 500 {
		reply := z.answer(ask("web.http.helios.test.", dns.TypeA), maxUDPAnswer, 5)
		first[reply.Answer[0].String()] = true
	}
	if len(first) != 5 {
		t.Errorf("%d of 5 hosts came first in 500 answers", len(first))
	}
}

func TestSameEndpointTwiceIsOneRecord(t *testing.T) {
	z, _ := newZone(testApex, 1, nil, []Endpoint{web("web1", "10.0.0.1", 80), web("web1", "10.0.0.1", 80), web("web1", "10.0.0.1", 81)})
	reply := z.answer(ask("_web._http.helios.test.", dns.TypeSRV), maxTCPAnswer, 5)
	if len(reply.Answer) != 2 || len(reply.Extra) != 1 {
		t.Errorf("got %v, want two ports of one host", reply)
	}
}

// FuzzAnswer holds what is true of every answer, whatever comes from the network.
func FuzzAnswer(f *testing.F) {
	seeds := []*dns.Msg{
		ask("_web._http.helios.test.", dns.TypeSRV),
		ask("_WEB._http.Helios.TEST.", dns.TypeSRV).SetEdns0(4096, true),
		ask("web.http.helios.test.", dns.TypeA),
		ask("helios.test.", dns.TypeANY),
		ask("example.com.", dns.TypeMX),
		ask(`a\.b\000.helios.test.`, dns.TypeAAAA),
	}
	for _, seed := range seeds {
		packed, err := seed.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed, uint16(512))
	}
	small := testZone(f)
	large, _ := newZone(testApex, 1, nil, manyWebs(300))
	f.Fuzz(func(t *testing.T, packet []byte, limit uint16) {
		query := new(dns.Msg)
		if query.Unpack(packet) != nil {
			return
		}
		limit = max(limit, dns.MinMsgSize)
		for _, z := range []*zone{small, large} {
			if err := checkAnswer(z, query, int(limit)); err != nil {
				t.Errorf("%v\nto %v", err, query)
			}
		}
	})
}

func checkAnswer(z *zone, query *dns.Msg, limit int) error {
	before := query.String()
	reply := z.answer(query, limit, 5)
	if query.String() != before {
		return fmt.Errorf("the query was changed")
	}
	packed, err := reply.Pack()
	if err != nil {
		return fmt.Errorf("cannot be sent: %w", err)
	}
	if len(packed) > limit {
		return fmt.Errorf("%d bytes, want at most %d", len(packed), limit)
	}
	if err := new(dns.Msg).Unpack(packed); err != nil {
		return fmt.Errorf("cannot be read: %w", err)
	}
	if reply.Id != query.Id || !reply.Response {
		return fmt.Errorf("not an answer: %v", reply.MsgHdr)
	}
	if (query.IsEdns0() == nil) != (reply.IsEdns0() == nil) {
		return fmt.Errorf("EDNS on one side only")
	}
	for _, r := range reply.Answer {
		if r.Header().Name != query.Question[0].Name {
			return fmt.Errorf("answers for %q", r.Header().Name)
		}
	}
	if reply.Authoritative && reply.Rcode == dns.RcodeSuccess && len(reply.Answer) == 0 && len(reply.Ns) == 0 && !reply.Truncated {
		return fmt.Errorf("neither an answer nor the reason why there is none")
	}
	return nil
}
