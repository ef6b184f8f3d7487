package client_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/model"
)

func TestTheKeyring(t *testing.T) {
	const keyA, keyB = "AAAAAAAAAAAAAAAAAAAAAA==", "BBBBBBBBBBBBBBBBBBBBBA=="
	pool := newPool()
	_, master := newMaster(t, api.Config{Pool: pool})
	c := newClient(t, client.Config{Endpoints: []string{master.URL}})
	ctx := context.Background()
	if _, err := c.Keyring(ctx); model.CodeOf(err) != model.CodeInvalid {
		t.Errorf("keyring of a pool that is not encrypted: %v", err)
	}

	pool.Encrypt(keyA)
	a, b := model.KeyFingerprint(keyA), model.KeyFingerprint(keyB)
	want := model.Keyring{Members: 2, Answers: 2, Primary: map[string]int{a: 2}, Keys: map[string]int{a: 2}}
	ring, err := c.Keyring(ctx)
	if diff := cmp.Diff(want, ring); diff != "" || err != nil {
		t.Errorf("keyring (-want +got):\n%s\nerror %v", diff, err)
	}
	want.Keys[b] = 2
	ring, err = c.ChangeKeyring(ctx, model.KeyringChange{Action: model.KeyringInstall, Key: keyB})
	if diff := cmp.Diff(want, ring); diff != "" || err != nil {
		t.Errorf("keyring after the installation (-want +got):\n%s\nerror %v", diff, err)
	}

	pool.Fail("wéb 1", "disk is full")
	ring, err = c.ChangeKeyring(ctx, model.KeyringChange{Action: model.KeyringUse, Key: keyB})
	var failed *model.Error
	if !errors.As(err, &failed) || failed.Code != model.CodeUnavailable {
		t.Fatalf("a change that one member failed: %v", err)
	}
	if diff := cmp.Diff([]string{"wéb 1: disk is full"}, failed.Details); diff != "" {
		t.Errorf("details (-want +got):\n%s", diff)
	}
	if ring.Members != 2 || ring.Primary[b] != 1 {
		t.Errorf("the answers beside the error are %+v", ring)
	}
}
