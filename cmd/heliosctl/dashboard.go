package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/cmd/heliosctl/config"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
	"github.com/heliosctl/heliosctl/tui/theme"
)

// dashboardOptions are the flags of `heliosctl dashboard`. They win over the configuration file.
type dashboardOptions struct {
	demo     bool
	plain    bool
	listKeys bool
	readOnly bool
	mouse    bool
	ascii    bool
	theme    string
	color    string
	token    tokenFlags
	start    string
	keys     map[string][]string // of the configuration

	themeGiven bool // by the flag
}

func newDashboardCommand(env *environment) *cobra.Command {
	o := &dashboardOptions{}
	command := &cobra.Command{
		Use:   "dashboard",
		Short: "Watch and run the fleet on the full screen",
		Long: `Watch the fleet on the full screen: hosts, jobs, rollouts, events and logs, as they change, and act on them.

? explains the keys of every screen, @ shows another of the clusters in the configuration file. While no master answers it shows what it
knows, says how old that is, changes nothing, and goes on trying. On a terminal heliosctl alone is the same as heliosctl dashboard.

With --plain it needs no terminal and prints a line for each change instead, for screen readers, scripts and recordings; with --json too,
each line is a JSON document. With --demo everything is simulated in this process: 400 hosts, rollouts and failures.

Theme, colours, keys and more can be set in the configuration file; --list-keys prints the commands that keys can be given to.`,
		Example: `  heliosctl dashboard
  heliosctl dashboard --master http://master-1.example.com:5801 --read-only
  heliosctl dashboard --open 'hosts?f=role=web load>80'
  heliosctl dashboard --plain | grep problem
  heliosctl dashboard --demo --theme light`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDashboard(cmd.Context(), env, o, cmd.Flags().Changed)
		},
	}
	flags := command.Flags()
	flags.BoolVar(&o.demo, "demo", false, "show a simulated fleet instead of a cluster")
	flags.BoolVar(&o.plain, "plain", false, "print a line for each change instead of taking the screen")
	flags.BoolVar(&o.listKeys, "list-keys", false, "print the commands, their keys and what they do")
	flags.BoolVar(&o.readOnly, "read-only", false, "let no key change anything")
	flags.BoolVar(&o.mouse, "mouse", false, "turn wheel and clicks on; the terminal's own selection is off then")
	flags.BoolVar(&o.ascii, "ascii", false, "draw with ASCII characters only")
	flags.StringVar(&o.theme, "theme", "", "`NAME` of the colours: "+strings.Join(theme.Names(), ", ")+" (default "+theme.Default+")")
	flags.StringVar(&o.color, "color", "", "`KIND` of colours the terminal knows: auto, true, 256, 16 or never (default auto)")
	flags.StringVar(&o.start, "open", "", "`PLACE` to begin with, as marks and saved views show it, such as 'hosts?f=role=web'")
	o.token.bind(flags)
	return command
}

// runDashboard shows the console. Given tells which flags were given.
func runDashboard(ctx context.Context, env *environment, o *dashboardOptions, given func(flag string) bool) error {
	file, err := configured(env, o, given)
	if err != nil {
		return err
	}
	if o.listKeys {
		return printKeys(env, o.keys)
	}
	if env.options.json && !o.plain {
		return usagef("the dashboard is for people; --json goes with --plain or --list-keys")
	}
	if env.terminal == nil && !o.plain {
		return usagef("the dashboard needs a terminal for input and output; --plain prints lines instead")
	}
	if !o.plain && !env.fullScreen() {
		return usagef("the dashboard needs a terminal that can place its cursor, which TERM=dumb says this one cannot; --plain prints lines instead")
	}
	var first *consoleCluster
	if o.demo {
		first = demoCluster(env.now)
	} else if first, err = firstCluster(env, file); err != nil {
		return err
	}
	if o.plain {
		return followPlainly(ctx, env, first)
	}
	c, err := newConsole(env, file, o)
	if err != nil {
		return err
	}
	if !o.demo && isLost(ctx, env) {
		if c.options.AskCluster = len(file.Contexts) > 0; !c.options.AskCluster {
			first = nil
			c.welcome()
		}
	}
	return c.run(ctx, first)
}

