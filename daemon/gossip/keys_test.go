package gossip_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/gossip"
	"github.com/heliosctl/heliosctl/model"
)

func newKey(size int) string {
	key := make([]byte, size)
	_, _ = rand.Read(key)
	return base64.StdEncoding.EncodeToString(key)
}

func TestBadKeysAreRefusedWithoutBeingTold(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]string{"no base64": "secret!", "too short": newKey(15), "too long": newKey(33), "padded wrongly": newKey(16) + "="} {
		t.Run(name, func(t *testing.T) {
			_, err := gossip.New(gossip.Config{Member: master("m"), Bind: "127.0.0.1:0", EncryptKey: key, Loopback: true, Logger: slog.New(slog.DiscardHandler)})
			if model.CodeOf(err) != model.CodeInvalid || !strings.Contains(err.Error(), "--encrypt") || strings.Contains(err.Error(), "\n") {
				t.Fatalf("got %v", err)
			}
			if strings.Contains(err.Error(), key) {
				t.Errorf("the error tells the key: %v", err)
			}
		})
	}
}

func TestOnlyThoseWithTheKeyGetIn(t *testing.T) {
	t.Parallel()
	for _, size := range []int{16, 24, 32} {
		key := newKey(size)
		m := start(t, gossip.Config{Member: master("m1"), EncryptKey: key})
		refusedPlain, refusedWrong := make(chan struct{}), make(chan struct{})
		start(t, gossip.Config{Member: agent("plain", "P"), Join: []string{m.Addr()}, Logger: awaitLine("cannot join the gossip pool yet", refusedPlain)})
		start(t, gossip.Config{
			Member: agent("wrong", "W"), Join: []string{m.Addr()}, EncryptKey: newKey(size), Logger: awaitLine("cannot join the gossip pool yet", refusedWrong),
		})
		a := start(t, gossip.Config{Member: agent("web-1", "AAAA"), Join: []string{m.Addr()}, EncryptKey: key})
		await(t, m, "the agent", func() bool { return m.AgentAlive("web-1", "AAAA") })
		<-refusedPlain
		<-refusedWrong
		if m.AgentAlive("plain", "P") || m.AgentAlive("wrong", "W") || a.AgentAlive("plain", "P") {
			t.Errorf("one without the key of %d bytes got in", size)
		}
	}
}

// ringOf asks until the ring is as wanted: who has just joined may not answer the first time.
func ringOf(t *testing.T, g started, want model.Keyring) {
	t.Helper()
	var diff string
	await(t, g, "the keyring", func() bool {
		ring, err := g.Keyring(context.Background(), model.KeyringChange{Action: model.KeyringList})
		diff = cmp.Diff(want, ring)
		if diff != "" || err != nil {
			t.Logf("keyring (-want +got):\n%s\nerror %v", diff, err)
		}
		return diff == "" && err == nil
	})
}

func change(t *testing.T, g started, action model.KeyringAction, key string) {
	t.Helper()
	await(t, g, "everyone to "+string(action)+" the key", func() bool {
		_, err := g.Keyring(context.Background(), model.KeyringChange{Action: action, Key: key})
		if err != nil {
			t.Log(err)
		}
		return err == nil
	})
}

func keyring(members int, primary string, keys ...string) model.Keyring {
	ring := model.Keyring{
		Members: members, Answers: members, Primary: map[string]int{model.KeyFingerprint(primary): members}, Keys: map[string]int{},
		Errors: map[string]string{},
	}
	for _, key := range keys {
		ring.Keys[model.KeyFingerprint(key)] = members
	}
	return ring
}

