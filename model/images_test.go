package model

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const hex64 = "123456789012345678901234567890123456789012345678901234567890abcd"

func imageFaults(image string) []string {
	var f faults
	f.checkImage(image)
	return f
}

func TestImageAccepted(t *testing.T) {
	for _, image := range []string{
		"repo", "namespace/repo", "namespace/repo:tag", "namespace/repo:1.2",
		"reg.istry:4711/repo", "reg.istry.:4711/repo", "reg.istry:4711/namespace/repo", "1.2.3.4:4711/namespace/repo",
		"registry.test.net.:80/fooo/bar", "registry.test.net/fooo/bar",
		"namespace/foo@sha256:" + hex64, "foo.net/bar@sha256:" + hex64, "foo@tarsum.v1+sha256:" + hex64,
		"baz.io:4711/foo/foo-bar:1.2.3-SNAPSHOT-x@sha256:" + hex64,
		"b.gcr.io/cloudsql-docker/gce-proxy:1.05", "b.gcr.io/cloudsql-docker/and/more/components/gce-proxy:1.05",
		"foo/", "-foo-", "foo__bar", "localhost/foo", "localhost:5000/foo", "999.999.999.999/x", "reg:65535/foo", "foo:_tag",
		"foo@sha256:zzz", "REG.istry/foo", strings.Repeat("a", 255), "reg.istry/" + strings.Repeat("a", 255),
		"foo:" + strings.Repeat("a", 128),
	} {
		if got := imageFaults(image); got != nil {
			t.Errorf("%s is refused: %q", image, got)
		}
	}
}

func TestImageRefused(t *testing.T) {
	const (
		tagRule       = `: want at most 128 letters, digits, . _ and -, not beginning with . or -`
		componentRule = `: want lower-case letters, digits, . _ and -`
		hostRule      = `: want a domain name or an IPv4 address`
		portRule      = `: want 0 to 65535`
	)
	long := strings.Repeat("a", 300)
	for image, want := range map[string][]string{
		"":                       {`image is not specified`},
		"repo:":                  {`image "repo:" has an empty tag`},
		"repo:@sha256:" + hex64:  {`image "repo:@sha256:` + hex64 + `" has an empty tag`},
		"foo@":                   {`image "foo@" has an empty digest`},
		"foo@:123":               {`image "foo@:123" has digest ":123": want ALGORITHM:HEX`},
		"foo@sha256:":            {`image "foo@sha256:" has digest "sha256:": want ALGORITHM:HEX`},
		"foo@sha256":             {`image "foo@sha256" has digest "sha256": want ALGORITHM:HEX`},
		"foo@a:b:c":              {`image "foo@a:b:c" has digest "a:b:c": want ALGORITHM:HEX`},
		"foo:bar@sha256:":        {`image "foo:bar@sha256:" has digest "sha256:": want ALGORITHM:HEX`},
		"repo:/":                 {`image "repo:/" has registry port ""` + portRule, `image "repo:/" has component ""` + componentRule},
		"1.2.3.4.:4711/x":        {`image "1.2.3.4.:4711/x" has registry host "1.2.3.4."` + hostRule},
		" reg.istry:4711/x":      {`image " reg.istry:4711/x" has registry host " reg.istry"` + hostRule},
		"reg..istry/x":           {`image "reg..istry/x" has registry host "reg..istry"` + hostRule},
		"foo-.ba|z/x":            {`image "foo-.ba|z/x" has registry host "foo-.ba|z"` + hostRule},
		"-foo.net/x":             {`image "-foo.net/x" has registry host "-foo.net"` + hostRule},
		"123:80/foo":             {`image "123:80/foo" has registry host "123"` + hostRule},
		":80/foo":                {`image ":80/foo" has registry host ""` + hostRule},
		"reg.istry: 4711/repo":   {`image "reg.istry: 4711/repo" has registry port " 4711"` + portRule},
		"foo:345345345/x":        {`image "foo:345345345/x" has registry port "345345345"` + portRule},
		"foo:-17/x":              {`image "foo:-17/x" has registry port "-17"` + portRule},
		"reg:99999/foo":          {`image "reg:99999/foo" has registry port "99999"` + portRule},
		"reg.istry:4711/ repo":   {`image "reg.istry:4711/ repo" has component " repo"` + componentRule},
		"a//b":                   {`image "a//b" has component ""` + componentRule},
		"/":                      {`image "/" has component ""` + componentRule},
		"Foo":                    {`image "Foo" has component "Foo"` + componentRule},
		"foo@a@b:c":              {`image "foo@a@b:c" has component "foo@a"` + componentRule},
		long + "/bar":            {`image "` + long + `/bar" is too long: its path has 304 characters, at most 255 are allowed`},
		"foo/bar:a b c":          {`image "foo/bar:a b c" has tag "a b c"` + tagRule},
		"foo:-tag":               {`image "foo:-tag" has tag "-tag"` + tagRule},
		"foo:.tag":               {`image "foo:.tag" has tag ".tag"` + tagRule},
		"foo:" + long:            {`image "foo:` + long + `" has tag "` + long + `"` + tagRule},
		"foo.bar":                {`image "foo.bar" is not a repository name: "foo.bar" stands for a registry, so want foo.bar/NAME`},
		"foo.bar:1":              {`image "foo.bar:1" is not a repository name: "foo.bar" stands for a registry, so want foo.bar/NAME`},
		"localhost":              {`image "localhost" is not a repository name: "localhost" stands for a registry, so want localhost/NAME`},
		"foo:tag:tag2":           {`image "foo:tag:tag2" is not a repository name: "foo:tag" stands for a registry, so want foo:tag/NAME`},
		"http://foo/bar":         {`image "http://foo/bar" is not a repository name: leave out the scheme`},
		"reg..istry:x/A:?@sha:1": {`image "reg..istry:x/A:?@sha:1" has tag "?"` + tagRule, `image "reg..istry:x/A:?@sha:1" has registry host "reg..istry"` + hostRule, `image "reg..istry:x/A:?@sha:1" has registry port "x"` + portRule, `image "reg..istry:x/A:?@sha:1" has component "A"` + componentRule},
	} {
		if diff := cmp.Diff(want, imageFaults(image)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", image, diff)
		}
	}
}

func FuzzImageReference(f *testing.F) {
	for _, seed := range []string{"repo", "reg.istry:4711/namespace/repo:tag@sha256:abc", "repo:/", "foo@", "localhost", "a//b", "http://foo"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, image string) {
		if faults := imageFaults(image); len(faults) > 0 {
			return
		}
		// A reference that is accepted keeps being accepted with a registry before it and a digest behind it.
		name, _, digested := strings.Cut(image, "@")
		if strings.ContainsAny(name, " \t\n") {
			t.Errorf("%q has a blank in its name and is accepted", image)
		}
		first, _, _ := strings.Cut(name, "/")
		if !strings.ContainsAny(first, ".:") && first != "localhost" {
			if faults := imageFaults("registry.example/" + image); len(faults) > 0 {
				t.Errorf("%q is accepted, but not with a registry: %q", image, faults)
			}
		}
		if !digested {
			if faults := imageFaults(image + "@sha256:abc"); len(faults) > 0 {
				t.Errorf("%q is accepted, but not with a digest: %q", image, faults)
			}
		}
	})
}
