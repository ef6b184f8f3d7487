package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
	fleet "github.com/heliosctl/heliosctl/tui/demo"
	"github.com/heliosctl/heliosctl/tui/live"
	"github.com/heliosctl/heliosctl/tui/theme"
)

// dashboardOptions are the flags of `heliosctl dashboard`.
type dashboardOptions struct {
	demo     bool
	readOnly bool
	mouse    bool
	ascii    bool
	theme    string
	color    string
}

func newDashboardCommand(env *environment) *cobra.Command {
	o := &dashboardOptions{}
	command := &cobra.Command{
		Use:   "dashboard",
		Short: "Watch and run the fleet on the full screen",
		Long: `Watch the fleet on the full screen: hosts, jobs, rollouts, events and logs, as they change, and act on them.

? explains the keys of every screen. While no master answers it shows what it knows, says how old that is, changes nothing, and goes
on trying. On a terminal heliosctl alone is the same as heliosctl dashboard.

With --demo everything is simulated in this process: 400 hosts, rollouts and failures.`,
		Example: `  heliosctl dashboard
  heliosctl dashboard --master http://master-1.example.com:5801 --read-only
  heliosctl dashboard --demo --theme light`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDashboard(cmd.Context(), env, o) },
	}
	flags := command.Flags()
	flags.BoolVar(&o.demo, "demo", false, "show a simulated fleet instead of a cluster")
	flags.BoolVar(&o.readOnly, "read-only", false, "let no key change anything")
	flags.BoolVar(&o.mouse, "mouse", false, "turn wheel and clicks on; the terminal's own selection is off then")
	flags.BoolVar(&o.ascii, "ascii", false, "draw with ASCII characters only")
	flags.StringVar(&o.theme, "theme", theme.Default, "`NAME` of the colours: "+strings.Join(theme.Names(), ", "))
	flags.StringVar(&o.color, "color", "auto", "`KIND` of colours the terminal knows: auto, true, 256, 16 or never")
	return command
}

func runDashboard(ctx context.Context, env *environment, o *dashboardOptions) error {
	if env.terminal == nil {
		return usagef("the dashboard needs a terminal for input and output; hosts, jobs and status tell the same to scripts")
	}
	profile, err := colorProfile(o.color, env.getenv)
	if err != nil {
		return err
	}
	colors, err := theme.New(o.theme, profile)
	if err != nil {
		return usagef("--theme: %v", err)
	}
	options := tui.Options{
		Theme: colors, Profile: profile, ASCII: o.ascii || legacyFont(env.getenv), ReadOnly: o.readOnly, Mouse: o.mouse, Version: productVersion(),
		Now: env.now, In: env.terminal.in, Out: env.terminal.out, Save: saveExport,
	}
	show := showCluster
	if o.demo {
		show = showDemo
	}
	err = show(ctx, env, options)
	if errors.Is(err, tui.ErrPanic) {
		return model.Errorf(model.CodeInternal, "the dashboard ended by a bug; the trace above says where")
	}
	return err
}

// defaultDashboard are the options of the dashboard that is opened without any.
func defaultDashboard() *dashboardOptions {
	return &dashboardOptions{theme: theme.Default, color: "auto"}
}

// showCluster shows the cluster that the flags and the environment name. It needs no master that answers.
func showCluster(ctx context.Context, env *environment, options tui.Options) error {
	config, err := env.clientConfig()
	if err != nil {
		return err
	}
	source, err := live.New(live.Options{Config: config, Now: env.now})
	if err != nil {
		return err
	}
	return showWhile(ctx, source.Run, source, options)
}

// showWhile shows a source while it runs.
func showWhile(ctx context.Context, run func(context.Context), source tui.Source, options tui.Options) error {
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { run(ctx) })
	defer running.Wait()
	defer stop()
	options.Source = source
	return tui.Run(ctx, options)
}

// warmUp is how long the simulated fleet has lived when it is first seen.
const warmUp = 18 * time.Minute

// showDemo shows a simulated fleet and lets it live as long as it is shown.
func showDemo(ctx context.Context, env *environment, options tui.Options) error {
	now := env.now()
	simulated := fleet.New(fleet.Options{Seed: 1, Start: now.Add(-warmUp)})
	simulated.Advance(now)
	return showWhile(ctx, simulated.Run, simulated, options)
}

func colorProfile(kind string, getenv func(string) string) (theme.Profile, error) {
	switch kind {
	case "auto":
		return theme.Detect(getenv), nil
	case "true":
		return theme.TrueColor, nil
	case "256":
		return theme.Colors256, nil
	case "16":
		return theme.Colors16, nil
	case "never":
		return theme.NoColor, nil
	}
	return 0, usagef("--color is %q; it is auto, true, 256, 16 or never", kind)
}

// legacyFont reports whether the terminal is likely to draw some of the console's characters two cells wide, or not at all.
func legacyFont(getenv func(string) string) bool {
	locale := getenv("LC_ALL")
	if locale == "" {
		locale = getenv("LC_CTYPE")
	}
	if locale == "" {
		locale = getenv("LANG")
	}
	return getenv("RUNEWIDTH_EASTASIAN") == "1" || locale != "" && !strings.Contains(strings.ToUpper(strings.ReplaceAll(locale, "-", "")), "UTF8")
}

// saveExport writes an export into the working directory under a name that is not taken yet.
func saveExport(name string, content []byte) (string, error) {
	extension := filepath.Ext(name)
	stem := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:`, r) || r < ' ' {
			return '-'
		}
		return r
	}, strings.TrimSuffix(name, extension))
	for n := range 1000 {
		path := stem + extension
		if n > 0 {
			path = stem + "-" + time.Now().Format("150405") + strings.Repeat("x", n-1) + extension
		}
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = file.Write(content)
		return path, errors.Join(err, file.Close())
	}
	return "", model.Errorf(model.CodeInternal, "there are too many files called %s already", name)
}
