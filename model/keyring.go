package model

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

// KeyringAction is what to do with a gossip key.
type KeyringAction string

// The actions. A key is changed without a pause by installing the new one, using it, and removing the old one.
const (
	KeyringList    KeyringAction = "list"
	KeyringInstall KeyringAction = "install" // everyone can read what is encrypted with it
	KeyringUse     KeyringAction = "use"     // everyone encrypts with it
	KeyringRemove  KeyringAction = "remove"
)

// KeyringChange asks for an action; Key is needed for all but KeyringList.
type KeyringChange struct {
	Action KeyringAction `json:"action"`

	// Key is base64. To use or to remove an installed key, its fingerprint will do, or the beginning of that.
	Key string `json:"key,omitempty"`
}

// Keyring is what the members answered: how many there are, how many have each key, and what went wrong by member. Keys are told by their
// fingerprints alone: whoever has a key gets into the pool.
type Keyring struct {
	Members int               `json:"members"`
	Answers int               `json:"answers"`
	Primary map[string]int    `json:"primary"` // members by the fingerprint of the key they encrypt with
	Keys    map[string]int    `json:"keys"`    // members by the fingerprint of each key they can read
	Errors  map[string]string `json:"errors,omitempty"`
}

// Complete tells whether every member answered and none failed.
func (k Keyring) Complete() bool { return k.Answers == k.Members && len(k.Errors) == 0 }

// Failure returns an error with CodeUnavailable that says who failed, one line of Details each, or nil when the answers are complete.
func (k Keyring) Failure() error {
	if k.Complete() {
		return nil
	}
	e := Errorf(CodeUnavailable, "%d of %d members did it: repeat it when all are there", k.Answers-len(k.Errors), k.Members)
	for _, name := range slices.Sorted(maps.Keys(k.Errors)) {
		e.Details = append(e.Details, name+": "+k.Errors[name])
	}
	return e
}

// How many digits a fingerprint has, and how many of them name a key at least.
const (
	fingerprintDigits    = 16
	fingerprintDigitsMin = 4
)

// KeyFingerprint names a gossip key, in base64, where the key itself must not be seen: the first 16 hexadecimal digits of the SHA-256 of
// its bytes. What is no base64 has none.
func KeyFingerprint(key string) string {
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])[:fingerprintDigits]
}

// IsKeyFingerprint tells whether text is a fingerprint or the beginning of one. No key is: the shortest is longer.
func IsKeyFingerprint(text string) bool {
	digit := func(r rune) bool { return '0' <= r && r <= '9' || 'a' <= r && r <= 'f' }
	return len(text) >= fingerprintDigitsMin && len(text) <= fingerprintDigits && !strings.ContainsFunc(text, func(r rune) bool { return !digit(r) })
}

// KeyByFingerprint returns the one among the installed keys whose fingerprint begins with the given one. It fails with CodeInvalid when
// that is none of them or several.
func KeyByFingerprint(fingerprint string, installed []string) (string, error) {
	found := slices.DeleteFunc(slices.Clone(installed), func(key string) bool { return !strings.HasPrefix(KeyFingerprint(key), fingerprint) })
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", Errorf(CodeInvalid, "no member has a key with the fingerprint %s: see heliosctl keyring list", fingerprint)
	default:
		return "", Errorf(CodeInvalid, "%d keys have fingerprints that begin with %s: give more of it", len(found), fingerprint)
	}
}
