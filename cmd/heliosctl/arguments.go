package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// speller writes a command line the way pflag and cobra read it. Users of the original are used to more than they: commands and long
// flags can be given by any beginning that no other has, some flags need no value, and a flag of KEY=VALUE pairs takes several.
type speller struct {
	cmd   *cobra.Command // found so far
	flags *pflag.FlagSet // of cmd
	words []string       // that lead to cmd
	args  []string       // everything else
	typed int            // arguments of cmd so far
}

// spellOut writes a command line out in full: first the command, then flags and arguments in their order.
func spellOut(root *cobra.Command, args []string) ([]string, error) {
	if completes(args) {
		return spellCompletion(root, args), nil
	}
	s := speller{}
	s.enter(root)
	err := s.spell(args)
	var usage *usageError
	if errors.As(err, &usage) {
		usage.command = s.cmd.CommandPath()
	}
	return s.line(), err
}

func (s *speller) line() []string { return slices.Concat(s.words, s.args) }

func (s *speller) spell(args []string) error {
	for i := 0; i < len(args); {
		taken, err := s.take(args[i:])
		if err != nil {
			return err
		}
		if taken == 0 {
			s.args = append(s.args, args[i:]...)
			break
		}
		i += taken
	}
	return nil
}

// completes tells whether it is the shell that asks how a command line may go on.
func completes(args []string) bool {
	return len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd)
}

// spellCompletion writes out what has been typed before the word that is to be completed. What is wrong with it stays.
func spellCompletion(root *cobra.Command, args []string) []string {
	if len(args) < 2 {
		return args
	}
	before, word := args[1:len(args)-1], args[len(args)-1]
	last := ""
	if n := len(before); n > 0 && isFlag(before[n-1]) { // the word is its value, perhaps
		before, last = before[:n-1], before[n-1]
	}
	s := speller{}
	s.enter(root)
	if s.spell(before) != nil {
		return args
	}
	if last != "" {
		if spelt, _, err := spellFlag(s.flags, last); err == nil {
			last = spelt
		}
		s.args = append(s.args, last)
	}
	return slices.Concat(args[:1], s.line(), []string{word})
}

func (s *speller) enter(cmd *cobra.Command) {
	s.cmd = cmd
	cmd.InitDefaultHelpFlag()
	cmd.InheritedFlags() // makes the global flags known to the command
	s.flags = cmd.Flags()
	if !cmd.HasParent() {
		s.flags = pflag.NewFlagSet("", pflag.ContinueOnError)
		s.flags.AddFlagSet(cmd.Flags())
		s.flags.AddFlagSet(cmd.PersistentFlags())
	}
}

// take takes the first argument, with its values. It returns how many arguments that is; none at the end of all flags.
func (s *speller) take(args []string) (int, error) {
	switch {
	case args[0] == "--":
		return 0, nil
	case isFlag(args[0]):
		return s.takeFlag(args)
	case s.typed == 0 && s.cmd.HasSubCommands():
		cmd, err := findCommand(s.cmd, args[0])
		if err != nil {
			return 0, err
		}
		if cmd != nil {
			s.enter(cmd)
			s.words = append(s.words, cmd.Name())
			return 1, nil
		}
	}
	s.typed++
	s.args = append(s.args, args[0])
	return 1, nil
}

func (s *speller) takeFlag(args []string) (int, error) {
	arg, flag, err := spellFlag(s.flags, args[0])
	if err != nil {
		return 0, err
	}
	taken := 1
	if takesValue(s.flags, arg) {
		hasValue := len(args) > 1 && !isFlag(args[1])
		switch {
		case hasValue:
			s.args = append(s.args, arg, args[1])
			taken++
		case mayLackValue(flag):
			return taken, nil // as if it had not been given
		case len(args) > 1:
			return 0, usagef("%s needs a value; one that begins with a dash is given as %s", arg, withDash(arg))
		default:
			s.args = append(s.args, arg) // pflag says that the value is missing
		}
	} else {
		s.args = append(s.args, arg)
	}
	if flag != nil && flag.Value.Type() == pairsType {
		for ; taken < len(args) && !isFlag(args[taken]); taken++ {
			s.args = append(s.args, "--"+flag.Name+"="+args[taken])
		}
	}
	return taken, nil
}

// withDash shows how a flag is given a value that begins with a dash.
func withDash(arg string) string {
	if strings.HasPrefix(arg, "--") {
		return arg + "=-…"
	}
	return arg + "-…"
}

