package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var updatePage = flag.Bool("update", false, "write docs/commands.md anew")

const commandsPage = "../../docs/commands.md"

// The page of all commands is made from the commands themselves: go test ./cmd/heliosctl -run TestCommandsPage -update.
func TestCommandsPage(t *testing.T) {
	env := processEnvironment()
	env.getenv = func(string) string { return "" }
	want := pageOfCommands(env)
	if *updatePage {
		if err := os.WriteFile(commandsPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(commandsPage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/commands.md is out of date; run 'task docs' (-want +got):\n%s", diff)
	}
}

// pageOfCommands writes the page: the global flags, then each command under the heading of its group.
func pageOfCommands(env *environment) string {
	root := newRootCommand(env)
	var b strings.Builder
	b.WriteString(`# Commands

<!-- Made by 'task docs' from the commands themselves. -->

What 'heliosctl COMMAND --help' says, on one page. How commands are used in scripts (exit codes, --json, waiting, questions) is in
[scripting.md](scripting.md).

`)
	b.WriteString("A long flag can be given by any beginning that no other flag has.\n\n## Global flags\n\nEvery command takes these.\n\n")
	writeFlags(&b, root.PersistentFlags())
	for _, group := range root.Groups() {
		fmt.Fprintf(&b, "\n## %s\n", strings.TrimSuffix(group.Title, ":"))
		for _, cmd := range root.Commands() {
			if cmd.GroupID == group.ID && !cmd.Hidden {
				writeCommand(&b, cmd)
			}
		}
	}
	b.WriteString("\n## Other\n")
	for _, cmd := range root.Commands() {
		if cmd.GroupID == "" && !cmd.Hidden {
			writeCommand(&b, cmd)
		}
	}
	return b.String()
}

func writeCommand(b *strings.Builder, cmd *cobra.Command) {
	_, name, _ := strings.Cut(cmd.CommandPath(), " ")
	fmt.Fprintf(b, "\n### %s\n\n%s\n", name, forMarkdown(firstOf(cmd.Long, cmd.Short)))
	if short, ok := strings.CutPrefix(name, "group "); ok {
		for _, command := range groupCommands() {
			if command.short == short {
				fmt.Fprintf(b, "\nThe same as [%s](#%s).\n", command.full, command.full)
				return
			}
		}
	}
	if cmd.HasSubCommands() {
		for _, child := range cmd.Commands() {
			if !child.Hidden {
				writeCommand(b, child)
			}
		}
		return
	}
	fmt.Fprintf(b, "\n```\n%s\n```\n", cmd.UseLine())
	if cmd.LocalNonPersistentFlags().HasAvailableFlags() {
		b.WriteByte('\n')
		writeFlags(b, cmd.LocalNonPersistentFlags())
	}
	if cmd.Example != "" {
		fmt.Fprintf(b, "\nExamples:\n\n```sh\n%s\n```\n", strings.ReplaceAll(strings.TrimPrefix(cmd.Example, "  "), "\n  ", "\n"))
	}
	if c, ok := contractOf(cmd); ok {
		fmt.Fprintf(b, "\n%s\n", forMarkdown(c.text()))
	}
}

// forMarkdown keeps words with signs that have a meaning as they are. A paragraph that begins with a blank is something to be typed.
func forMarkdown(text string) string {
	paragraphs := strings.Split(strings.Trim(text, "\n"), "\n\n")
	for i, paragraph := range paragraphs {
		if strings.HasPrefix(paragraph, " ") {
			paragraphs[i] = "```sh\n" + strings.TrimSpace(paragraph) + "\n```"
			continue
		}
		words := strings.Fields(paragraph)
		for j, word := range words {
			if bare := strings.TrimRight(word, ".,;:"); strings.ContainsAny(bare, "<>_*|") && !strings.Contains(bare, "`") {
				words[j] = "`" + bare + "`" + word[len(bare):]
			}
		}
		paragraphs[i] = strings.Join(words, " ")
	}
	return strings.Join(paragraphs, "\n\n")
}

func writeFlags(b *strings.Builder, flags *pflag.FlagSet) {
	b.WriteString("| flag | meaning |\n| --- | --- |\n")
	flags.VisitAll(func(flag *pflag.Flag) {
		if flag.Hidden {
			return
		}
		usage := strings.NewReplacer("|", "\\|", "<", "&lt;", "*", "\\*", "_", "\\_").Replace(flagUsage(flag))
		fmt.Fprintf(b, "| `%s` | %s |\n", strings.TrimSpace(strings.ReplaceAll(flagSynopsis(flag), "|", "\\|")), usage)
	})
}
