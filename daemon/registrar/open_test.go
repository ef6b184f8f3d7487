package registrar

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

func TestOpenNothing(t *testing.T) {
	r, err := Open("", nil)
	if err != nil || r != (None{}) {
		t.Errorf("got %v, %v; want None", r, err)
	}
}

func TestOpenFaults(t *testing.T) {
	for name, address := range map[string]string{
		"no scheme":         "localhost:2379",
		"scheme of a page":  "http://localhost:2379",
		"no member":         "etcd://",
		"unknown option":    "etcd://localhost:2379?lease=3s",
		"option of another": "consul://localhost:8500?names=x",
		"ttl without unit":  "etcd://localhost:2379?ttl=30",
		"ttl too short":     "consul://localhost:8500?ttl=1s",
		"bad format":        "etcd://localhost:2379?names=${job}",
		"bad password":      "etcd://root:%zz@localhost:2379",
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Open(address, nil)
			if model.CodeOf(err) != model.CodeInvalid {
				t.Errorf("got %v, %v; want code %s", r, err, model.CodeInvalid)
			}
			if err != nil && strings.Contains(err.Error(), "%zz") {
				t.Errorf("the password is in the message: %v", err)
			}
		})
	}
}

func TestEtcdAddresses(t *testing.T) {
	tests := map[string]struct {
		rest   string
		secure bool
		want   EtcdConfig
	}{
		"one member":      {"etcd1:2379", false, EtcdConfig{Endpoints: []string{"http://etcd1:2379"}}},
		"several members": {"a:1,b:2,[::1]:3", true, EtcdConfig{Endpoints: []string{"https://a:1", "https://b:2", "https://[::1]:3"}}},
		"prefix":          {"a:1/my/dns/", false, EtcdConfig{Endpoints: []string{"http://a:1"}, Prefix: "/my/dns"}},
		"slash only":      {"a:1/", false, EtcdConfig{Endpoints: []string{"http://a:1"}}},
		"user":            {"root:p%40ss:word@a:1", false, EtcdConfig{Endpoints: []string{"http://a:1"}, Username: "root", Password: "p@ss:word"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := etcdAddress(test.rest, test.secure)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("configuration (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOpenEtcd(t *testing.T) {
	s := startEtcd(t)
	r, err := Open("etcd://"+strings.TrimPrefix(s.url, "http://")+"?ttl=3s&names=${service}.${protocol}.${domain}", testLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	run(t, r)
	r.Register(webOn("web1.example.com", 8080))
	s.awaitKeys(t, "/skydns/com/example/http/web/web1_example_com_8080")
}

func TestOpenConsul(t *testing.T) {
	t.Parallel()
	c := startConsul(t)
	r, err := Open("consul://"+c.Listener.Addr().String()+"?ttl=3s", testLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	run(t, r)
	r.Register(webOn("web1.example.com", 8080))
	c.awaitPassing(t, web1Service)
}
