package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon"
	"github.com/heliosctl/heliosctl/model"
)

func newSnapshotCommand(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "snapshot",
		Short: "Save the masters' state, restore it, or look into a saved one",
		Args:  asUsage(cobra.ArbitraryArgs),
		RunE:  needsSubcommand("operator snapshot", "save, restore or inspect"),
	}
	cmd.AddCommand(newSaveSnapshotCommand(env), newRestoreSnapshotCommand(env), newInspectSnapshotCommand(env))
	return cmd
}

type saveSnapshotOptions struct {
	File  string
	Force bool
	JSON  bool
}

func newSaveSnapshotCommand(env *environment) *cobra.Command {
	var opts saveSnapshotOptions
	cmd := &cobra.Command{
		Use:   "save FILE",
		Short: "Save the masters' state to a file",
		Long: `Save the state of the cluster, as it is now, to a file: jobs, hosts, deployments, statuses and history. The masters go on working
meanwhile. The file is checked before it gets its name; as long as it is being written it is called FILE.partial. With - for FILE it goes
to standard output: then only the exit code tells whether it is whole.

The file holds the tokens of jobs. Only its owner can read it.`,
		Example: `  heliosctl operator snapshot save backup.snap`,
		Args:    asUsage(positional),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.File, opts.JSON = args[0], env.options.json
			switch {
			case opts.File == "":
				return usagef("the file may not be empty")
			case opts.File == "-" && opts.JSON:
				return usagef("standard output cannot take the snapshot and --json at once")
			case opts.File == "-" && env.streams.screen:
				return usagef("a snapshot is not for the screen: name a file, or send it on")
			}
			return withOneClient(env, func(api *client.Client) error {
				return runSaveSnapshot(cmd.Context(), env.streams, api, opts)
			})
		},
	}
	cmd.Flags().BoolVar(&opts.Force, "force", false, "replace FILE where there is one")
	return cmd
}

func runSaveSnapshot(ctx context.Context, io streams, api *client.Client, opts saveSnapshotOptions) error {
	if opts.File == "-" {
		_, err := api.SaveSnapshot(ctx, io.out)
		return err
	}
	info, err := saveToFile(ctx, api, opts)
	if err != nil {
		return err
	}
	if opts.JSON {
		return printJSON(io.out, info)
	}
	fmt.Fprintf(io.out, "%s: saved cluster %s as of index %d, %d bytes\n", oneLine(opts.File), info.ClusterID, info.Index, info.Bytes)
	return nil
}

// saveToFile writes the snapshot under another name and renames it when it is whole and on disk.
func saveToFile(ctx context.Context, api *client.Client, opts saveSnapshotOptions) (info model.SnapshotInfo, err error) {
	if err := refuseToReplace(opts); err != nil {
		return info, err
	}
	partial := opts.File + ".partial"
	file, err := os.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return info, fileError("cannot create the snapshot", err)
	}
	defer func() {
		if err != nil {
			_ = file.Close()
			_ = os.Remove(partial)
		}
	}()
	// One that was left behind may be open to others.
	if err := file.Chmod(0o600); err != nil {
		return info, fileError("cannot protect the snapshot", err)
	}
	if info, err = api.SaveSnapshot(ctx, file); err != nil {
		return info, err
	}
	if err := file.Sync(); err != nil {
		return info, fileError("cannot write the snapshot", err)
	}
	if err := refuseToReplace(opts); err != nil {
		return info, err
	}
	if err := os.Rename(partial, opts.File); err != nil {
		return info, fileError("cannot rename the snapshot", err)
	}
	if err := errors.Join(file.Close(), syncDir(filepath.Dir(opts.File))); err != nil {
		return info, fileError("the snapshot may not be on disk", err)
	}
	return info, nil
}

func refuseToReplace(opts saveSnapshotOptions) error {
	_, err := os.Lstat(opts.File)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && opts.Force:
		return nil
	case err == nil:
		return model.Errorf(model.CodeUnsafe, "%s exists already; give another name, or --force to replace it", opts.File)
	}
	return fileError("cannot look for the snapshot", err)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// fileError words what went wrong with a file, whose name is in err.
func fileError(what string, err error) error {
	code := model.CodeInternal
	if errors.Is(err, fs.ErrNotExist) {
		code = model.CodeNotFound
	}
	return model.Errorf(code, "%s: %v", what, err)
}

type restoreSnapshotOptions struct {
	File  string
	Force bool
	Yes   bool
	JSON  bool
}

