package registrar

import (
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// Open makes the registrar that an address names:
//
//	(empty)                                                  None
//	etcd://[USER:PASSWORD@]HOST:PORT[,HOST:PORT...][/PREFIX] etcd; etcds for TLS
//	consul://HOST:PORT                                       Consul; consuls for TLS
//
// after which may come ?ttl=DURATION for the time that records outlive their host, and for etcd names=FORMAT with ${service},
// ${protocol} and ${domain}. The error has CodeInvalid. Nothing is connected before Run.
func Open(address string, log *slog.Logger) (Registrar, error) {
	if address == "" {
		return None{}, nil
	}
	scheme, rest, _ := strings.Cut(address, "://")
	rest, query, _ := strings.Cut(rest, "?")
	options, err := url.ParseQuery(query)
	if err != nil {
		return nil, model.Errorf(model.CodeInvalid, "service registry: cannot read what follows the question mark: %v", err)
	}
	ttl, err := registryTTL(options)
	if err != nil {
		return nil, err
	}
	switch scheme {
	case "etcd", "etcds":
		if err := onlyOptions(options, "ttl", "names"); err != nil {
			return nil, err
		}
		config, err := etcdAddress(rest, scheme == "etcds")
		if err != nil {
			return nil, err
		}
		config.LeaseTTL, config.Names, config.Logger = ttl, options.Get("names"), log
		return NewEtcd(config)
	case "consul", "consuls":
		if err := onlyOptions(options, "ttl"); err != nil {
			return nil, err
		}
		return NewConsul(ConsulConfig{Address: httpScheme(scheme == "consuls") + rest, TTL: ttl, Logger: log})
	}
	return nil, model.Errorf(model.CodeInvalid, "service registry: want etcd://HOST:PORT or consul://HOST:PORT, not %q", scheme)
}

// etcdAddress reads what is between the scheme and the question mark. Several members do not fit into a URL as net/url has it.
func etcdAddress(rest string, secure bool) (EtcdConfig, error) {
	var config EtcdConfig
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		user, password, _ := strings.Cut(rest[:at], ":")
		var userErr, passwordErr error
		config.Username, userErr = url.PathUnescape(user)
		config.Password, passwordErr = url.PathUnescape(password)
		if userErr != nil || passwordErr != nil {
			// The errors would show the password.
			return config, model.Errorf(model.CodeInvalid, "service registry: user or password is not percent-encoded")
		}
		rest = rest[at+1:]
	}
	members, prefix, found := strings.Cut(rest, "/")
	if found && prefix != "" {
		config.Prefix = "/" + strings.TrimRight(prefix, "/")
	}
	for member := range strings.SplitSeq(members, ",") {
		if member != "" {
			config.Endpoints = append(config.Endpoints, httpScheme(secure)+member)
		}
	}
	return config, nil
}

func httpScheme(secure bool) string {
	if secure {
		return "https://"
	}
	return "http://"
}

func registryTTL(options url.Values) (time.Duration, error) {
	text := options.Get("ttl")
	if text == "" {
		return 0, nil
	}
	ttl, err := time.ParseDuration(text)
	if err != nil || ttl <= 0 {
		return 0, model.Errorf(model.CodeInvalid, "service registry: ttl=%q: want a duration such as 30s", text)
	}
	return ttl, nil
}

func onlyOptions(options url.Values, known ...string) error {
	for name := range options {
		if !slices.Contains(known, name) {
			return model.Errorf(model.CodeInvalid, "service registry: unknown option %q: want %s", name, strings.Join(known, " or "))
		}
	}
	return nil
}
