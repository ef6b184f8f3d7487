package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/cmd/heliosctl/config"
	"github.com/heliosctl/heliosctl/model"
)

func newContextCommand(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "context",
		Short: "Name clusters, and say which one commands speak to",
		Long: `Name clusters, and say which one commands speak to.

A context is a cluster under a name of yours: its masters, of which any that answers is asked, or the DNS domain that knows them. They
are kept in ~/.config/heliosctl/config.yaml ($HELIOSCTL_CONFIG), which can also be edited by hand.

A command speaks to what the first of these names: --master, --domains, --context, $HELIOSCTL_CONTEXT, $HELIOS_MASTER, the context in
use, ~/.helios/config of the original's command line; else to ` + defaultMaster + `. 'heliosctl context show' says what that is.`,
		Example: `  heliosctl context add eu --master http://master-1.example.com:5801 --master http://master-2.example.com:5801 --use
  heliosctl context use eu
  heliosctl jobs --context eu,us`,
		Args: cobra.ArbitraryArgs,
		RunE: needsSubcommand("context", "add, use, list, show, remove or rename"),
	}
	for _, sub := range []*cobra.Command{
		newAddContextCommand(env), newUseContextCommand(env), newListContextsCommand(env), newShowContextCommand(env),
		newRemoveContextCommand(env), newRenameContextCommand(env),
	} {
		sub.Args = asUsage(positional)
		cmd.AddCommand(sub)
	}
	return cmd
}

// editConfiguration changes the configuration file.
func (env *environment) editConfiguration(change func(*config.Document) error) error {
	return unreadable(config.Edit(config.Path(env.getenv), change))
}

type addContextOptions struct {
	domain      string
	environment string
	readOnly    bool
	use         bool
}

func newAddContextCommand(env *environment) *cobra.Command {
	var o addContextOptions
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Give a cluster a name",
		Long: `Give a cluster a name: by URLs of its masters, which must all be of this one cluster, or by the DNS domain that knows them. No master
is asked.

The console marks what is production or staging, and changes nothing in a context that is --read-only.`,
		Example: `  heliosctl context add eu --master http://master-1.example.com:5801 --master http://master-2.example.com:5801 --use
  heliosctl context add lab --domain lab.example.com --environment development
  heliosctl context add us --domain us.example.com --environment production --read-only --username ann`,
		RunE: func(_ *cobra.Command, args []string) error {
			context, err := o.context(env, args[0])
			if err != nil {
				return err
			}
			return runAddContext(env, context, o.use)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.domain, "domain", "", "DNS `DOMAIN` whose SRV records name the masters")
	flags.StringVar(&o.environment, "environment", "", "what the cluster is for: `production|staging|development`")
	flags.BoolVar(&o.readOnly, "read-only", false, "let the console change nothing there")
	flags.BoolVar(&o.use, "use", false, "let commands speak to it from now on")
	return cmd
}

// context makes the context that the flags describe.
func (o *addContextOptions) context(env *environment, name string) (config.Context, error) {
	domains := listed(append(slices.Clone(env.options.domains), o.domain))
	c := config.Context{
		Name: name, SRVName: env.options.srvName, Username: env.options.username, Environment: config.Environment(o.environment), ReadOnly: o.readOnly,
	}
	masters, err := masterTargets("--master", env.options.masters)
	switch {
	case err != nil:
		return c, err
	case len(masters) == 0 && len(domains) == 0:
		return c, usagef("context add: where is it? Give --master URL, once for each master, or --domain DOMAIN")
	case len(masters) > 0 && len(domains) > 0:
		return c, usagef("context add: give either --master or --domain")
	case len(domains) > 1:
		return c, usagef("context add: a context has one domain; %s are %d", strings.Join(domains, ", "), len(domains))
	case len(masters) > 0 && c.SRVName != "":
		return c, usagef("context add: --srv-name goes with --domain")
	case len(domains) > 0:
		c.Domain = domains[0]
	}
	for _, master := range masters {
		c.Masters = append(c.Masters, master.name)
	}
	if err := c.Check(); err != nil {
		return c, usagef("%v", err)
	}
	return c, nil
}

func runAddContext(env *environment, c config.Context, use bool) error {
	err := env.editConfiguration(func(d *config.Document) error {
		if _, exists := d.File().Context(c.Name); exists {
			return model.Errorf(model.CodeInvalid, "there is a context %q already; remove it first", c.Name)
		}
		if use {
			d.Use(c.Name)
		}
		return d.Add(c)
	})
	switch {
	case err != nil:
		return err
	case env.options.json:
		return printJSON(env.out, documentOf(c, use))
	case use:
		fmt.Fprintf(env.out, "Added context %s, which is in use from now on\n", c.Name)
	default:
		fmt.Fprintf(env.out, "Added context %s\n", c.Name)
	}
	return nil
}

func newUseContextCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "use CONTEXT",
		Short: "Let commands speak to a cluster from now on",
		Long: `Let commands speak to a cluster from now on, in every terminal. --master, --domains, --context, $HELIOSCTL_CONTEXT and $HELIOS_MASTER go
before it.`,
		Example: "  heliosctl context use eu",
		RunE: func(_ *cobra.Command, args []string) error {
			var used config.Context
			err := env.editConfiguration(func(d *config.Document) (err error) {
				used, err = findContext(d.File(), args[0])
				d.Use(used.Name)
				return err
			})
			switch {
			case err != nil:
				return err
			case env.options.json:
				return printJSON(env.out, documentOf(used, true))
			}
			fmt.Fprintf(env.out, "Using context %s\n", used.Name)
			for _, variable := range []string{"HELIOSCTL_CONTEXT", "HELIOS_MASTER"} {
				if env.getenv(variable) != "" {
					fmt.Fprintf(env.err, "heliosctl: %s is set and goes before it\n", variable)
				}
			}
			return nil
		},
	}
}

// contextDocument is the JSON of a context.
type contextDocument struct {
	Name        string             `json:"name"`
	InUse       bool               `json:"inUse"`
	Masters     []string           `json:"masters"`
	Domain      string             `json:"domain,omitempty"`
	SRVName     string             `json:"srvName,omitempty"`
	Username    string             `json:"username,omitempty"`
	Environment config.Environment `json:"environment,omitempty"`
	ReadOnly    bool               `json:"readOnly"`
}

func documentOf(c config.Context, inUse bool) contextDocument {
	return contextDocument{c.Name, inUse, append([]string{}, c.Masters...), c.Domain, c.SRVName, c.Username, c.Environment, c.ReadOnly}
}

func newListContextsCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the contexts",
		Long:    "List the contexts. The one in use has a star.",
		Example: "  heliosctl context list",
		RunE: func(*cobra.Command, []string) error {
			file, err := env.configuration()
			switch {
			case err != nil:
				return err
			case env.options.json:
				return printContexts(env, file)
			case len(file.Contexts) == 0:
				fmt.Fprintln(env.err, "heliosctl: there are no contexts; make one with 'heliosctl context add'")
				return nil
			}
			t := newTable("", "NAME", "ENVIRONMENT", "USER", "MASTERS")
			for _, c := range file.Contexts {
				mark := ""
				if c.Name == file.Current {
					mark = "*"
				}
				t.add(mark, c.Name, environmentOf(c), cmp.Or(c.Username, "-"), cmp.Or(strings.Join(c.Masters, ", "), c.Domain))
			}
			t.write(env.out)
			return nil
		},
	}
}

func printContexts(env *environment, file config.File) error {
	documents := []contextDocument{}
	for _, c := range file.Contexts {
		documents = append(documents, documentOf(c, c.Name == file.Current))
	}
	return printJSON(env.out, documents)
}

// environmentOf tells what a context is for and that it is only to be looked at, a dash where nothing is said of it.
func environmentOf(c config.Context) string {
	switch {
	case !c.ReadOnly:
		return cmp.Or(string(c.Environment), "-")
	case c.Environment == "":
		return "read-only"
	}
	return string(c.Environment) + ", read-only"
}

func newShowContextCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "show [CONTEXT]",
		Short: "Show what commands speak to, and why",
		Long: `Show which cluster commands speak to with the options and variables of now, and what said so. With CONTEXT it is that context. No master
is asked.`,
		Example: `  heliosctl context show
  heliosctl context show eu`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				targets, err := env.targets()
				if err != nil {
					return err
				}
				return showTargets(env, targets)
			}
			file, err := env.configuration()
			if err != nil {
				return err
			}
			c, err := findContext(file, args[0])
			switch {
			case err != nil:
				return err
			case env.options.json:
				return printJSON(env.out, documentOf(c, c.Name == file.Current))
			}
			t, err := env.contextTarget("", c)
			if err != nil {
				return err
			}
			fmt.Fprintf(env.out, "%s: %s\n", c.Name, t.places())
			showContext(env, c)
			return nil
		},
	}
}

