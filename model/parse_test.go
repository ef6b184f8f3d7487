package model

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParsePortMapping(t *testing.T) {
	for spec, want := range map[string]PortMapping{
		"http=8080:80":              {InternalPort: 8080, ExternalPort: ptr(80), Protocol: "tcp"},
		"foo=4711:80/tcp":           {InternalPort: 4711, ExternalPort: ptr(80), Protocol: "tcp"},
		"dns=53:53/udp":             {InternalPort: 53, ExternalPort: ptr(53), Protocol: "udp"},
		"bar=4711":                  {InternalPort: 4711, Protocol: "tcp"},
		"bar=4711/udp":              {InternalPort: 4711, Protocol: "udp"},
		"smtp=0.0.0.0:53:53/udp":    {IP: "0.0.0.0", InternalPort: 53, ExternalPort: ptr(53), Protocol: "udp"},
		"mail=127.0.0.1:23:23/tcp":  {IP: "127.0.0.1", InternalPort: 23, ExternalPort: ptr(23), Protocol: "tcp"},
		"qux=10.99.0.1:1001:1002":   {IP: "10.99.0.1", InternalPort: 1001, ExternalPort: ptr(1002), Protocol: "tcp"},
		"a_B-9=10.99.0.1:1001":      {IP: "10.99.0.1", InternalPort: 1001, Protocol: "tcp"},
		"zero=0:65535":              {InternalPort: 0, ExternalPort: ptr(65535), Protocol: "tcp"},
		"weird=1:2/sctp":            {InternalPort: 1, ExternalPort: ptr(2), Protocol: "sctp"},
		"leading-zero=00080:000443": {InternalPort: 80, ExternalPort: ptr(443), Protocol: "tcp"},
	} {
		name, got, err := ParsePortMapping(spec)
		if err != nil {
			t.Errorf("%s: %v", spec, err)
			continue
		}
		if wantName, _, _ := strings.Cut(spec, "="); name != wantName {
			t.Errorf("%s: name is %q", spec, name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", spec, diff)
		}
	}
}

func TestParsePortMappingRefuses(t *testing.T) {
	for spec, want := range map[string]string{
		"smtp=localhost:53:53/udp":        "bad port mapping",
		"http8080:80":                     "bad port mapping",
		"foo=80:4711:80/tcp":              "bad port mapping",
		"=53:53/udp":                      "bad port mapping",
		"foo":                             "bad port mapping",
		"foo=":                            "bad port mapping",
		"foo=:":                           "bad port mapping",
		"foo=80:":                         "bad port mapping",
		"foo=:80":                         "bad port mapping",
		"foo=80/":                         "bad port mapping",
		"foo=80/tcp/udp":                  "bad port mapping",
		"foo=80/t c":                      "bad port mapping",
		"foo=-80":                         "bad port mapping",
		"foo=+80":                         "bad port mapping",
		"foo= 80":                         "bad port mapping",
		"foo=10.0.0.1":                    "bad port mapping",
		"foo=10.0.0.1:80:80:80":           "bad port mapping",
		"f.o=80":                          "bad port mapping",
		"foo=::1:80:80":                   "bad port mapping",
		"mail=999.999.999.999:23:23/tcp":  `"999.999.999.999" is not a valid IP address`,
		"mail=1.2.3:23:23":                `"1.2.3" is not a valid IP address`,
		"foo=65536":                       "port 65536 is out of range",
		"foo=80:65536":                    "port 65536 is out of range",
		"foo=99999999999999999999999:8":   "out of range",
		"foo=80:1 ":                       "bad port mapping",
		"http=8080:80 extra=1":            "bad port mapping",
		"föö=80":                          "bad port mapping",
		"foo=80\n":                        "bad port mapping",
		"foo=80:99999999999999999999/tcp": "out of range",
	} {
		name, got, err := ParsePortMapping(spec)
		if CodeOf(err) != CodeInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("ParsePortMapping(%q) = %q, %v, %v, want an error that says %q", spec, name, got, err, want)
		}
	}
}

func FuzzParsePortMapping(f *testing.F) {
	for _, seed := range []string{"http=8080:80", "smtp=0.0.0.0:53:53/udp", "bar=4711", "foo=80:4711:80/tcp", "=", "a=1.2.3:4"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		name, mapping, err := ParsePortMapping(spec)
		if err != nil {
			if CodeOf(err) != CodeInvalid {
				t.Errorf("the error of %q is %s", spec, CodeOf(err))
			}
			return
		}
		job := Job{ID: JobID{Name: "a", Version: "1"}, Image: "x", Ports: map[string]PortMapping{name: mapping}}
		for _, fault := range job.Validate(ValidateOptions{}) {
			if !strings.Contains(fault, "want tcp or udp") {
				t.Errorf("%q gives a mapping that is not valid: %s", spec, fault)
			}
		}
		if !strings.HasPrefix(spec, name+"=") {
			t.Errorf("%q has name %q", spec, name)
		}
	})
}

