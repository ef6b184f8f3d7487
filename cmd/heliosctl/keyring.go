package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

type keyringOptions struct {
	Change model.KeyringChange
	JSON   bool
}

// keyOrFingerprint says what names a key that is installed.
const keyOrFingerprint = "KEY is the key, its fingerprint, or the beginning of that."

func newKeyringCommand(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keyring",
		Short: "List or change the keys that encrypt gossip",
		Long: `List or change the keys that encrypt gossip, on all live members at once.

Keys are told by their fingerprints: the first 16 hexadecimal digits of the SHA-256 of a key's bytes. Nobody is shown a key.

A key is changed without a pause by installing the new one, using it, and removing the old one; each step can be repeated. A member
that is away meanwhile cannot come back with the old key: remove the file serf.keyring from its state folder and start it with the
new key in --encrypt.`,
		Example: `  heliosctl keyring list
  heliosctl keyring install KEY
  heliosctl keyring use KEY
  heliosctl keyring remove 374708fff7719dd5`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("keyring: unknown action %q; it can be list, install, use or remove", args[0])
			}
			return cmd.Help()
		},
	}
	for _, action := range []struct {
		action                    model.KeyringAction
		use, short, long, example string
	}{
		{model.KeyringList, "list", "Tell which keys the members have",
			"A key that all have and all use is the one that is in force. Keys are told by their fingerprints.", "list"},
		{model.KeyringInstall, "install KEY", "Give all members a key, which they can then read",
			"Nobody encrypts with it yet. KEY is what 'heliosctl keygen' prints.", "install 5Rc9F3mXJ0oVbqzv8l0yq1mG4Y7sR2uKdN6tWfHcE0A="},
		{model.KeyringUse, "use KEY", "Encrypt with a key that all members have",
			"It has to be installed before. " + keyOrFingerprint, "use 5Rc9F3mXJ0oVbqzv8l0yq1mG4Y7sR2uKdN6tWfHcE0A="},
		{model.KeyringRemove, "remove KEY", "Take a key that nobody uses from all members",
			"The one that is in use is refused. " + keyOrFingerprint, "remove 374708fff7719dd5"},
	} {
		opts := keyringOptions{Change: model.KeyringChange{Action: action.action}}
		cmd.AddCommand(&cobra.Command{
			Use: action.use, Short: action.short, Args: asUsage(positional),
			Long:    action.short + ". " + action.long,
			Example: "  heliosctl keyring " + action.example,
			RunE: func(cmd *cobra.Command, args []string) error {
				if len(args) > 0 {
					opts.Change.Key = args[0]
				}
				opts.JSON = env.options.json
				return withOneClient(env, func(api *client.Client) error {
					return runKeyring(cmd.Context(), env.streams, api, opts)
				})
			},
		})
	}
	return cmd
}

// runKeyring prints what members answered also when not all of them did.
func runKeyring(ctx context.Context, io streams, api *client.Client, opts keyringOptions) error {
	var ring model.Keyring
	var err error
	if opts.Change.Action == model.KeyringList {
		ring, err = api.Keyring(ctx)
	} else {
		ring, err = api.ChangeKeyring(ctx, opts.Change)
	}
	if ring.Members == 0 {
		return err
	}
	if opts.JSON {
		if failed := printJSON(io.out, ring); failed != nil {
			return failed
		}
		return err
	}
	if len(ring.Keys) > 0 {
		printKeyring(io, ring)
	}
	return err
}

func printKeyring(io streams, ring model.Keyring) {
	share := func(n int) string { return fmt.Sprintf("%d/%d", n, ring.Members) }
	t := newTable("FINGERPRINT", "MEMBERS", "IN USE")
	for _, key := range slices.Sorted(maps.Keys(ring.Keys)) {
		t.add(key, share(ring.Keys[key]), share(ring.Primary[key]))
	}
	t.write(io.out)
}
