package main

import (
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// tokenFlags say where the dashboard gets the tokens of jobs from, so that its dialogs need not ask.
type tokenFlags struct {
	variable string
	file     string
}

func (f *tokenFlags) bind(flags *pflag.FlagSet) {
	flags.StringVar(&f.variable, "token-env", "", "take the tokens of jobs from the variable `NAME` instead of asking")
	flags.StringVar(&f.file, "token-file", "", "take the tokens of jobs from `FILE` instead of asking")
}

// source is the place that was named, nil when none was. It has to hold a token now, and is read again whenever one is needed.
func (f *tokenFlags) source(getenv func(string) string) (*tui.TokenSource, error) {
	var source tui.TokenSource
	switch {
	case f.variable != "" && f.file != "":
		return nil, usagef("give either --token-env or --token-file")
	case f.variable != "":
		source = tui.TokenSource{Name: "the variable " + f.variable, Shell: "$" + f.variable, Read: func() (string, error) {
			return heldToken(getenv(f.variable), "the variable "+f.variable)
		}}
	case f.file != "":
		source = tui.TokenSource{Name: "the file " + f.file, Shell: "$(cat " + model.QuoteWord(f.file) + ")", Read: func() (string, error) {
			text, err := os.ReadFile(f.file)
			if err != nil {
				return "", model.Errorf(model.CodeInvalid, "cannot read the token: %v", err)
			}
			return heldToken(string(text), "the file "+f.file)
		}}
	default:
		return nil, nil
	}
	if _, err := source.Read(); err != nil {
		return nil, err
	}
	return &source, nil
}

// heldToken is the token in a text, which may end in line breaks.
func heldToken(text, where string) (string, error) {
	token := strings.TrimRight(text, "\r\n")
	if token == "" || strings.ContainsAny(token, "\r\n") {
		return "", model.Errorf(model.CodeInvalid, "%s does not hold a token: want one line", where)
	}
	return token, nil
}
