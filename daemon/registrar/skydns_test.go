package registrar

import (
	"net/netip"
	"testing"
	"time"
)

func TestSkyDNSRecords(t *testing.T) {
	address := netip.MustParseAddr("10.0.0.1")
	tests := map[string]struct {
		names    string
		endpoint Endpoint
		key      string
		value    string
	}{
		"as the service is asked for": {
			endpoint: Endpoint{Name: "web", Protocol: "http", Domain: "services.example.com", Host: "web1.example.com", Port: 4242, IP: address},
			key:      "/skydns/com/example/services/_http/_web/web1_example_com_4242",
			value:    `{"host":"web1.example.com.","port":4242,"priority":10,"weight":100,"ttl":10}`,
		},
		"in the names of the original's plugin": {
			names:    "${service}.${protocol}.${domain}",
			endpoint: Endpoint{Name: "_helios", Protocol: "_http", Domain: "services.foo.com.", Host: "myhostname.foo.com.", Port: 4242},
			key:      "/skydns/com/foo/services/_http/_helios/myhostname_foo_com__4242",
			value:    `{"host":"myhostname.foo.com.","port":4242,"priority":10,"weight":100,"ttl":10}`,
		},
		"bare host name with a known address": {
			endpoint: Endpoint{Name: "web", Protocol: "http", Domain: "local", Host: "web1", Port: 80, IP: address},
			key:      "/skydns/local/_http/_web/web1_80",
			value:    `{"host":"10.0.0.1","port":80,"priority":10,"weight":100,"ttl":10}`,
		},
		"bare host name": {
			endpoint: Endpoint{Name: "web", Protocol: "http", Domain: "local", Host: "web1", Port: 80},
			key:      "/skydns/local/_http/_web/web1_80",
			value:    `{"host":"web1.","port":80,"priority":10,"weight":100,"ttl":10}`,
		},
		"host that is an address": {
			endpoint: Endpoint{Name: "web", Protocol: "http", Domain: "local", Host: "10.1.2.3", Port: 80},
			key:      "/skydns/local/_http/_web/10_1_2_3_80",
			value:    `{"host":"10.1.2.3","port":80,"priority":10,"weight":100,"ttl":10}`,
		},
		"host that is an IPv6 address": {
			endpoint: Endpoint{Name: "web", Protocol: "http", Domain: "local", Host: "fd00::1", Port: 80},
			key:      "/skydns/local/_http/_web/fd00__1_80",
			value:    `{"host":"fd00::1","port":80,"priority":10,"weight":100,"ttl":10}`,
		},
		"port bound to one address": {
			endpoint: Endpoint{
				Name: "web", Protocol: "http", Domain: "local", Host: "web1.example.com", Port: 80, IP: address, Bind: netip.MustParseAddr("10.9.9.9"),
			},
			key:   "/skydns/local/_http/_web/web1_example_com_80",
			value: `{"host":"10.9.9.9","port":80,"priority":10,"weight":100,"ttl":10}`,
		},
		"capital letters": {
			endpoint: Endpoint{Name: "Web", Protocol: "HTTP", Domain: "Local", Host: "Web1.Example.com", Port: 80},
			key:      "/skydns/local/_http/_web/web1_example_com_80",
			value:    `{"host":"Web1.Example.com.","port":80,"priority":10,"weight":100,"ttl":10}`,
		},
		"no domain": {
			endpoint: Endpoint{Name: "web", Protocol: "http", Host: "web1.example.com", Port: 80},
			key:      "/skydns/_http/_web/web1_example_com_80",
			value:    `{"host":"web1.example.com.","port":80,"priority":10,"weight":100,"ttl":10}`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			format := skyDNS{prefix: DefaultSkyDNSPrefix, names: DefaultSkyDNSNames, ttl: 10 * time.Second}
			if test.names != "" {
				format.names = test.names
			}
			key, err := format.key(test.endpoint)
			if err != nil || key != test.key {
				t.Errorf("key %q, %v; want %q", key, err, test.key)
			}
			value, err := format.value(test.endpoint)
			if err != nil || value != test.value {
				t.Errorf("value %s, %v; want %s", value, err, test.value)
			}
		})
	}
}

func TestSkyDNSRefusesEndpointsWithoutAName(t *testing.T) {
	format := skyDNS{prefix: DefaultSkyDNSPrefix, names: DefaultSkyDNSNames}
	for name, endpoint := range map[string]Endpoint{
		"no service": {Protocol: "http", Host: "h", Port: 1},
		"no host":    {Name: "web", Protocol: "http", Port: 1},
		"no port":    {Name: "web", Protocol: "http", Host: "h"},
		"slash":      {Name: "web", Protocol: "http", Domain: "a/b", Host: "h", Port: 1},
	} {
		if key, err := format.key(endpoint); err == nil {
			t.Errorf("%s: got key %q, want an error", name, key)
		}
	}
}
