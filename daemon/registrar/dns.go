package registrar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/netutil"
	"golang.org/x/sync/errgroup"

	"github.com/heliosctl/heliosctl/model"
)

const (
	maxQueryUDP    = 1232
	maxConnections = 1024 // by TCP, so that nobody can use up the master's files
	maxTCPQueries  = 256  // of one connection
	dnsTimeout     = 2 * time.Second
	dnsIdle        = 8 * time.Second
	udpBuffer      = 1 << 20 // queries wait here while the master is busy

	// restFactor is how many times longer than a build the name server waits before the next, so that a busy cluster does not spend
	// more than a tenth of a core on it. After a quiet time a change is seen at once.
	restFactor = 9
	maxRest    = time.Second
)

// Catalog knows what is alive. Its methods are safe for concurrent use.
type Catalog interface {
	// Endpoints returns the endpoints of the tasks that are RUNNING, not about to be stopped, and on a host that is UP. The caller
	// only reads it.
	Endpoints() []Endpoint

	// Masters returns the masters that are alive, as MasterEndpoint makes them, in any domain.
	Masters() []Endpoint

	// Changed returns a channel that is closed when either list may have changed since the call.
	Changed() <-chan struct{}
}

// DNSConfig says what a name server answers. Zero values take the default that is named.
type DNSConfig struct {
	Listen  string // HOST:PORT, by UDP and TCP; port 0 picks a free one
	Domain  string // of which the server is the authority, such as helios.example.com
	Catalog Catalog
	TTL     time.Duration // how long an answer, or the lack of one, may be remembered, in whole seconds; 5 s
	Logger  *slog.Logger  // nil: silent
}

// DNS is an authoritative name server for the services of a cluster. Run is called once.
type DNS struct {
	catalog Catalog
	log     *slog.Logger
	apex    string
	ttl     uint32
	udp     net.PacketConn
	tcp     net.Listener

	zone    atomic.Pointer[zone]
	skipped map[string]string // endpoints without a name, of the zone loop alone
}

// NewDNS makes a name server and takes its address; it answers from Run on. The error has CodeInvalid, or CodeUnavailable when the
// address is not to be had.
func NewDNS(config DNSConfig) (*DNS, error) {
	setDefault(&config.TTL, 5*time.Second)
	var faults []string
	apex := canonical(config.Domain)
	if !isHostName(apex) {
		faults = append(faults, fmt.Sprintf("%q is not a domain name", config.Domain))
	}
	if config.Catalog == nil {
		faults = append(faults, "no catalog")
	}
	if config.TTL < time.Second {
		faults = append(faults, "answers must be good for at least one second")
	}
	if err := invalid("name server", faults); err != nil {
		return nil, err
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	udp, tcp, err := listenDNS(config.Listen)
	if err != nil {
		return nil, err
	}
	return &DNS{
		catalog: config.Catalog,
		log:     config.Logger,
		apex:    apex,
		ttl:     uint32(min(config.TTL/time.Second, 1<<31-1)),
		udp:     udp,
		tcp:     netutil.LimitListener(tcp, maxConnections),
	}, nil
}

// listenDNS takes the same port by UDP and TCP.
func listenDNS(address string) (net.PacketConn, net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, nil, model.Errorf(model.CodeInvalid, "name server: %q is not an address: want HOST:PORT", address)
	}
	const attempts = 10 // a port that was free by UDP need not be by TCP
	for range attempts {
		var udp net.PacketConn
		var tcp net.Listener
		if udp, err = net.ListenPacket("udp", address); err != nil {
			break
		}
		chosen := udp.LocalAddr().(*net.UDPAddr).Port
		if tcp, err = net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(chosen))); err == nil {
			// A smaller buffer is no reason not to answer.
			_ = udp.(*net.UDPConn).SetReadBuffer(udpBuffer)
			return udp, tcp, nil
		}
		_ = udp.Close()
		if port != "0" {
			break
		}
	}
	return nil, nil, model.Errorf(model.CodeUnavailable, "name server cannot listen on %s: %v", address, err)
}

// Addr is where the server answers.
func (d *DNS) Addr() netip.AddrPort { return d.tcp.Addr().(*net.TCPAddr).AddrPort() }

// Close gives the address back. Only a server that will not Run needs it.
func (d *DNS) Close() error { return errors.Join(d.udp.Close(), d.tcp.Close()) }

// Run answers until ctx ends. It returns nil then, and an error when a socket fails.
func (d *DNS) Run(ctx context.Context) error {
	changed := d.catalog.Changed()
	rest := d.build()
	d.log.Info("name server answers", "domain", d.apex, "address", d.Addr().String())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return d.watch(ctx, changed, rest) })
	servers := []*dns.Server{
		{PacketConn: d.udp, Handler: d, UDPSize: maxQueryUDP, ReadTimeout: dnsTimeout, WriteTimeout: dnsTimeout},
		{
			Listener: d.tcp, Handler: d, MaxTCPQueries: maxTCPQueries, ReadTimeout: dnsTimeout, WriteTimeout: dnsTimeout,
			IdleTimeout: func() time.Duration { return dnsIdle },
		},
	}
	for _, server := range servers {
		group.Go(func() error {
			if err := server.ActivateAndServe(); err != nil && ctx.Err() == nil {
				return model.Errorf(model.CodeUnavailable, "name server on %s: %v", d.Addr(), err)
			}
			return nil
		})
	}
	group.Go(func() error {
		<-ctx.Done()
		for _, server := range servers {
			// A server that has not begun cannot be shut down; without its socket it ends as well.
			if err := server.Shutdown(); err != nil {
				d.log.Debug("name server", "error", err)
			}
		}
		_ = d.Close()
		return nil
	})
	return group.Wait()
}

// watch builds the zone anew when the catalog changes, with a rest after each build.
func (d *DNS) watch(ctx context.Context, changed <-chan struct{}, rest time.Duration) error {
	for {
		timer := time.NewTimer(rest)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
		changed = d.catalog.Changed()
		rest = d.build()
	}
}

// build makes the zone of what is alive now, and returns how long to rest.
func (d *DNS) build() time.Duration {
	began := time.Now()
	serial := uint32(began.Unix())
	if old := d.zone.Load(); old != nil {
		serial = max(serial, old.serial+1)
	}
	z, skipped := newZone(d.apex, serial, d.catalog.Masters(), d.catalog.Endpoints())
	d.zone.Store(z)
	for endpoint, reason := range skipped {
		if d.skipped[endpoint] != reason {
			d.log.Warn("a service has no name", "endpoint", endpoint, "reason", reason)
		}
	}
	d.skipped = skipped
	return min(restFactor*time.Since(began), maxRest)
}

// ServeDNS implements dns.Handler.
func (d *DNS) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	limit := maxTCPAnswer
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
		limit = udpLimit(query)
	}
	if err := w.WriteMsg(d.zone.Load().answer(query, limit, d.ttl)); err != nil {
		d.log.Debug("a name server's answer was not sent", "to", w.RemoteAddr().String(), "error", err)
	}
}

// udpLimit is the size of the largest answer that the asker takes.
func udpLimit(query *dns.Msg) int {
	opt := query.IsEdns0()
	if opt == nil {
		return dns.MinMsgSize
	}
	return min(max(int(opt.UDPSize()), dns.MinMsgSize), maxUDPAnswer)
}
