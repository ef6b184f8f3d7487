package tui

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/model"
)

// KeyLine says what a command is called in the configuration, which keys it has, and what it does.
type KeyLine struct {
	ID      string   `json:"id"`
	Keys    []string `json:"keys"`
	Meaning string   `json:"meaning"`
	Writes  bool     `json:"writes"` // it changes something, after a dialog
}

// reservedKeys end the console whatever the configuration says.
var reservedKeys = []string{"ctrl+c"}

// KeyMap lists every command with the keys that it has under a configuration, in the order of the screens.
func KeyMap(keys map[string][]string) []KeyLine {
	a := newApp(Options{Source: nowhere(), Keys: keys})
	var lines []KeyLine
	seen := map[string]bool{}
	add := func(commands []*command) {
		for _, c := range commands {
			if !seen[c.id] {
				seen[c.id] = true
				lines = append(lines, KeyLine{ID: c.id, Keys: slices.Clone(c.names), Meaning: c.binding.Help().Desc, Writes: c.write})
			}
		}
	}
	add(a.globals())
	for _, p := range a.everyPage() {
		add(a.commandsOf(p))
	}
	return lines
}

// everyPage makes one of each kind of page, in each view that has keys of its own.
func (a *app) everyPage() []page {
	var pages []page
	for i := range a.screens {
		pages = append(pages, a.root(i))
	}
	job, hostsOfJob := newJobDetail(model.JobID{Name: "JOB"}, ""), newJobDetail(model.JobID{Name: "JOB"}, "")
	hostsOfJob.view = 1
	return append(pages, newHostDetail("HOST"), job, hostsOfJob, newRollout("GROUP"), newInspect([]string{"JSON"}, "", func(*app) any { return nil }))
}

// CheckKeys says what is wrong with a configuration of keys, nil when it can be used.
func CheckKeys(keys map[string][]string) error {
	if len(keys) == 0 {
		return nil
	}
	known := map[string]bool{}
	for _, line := range KeyMap(nil) {
		known[line.ID] = true
	}
	for _, id := range slices.Sorted(maps.Keys(keys)) {
		if !known[id] {
			return fmt.Errorf("there is no command %q%s; dashboard --list-keys lists them", id, similarCommand(id, known))
		}
		for _, name := range keys[id] {
			if err := checkKey(name); err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
		}
	}
	return checkConflicts(keys)
}

// similarCommand suggests the command that somebody may have meant who forgot the name of its screen.
func similarCommand(id string, known map[string]bool) string {
	_, last, _ := strings.Cut(id, ".")
	if last == "" {
		last = id
	}
	var found []string
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if _, tail, _ := strings.Cut(name, "."); tail == last || name == last {
			found = append(found, name)
		}
	}
	if len(found) == 0 || len(found) > 4 {
		return ""
	}
	return " (there is " + strings.Join(found, ", ") + ")"
}

func checkKey(name string) error {
	switch {
	case slices.Contains(reservedKeys, name):
		return fmt.Errorf("%s always ends the console and cannot be given to a command", name)
	case isKey(name):
		return nil
	case isKey(strings.ReplaceAll(strings.ToLower(name), "-", "+")):
		return fmt.Errorf("%q is no key; write it %s", name, strings.ReplaceAll(strings.ToLower(name), "-", "+"))
	case name == "ctrl+i" || name == "ctrl+m" || name == "ctrl+[":
		return fmt.Errorf("terminals cannot tell %s from %s", name, map[string]string{"ctrl+i": "tab", "ctrl+m": "enter", "ctrl+[": "esc"}[name])
	}
	return fmt.Errorf("%q is no key; keys are single characters, and names such as ctrl+x, alt+x, f5, enter, space, tab and pgup", name)
}

// isKey tells whether a terminal can send what is called so.
func isKey(name string) bool {
	if rest, ok := strings.CutPrefix(name, "alt+"); ok {
		name = rest
	}
	if r, size := utf8.DecodeRuneInString(name); size == len(name) && r != utf8.RuneError {
		return unicode.IsPrint(r) && r != ' '
	}
	return namesOfKeys[name]
}

// namesOfKeys are those that Bubble Tea has for keys that are no characters.
var namesOfKeys = func() map[string]bool {
	names := map[string]bool{"space": true}
	for t := tea.KeyType(-100); t < 128; t++ {
		if name := t.String(); name != "" && name != " " && t != tea.KeyRunes {
			names[name] = true
		}
	}
	return names
}()

// checkConflicts finds keys that a configuration gives to two commands that can both be meant. What a page takes from the keys that are
// the same everywhere without any configuration is intended.
func checkConflicts(keys map[string][]string) error {
	intended := map[conflict]bool{}
	for _, c := range keyConflicts(nil) {
		intended[c] = true
	}
	for _, c := range keyConflicts(keys) {
		if !intended[c] {
			return fmt.Errorf("%s is both %s and %s on %s; give one of them another key", c.key, c.first, c.second, c.where)
		}
	}
	return nil
}

// conflict is a key that two commands have at the same place.
type conflict struct{ key, first, second, where string }

// keyConflicts lists the keys that have two meanings under a configuration.
func keyConflicts(keys map[string][]string) []conflict {
	a := newApp(Options{Source: nowhere(), Keys: keys})
	found := conflicts(a.globals(), "every screen")
	for _, p := range a.everyPage() {
		own := a.commandsOf(p)
		where := strings.Join(p.crumbs(), " › ")
		found = append(found, conflicts(own, where)...)
		taken := map[string]string{}
		for _, c := range own {
			for _, name := range c.names {
				taken[name] = c.id
			}
		}
		for _, c := range a.globals() {
			for _, name := range c.names {
				if other, ok := taken[name]; ok {
					found = append(found, conflict{name, other, c.id, where})
				}
			}
		}
	}
	return found
}

// conflicts lists keys that two commands of one screen have.
func conflicts(commands []*command, where string) []conflict {
	taken := map[string]string{}
	var found []conflict
	for _, c := range commands {
		for _, name := range c.names {
			if other, ok := taken[name]; ok {
				found = append(found, conflict{name, other, c.id, where})
			}
			taken[name] = c.id
		}
	}
	return found
}