// configured reads the configuration file, checks what it says of the console, and makes the defaults of flags that were not given of it.
func configured(env *environment, o *dashboardOptions, given func(flag string) bool) (config.File, error) {
	path := config.Path(env.getenv)
	file, err := config.Load(path)
	if err != nil {
		return file, model.Errorf(model.CodeInvalid, "%v", err)
	}
	set := file.Console
	if err := tui.CheckKeys(set.Keys); err != nil {
		return file, model.Errorf(model.CodeInvalid, "%s: console.keys: %v", path, err)
	}
	o.keys, o.themeGiven = set.Keys, given("theme")
	for flag, from := range map[string]struct{ to, set *bool }{
		"read-only": {&o.readOnly, &set.ReadOnly}, "mouse": {&o.mouse, &set.Mouse}, "ascii": {&o.ascii, &set.ASCII},
	} {
		if !given(flag) {
			*from.to = *from.set
		}
	}
	for _, from := range []struct {
		flag    string
		to      *string
		setting string
		check   func(string) error
	}{
		{"theme", &o.theme, set.Theme, checkTheme},
		{"color", &o.color, set.Color, func(kind string) error { _, err := colorProfile(kind, env.getenv); return err }},
	} {
		if given(from.flag) {
			if err := from.check(*from.to); err != nil {
				return file, usagef("--%s: %v", from.flag, err)
			}
			continue
		}
		if from.setting != "" {
			*from.to = from.setting
			if err := from.check(from.setting); err != nil {
				return file, model.Errorf(model.CodeInvalid, "%s: console.%s: %v", path, from.flag, err)
			}
		}
	}
	return file, nil
}

func checkTheme(name string) error {
	_, err := theme.New(name, theme.NoColor)
	return err
}

// console makes the options of the console.
func (o *dashboardOptions) console(env *environment) (tui.Options, error) {
	profile, err := colorProfile(o.color, env.getenv)
	if err != nil {
		return tui.Options{}, err
	}
	colors, err := theme.New(cmp.Or(o.theme, theme.Default), profile)
	if err != nil {
		return tui.Options{}, err
	}
	token, err := o.token.source(env.getenv)
	if err != nil {
		return tui.Options{}, err
	}
	options := tui.Options{
		Token: token,
		Theme: colors, Profile: profile, ASCII: o.ascii || legacyFont(env.getenv), ReadOnly: o.readOnly, Mouse: o.mouse, Version: productVersion(),
		Keys: o.keys, Now: env.now, In: env.terminal.in, Out: env.terminal.out, Save: saveExport,
	}
	if o.start != "" {
		place, err := tui.ParsePlace(o.start)
		if err != nil {
			return options, usagef("--open: %v", err)
		}
		options.Start = &place
	}
	return options, nil
}

// defaultDashboard are the options of the dashboard that is opened without any.
func defaultDashboard() (o *dashboardOptions, given func(flag string) bool) {
	return &dashboardOptions{}, func(string) bool { return false }
}

// followPlainly prints a line for each change of a cluster.
func followPlainly(ctx context.Context, env *environment, cluster *consoleCluster) error {
	source, run, err := cluster.open()
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { run(ctx) })
	defer running.Wait()
	defer stop()
	write := tui.WriteLines(env.out, time.Local)
	if env.options.json {
		write = func(l tui.Line) error {
			text, err := compactJSON(l)
			if err == nil {
				_, err = fmt.Fprintln(env.out, text)
			}
			return err
		}
	}
	return tui.Follow(ctx, source, env.now, write)
}

// printKeys prints the commands that keys can be given to.
func printKeys(env *environment, keys map[string][]string) error {
	lines := tui.KeyMap(keys)
	if env.options.json {
		return printJSON(env.out, lines)
	}
	t := newTable("COMMAND", "KEYS", "MEANING")
	for _, l := range lines {
		t.add(l.ID, strings.Join(l.Keys, " "), l.Meaning)
	}
	t.write(env.out)
	return nil
}

func colorProfile(kind string, getenv func(string) string) (theme.Profile, error) {
	switch kind {
	case "", "auto":
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
	return 0, usagef("there is no kind of colours %q; there are auto, true, 256, 16 and never", kind)
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
