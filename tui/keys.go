package tui

import (
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
)

// command is something that a key does. The row of keys, the help and the palette are made of the commands that are in force, so
// that they cannot tell anything else than what happens.
type command struct {
	id      string // what it is called in the configuration of keys
	binding key.Binding
	write   bool   // refused when nothing may be changed
	hidden  bool   // not in the row of keys, for want of room
	short   string // what stands in the row of keys instead of the first key: it speaks for a pair
	run     func(a *app) tea.Cmd
}

// bind makes a command. Keys are separated by blanks and named as Bubble Tea names them, with "space" for the space bar.
func bind(id, keys, label string, run func(a *app) tea.Cmd) *command {
	names := strings.Fields(keys)
	return &command{id: id, binding: key.NewBinding(key.WithKeys(realKeys(names)...), key.WithHelp(showKeys(names), label)), run: run}
}

// bindWrite makes a command that changes something. Its label ends in an ellipsis, because a dialog comes first.
func bindWrite(id, keys, label string, run func(a *app) tea.Cmd) *command {
	c := bind(id, keys, label+"…", run)
	c.write = true
	return c
}

// more hides the command from the row of keys; the help shows it.
func (c *command) more() *command {
	c.hidden = true
	return c
}

// pair stands in the row of keys for two commands.
func (c *command) pair(keys string) *command {
	c.short = keys
	return c
}

// rebind gives commands the keys of a configuration.
func rebind(commands []*command, keys map[string][]string) []*command {
	for _, c := range commands {
		if names, ok := keys[c.id]; ok {
			c.binding.SetKeys(realKeys(names)...)
			c.short = ""
			c.binding.SetHelp(showKeys(names), c.binding.Help().Desc)
		}
	}
	return commands
}

func realKeys(names []string) []string {
	keys := make([]string, len(names))
	for i, name := range names {
		if keys[i] = name; name == "space" {
			keys[i] = " "
		}
	}
	return keys
}

var shownKeys = map[string]string{
	"enter": "⏎", "left": "←", "right": "→", "up": "↑", "down": "↓", "pgdown": "pgdn", "ctrl+p": "ctrl-p", "ctrl+r": "ctrl-r", "ctrl+l": "ctrl-l",
	"ctrl+d": "ctrl-d", "ctrl+u": "ctrl-u", "shift+tab": "⇧tab",
}

func showKeys(names []string) string {
	shown := make([]string, 0, len(names))
	for _, name := range names {
		if s, ok := shownKeys[name]; ok {
			name = s
		}
		shown = append(shown, name)
	}
	return strings.Join(shown, " ")
}

// find returns the command that a key belongs to, nil when there is none.
func find(commands []*command, msg tea.KeyMsg) *command {
	for _, c := range commands {
		if key.Matches(msg, c.binding) {
			return c
		}
	}
	return nil
}

// conflicts lists keys that two commands of one screen have.
func conflicts(commands []*command) []string {
	taken := map[string]string{}
	var found []string
	for _, c := range commands {
		for _, name := range c.binding.Keys() {
			if other, ok := taken[name]; ok {
				found = append(found, name+" is both "+other+" and "+c.id)
			}
			taken[name] = c.id
		}
	}
	return found
}
