package container

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/registry"
)

const (
	// helperTimeout bounds a credential helper: one that waits for somebody to type must not hold up a pull for ever.
	helperTimeout = 30 * time.Second

	helperPrefix  = "docker-credential-"
	helperUnknown = "credentials not found in native keychain" // part of the helpers' protocol
	helperToken   = "<token>"                                  // in place of a user: the secret is an identity token

	hubDomain = "docker.io"
	hubServer = "https://index.docker.io/v1/" // the name under which a login to docker.io is kept
)

// credentialsFile is what counts here of Docker's config.json.
type credentialsFile struct {
	Auths       map[string]credentialsEntry `json:"auths"`
	CredsStore  string                      `json:"credsStore"`  // helper for every registry
	CredHelpers map[string]string           `json:"credHelpers"` // helper by registry, before CredsStore
}

type credentialsEntry struct {
	Auth          string `json:"auth"` // base64 of user:password
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

func defaultConfigDir() string {
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		// Daemons are often started without $HOME.
		current, err := user.Current()
		if err != nil {
			return ""
		}
		home = current.HomeDir
	}
	return filepath.Join(home, ".docker")
}

// registryAuth returns the header that logs a pull in to the registry at domain, "" where there are no credentials for it. What is
// wrong with the credentials is logged, and the pull tried without: many images need none. The error is that of ctx.
func (d *Docker) registryAuth(ctx context.Context, domain string) (string, error) {
	found, err := d.credentials(ctx, domain)
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err != nil {
		d.log.Warn("credentials of a registry cannot be read; pulling without them", "registry", domain, "error", err)
		return "", nil
	}
	if found == (registry.AuthConfig{}) {
		return "", nil
	}
	found.ServerAddress = serverNames(domain)[0]
	header, err := registry.EncodeAuthConfig(found)
	if err != nil {
		d.log.Warn("credentials of a registry cannot be sent; pulling without them", "registry", domain, "error", err)
		return "", nil
	}
	return header, nil
}

// credentials returns the zero AuthConfig where there are none.
func (d *Docker) credentials(ctx context.Context, domain string) (registry.AuthConfig, error) {
	var none registry.AuthConfig
	if d.config.ConfigDir == "" {
		return none, nil
	}
	path := filepath.Join(d.config.ConfigDir, "config.json")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	var file credentialsFile
	if err := json.Unmarshal(data, &file); err != nil {
		return none, fmt.Errorf("%s: %w", path, err)
	}
	names := serverNames(domain)
	if helper := file.helper(names); helper != "" {
		return askHelper(ctx, helper, names[0])
	}
	entry, ok := file.entry(names)
	if !ok {
		return none, nil
	}
	found, err := entry.authConfig()
	if err != nil {
		return none, fmt.Errorf("%s: %w", path, err)
	}
	return found, nil
}

// serverNames returns what a registry may be called in config.json, its proper name first.
func serverNames(domain string) []string {
	if domain == hubDomain {
		return []string{hubServer, "index.docker.io", hubDomain}
	}
	return []string{domain}
}

func (f credentialsFile) helper(names []string) string {
	for _, name := range names {
		if helper := f.CredHelpers[name]; helper != "" {
			return helper
		}
	}
	return f.CredsStore
}

// entry looks for an exact name first and then, as old logins have it, for a URL on the same host.
func (f credentialsFile) entry(names []string) (entry credentialsEntry, ok bool) {
	for _, name := range names {
		if entry, ok := f.Auths[name]; ok {
			return entry, true
		}
	}
	for url, entry := range f.Auths {
		if slices.Contains(names, hostOf(url)) {
			return entry, true
		}
	}
	return credentialsEntry{}, false
}

// hostOf returns the host and port of what may be a URL.
func hostOf(url string) string {
	url = strings.TrimPrefix(strings.TrimPrefix(url, "https://"), "http://")
	host, _, _ := strings.Cut(url, "/")
	return host
}

func (e credentialsEntry) authConfig() (registry.AuthConfig, error) {
	found := registry.AuthConfig{
		Username: e.Username, Password: e.Password, IdentityToken: e.IdentityToken, RegistryToken: e.RegistryToken,
	}
	if e.Auth == "" {
		return found, nil
	}
	text, err := base64.StdEncoding.DecodeString(e.Auth)
	if err != nil {
		return registry.AuthConfig{}, errors.New("an auth is not base64")
	}
	username, password, ok := strings.Cut(string(text), ":")
	if !ok {
		return registry.AuthConfig{}, errors.New("an auth is not USER:PASSWORD in base64")
	}
	found.Username, found.Password = username, strings.TrimRight(password, "\x00")
	return found, nil
}

// askHelper asks a credential helper, a program that Docker's own command line uses too, for a registry's credentials.
func askHelper(ctx context.Context, helper, server string) (registry.AuthConfig, error) {
	var none registry.AuthConfig
	if strings.ContainsAny(helper, `/\`) {
		return none, fmt.Errorf("credential helper %q is not the name of a program", helper)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, helperTimeout, fmt.Errorf("it did not answer within %s", helperTimeout))
	defer cancel()
	command := exec.CommandContext(ctx, helperPrefix+helper, "get")
	command.Stdin = strings.NewReader(server)
	command.WaitDelay = time.Second // it may leave children behind that hold its output open
	var output bytes.Buffer
	command.Stdout = &output
	err := command.Run()
	said := strings.TrimSpace(output.String())
	switch {
	case err != nil && ctx.Err() != nil:
		return none, fmt.Errorf("credential helper %s: %w", helper, context.Cause(ctx))
	case err != nil && said == helperUnknown:
		return none, nil
	case err != nil && said != "":
		return none, fmt.Errorf("credential helper %s: %w: %s", helper, err, said)
	case err != nil:
		return none, fmt.Errorf("credential helper %s: %w", helper, err)
	}
	var answer struct{ Username, Secret string }
	if err := json.Unmarshal(output.Bytes(), &answer); err != nil {
		return none, fmt.Errorf("credential helper %s: its answer is not JSON", helper) // what it is may be a secret
	}
	if answer.Username == helperToken {
		return registry.AuthConfig{IdentityToken: answer.Secret}, nil
	}
	return registry.AuthConfig{Username: answer.Username, Password: answer.Secret}, nil
}
