package gossip

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/hashicorp/memberlist"
	"github.com/hashicorp/serf/serf"

	"github.com/heliosctl/heliosctl/model"
)

// keyringFile in the state folder has the ring in the form that Serf writes: base64 in a JSON list, the key in use first.
const keyringFile = "serf.keyring"

// openKeyring returns the ring of keys and the file that it is kept in; nil and "" where gossip is not encrypted.
func openKeyring(cfg Config) (string, *memberlist.Keyring, error) {
	var given []byte
	if cfg.EncryptKey != "" {
		var err error
		if given, err = parseKey(cfg.EncryptKey); err != nil {
			return "", nil, model.Errorf(model.CodeInvalid, "--encrypt is no key: %v; heliosctl keygen makes one", err)
		}
	}
	if cfg.StateDir == "" {
		if given == nil {
			return "", nil, nil
		}
		ring, err := memberlist.NewKeyring(nil, given)
		return "", ring, err
	}
	path := filepath.Join(cfg.StateDir, keyringFile)
	kept, err := readKeyring(path)
	switch {
	case err != nil:
		return "", nil, err
	case kept == nil && given == nil:
		return "", nil, nil
	case kept == nil:
		kept = [][]byte{given}
		if err := writeKeyring(path, kept); err != nil {
			return "", nil, err
		}
	case given != nil && !slices.ContainsFunc(kept, func(key []byte) bool { return string(key) == string(given) }):
		warnOfKey(cfg.Logger, path)
	}
	ring, err := memberlist.NewKeyring(kept, kept[0])
	return path, ring, err
}

func warnOfKey(log *slog.Logger, path string) {
	log.Warn("the key of --encrypt is not used, because it is not in this daemon's ring of keys: change keys with heliosctl keyring;"+
		" a daemon that missed a change of keys joins again with the key in use now once this file is removed", "file", path)
}

// parseKey decodes a key; its errors do not tell it.
func parseKey(text string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("it must be base64 of 16, 24 or 32 bytes")
	}
	if memberlist.ValidateKey(key) != nil {
		return nil, model.Errorf(model.CodeInvalid, "it must be base64 of 16, 24 or 32 bytes, not of %d", len(key))
	}
	return key, nil
}

// readKeyring returns nil where there is no file.
func readKeyring(path string) ([][]byte, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, model.Errorf(model.CodeUnavailable, "gossip cannot read its keys: %v", err)
	}
	var texts []string
	err = json.Unmarshal(data, &texts)
	keys := make([][]byte, len(texts))
	for i := 0; i < len(texts) && err == nil; i++ {
		keys[i], err = parseKey(texts[i])
	}
	if err != nil || len(keys) == 0 {
		return nil, model.Errorf(model.CodeInvalid, "gossip keys in %s are damaged: remove the file and start with the key in use now, by --encrypt", path)
	}
	return keys, nil
}

// writeKeyring makes the file, so that it is there with the keys or not at all.
func writeKeyring(path string, keys [][]byte) error {
	texts := make([]string, len(keys))
	for i, key := range keys {
		texts[i] = base64.StdEncoding.EncodeToString(key)
	}
	data, err := json.MarshalIndent(texts, "", "  ")
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(path, data, 0o600); err != nil {
		return model.Errorf(model.CodeUnavailable, "gossip cannot keep its keys: %v", err)
	}
	return nil
}

// keyAttempts is how often members are asked before one that does not answer is given up: questions and answers are packets, which get
// lost. Asking again does no harm.
const keyAttempts = 3

// Keyring lists or changes the keys of all live members, and returns who has which afterwards; it tells fingerprints, never keys. A key
// is used only when everyone has it, and removed only when nobody uses it. It fails with CodeInvalid when gossip is not encrypted, the key is none, or that would not
// be so, and with CodeUnavailable, the answers given beside it, when not everyone did it; to repeat it does no harm.
func (g *Gossip) Keyring(ctx context.Context, change model.KeyringChange) (model.Keyring, error) {
	ring, err := g.changeKeys(ctx, change)
	return fingerprints(ring), err
}

// changeKeys does what Keyring does, and returns keys.
func (g *Gossip) changeKeys(ctx context.Context, change model.KeyringChange) (model.Keyring, error) {
	if !g.serf.EncryptionEnabled() {
		return model.Keyring{}, model.Errorf(model.CodeInvalid, "gossip is not encrypted: start every daemon with --encrypt KEY")
	}
	apply, key := map[model.KeyringAction]func(*serf.KeyManager, string) (*serf.KeyResponse, error){
		model.KeyringInstall: installKey, model.KeyringUse: useKey, model.KeyringRemove: removeKey,
	}[change.Action], change.Key
	named := change.Action != model.KeyringInstall && model.IsKeyFingerprint(key)
	if apply != nil && !named {
		raw, err := parseKey(key)
		if err != nil {
			return model.Keyring{}, model.Errorf(model.CodeInvalid, "this is no key: %v; heliosctl keygen makes one", err)
		}
		key = base64.StdEncoding.EncodeToString(raw)
	} else if apply == nil && change.Action != model.KeyringList {
		return model.Keyring{}, model.Errorf(model.CodeInvalid, "cannot %q keys: list, install, use or remove them", change.Action)
	}
	if apply == nil || change.Action != model.KeyringInstall {
		ring, err := g.askKeys(ctx, listKeys, "")
		if err == nil && named {
			key, err = model.KeyByFingerprint(key, slices.Collect(maps.Keys(ring.Keys)))
		}
		if err == nil {
			err = allowed(ring, change.Action, key)
		}
		if err != nil || apply == nil {
			return ring, err
		}
	}
	if ring, err := g.askKeys(ctx, apply, key); err != nil {
		return ring, err
	}
	return g.askKeys(ctx, listKeys, "")
}