func TestKeysAreChangedWhileEveryoneStays(t *testing.T) {
	t.Parallel()
	old, next := newKey(32), newKey(32)
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()}
	downs := &lines{}
	m1 := start(t, gossip.Config{Member: master("m1"), EncryptKey: old, StateDir: dirs[0], Logger: slog.New(downs)})
	m2 := start(t, gossip.Config{Member: master("m2"), EncryptKey: old, StateDir: dirs[1], Join: []string{m1.Addr()}})
	a := start(t, gossip.Config{Member: agent("web-1", "AAAA"), EncryptKey: old, StateDir: dirs[2], Join: []string{m1.Addr()}})
	away := start(t, gossip.Config{Member: agent("web-2", "BBBB"), EncryptKey: old, StateDir: dirs[3], Join: []string{m1.Addr()}})
	all := []started{m1, m2, a}
	for _, g := range append(all, away) {
		await(t, g, "everyone", func() bool {
			return len(g.Masters()) == 2 && g.AgentAlive("web-1", "AAAA") && g.AgentAlive("web-2", "BBBB")
		})
	}
	if err := away.stop(); err != nil {
		t.Fatal(err)
	}
	for _, g := range all {
		await(t, g, "the one that leaves to be gone", func() bool { return !g.AgentAlive("web-2", "BBBB") })
	}

	ringOf(t, m1, keyring(3, old, old))
	refused(t, m1, model.KeyringUse, next, "0 of 3 members have this key: install it before it is used")
	refused(t, m1, model.KeyringRemove, old, "3 of 3 members encrypt with this key: use another one before it is removed")
	change(t, m1, model.KeyringInstall, next)
	ringOf(t, m2, keyring(3, old, old, next))
	change(t, m2, model.KeyringUse, next)
	ringOf(t, a, keyring(3, next, old, next))
	change(t, a, model.KeyringRemove, old)
	ringOf(t, m1, keyring(3, next, next))
	for _, g := range all {
		if len(g.Masters()) != 2 || !g.AgentAlive("web-1", "AAAA") {
			t.Errorf("somebody was lost: %+v", g.Members())
		}
	}
	if failed := downs.having("EventMemberFailed"); len(failed) > 0 {
		t.Errorf("somebody was taken for failed: %q", failed)
	}

	// Who was away has the old key, and is told so; it comes back with the new one.
	outside := make(chan struct{})
	cfg := gossip.Config{Member: agent("web-2", "BBBB"), StateDir: dirs[3], Join: []string{m1.Addr()}}
	cfg.Logger = awaitLine("cannot join the gossip pool yet", outside)
	stale := start(t, cfg)
	<-outside
	if len(stale.Masters()) != 0 || m1.AgentAlive("web-2", "BBBB") {
		t.Error("a member with a removed key got in")
	}
	if err := stale.stop(); err != nil {
		t.Fatal(err)
	}
	ignored := &lines{}
	cfg.EncryptKey, cfg.Logger = next, slog.New(ignored)
	stale = start(t, cfg)
	if warned := ignored.having("not in this daemon's ring"); len(warned) != 1 || !strings.Contains(warned[0], "heliosctl keyring") {
		t.Errorf("the key of the flag is not used, and the log says %q", warned)
	}
	if err := stale.stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dirs[3], "serf.keyring")); err != nil {
		t.Fatal(err)
	}
	cfg.Logger = nil
	back := start(t, cfg)
	await(t, back, "the masters", func() bool { return len(back.Masters()) == 2 })

	// The ring outlives a restart, and the flag of old does no harm.
	if err := m2.stop(); err != nil {
		t.Fatal(err)
	}
	m2 = start(t, gossip.Config{Member: master("m2"), EncryptKey: old, StateDir: dirs[1]})
	await(t, m2, "the others, without the flag's key and without being told where they are", func() bool {
		return len(m2.Masters()) == 2 && m2.AgentAlive("web-2", "BBBB")
	})
}

func refused(t *testing.T, g started, action model.KeyringAction, key, want string) {
	t.Helper()
	_, err := g.Keyring(context.Background(), model.KeyringChange{Action: action, Key: key})
	if model.CodeOf(err) != model.CodeInvalid || err.Error() != want {
		t.Errorf("%s: got %v, want %q", action, err, want)
	}
}

func TestTheRingIsKeptForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	dir, key := filepath.Join(t.TempDir(), "gossip"), newKey(32)
	m := start(t, gossip.Config{Member: master("m1"), EncryptKey: key, StateDir: dir})
	change(t, m, model.KeyringInstall, newKey(32))
	info, err := os.Stat(filepath.Join(dir, "serf.keyring"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the ring: %v, error %v", info, err)
	}
}

