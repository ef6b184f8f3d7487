package container_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"
	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/daemon/container/containertest"
)

// writeHelper puts a credential helper in the path. It is a shell script that has the server's name in $server.
func writeHelper(t *testing.T, name, script string) {
	t.Helper()
	dir := t.TempDir()
	text := "#!/bin/sh\ntest \"$1\" = get || exit 9\nserver=$(cat)\n" + script + "\n"
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-"+name), []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

func writeConfig(t *testing.T, text string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestDockerPullsWithTheCredentialsOfTheConfigFile(t *testing.T) {
	writeHelper(t, "vault", `echo "{\"ServerURL\":\"$server\",\"Username\":\"vaulted\",\"Secret\":\"for $server\"}"`)
	writeHelper(t, "tokens", `echo '{"Username":"<token>","Secret":"t0k3n"}'`)
	writeHelper(t, "empty", `echo "credentials not found in native keychain"; exit 1`)
	writeHelper(t, "broken", `echo "the keychain is locked"; exit 1`)
	writeHelper(t, "chatty", `echo "s3cr3t"`)
	const hub = "https://index.docker.io/v1/"
	alice := registry.AuthConfig{Username: "alice", Password: "pass:word"}
	with := func(auth registry.AuthConfig, server string) registry.AuthConfig {
		auth.ServerAddress = server
		return auth
	}
	const aliceAuth = `"auth": "YWxpY2U6cGFzczp3b3Jk"`
	for _, test := range []struct {
		name, config, image string
		want                registry.AuthConfig // zero: none
		warning             string              // in the log; "" for none
	}{
		{"none for this registry", `{"auths": {"other:5000": {` + aliceAuth + `}}}`, "registry:5000/web", registry.AuthConfig{}, ""},
		{"of the registry", `{"auths": {"registry:5000": {` + aliceAuth + `}}}`, "registry:5000/web", with(alice, "registry:5000"), ""},
		{"of another port", `{"auths": {"registry:5001": {` + aliceAuth + `}}}`, "registry:5000/web", registry.AuthConfig{}, ""},
		{"under a URL", `{"auths": {"https://registry:5000/v2/": {` + aliceAuth + `}}}`, "registry:5000/a/b", with(alice, "registry:5000"), ""},
		{"of docker.io", `{"auths": {"` + hub + `": {` + aliceAuth + `}}}`, "nginx:1.27", with(alice, hub), ""},
		{"of docker.io by its short name", `{"auths": {"docker.io": {` + aliceAuth + `}}}`, "docker.io/team/web", with(alice, hub), ""},
		{"in plain words", `{"auths": {"r.example": {"username": "bob", "password": "p"}}}`, "r.example/web",
			registry.AuthConfig{Username: "bob", Password: "p", ServerAddress: "r.example"}, ""},
		{"identity token", `{"auths": {"r.example": {"identitytoken": "i"}}}`, "r.example/web",
			registry.AuthConfig{IdentityToken: "i", ServerAddress: "r.example"}, ""},
		{"helper of every registry", `{"credsStore": "vault", "auths": {"r.example": {}}}`, "r.example/web",
			registry.AuthConfig{Username: "vaulted", Password: "for r.example", ServerAddress: "r.example"}, ""},
		{"helper for docker.io", `{"credsStore": "vault"}`, "nginx",
			registry.AuthConfig{Username: "vaulted", Password: "for " + hub, ServerAddress: hub}, ""},
		{"helper of one registry", `{"credsStore": "vault", "credHelpers": {"r.example": "tokens"}}`, "r.example/web",
			registry.AuthConfig{IdentityToken: "t0k3n", ServerAddress: "r.example"}, ""},
		{"helper knows none", `{"credsStore": "empty"}`, "r.example/web", registry.AuthConfig{}, ""},
		{"helper in trouble", `{"credsStore": "broken"}`, "r.example/web", registry.AuthConfig{}, "the keychain is locked"},
		{"helper with another language", `{"credsStore": "chatty"}`, "r.example/web", registry.AuthConfig{}, "not JSON"},
		{"helper that is missing", `{"credsStore": "nowhere"}`, "r.example/web", registry.AuthConfig{}, "docker-credential-nowhere"},
		{"helper that is a path", `{"credsStore": "../evil"}`, "r.example/web", registry.AuthConfig{}, "not the name of a program"},
		{"not JSON", `{`, "r.example/web", registry.AuthConfig{}, "config.json"},
		{"not base64", `{"auths": {"r.example": {"auth": "?"}}}`, "r.example/web", registry.AuthConfig{}, "base64"},
		{"no password", `{"auths": {"r.example": {"auth": "YWxpY2U="}}}`, "r.example/web", registry.AuthConfig{}, "USER:PASSWORD"},
	} {
		t.Run(test.name, func(t *testing.T) {
			header := "never sent"
			var log strings.Builder
			docker := stubEngine(t, container.DockerConfig{
				ConfigDir: writeConfig(t, test.config), Logger: slog.New(slog.NewTextHandler(&log, nil)),
			}, func(_ http.ResponseWriter, r *http.Request) { header = r.Header.Get("X-Registry-Auth") })
			if err := docker.Pull(t.Context(), test.image); err != nil {
				t.Fatal(err)
			}
			got := registry.AuthConfig{}
			if header != "" {
				auth, err := registry.DecodeAuthConfig(header)
				if err != nil {
					t.Fatalf("header %q: %v", header, err)
				}
				got = *auth
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("credentials (-want +got):\n%s", diff)
			}
			if !strings.Contains(log.String(), test.warning) || test.warning == "" && log.Len() > 0 {
				t.Errorf("logged %q, want %q", log.String(), test.warning)
			}
			if strings.Contains(log.String(), "s3cr3t") {
				t.Errorf("a secret is logged: %s", log.String())
			}
		})
	}
}

func TestDockerCredentialsComeFromTheUsualFolder(t *testing.T) {
	dir := writeConfig(t, `{"auths": {"r.example": {"username": "bob", "password": "p"}}}`)
	home := t.TempDir()
	if err := os.Symlink(dir, filepath.Join(home, ".docker")); err != nil {
		t.Fatal(err)
	}
	for name, env := range map[string][2]string{"DOCKER_CONFIG": {dir, "/nowhere"}, "home": {"", home}} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("DOCKER_CONFIG", env[0])
			t.Setenv("HOME", env[1])
			header := ""
			docker := stubEngine(t, container.DockerConfig{}, func(_ http.ResponseWriter, r *http.Request) {
				header = r.Header.Get("X-Registry-Auth")
			})
			if err := docker.Pull(t.Context(), "r.example/web"); err != nil {
				t.Fatal(err)
			}
			if auth, err := registry.DecodeAuthConfig(header); err != nil || auth.Username != "bob" {
				t.Errorf("credentials %+v, %v; want bob's", auth, err)
			}
		})
	}
}

