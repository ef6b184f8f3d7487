package client

import (
	"context"
	"net/http"

	"github.com/heliosctl/heliosctl/model"
)

// Keyring returns which members have which gossip keys. It fails with CodeInvalid when gossip is not encrypted, and with
// CodeUnavailable, the answers given beside it, when not everyone answered.
func (c *Client) Keyring(ctx context.Context) (model.Keyring, error) {
	return c.keyring(ctx, request{method: http.MethodGet})
}

// ChangeKeyring changes the gossip keys of all members, and returns who has which afterwards. It fails with CodeInvalid when the key is
// none or the change would cut members off, and as Keyring does; to repeat it does no harm.
func (c *Client) ChangeKeyring(ctx context.Context, change model.KeyringChange) (model.Keyring, error) {
	return c.keyring(ctx, request{method: http.MethodPost, body: change})
}

func (c *Client) keyring(ctx context.Context, r request) (model.Keyring, error) {
	var ring model.Keyring
	r.path = path("v1", "keyring")
	if err := c.call(ctx, r, &ring); err != nil {
		return ring, err
	}
	return ring, ring.Failure()
}
