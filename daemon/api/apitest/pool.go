package apitest

import (
	"context"
	"encoding/base64"
	"maps"
	"slices"
	"sync"

	"github.com/heliosctl/heliosctl/model"
)

// Pool is a gossip pool in memory. It satisfies api.Pool and is safe for concurrent use.
type Pool struct {
	mu      sync.Mutex
	members []model.Member
	trips   map[[2]string]float64 // milliseconds between two names
	keys    []string              // that every member has, the one in use first; none: not encrypted
	silent  map[string]string     // members that fail to change keys, and why; no reason: they do not answer
}

// NewPool makes a pool of members, in the order that Members gives.
func NewPool(members ...model.Member) *Pool {
	return &Pool{members: members, trips: map[[2]string]float64{}, silent: map[string]string{}}
}

// Add adds a member after the others.
func (p *Pool) Add(m model.Member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.members = append(p.members, m)
}

// Encrypt gives every member a key.
func (p *Pool) Encrypt(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = []string{key}
}

// Trip sets the milliseconds between two members.
func (p *Pool) Trip(from, to string, millis float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trips[[2]string{from, to}], p.trips[[2]string{to, from}] = millis, millis
}

// Fail makes a member fail whatever is asked of its keys, for a reason, or not answer at all when there is none.
func (p *Pool) Fail(member, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent[member] = reason
}

// Members implements api.Pool.
func (p *Pool) Members() []model.Member {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.members)
}

// RoundTrip implements api.Pool.
func (p *Pool) RoundTrip(from, to string) (model.RoundTrip, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	trip := model.RoundTrip{}
	for name, found := range map[string]*string{from: &trip.From, to: &trip.To} {
		for _, m := range p.members {
			if name == m.Name || name == m.Role+":"+m.Name {
				*found = m.Name
			}
		}
		if *found == "" {
			return trip, model.Errorf(model.CodeNotFound, "there is no member %s: see heliosctl members", name)
		}
	}
	millis, ok := p.trips[[2]string{trip.From, trip.To}]
	if !ok && trip.From != trip.To {
		return trip, model.Errorf(model.CodeUnavailable, "the round trip between %s and %s is not known yet: try again in a moment", from, to)
	}
	trip.Millis = millis
	return trip, nil
}

// Keyring implements api.Pool.
func (p *Pool) Keyring(_ context.Context, change model.KeyringChange) (model.Keyring, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.keys) == 0 {
		return model.Keyring{}, model.Errorf(model.CodeInvalid, "gossip is not encrypted: start every daemon with --encrypt KEY")
	}
	if err := p.change(change); err != nil {
		return model.Keyring{}, err
	}
	ring := p.ring()
	return ring, ring.Failure()
}

func (p *Pool) change(change model.KeyringChange) error {
	if change.Action != model.KeyringInstall && model.IsKeyFingerprint(change.Key) {
		key, err := model.KeyByFingerprint(change.Key, p.keys)
		if err != nil {
			return err
		}
		change.Key = key
	}
	at := slices.Index(p.keys, change.Key)
	raw, err := base64.StdEncoding.DecodeString(change.Key)
	if err != nil || change.Action != model.KeyringList && !slices.Contains([]int{16, 24, 32}, len(raw)) {
		return model.Errorf(model.CodeInvalid, "this is no key: it must be base64 of 16, 24 or 32 bytes; heliosctl keygen makes one")
	}
	switch {
	case change.Action == model.KeyringList:
	case change.Action == model.KeyringInstall && at < 0:
		p.keys = append(p.keys, change.Key)
	case change.Action == model.KeyringInstall:
	case change.Action == model.KeyringUse && at < 0:
		return model.Errorf(model.CodeInvalid, "0 of %d members have this key: install it before it is used", len(p.members))
	case change.Action == model.KeyringUse:
		p.keys[0], p.keys[at] = p.keys[at], p.keys[0]
	case change.Action == model.KeyringRemove && at == 0:
		return model.Errorf(model.CodeInvalid, "%d of %[1]d members encrypt with this key: use another one before it is removed", len(p.members))
	case change.Action == model.KeyringRemove:
		p.keys = slices.DeleteFunc(p.keys, func(key string) bool { return key == change.Key })
	default:
		return model.Errorf(model.CodeInvalid, "cannot %q keys: list, install, use or remove them", change.Action)
	}
	return nil
}

func (p *Pool) ring() model.Keyring {
	n := len(p.members)
	ring := model.Keyring{Members: n, Answers: n, Primary: map[string]int{}, Keys: map[string]int{}, Errors: maps.Clone(p.silent)}
	for name, reason := range p.silent {
		if reason == "" {
			delete(ring.Errors, name)
			ring.Answers--
		}
		n--
	}
	ring.Primary[model.KeyFingerprint(p.keys[0])] = n
	for _, key := range p.keys {
		ring.Keys[model.KeyFingerprint(key)] = n
	}
	return ring
}
