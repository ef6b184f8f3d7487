package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

type registerOptions struct {
	Host string
	ID   string
	JSON bool
}

func newRegisterCommand(env *environment) *cobra.Command {
	var opts registerOptions
	return &cobra.Command{
		Use:   "register HOST ID",
		Short: "Register a host before its agent does",
		Long: `Register a host under the id of the agent that will serve it. Agents register themselves, so this is needed only to deploy to a
host whose agent has yet to start.`,
		Example: `  heliosctl register web-3.example.com 5f2c3a`,
		Args:    positional,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Host, opts.ID, opts.JSON = args[0], args[1], env.options.json
			if opts.Host == "" || opts.ID == "" {
				return usagef("neither the host nor its id may be empty")
			}
			return withClient(env, func(api *client.Client) error {
				return runRegister(cmd.Context(), env.streams, api, opts)
			})
		},
	}
}

func runRegister(ctx context.Context, io streams, api *client.Client, opts registerOptions) error {
	if !opts.JSON {
		fmt.Fprintf(io.out, "Registering host %s with id %s\n", oneLine(opts.Host), oneLine(opts.ID))
	}
	if err := api.RegisterHost(ctx, opts.Host, opts.ID); err != nil {
		return err
	}
	return printHostDone(io, opts.Host, opts.JSON)
}

type deregisterOptions struct {
	Host  string
	Yes   bool
	Force bool
	JSON  bool
}

func newDeregisterCommand(env *environment) *cobra.Command {
	var opts deregisterOptions
	cmd := &cobra.Command{
		Use:     "deregister HOST",
		Aliases: []string{"unregister"}, // the original's manual calls it so
		Short:   "Forget a host, its deployments and its history",
		Long: `Forget a host. Its deployments and its history are removed with it. An agent that is alive, or comes back later, registers the
host anew, finds nothing deployed there, and stops the jobs that it ran.

HOST is a name or the first words of one, as web-3 is of web-3.example.com. A host that is UP or has jobs is refused unless --force is given: stop its agent and
undeploy its jobs first.`,
		Example: `  heliosctl deregister web-3.example.com
  heliosctl deregister web-3 --yes`,
		Args: positional,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Host, opts.JSON = args[0], env.options.json
			return withClient(env, func(api *client.Client) error {
				return runDeregister(cmd.Context(), env.streams, api, opts)
			})
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&opts.Yes, "yes", false, "do not ask")
	flags.BoolVar(&opts.Force, "force", false, "even when the host is UP or has jobs")
	return cmd
}

func runDeregister(ctx context.Context, io streams, api *client.Client, opts deregisterOptions) error {
	host, err := findWholeHost(ctx, api, opts.Host)
	if err != nil {
		return err
	}
	status, err := api.HostStatus(ctx, host)
	if err != nil {
		return err
	}
	if err := refuseInUse(host, status); err != nil && !opts.Force {
		return err
	}
	if !opts.Yes {
		if err := confirm(ctx, io, deregisterQuestion(host, status)); err != nil {
			return err
		}
	}
	if !opts.JSON {
		fmt.Fprintf(io.out, "Deregistering host %s\n", oneLine(host))
	}
	if err := api.DeregisterHost(ctx, host); err != nil {
		return err
	}
	return printHostDone(io, host, opts.JSON)
}

func refuseInUse(host string, status model.HostStatus) error {
	switch {
	case status.Status == model.Up:
		return model.Errorf(model.CodeHostConflict, "host %s is UP; stop its agent first, or use --force", host)
	case len(status.Jobs) > 0:
		return model.Errorf(model.CodeJobsStillDeployed, "host %s still has %s; undeploy first, or use --force",
			host, plural(int64(len(status.Jobs)), "job"))
	}
	return nil
}

func deregisterQuestion(host string, status model.HostStatus) string {
	return fmt.Sprintf("Deregister host %s, which is %s and has %s?", host, status.Status, plural(int64(len(status.Jobs)), "job"))
}

func printHostDone(io streams, host string, asJSON bool) error {
	if asJSON {
		return printJSON(io.out, model.HostRegisterResponse{Status: model.CodeOK, Host: host})
	}
	fmt.Fprintf(io.out, "%s: done\n", oneLine(host))
	return nil
}
