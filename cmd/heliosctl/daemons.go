package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/heliosctl/heliosctl/model"
)

// daemonOptions are the flags that master, agent and dev share.
type daemonOptions struct {
	stateDir string
	verbose  bool
}

func (o *daemonOptions) bind(flags *pflag.FlagSet, kind string) {
	flags.StringVar(&o.stateDir, "state-dir", "", "`FOLDER` that keeps everything across restarts (default "+defaultStateDirHelp(kind)+")")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "log details too")
}

// bindGossip binds the flags of gossip that masters and agents share.
func bindGossip(flags *pflag.FlagSet, key, profile *string) {
	flags.StringVar(key, "encrypt", "", "`KEY` that gossip is encrypted with, from heliosctl keygen; kept in the state folder (default $HELIOSCTL_ENCRYPT)")
	flags.StringVar(profile, "gossip-profile", "lan", "`PROFILE` of timings: lan, or fast to notice failures within a few seconds")
}

// gossipKey is the key given, or the one in the environment, where other users of the machine cannot read it.
func gossipKey(env *environment, given string) string {
	if given != "" {
		return given
	}
	return env.getenv("HELIOSCTL_ENCRYPT")
}

// stateDirOr returns the folder given, or the usual one for this kind of daemon.
func (o *daemonOptions) stateDirOr(env *environment, kind string) (string, error) {
	if o.stateDir != "" {
		return filepath.Abs(o.stateDir)
	}
	if isService(kind) {
		return filepath.Join(serviceStateDir, kind), nil
	}
	if folder := env.getenv("XDG_STATE_HOME"); filepath.IsAbs(folder) {
		return filepath.Join(folder, "heliosctl", kind), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", model.Errorf(model.CodeInvalid, "there is no home folder to keep the state in; name a folder with --state-dir")
	}
	return filepath.Join(home, ".local", "state", "heliosctl", kind), nil
}

// serviceStateDir is where daemons that the system runs keep their state.
const serviceStateDir = "/var/lib/heliosctl"

// isService tells whether a daemon is the machine's rather than a user's.
func isService(kind string) bool {
	return kind != "dev" && runtime.GOOS == "linux" && os.Geteuid() == 0
}

func defaultStateDirHelp(kind string) string {
	folder := "~/.local/state/heliosctl/" + kind
	if kind != "dev" {
		folder += ", for root " + serviceStateDir + "/" + kind
	}
	return folder
}

// newLogger writes to w what happens in daemons: warnings, what a service does when it is one, details when asked for.
func newLogger(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

func (o *daemonOptions) logger(w io.Writer, quiet slog.Level) *slog.Logger {
	if o.verbose {
		quiet = slog.LevelDebug
	}
	return newLogger(w, quiet)
}

// hostName is what `uname -n` says, the original's default for names.
func hostName() (string, error) {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "", model.Errorf(model.CodeInvalid, "this machine has no host name; give one with --name")
	}
	return name, nil
}

// pairs is a repeatable KEY=VALUE flag.
type pairs map[string]string

func (p *pairs) String() string { return "" }

// Set takes one pair, split at the first "=".
func (p *pairs) Set(text string) error {
	key, value, ok := strings.Cut(text, "=")
	if !ok || key == "" {
		return model.Errorf(model.CodeInvalid, "%q is not KEY=VALUE", text)
	}
	if *p == nil {
		*p = pairs{}
	}
	(*p)[key] = value
	return nil
}

// Type names the kind of value in help texts.
func (p *pairs) Type() string { return pairsType }

const pairsType = "KEY=VALUE"

// runDaemon is what the daemon commands have in common.
func runDaemon(run func(ctx context.Context) error) func(*cobra.Command, []string) error {
	return func(command *cobra.Command, _ []string) error {
		return inLittleMemory(command.Context(), run)
	}
}