func newRestoreSnapshotCommand(env *environment) *cobra.Command {
	var opts restoreSnapshotOptions
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Replace the masters' state by a saved one",
		Long: `Replace the state of the whole cluster by a saved one. The cluster becomes the one that was saved, with its id: agents of that one come
back to it, those of the one that is replaced stay away.

It is meant for masters that were started anew, with nothing in them. Where there are jobs or hosts it is refused unless --force is given:
agents stop what the saved state does not know. Keep all masters running until it is done. A master that fails in the middle may have
to be removed with its folder, and join anew.`,
		Example: `  heliosctl operator snapshot restore backup.snap`,
		Args:    asUsage(positional),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.File, opts.JSON = args[0], env.options.json
			if opts.File == "" {
				return usagef("the file may not be empty")
			}
			return withOneClient(env, func(api *client.Client) error {
				return runRestoreSnapshot(cmd.Context(), env.streams, api, opts)
			})
		},
	}
	cmd.Flags().BoolVar(&opts.Force, "force", false, "even when the masters have jobs or hosts, which are lost")
	cmd.Flags().BoolVar(&opts.Yes, "yes", false, "do not ask")
	return cmd
}

func runRestoreSnapshot(ctx context.Context, streams streams, api *client.Client, opts restoreSnapshotOptions) error {
	file, err := os.Open(opts.File)
	if err != nil {
		return fileError("cannot open the snapshot", err)
	}
	defer file.Close()
	contents, err := inspectFile(file)
	if err != nil {
		return err
	}
	if !opts.Yes {
		question := fmt.Sprintf("Replace the state of all masters by that of cluster %s from %s, with %s on %s?", contents.ClusterID,
			savedAt(contents), plural(int64(contents.Jobs), "job"), plural(int64(contents.Hosts), "host"))
		if err := confirm(ctx, streams, question); err != nil {
			return err
		}
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return fileError("cannot read the snapshot", err)
	}
	info, err := api.RestoreSnapshot(ctx, file, opts.Force)
	if err != nil {
		return err
	}
	if opts.JSON {
		return printJSON(streams.out, info)
	}
	fmt.Fprintf(streams.out, "%s: restored cluster %s as of index %d\n", oneLine(opts.File), info.ClusterID, info.Index)
	return nil
}

func newInspectSnapshotCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:     "inspect FILE",
		Short:   "Check a saved state and tell what is in it",
		Long:    `Check that a saved state is whole, and tell what is in it. No master is asked.`,
		Example: `  heliosctl operator snapshot inspect backup.snap`,
		Args:    asUsage(positional),
		RunE: func(_ *cobra.Command, args []string) error {
			return runInspectSnapshot(env.streams, args[0], env.options.json)
		},
	}
}

func runInspectSnapshot(io streams, name string, asJSON bool) error {
	file, err := os.Open(name)
	if err != nil {
		return fileError("cannot open the snapshot", err)
	}
	defer file.Close()
	contents, err := inspectFile(file)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(io.out, contents)
	}
	printContents(io.out, contents)
	return nil
}

// inspectFile puts the name of the file before what is wrong with it.
func inspectFile(file *os.File) (model.SnapshotContents, error) {
	contents, err := daemon.InspectSnapshot(file)
	var faulty *model.Error
	switch {
	case errors.As(err, &faulty):
		return contents, model.Errorf(faulty.Code, "%s: %s", file.Name(), faulty.Message)
	case err != nil:
		return contents, fileError("cannot read the snapshot", err)
	}
	return contents, nil
}

func printContents(out io.Writer, c model.SnapshotContents) {
	for _, line := range []struct {
		name  string
		value any
	}{
		{"Cluster", oneLine(c.ClusterID)},
		{"Created", savedAt(c)},
		{"Index", c.Index},
		{"Term", c.Term},
		{"Version", oneLine(cmp.Or(c.Version, "-"))},
		{"Format", c.Format},
		{"Bytes", c.Bytes},
		{"SHA-256", c.SHA256},
		{"Jobs", c.Jobs},
		{"Hosts", c.Hosts},
		{"Groups", c.Groups},
		{"Deployments", c.Deployments},
		{"Statuses", c.Statuses},
		{"History", c.History},
	} {
		fmt.Fprintf(out, "%-12s %v\n", line.name+":", line.value)
	}
}

func savedAt(c model.SnapshotContents) string { return c.Created.Time().UTC().Format(time.RFC3339) }