func TestDockerPullDoesNotOutliveItsContextInAHelper(t *testing.T) {
	writeHelper(t, "stuck", `exec sleep 600`)
	docker := stubEngine(t, container.DockerConfig{ConfigDir: writeConfig(t, `{"credsStore": "stuck"}`)},
		func(http.ResponseWriter, *http.Request) { t.Error("the pull was sent") })
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := docker.Pull(ctx, "r.example/web"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("pull: %v", err)
	}
}

// TestDockerPullsFromARegistryWithALogin pulls from a real registry that lets nobody in without a password.
func TestDockerPullsFromARegistryWithALogin(t *testing.T) {
	engine := containertest.RequireDocker(t)
	users := filepath.Join(t.TempDir(), "htpasswd")
	// The password is "correct horse".
	if err := os.WriteFile(users, []byte("carol:$2b$04$uyrOSEAyK4k2EOYe./gp0.6K5IhrI4uNd0OV9LBdGBg4.E3VCb6vS\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	address := startRegistry(t, fmt.Sprintf("auth: {htpasswd: {realm: test, path: %s}}\n", users))
	ref := address + "/heliosctl/busybox:1"
	raw := containertest.RawClient(t)
	if err := raw.ImageTag(t.Context(), containertest.BusyboxImage(t, engine), ref); err != nil {
		t.Fatal(err)
	}
	remove := func(ctx context.Context) {
		if err := engine.RemoveImage(ctx, ref); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(func() { remove(context.WithoutCancel(t.Context())) })
	login, err := registry.EncodeAuthConfig(registry.AuthConfig{Username: "carol", Password: "correct horse"})
	if err != nil {
		t.Fatal(err)
	}
	pushed, err := raw.ImagePush(t.Context(), ref, image.PushOptions{RegistryAuth: login})
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(pushed)
	if err != nil || strings.Contains(string(text), "errorDetail") {
		t.Fatalf("push: %s, %v", text, err)
	}
	_ = pushed.Close()

	for _, test := range []struct {
		name, config string
		pulls        bool
	}{
		{"without a login", `{}`, false},
		{"with a wrong password", `{"auths": {"` + address + `": {"username": "carol", "password": "wrong"}}}`, false},
		{"with a login", `{"auths": {"` + address + `": {"auth": "Y2Fyb2w6Y29ycmVjdCBob3JzZQ=="}}}`, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			remove(t.Context())
			docker, err := container.NewDocker(container.DockerConfig{
				Host: os.Getenv("DOCKER_HOST"), CertPath: os.Getenv("DOCKER_CERT_PATH"), ConfigDir: writeConfig(t, test.config),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer docker.Close()
			err = docker.Pull(t.Context(), ref)
			if test.pulls != (err == nil) {
				t.Errorf("pull: %v, want it to work: %v", err, test.pulls)
			}
			if errors.Is(err, container.ErrUnavailable) {
				t.Errorf("a refused login is taken for an engine in trouble: %v", err)
			}
		})
	}
}
