package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// spellOut writes a command line the way pflag reads it. Users of the original are used to two things more: a long flag can be
// given by any beginning that no other flag has, and a flag of KEY=VALUE pairs takes several after it.
func spellOut(root *cobra.Command, args []string) []string {
	cmd, _, err := root.Find(args)
	if err != nil {
		return args // said when it is executed
	}
	cmd.InitDefaultHelpFlag()
	cmd.InheritedFlags() // makes the global flags known to the command
	flags := cmd.Flags()
	var spelt []string
	for i := 0; i < len(args); i++ {
		if args[i] == "--" {
			return append(spelt, args[i:]...)
		}
		arg, flag := spellFlag(flags, args[i])
		spelt = append(spelt, arg)
		if i+1 < len(args) && takesValue(flags, arg) {
			i++
			spelt = append(spelt, args[i])
		}
		if flag == nil || flag.Value.Type() != pairsType {
			continue
		}
		for i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
			i++
			spelt = append(spelt, "--"+flag.Name+"="+args[i])
		}
	}
	return spelt
}

// spellFlag completes the name in "--name" or "--name=value" and returns the flag, nil when there is none such.
func spellFlag(flags *pflag.FlagSet, arg string) (string, *pflag.Flag) {
	name, long := strings.CutPrefix(arg, "--")
	if !long {
		return arg, nil
	}
	name, value, hasValue := strings.Cut(name, "=")
	flag := flagByBeginning(flags, name)
	if flag == nil {
		return arg, nil
	}
	arg = "--" + flag.Name
	if hasValue {
		arg += "=" + value
	}
	return arg, flag
}

// flagByBeginning returns the flag of that name, else the only one whose name begins so, else nil.
func flagByBeginning(flags *pflag.FlagSet, beginning string) *pflag.Flag {
	if flag := flags.Lookup(beginning); flag != nil || beginning == "" {
		return flag
	}
	var found []*pflag.Flag
	flags.VisitAll(func(flag *pflag.Flag) {
		if strings.HasPrefix(flag.Name, beginning) && !flag.Hidden {
			found = append(found, flag)
		}
	})
	if len(found) != 1 {
		return nil
	}
	return found[0]
}
