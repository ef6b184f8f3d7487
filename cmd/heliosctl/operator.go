package main

import (
	"github.com/spf13/cobra"
)

// newOperatorCommand is the parent of what only those who run the masters need.
func newOperatorCommand(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "operator",
		Short: "Look after the masters: replication and saved states",
		Args:  cobra.ArbitraryArgs,
		RunE:  needsSubcommand("operator", "raft or snapshot"),
	}
	cmd.AddCommand(newRaftCommand(env), newSnapshotCommand(env))
	return cmd
}

// needsSubcommand prints the help, or says what there is instead of an unknown word.
func needsSubcommand(command, choices string) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usagef("%s: unknown command %q; it can be %s", command, args[0], choices)
		}
		return cmd.Help()
	}
}
