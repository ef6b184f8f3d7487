package main

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

// version is set by the linker for releases.
var version string

// productVersion is the version of this binary: that of the release, else what the Go toolchain recorded.
func productVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

type versionOptions struct {
	Client bool
	JSON   bool
}

func newVersionCommand(env *environment) *cobra.Command {
	var opts versionOptions
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the versions of this binary and of the master",
		Long:  "Show the version of this binary and that of the master.",
		Example: `  heliosctl version
  heliosctl version --client`,
		Args: positional,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.JSON = env.options.json
			if opts.Client {
				return printVersions(env.streams, versions{Client: productVersion()}, opts)
			}
			return withClient(env, func(api *client.Client) error {
				return runVersion(cmd.Context(), env.streams, api, opts)
			})
		},
	}
	cmd.Flags().BoolVar(&opts.Client, "client", false, "only this binary; asks no master")
	return cmd
}

// versions is the JSON of the version command. The master's API version is the one that clients negotiate.
type versions struct {
	Client    string `json:"clientVersion"`
	Master    string `json:"masterVersion,omitempty"`
	API       string `json:"apiVersion,omitempty"`
	ClusterID string `json:"clusterId,omitempty"`
}

// runVersion prints the client's version even when no master tells its own; what was wrong is in the place of that, as with the original.
func runVersion(ctx context.Context, io streams, api *client.Client, opts versionOptions) error {
	found := versions{Client: productVersion()}
	about, err := api.About(ctx)
	switch model.CodeOf(err) {
	case "":
		found.Master, found.API, found.ClusterID = about.Version, about.API, about.ClusterID
	case model.CodeNotFound:
		// The original's masters know their API version only.
		found.API, err = api.Version(ctx)
		found.Master = found.API
	}
	if err != nil {
		found.Master = masterFailure(err)
	}
	if printErr := printVersions(io, found, opts); printErr != nil {
		return printErr
	}
	return err
}

// masterFailure says in the original's words why a master's version is not known; where those have a number, it may be a word.
func masterFailure(err error) string {
	switch code := model.CodeOf(err); {
	case passing(err):
		return "Unable to connect to master"
	case code == model.CodeNotFound:
		return fmt.Sprintf("Master replied with error code %d", http.StatusNotFound)
	default:
		return fmt.Sprintf("Master replied with error code %s", code)
	}
}

func printVersions(io streams, v versions, opts versionOptions) error {
	if opts.JSON {
		return printJSON(io.out, v)
	}
	fmt.Fprintf(io.out, "Client Version: %s\n", oneLine(v.Client))
	if v.Master != "" {
		fmt.Fprintf(io.out, "Master Version: %s\n", oneLine(v.Master))
	}
	if v.API != "" {
		fmt.Fprintf(io.out, "API Version: %s\n", oneLine(v.API))
	}
	return nil
}