// isFlag tells flags from arguments and values: a dash alone and negative numbers are no flags.
func isFlag(arg string) bool {
	return len(arg) > 1 && arg[0] == '-' && !strings.ContainsRune("0123456789.", rune(arg[1]))
}

// optionalValue is the annotation of flags that count as not given when they are given without a value.
const optionalValue = "heliosctl_optional_value"

// letLackValue lets flags be given without a value, as the original did.
func letLackValue(flags *pflag.FlagSet, names ...string) {
	for _, name := range names {
		_ = flags.SetAnnotation(name, optionalValue, nil) // it exists
	}
}

func mayLackValue(flag *pflag.Flag) bool {
	if flag == nil {
		return false
	}
	_, ok := flag.Annotations[optionalValue]
	return ok
}

// spellFlag completes the name in "--name" or "--name=value" and returns the flag, nil when it is none such or a short one.
func spellFlag(flags *pflag.FlagSet, arg string) (string, *pflag.Flag, error) {
	name, long := strings.CutPrefix(arg, "--")
	if !long {
		return arg, nil, nil
	}
	name, value, hasValue := strings.Cut(name, "=")
	candidates := flagsByBeginning(flags, name)
	switch len(candidates) {
	case 0:
		return arg, nil, nil
	case 1:
	default:
		return "", nil, usagef("--%s is ambiguous: it could be %s", name, alternatives(longNames(candidates)))
	}
	arg = "--" + candidates[0].Name
	if hasValue {
		arg += "=" + value
	}
	return arg, candidates[0], nil
}

// flagsByBeginning returns the flag of that name, else those whose names begin so.
func flagsByBeginning(flags *pflag.FlagSet, beginning string) []*pflag.Flag {
	if beginning == "" {
		return nil
	}
	if flag := flags.Lookup(beginning); flag != nil {
		return []*pflag.Flag{flag}
	}
	var found []*pflag.Flag
	flags.VisitAll(func(flag *pflag.Flag) {
		if strings.HasPrefix(flag.Name, beginning) && !flag.Hidden {
			found = append(found, flag)
		}
	})
	return found
}

func longNames(flags []*pflag.Flag) []string {
	names := make([]string, len(flags))
	for i, flag := range flags {
		names[i] = "--" + flag.Name
	}
	return names
}

// takesValue tells whether the value of a flag, or of the last of several short ones, is the next argument.
func takesValue(flags *pflag.FlagSet, arg string) bool {
	if name, long := strings.CutPrefix(arg, "--"); long {
		flag := flags.Lookup(name)
		return flag != nil && flag.NoOptDefVal == ""
	}
	letters := arg[1:]
	for i := range len(letters) {
		flag := flags.ShorthandLookup(letters[i : i+1])
		if flag == nil {
			return false
		}
		if flag.NoOptDefVal == "" {
			return i == len(letters)-1 // else the rest is the value
		}
	}
	return false
}

// originalCommands are those of the original's command line. A beginning of one of them means what it meant there, whatever other
// commands have been added since.
var originalCommands = []string{
	"create", "create-deployment-group", "deploy", "deployment-group-status", "deregister", "history", "hosts", "inspect",
	"inspect-deployment-group", "jobs", "list-deployment-groups", "masters", "register", "remove", "remove-deployment-group",
	"rolling-update", "start", "status", "stop", "stop-deployment-group", "undeploy", "version", "watch", "watch-deployment-group",
}

// findCommand returns the subcommand of a name, or of the beginning of one; nil when there is none.
func findCommand(parent *cobra.Command, word string) (*cobra.Command, error) {
	var found, original []*cobra.Command
	for _, cmd := range parent.Commands() {
		if cmd.Name() == word || cmd.HasAlias(word) {
			return cmd, nil
		}
		if word == "" || cmd.Hidden || !strings.HasPrefix(cmd.Name(), word) {
			continue
		}
		found = append(found, cmd)
		if !parent.HasParent() && slices.Contains(originalCommands, cmd.Name()) {
			original = append(original, cmd)
		}
	}
	switch {
	case len(original) == 1:
		return original[0], nil
	case len(found) == 1:
		return found[0], nil
	case len(found) == 0:
		return nil, nil
	}
	return nil, usagef("%q is ambiguous: it could be %s", word, alternatives(commandNames(found)))
}

func commandNames(commands []*cobra.Command) []string {
	names := make([]string, len(commands))
	for i, cmd := range commands {
		names[i] = cmd.Name()
	}
	return names
}
