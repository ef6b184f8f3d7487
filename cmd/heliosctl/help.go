package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const (
	helpColumns    = 80  // where nothing says how wide the reader's screen is
	longestHelp    = 100 // longer lines are hard to read
	belowNames     = 10  // blanks before an explanation that has a line of its own
	narrowestWraps = 30  // narrower columns are not filled with text
)

// mostUsed are the commands that the help begins with.
func mostUsed() []string {
	return []string{"create", "deploy", "status", "logs", "rolling-update", "undeploy", "jobs", "hosts", "dashboard", "dev"}
}

// helpWidth is how long lines of help may be: those of the terminal, else of $COLUMNS.
func (env *environment) helpWidth() int {
	width := helpColumns
	if columns, err := strconv.Atoi(env.getenv("COLUMNS")); err == nil {
		width = columns
	}
	if env.display != nil {
		width = int(env.display.size().Columns)
	}
	if width < narrowestWraps {
		return helpColumns
	}
	return min(width, longestHelp)
}

func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND...]",
		Short: "Explain a command",
		Long:  "Explain a command, as 'heliosctl COMMAND --help' does; without one, list all commands.",
		Example: `  heliosctl help deploy
  heliosctl help operator snapshot save`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, words []string) error {
			explained, err := commandOf(cmd.Root(), words)
			if err != nil {
				return err
			}
			explained.InitDefaultHelpFlag()
			return explained.Help()
		},
		ValidArgsFunction: func(cmd *cobra.Command, words []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			if parent, err := commandOf(cmd.Root(), words); err == nil {
				for _, child := range parent.Commands() {
					if child.IsAvailableCommand() {
						names = append(names, child.Name()+"\t"+child.Short)
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// commandOf returns the command that words lead to; each may be cut short.
func commandOf(root *cobra.Command, words []string) (*cobra.Command, error) {
	found := root
	for _, word := range words {
		child, err := findCommand(found, word)
		switch {
		case err != nil:
			return nil, err
		case child == nil:
			return nil, usagef("%s", unknownCommand(found, word))
		}
		found = child
	}
	return found, nil
}

// printHelp writes the help of a command.
func (env *environment) printHelp(cmd *cobra.Command) {
	h := helpText{width: env.helpWidth(), colour: env.coloured(env.screen)}
	h.paragraphs(firstOf(cmd.Long, cmd.Short))
	h.usage(cmd)
	if cmd.HasExample() {
		h.section("Examples:")
		h.b.WriteString(cmd.Example + "\n")
	}
	h.commands(cmd)
	h.flags("Flags:", cmd.LocalNonPersistentFlags())
	if cmd.HasParent() {
		h.section("Global flags:")
		h.entry("  ", "", namesOf(cmd.InheritedFlags())+"; 'heliosctl --help' explains them.", 0)
	} else {
		h.flags("Global flags:", cmd.PersistentFlags())
	}
	if c, ok := contractOf(cmd); ok {
		h.b.WriteByte('\n')
		h.paragraphs(c.text())
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&h.b, "\nRun '%s COMMAND --help' for more about a command.\n", cmd.CommandPath())
	}
	io.WriteString(env.out, h.b.String())
}

func firstOf(texts ...string) string {
	i := slices.IndexFunc(texts, func(text string) bool { return text != "" })
	return texts[max(i, 0)]
}

// helpText is a help being written.
type helpText struct {
	b      strings.Builder
	width  int
	colour bool
}

func (h *helpText) section(title string) {
	h.b.WriteByte('\n')
	h.b.WriteString(line{{title, styleBold}}.text(h.colour) + "\n")
}

// paragraphs writes text within the width. Lines that begin with a blank stay as they are.
func (h *helpText) paragraphs(text string) {
	for i, paragraph := range strings.Split(strings.Trim(text, "\n"), "\n\n") {
		if i > 0 {
			h.b.WriteByte('\n')
		}
		if strings.HasPrefix(paragraph, " ") {
			h.b.WriteString(paragraph + "\n")
			continue
		}
		for _, line := range wrapWords(strings.Fields(paragraph), h.width) {
			h.b.WriteString(line + "\n")
		}
	}
}

// wrapWords makes lines of words, none longer than a width unless a word is.
func wrapWords(words []string, width int) []string {
	var lines []string
	for _, word := range words {
		last := len(lines) - 1
		if last >= 0 && textWidth(lines[last])+1+textWidth(word) <= width {
			lines[last] += " " + word
			continue
		}
		lines = append(lines, word)
	}
	return lines
}

func (h *helpText) usage(cmd *cobra.Command) {
	h.section("Usage:")
	if cmd.Runnable() && (!cmd.HasAvailableSubCommands() || !cmd.HasParent()) {
		h.b.WriteString("  " + cmd.UseLine() + "\n")
	}
	if cmd.HasAvailableSubCommands() {
		h.b.WriteString("  " + cmd.CommandPath() + " COMMAND\n")
	}
}

// commands lists the commands under one: those that are used most, then the others by their headings.
func (h *helpText) commands(parent *cobra.Command) {
	listed := map[*cobra.Command]bool{}
	list := func(title string, belongs func(*cobra.Command) bool) {
		var commands []*cobra.Command
		for _, cmd := range parent.Commands() {
			if !listed[cmd] && (cmd.IsAvailableCommand() || cmd.Name() == "help") && belongs(cmd) {
				listed[cmd] = true
				commands = append(commands, cmd)
			}
		}
		h.list(title, commands)
	}
	if !parent.HasParent() {
		h.list("Most used:", h.mostUsed(parent, listed))
	}
	for _, group := range parent.Groups() {
		list(group.Title, func(cmd *cobra.Command) bool { return cmd.GroupID == group.ID })
	}
	title := "Commands:"
	if len(parent.Groups()) > 0 {
		title = "Other:"
	}
	list(title, func(*cobra.Command) bool { return true })
}

func (h *helpText) mostUsed(root *cobra.Command, listed map[*cobra.Command]bool) []*cobra.Command {
	var commands []*cobra.Command
	for _, name := range mostUsed() {
		for _, cmd := range root.Commands() {
			if cmd.Name() == name {
				listed[cmd] = true
				commands = append(commands, cmd)
			}
		}
	}
	return commands
}

func (h *helpText) list(title string, commands []*cobra.Command) {
	if len(commands) == 0 {
		return
	}
	h.section(title)
	padding := 0
	for _, cmd := range commands {
		padding = max(padding, len(cmd.Name()))
	}
	for _, cmd := range commands {
		h.entry("  ", cmd.Name(), cmd.Short, padding)
	}
}

func (h *helpText) flags(title string, flags *pflag.FlagSet) {
	var listed []*pflag.Flag
	padding := 0
	flags.VisitAll(func(flag *pflag.Flag) {
		if !flag.Hidden && flag.Deprecated == "" {
			listed = append(listed, flag)
			padding = max(padding, len(flagSynopsis(flag)))
		}
	})
	if len(listed) == 0 {
		return
	}
	h.section(title)
	for _, flag := range listed {
		h.entry("  ", flagSynopsis(flag), flagUsage(flag), padding)
	}
}

// entry writes a name and an explanation beside it, or below it where there is little room.
func (h *helpText) entry(indent, name, text string, padding int) {
	const gap = "  "
	beside := len(indent) + padding + len(gap)
	if name == "" {
		beside = len(indent)
	}
	if h.width-beside < narrowestWraps {
		h.b.WriteString(indent + name + "\n")
		beside, name = belowNames, ""
	} else if name != "" {
		name = indent + name
	}
	for _, line := range wrapWords(strings.Fields(text), h.width-beside) {
		fmt.Fprintf(&h.b, "%-*s%s\n", beside, name, line)
		name = ""
	}
}

// flagSynopsis is a flag as it is typed: -s, --long VALUE.
func flagSynopsis(flag *pflag.Flag) string {
	text := "    --" + flag.Name
	if flag.Shorthand != "" {
		text = "-" + flag.Shorthand + ", --" + flag.Name
	}
	if value, _ := pflag.UnquoteUsage(flag); value != "" {
		text += " " + value
	}
	return text
}

// flagUsage explains a flag, with its default where that is something.
func flagUsage(flag *pflag.Flag) string {
	_, usage := pflag.UnquoteUsage(flag)
	if slices.Contains([]string{"", "false", "0", "[]", "0s"}, flag.DefValue) || strings.Contains(usage, "(default") {
		return usage
	}
	return usage + " (default " + flag.DefValue + ")"
}

// namesOf lists flags by name.
func namesOf(flags *pflag.FlagSet) string {
	var names []string
	flags.VisitAll(func(flag *pflag.Flag) {
		if !flag.Hidden {
			names = append(names, "--"+flag.Name)
		}
	})
	return strings.Join(names, ", ")
}
