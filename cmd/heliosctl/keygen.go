package main

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"

	"github.com/spf13/cobra"
)

func newKeygenCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "keygen",
		Short: "Make a key that encrypts gossip",
		Long: `Make a new random key of 32 bytes, in base64, that encrypts gossip.

Every daemon of a cluster takes the same one with --encrypt when it first starts. No master is asked.`,
		Example: `  heliosctl keygen`,
		Args:    positional,
		RunE: func(*cobra.Command, []string) error {
			raw := make([]byte, 32)
			if _, err := rand.Read(raw); err != nil {
				return fmt.Errorf("making a key: %w", err)
			}
			key := base64.StdEncoding.EncodeToString(raw)
			if env.options.json {
				return printJSON(env.out, map[string]string{"key": key})
			}
			fmt.Fprintln(env.out, key)
			return nil
		},
	}
}
