package registrar

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/heliosctl/heliosctl/model"
)

const (
	etcdTimeout     = 5 * time.Second // of one call
	etcdKeepAlive   = 10 * time.Second
	etcdLookAgain   = time.Minute // between two looks whether the records are still there
	minEtcdLeaseTTL = 3 * time.Second
)

// EtcdConfig says where and how records are written to etcd, version 3.4 or newer. Zero values take the default that is named.
type EtcdConfig struct {
	Endpoints []string    // HOST:PORT or URLs of the members
	Username  string      // empty: no authentication
	Password  string      //
	TLS       *tls.Config // nil: none unless an endpoint is an https URL

	Prefix string // of all keys; /skydns
	Names  string // of services, with ${service}, ${protocol} and ${domain}; _${service}._${protocol}.${domain}

	// LeaseTTL is how long the records of a host outlive it, and how long a daemon may take to restart without its records leaving;
	// in whole seconds, 3 s or more; 30 s.
	LeaseTTL  time.Duration
	RecordTTL time.Duration // how long name servers may remember a record, in whole seconds; 10 s

	Logger *slog.Logger // nil: silent
}

func (c EtcdConfig) withDefaults() EtcdConfig {
	setDefault(&c.Prefix, DefaultSkyDNSPrefix)
	setDefault(&c.Names, DefaultSkyDNSNames)
	setDefault(&c.LeaseTTL, 30*time.Second)
	setDefault(&c.RecordTTL, 10*time.Second)
	return c
}

func (c EtcdConfig) format() skyDNS {
	return skyDNS{prefix: c.Prefix, names: c.Names, ttl: c.RecordTTL}
}

// NewEtcd makes a registrar that writes to etcd what SkyDNS and CoreDNS serve. The error has CodeInvalid and lists every fault of the
// configuration in its Details. Nothing is connected before Run.
func NewEtcd(config EtcdConfig) (Registrar, error) {
	config = config.withDefaults()
	faults := config.format().validate()
	if len(config.Endpoints) == 0 {
		faults = append(faults, "no etcd endpoints")
	}
	if config.LeaseTTL < minEtcdLeaseTTL {
		faults = append(faults, "the lease of records is shorter than "+minEtcdLeaseTTL.String())
	}
	if err := invalid("etcd service registry", faults); err != nil {
		return nil, err
	}
	refresh := config.LeaseTTL / 3
	return newKeeper(func(context.Context) (backend, error) { return dialEtcd(config) }, refresh, min(etcdTimeout, refresh), config.Logger), nil
}

// etcd is the backend of one host. All its records hang on one lease, so that they go together when the host is not heard of.
type etcd struct {
	client *clientv3.Client
	format skyDNS
	ttl    int64 // of the lease, seconds

	lease   clientv3.LeaseID            // zero: none yet
	written map[string]clientv3.LeaseID // by key: the lease it was last written with
	looked  time.Time                   // when the records were last seen to be there
}

func dialEtcd(config EtcdConfig) (backend, error) {
	client, err := clientv3.New(clientv3.Config{
		Endpoints:            config.Endpoints,
		Username:             config.Username,
		Password:             config.Password,
		TLS:                  config.TLS,
		DialTimeout:          etcdTimeout,
		DialKeepAliveTime:    etcdKeepAlive,
		DialKeepAliveTimeout: etcdTimeout,
		Logger:               zap.NewNop(),
	})
	if err != nil {
		return nil, etcdError(err)
	}
	return &etcd{
		client:  client,
		format:  config.format(),
		ttl:     int64(config.LeaseTTL / time.Second),
		written: map[string]clientv3.LeaseID{},
	}, nil
}

func (e *etcd) id(endpoint Endpoint) (string, error) { return e.format.key(endpoint) }

func (e *etcd) put(ctx context.Context, r record) error {
	value, err := e.format.value(r.endpoint)
	if err != nil {
		return err
	}
	if err := e.grant(ctx); err != nil {
		return err
	}
	e.written[r.id] = e.lease
	_, err = e.client.Put(ctx, r.id, value, clientv3.WithLease(e.lease))
	if errors.Is(err, rpctypes.ErrLeaseNotFound) {
		e.lease = clientv3.NoLease
	}
	return etcdError(err)
}

// remove deletes a key unless another process has written over it, such as the successor on this host.
func (e *etcd) remove(ctx context.Context, id string) error {
	ours := clientv3.Compare(clientv3.LeaseValue(id), "=", e.written[id])
	_, err := e.client.Txn(ctx).If(ours).Then(clientv3.OpDelete(id)).Commit()
	if err != nil {
		return etcdError(err)
	}
	delete(e.written, id)
	return nil
}

// refresh keeps the lease alive, or takes a new one, on which everything has to be written again.
func (e *etcd) refresh(ctx context.Context, ids []string) (lost []string, err error) {
	if e.lease != clientv3.NoLease {
		_, err := e.client.KeepAliveOnce(ctx, e.lease)
		if errors.Is(err, rpctypes.ErrLeaseNotFound) {
			e.lease = clientv3.NoLease
		} else if err != nil {
			return nil, etcdError(err)
		}
	}
	if err := e.grant(ctx); err != nil {
		return nil, err
	}
	there, err := e.look(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if e.written[id] != e.lease || there != nil && !there[id] {
			lost = append(lost, id)
		}
	}
	return lost, nil
}

// grant takes a lease if there is none.
func (e *etcd) grant(ctx context.Context) error {
	if e.lease != clientv3.NoLease {
		return nil
	}
	lease, err := e.client.Grant(ctx, e.ttl)
	if err != nil {
		return etcdError(err)
	}
	e.lease, e.looked = lease.ID, time.Now()
	return nil
}

// look returns the keys that hang on the lease, nil when it is not time to look: somebody may have deleted some, or restored etcd
// from a backup.
func (e *etcd) look(ctx context.Context) (map[string]bool, error) {
	if time.Since(e.looked) < etcdLookAgain {
		return nil, nil
	}
	lease, err := e.client.TimeToLive(ctx, e.lease, clientv3.WithAttachedKeys())
	if err != nil {
		return nil, etcdError(err)
	}
	there := make(map[string]bool, len(lease.Keys))
	for _, key := range lease.Keys {
		there[string(key)] = true
	}
	e.looked = time.Now()
	return there, nil
}

// close leaves the lease to its end.
func (e *etcd) close() {
	// Nothing is under way by now, so the error has nothing to tell.
	_ = e.client.Close()
}

// etcdError tells an etcd that does not answer from one that refuses.
func etcdError(err error) error {
	if err == nil {
		return nil
	}
	code := status.Code(err)
	var refusal rpctypes.EtcdError
	if errors.As(err, &refusal) {
		code = refusal.Code()
	}
	away := []codes.Code{codes.Unavailable, codes.DeadlineExceeded, codes.Canceled}
	switch {
	case slices.Contains(away, code), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return model.Errorf(model.CodeUnavailable, "etcd does not answer: %v", err)
	case code == codes.PermissionDenied, code == codes.Unauthenticated:
		return model.Errorf(model.CodeForbidden, "etcd does not let us: %v", err)
	default:
		return model.Errorf(model.CodeInternal, "etcd refuses: %v", err)
	}
}