func TestParseServiceRegistration(t *testing.T) {
	for spec, want := range map[string]struct {
		endpoint ServiceEndpoint
		port     string
	}{
		"web":             {ServiceEndpoint{"web", "http"}, ""},
		"web=http":        {ServiceEndpoint{"web", "http"}, "http"},
		"web/tcp":         {ServiceEndpoint{"web", "tcp"}, ""},
		"web/tcp=admin_1": {ServiceEndpoint{"web", "tcp"}, "admin_1"},
		"W-e_b9/hm=x":     {ServiceEndpoint{"W-e_b9", "hm"}, "x"},
	} {
		endpoint, port, err := ParseServiceRegistration(spec)
		if err != nil || endpoint != want.endpoint || port != want.port {
			t.Errorf("ParseServiceRegistration(%q) = %v, %q, %v, want %v, %q", spec, endpoint, port, err, want.endpoint, want.port)
		}
	}
	for _, spec := range []string{"", "w", "9web", "-web", "web/", "web=", "web/tcp=", "web/a/b", "w.eb", "web=a=b", "web=a b", "/tcp", "=http"} {
		if endpoint, port, err := ParseServiceRegistration(spec); CodeOf(err) != CodeInvalid {
			t.Errorf("ParseServiceRegistration(%q) = %v, %q, %v, want %s", spec, endpoint, port, err, CodeInvalid)
		}
	}
}

func TestParseVolume(t *testing.T) {
	for spec, want := range map[string]struct{ key, source string }{
		"/data":            {"/data", ""},
		"/srv:/data":       {"/data", "/srv"},
		"/srv:/data:ro":    {"/data:ro", "/srv"},
		"name:/data:rw":    {"/data:rw", "name"},
		"/srv:/data:bogus": {"/data:bogus", "/srv"},
	} {
		key, source, err := ParseVolume(spec)
		if err != nil || key != want.key || source != want.source {
			t.Errorf("ParseVolume(%q) = %q, %q, %v, want %q, %q", spec, key, source, err, want.key, want.source)
		}
	}
	for _, spec := range []string{"", "data", "/x:ro", ":/data", "/srv:", "/srv::/data"} {
		if key, source, err := ParseVolume(spec); CodeOf(err) != CodeInvalid {
			t.Errorf("ParseVolume(%q) = %q, %q, %v, want %s", spec, key, source, err, CodeInvalid)
		}
	}
}

func TestServiceEndpointText(t *testing.T) {
	for text, want := range map[string]ServiceEndpoint{
		"svc":     {"svc", "http"},
		"svc/":    {"svc", "http"},
		"svc/tcp": {"svc", "tcp"},
		"s v/a b": {"s v", "a b"},
	} {
		var got ServiceEndpoint
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q is read as %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "/", "/tcp", "a/b/c", "a//"} {
		var got ServiceEndpoint
		if err := got.UnmarshalText([]byte(text)); CodeOf(err) != CodeInvalid {
			t.Errorf("%q is read as %v, %v, want %s", text, got, err, CodeInvalid)
		}
	}
}

// What is read is written in a form that is read as the same again.
func FuzzParseServiceRegistration(f *testing.F) {
	for _, seed := range []string{"web", "web/tcp", "web/http=http", "w", "", "/", "=", "web=", "web/", "1b", "a b", "web/http=a b", "wéb"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		endpoint, port, err := ParseServiceRegistration(spec)
		if err != nil {
			if CodeOf(err) != CodeInvalid {
				t.Errorf("%q: code %s", spec, CodeOf(err))
			}
			return
		}
		text := endpoint.String()
		if port != "" {
			text += "=" + port
		}
		again, portAgain, err := ParseServiceRegistration(text)
		if err != nil || again != endpoint || portAgain != port {
			t.Errorf("%q is %v %q, and %q is %v %q (%v)", spec, endpoint, port, text, again, portAgain, err)
		}
	})
}

// A volume's path in the container always begins with a slash, and source and path are together what was typed.
func FuzzParseVolume(f *testing.F) {
	for _, seed := range []string{"/a", "/a:/b", "/a:/b:ro", "name:/b", "/x:ro", ":", ":/a", "a", "", "/a::", "/a:/b:ro:x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		key, source, err := ParseVolume(spec)
		switch {
		case err != nil:
			if CodeOf(err) != CodeInvalid {
				t.Errorf("%q: code %s", spec, CodeOf(err))
			}
		case key == "" || key[0] != '/':
			t.Errorf("%q: path %q", spec, key)
		case source == "" && key != spec, source != "" && source+":"+key != spec:
			t.Errorf("%q became %q and %q", spec, source, key)
		}
	})
}