func TestADamagedRingIsNamed(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"cut short": `["`, "empty": "", "no keys": "[]", "a short key": `["QUJD"]`} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "serf.keyring")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := gossip.New(gossip.Config{
				Member: master("m"), Bind: "127.0.0.1:0", EncryptKey: newKey(32), StateDir: dir, Loopback: true, Logger: slog.New(slog.DiscardHandler),
			})
			if model.CodeOf(err) != model.CodeInvalid || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestKeysThatCannotBeChanged(t *testing.T) {
	t.Parallel()
	plain := start(t, gossip.Config{Member: master("m1")})
	refused(t, plain, model.KeyringList, "", "gossip is not encrypted: start every daemon with --encrypt KEY")
	m := start(t, gossip.Config{Member: master("m2"), EncryptKey: newKey(32)})
	refused(t, m, model.KeyringInstall, "QUJD", "this is no key: it must be base64 of 16, 24 or 32 bytes, not of 3; heliosctl keygen makes one")
	refused(t, m, "lose", "", `cannot "lose" keys: list, install, use or remove them`)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := m.Keyring(ctx, model.KeyringChange{Action: model.KeyringList}); err != nil && err != context.Canceled {
		t.Errorf("a question that was given up: %v", err)
	}
}

func TestWhoCannotKeepAKeyIsNamed(t *testing.T) {
	t.Parallel()
	key, dir := newKey(32), filepath.Join(t.TempDir(), "gone")
	m := start(t, gossip.Config{Member: master("m1"), EncryptKey: key})
	start(t, gossip.Config{Member: agent("web-1", "AAAA"), EncryptKey: key, StateDir: dir, Join: []string{m.Addr()}})
	await(t, m, "the agent", func() bool { return m.AgentAlive("web-1", "AAAA") })
	ringOf(t, m, keyring(2, key, key))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	ring, err := m.Keyring(context.Background(), model.KeyringChange{Action: model.KeyringInstall, Key: newKey(32)})
	var failed *model.Error
	if !errors.As(err, &failed) || failed.Code != model.CodeUnavailable || len(failed.Details) != 1 || !strings.HasPrefix(failed.Details[0], "agent.web-1.AAAA: ") {
		t.Errorf("error %+v", err)
	}
	if ring.Members != 2 || ring.Answers != 2 || !strings.Contains(ring.Errors["agent.web-1.AAAA"], "keyring file") {
		t.Errorf("the answers beside it are %+v", ring)
	}
}

// Whoever has a key gets into the pool: nobody is told one, in what is answered, refused or logged. The fingerprint will do to change it.
func TestKeysAreToldByTheirFingerprints(t *testing.T) {
	t.Parallel()
	old, next := newKey(32), newKey(16)
	logged := &lines{}
	m := start(t, gossip.Config{Member: master("m1"), EncryptKey: old, StateDir: t.TempDir(), Logger: slog.New(logged)})
	a := start(t, gossip.Config{Member: agent("web-1", "AAAA"), EncryptKey: old, Join: []string{m.Addr()}, Logger: slog.New(logged)})
	await(t, m, "the agent", func() bool { return m.AgentAlive("web-1", "AAAA") })
	await(t, a, "the master", func() bool { return len(a.Masters()) == 1 })
	change(t, m, model.KeyringInstall, next)
	ringOf(t, a, keyring(2, old, old, next))

	change(t, a, model.KeyringUse, model.KeyFingerprint(next))
	ringOf(t, m, keyring(2, next, old, next))
	refused(t, m, model.KeyringRemove, model.KeyFingerprint(next), "2 of 2 members encrypt with this key: use another one before it is removed")
	refused(t, m, model.KeyringUse, "000000000000000", "no member has a key with the fingerprint 000000000000000: see heliosctl keyring list")
	refused(t, m, model.KeyringInstall, model.KeyFingerprint(next), "this is no key: it must be base64 of 16, 24 or 32 bytes, not of 12; heliosctl keygen makes one")
	change(t, m, model.KeyringRemove, model.KeyFingerprint(old)[:12])
	ringOf(t, a, keyring(2, next, next))

	for _, key := range []string{old, next} {
		if told := logged.having(key); len(told) > 0 {
			t.Errorf("the log tells a key: %q", told)
		}
	}
}
