package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// contract is what a command promises to scripts.
type contract struct {
	exits []int  // the codes that it can end with
	json  string // what --json prints
}

// What commands print with --json.
const (
	jsonDocument = "one document"
	jsonLines    = "an object a line"
	jsonNothing  = "nothing, unless it fails"
	jsonRefused  = "" // it is refused
)

// local is the contract of a command that asks no master, and asking that of one that does. Both take more exit codes.
func local(json string, exits ...int) contract {
	return contract{exits: append([]int{exitOK, exitFailure, exitUsage, exitInterrupted}, exits...), json: json}
}

func asking(json string, exits ...int) contract {
	return local(json, append([]int{exitUnavailable, exitTimeout}, exits...)...)
}

// contracts is the one table of contracts, by the words of the command behind "heliosctl". Commands of groups are listed under their
// full names only.
func contracts() map[string]contract {
	following := []int{exitNotFound, exitConflict, exitForbidden}
	for _, entry := range rolloutExits() {
		following = append(following, entry.code)
	}
	return map[string]contract{
		"create":   asking(jsonDocument, exitNotFound, exitConflict),
		"inspect":  asking(jsonDocument, exitNotFound),
		"jobs":     asking(jsonDocument, exitNotFound),
		"remove":   asking(jsonDocument, exitNotFound, exitConflict, exitForbidden),
		"history":  asking(jsonDocument, exitNotFound),
		"deploy":   asking(jsonDocument, exitNotFound, exitConflict, exitForbidden),
		"undeploy": asking(jsonDocument, exitNotFound, exitConflict, exitForbidden),
		"start":    asking(jsonDocument, exitNotFound, exitConflict, exitForbidden),
		"stop":     asking(jsonDocument, exitNotFound, exitConflict, exitForbidden),
		"watch":    asking(jsonLines, exitNotFound),
		"status":   asking(jsonDocument, exitNotFound),
		"logs":     asking(jsonLines, exitNotFound, exitConflict),
		"events":   asking(jsonLines, exitNotFound),
		"exec":     asking(jsonDocument, exitNotFound, exitConflict, exitForbidden, exitNoCommand),

		"create-deployment-group":  asking(jsonDocument, exitConflict),
		"remove-deployment-group":  asking(jsonDocument, exitNotFound),
		"list-deployment-groups":   asking(jsonDocument),
		"inspect-deployment-group": asking(jsonDocument, exitNotFound),
		"deployment-group-status":  asking(jsonDocument, exitNotFound),
		"watch-deployment-group":   asking(jsonLines, exitNotFound),
		"rolling-update":           asking(jsonLines, following...),
		"stop-deployment-group":    asking(jsonDocument, exitNotFound),
		"pause":                    asking(jsonDocument, exitNotFound, exitConflict),
		"resume":                   asking(jsonLines, following...),
		"rollback":                 asking(jsonLines, following...),
		"rollouts":                 asking(jsonDocument, exitNotFound),

		"hosts":      asking(jsonDocument, exitNotFound),
		"register":   asking(jsonDocument, exitConflict),
		"deregister": asking(jsonDocument, exitNotFound, exitConflict),
		"drain":      asking(jsonDocument, exitNotFound),

		"apply":  asking(jsonDocument, append(following, exitPending)...),
		"diff":   asking(jsonDocument, exitNotFound, exitConflict, exitForbidden, exitPending),
		"export": asking(jsonDocument, exitNotFound, exitConflict),

		"context add":    local(jsonDocument, exitConflict),
		"context use":    local(jsonDocument, exitNotFound),
		"context list":   local(jsonDocument),
		"context show":   local(jsonDocument, exitNotFound),
		"context remove": local(jsonDocument, exitNotFound),
		"context rename": local(jsonDocument, exitNotFound, exitConflict),

		"completion bash":       local(jsonRefused),
		"completion zsh":        local(jsonRefused),
		"completion fish":       local(jsonRefused),
		"completion powershell": local(jsonRefused),

		"dashboard":                 local(jsonLines, exitNotFound, exitConflict),
		"masters":                   asking(jsonDocument),
		"leave":                     asking(jsonDocument, exitNotFound, exitConflict),
		"operator raft list-peers":  asking(jsonDocument),
		"operator raft remove-peer": asking(jsonDocument, exitNotFound, exitConflict),
		"operator snapshot save":    asking(jsonDocument, exitNotFound, exitConflict),
		"operator snapshot restore": asking(jsonDocument, exitNotFound, exitConflict),
		"operator snapshot inspect": local(jsonDocument, exitNotFound),
		"version":                   asking(jsonDocument, exitNotFound),
		"members":                   asking(jsonDocument),
		"rtt":                       asking(jsonDocument, exitNotFound),
		"keygen":                    local(jsonDocument),
		"keyring list":              asking(jsonDocument, exitConflict),
		"keyring install":           asking(jsonDocument, exitConflict),
		"keyring use":               asking(jsonDocument, exitConflict),
		"keyring remove":            asking(jsonDocument, exitConflict),

		"master":     local(jsonNothing, exitNotFound, exitConflict, exitUnavailable, exitTimeout),
		"agent":      local(jsonNothing, exitNotFound, exitConflict, exitUnavailable, exitTimeout),
		"dev":        local(jsonDocument, exitNotFound, exitConflict, exitUnavailable, exitTimeout),
		"demo":       local(jsonRefused, exitUnavailable, exitTimeout),
		"exit-codes": local(jsonDocument),
	}
}

// contractOf returns the contract of a command, which has none when it only has commands under it.
func contractOf(cmd *cobra.Command) (contract, bool) {
	_, name, _ := strings.Cut(cmd.CommandPath(), " ")
	if short, ok := strings.CutPrefix(name, "group "); ok {
		for _, command := range groupCommands() {
			if command.short == short {
				name = command.full
			}
		}
	}
	found, ok := contracts()[name]
	slices.Sort(found.exits)
	found.exits = slices.Compact(found.exits)
	return found, ok
}

// checkJSON refuses --json where there is nothing for it to print.
func checkJSON(cmd *cobra.Command) error {
	if c, ok := contractOf(cmd); ok && c.json == jsonRefused {
		return usagef("%s is for people; it has no --json", cmd.Name())
	}
	return nil
}

// exitList writes exit codes in a row.
func (c contract) exitList() string {
	words := make([]string, len(c.exits))
	for i, code := range c.exits {
		words[i] = strconv.Itoa(code)
	}
	return strings.Join(words, ", ")
}

// text is the paragraph of the help about scripts.
func (c contract) text() string {
	if c.json == jsonRefused {
		return fmt.Sprintf("Exit codes: %s; 'heliosctl exit-codes' explains them.", c.exitList())
	}
	return fmt.Sprintf("With --json it prints %s. Exit codes: %s; 'heliosctl exit-codes' explains them.", c.json, c.exitList())
}