// allowed refuses what would cut members off.
func allowed(ring model.Keyring, action model.KeyringAction, key string) error {
	switch {
	case action == model.KeyringUse && ring.Keys[key] < ring.Members:
		return model.Errorf(model.CodeInvalid, "%d of %d members have this key: install it before it is used", ring.Keys[key], ring.Members)
	case action == model.KeyringRemove && ring.Primary[key] > 0:
		return model.Errorf(model.CodeInvalid, "%d of %d members encrypt with this key: use another one before it is removed",
			ring.Primary[key], ring.Members)
	}
	return nil
}

var relayed = &serf.KeyRequestOptions{RelayFactor: 2}

func listKeys(m *serf.KeyManager, _ string) (*serf.KeyResponse, error) {
	return m.ListKeysWithOptions(relayed)
}

func installKey(m *serf.KeyManager, key string) (*serf.KeyResponse, error) {
	return m.InstallKeyWithOptions(key, relayed)
}

func useKey(m *serf.KeyManager, key string) (*serf.KeyResponse, error) {
	return m.UseKeyWithOptions(key, relayed)
}

func removeKey(m *serf.KeyManager, key string) (*serf.KeyResponse, error) {
	return m.RemoveKeyWithOptions(key, relayed)
}

// askKeys asks all members until everyone has answered or it has tried often enough. Serf waits for answers without a context: when that
// ends the question goes on by itself for a few seconds, and Run waits for it.
func (g *Gossip) askKeys(ctx context.Context, ask func(*serf.KeyManager, string) (*serf.KeyResponse, error), key string) (model.Keyring, error) {
	type answer struct {
		ring model.Keyring
		err  error
	}
	for attempt := 1; ; attempt++ {
		answered := make(chan answer, 1)
		g.queries.Go(func() {
			response, err := ask(g.serf.KeyManager(), key)
			answered <- answer{keyringOf(response, key), hideKeys(err, response, key)}
		})
		select {
		case a := <-answered:
			switch {
			case a.err == nil:
				return a.ring, nil
			case a.ring.Complete() || a.ring.Members == 0:
				return a.ring, model.Errorf(model.CodeUnavailable, "asking the members for their keys: %v", a.err)
			case attempt == keyAttempts || len(a.ring.Errors) > 0:
				return a.ring, a.ring.Failure()
			}
		case <-ctx.Done():
			return model.Keyring{}, ctx.Err()
		}
	}
}

// keyringOf is what the members answered to a question about a key; what went wrong does not tell keys.
func keyringOf(r *serf.KeyResponse, key string) model.Keyring {
	ring := model.Keyring{Members: r.NumNodes, Answers: r.NumResp, Primary: r.PrimaryKeys, Keys: r.Keys, Errors: map[string]string{}}
	maps.DeleteFunc(ring.Primary, func(key string, _ int) bool { return key == "" }) // of answers to changes
	hide := hiding(r, key)
	for name, message := range r.Messages {
		message, _, _ = strings.Cut(message, ": [") // of an answer that was not understood, with the bytes of it
		ring.Errors[name] = hide.Replace(message)
	}
	return ring
}

func hideKeys(err error, r *serf.KeyResponse, key string) error {
	if err == nil {
		return nil
	}
	return errors.New(hiding(r, key).Replace(err.Error()))
}

// hiding puts fingerprints in the place of the keys that an answer is about.
func hiding(r *serf.KeyResponse, key string) *strings.Replacer {
	var pairs []string
	for _, keys := range []map[string]int{r.Keys, r.PrimaryKeys, {key: 0}} {
		for key := range keys {
			if key != "" {
				pairs = append(pairs, key, model.KeyFingerprint(key))
			}
		}
	}
	return strings.NewReplacer(pairs...)
}

// fingerprints is a ring to be shown.
func fingerprints(ring model.Keyring) model.Keyring {
	for _, keys := range []*map[string]int{&ring.Primary, &ring.Keys} {
		if *keys == nil {
			continue
		}
		shown := map[string]int{}
		for key, members := range *keys {
			shown[model.KeyFingerprint(key)] += members
		}
		*keys = shown
	}
	return ring
}