// targetDocument is the JSON of what commands speak to.
type targetDocument struct {
	Name     string           `json:"name"`
	From     string           `json:"from"`
	Masters  []string         `json:"masters"`
	Domain   string           `json:"domain,omitempty"`
	SRVName  string           `json:"srvName,omitempty"`
	Username string           `json:"username"`
	Context  *contextDocument `json:"context"`
}

// showTargets tells what commands speak to. Several are told apart only when a command asks the masters.
func showTargets(env *environment, targets []target) error {
	file, err := env.configuration()
	if err != nil {
		return err
	}
	documents := []targetDocument{}
	for _, t := range targets {
		config, err := env.configOf(t)
		if err != nil {
			return err
		}
		d := targetDocument{Name: t.name, From: t.origin, Masters: append([]string{}, t.masters...), Username: config.User}
		if t.domain != nil {
			d.Domain, d.SRVName = t.domain.Name, t.domain.Service
		}
		if t.context.Name != "" {
			context := documentOf(t.context, t.context.Name == file.Current)
			d.Context = &context
		}
		documents = append(documents, d)
		if !env.options.json {
			showTarget(env, t)
		}
	}
	if env.options.json {
		return printJSON(env.out, documents)
	}
	if current := file.Current; current != "" && !slices.ContainsFunc(targets, func(t target) bool { return t.context.Name == current }) {
		fmt.Fprintf(env.out, "The context in use, %s, does not count: %s goes before it\n", current, targets[0].origin)
	}
	return nil
}

func showTarget(env *environment, t target) {
	name := ""
	if t.context.Name != "" {
		name = t.name + ": "
	}
	fmt.Fprintf(env.out, "%s%s from %s\n", name, t.places(), t.origin)
	showContext(env, t.context)
}

// showContext tells what there is to tell of a context beside where its masters are.
func showContext(env *environment, c config.Context) {
	if about := environmentOf(c); about != "-" {
		fmt.Fprintf(env.out, "  environment: %s\n", about)
	}
	if c.Username != "" {
		fmt.Fprintf(env.out, "  user: %s\n", oneLine(c.Username))
	}
}

func newRemoveContextCommand(env *environment) *cobra.Command {
	yes := false
	cmd := &cobra.Command{
		Use:     "remove CONTEXT",
		Short:   "Forget a context",
		Long:    "Forget a context. The cluster itself is left alone. Where it is the context in use, none is from then on.",
		Example: "  heliosctl context remove lab --yes",
		RunE: func(cmd *cobra.Command, args []string) error {
			return runRemoveContext(cmd.Context(), env, args[0], yes)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func runRemoveContext(ctx context.Context, env *environment, name string, yes bool) error {
	file, err := env.configuration()
	if err != nil {
		return err
	}
	if _, err := findContext(file, name); err != nil {
		return err
	}
	if !yes {
		if err := confirm(ctx, env.streams, fmt.Sprintf("Remove context %s?", name)); err != nil {
			return err
		}
	}
	err = env.editConfiguration(func(d *config.Document) error {
		d.Remove(name)
		return nil
	})
	switch {
	case err != nil:
		return err
	case env.options.json:
		return printJSON(env.out, map[string]string{"removed": name})
	}
	fmt.Fprintf(env.out, "Removed context %s\n", name)
	return nil
}

func newRenameContextCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:     "rename CONTEXT NAME",
		Short:   "Give a context another name",
		Long:    "Give a context another name. It stays in use where it is.",
		Example: "  heliosctl context rename eu europe",
		RunE: func(_ *cobra.Command, args []string) error {
			from, to := args[0], args[1]
			var renamed contextDocument
			err := env.editConfiguration(func(d *config.Document) error {
				file := d.File()
				c, err := findContext(file, from)
				if err != nil {
					return err
				}
				if _, exists := file.Context(to); exists {
					return model.Errorf(model.CodeInvalid, "there is a context %q already", to)
				}
				c.Name = to
				if err := c.Check(); err != nil {
					return model.Errorf(model.CodeInvalid, "%v", err)
				}
				renamed = documentOf(c, file.Current == from)
				d.Rename(from, to)
				return nil
			})
			switch {
			case err != nil:
				return err
			case env.options.json:
				return printJSON(env.out, renamed)
			}
			fmt.Fprintf(env.out, "Context %s is %s now\n", from, to)
			return nil
		},
	}
}

// unreadable makes the error of a configuration file that is wrong, or that cannot be read or written.
func unreadable(err error) error {
	var coded *model.Error
	if err == nil || errors.As(err, &coded) {
		return err
	}
	return model.Errorf(model.CodeInvalid, "%v", err)
}
