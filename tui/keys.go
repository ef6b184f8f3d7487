package tui

import (
	"slices"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
)

// command is something that a key does. The row of keys, the help and the palette are made of the commands that are in force, so
// that they cannot tell anything else than what happens.
type command struct {
	id      string // what it is called in the configuration of keys
	usual   []string
	names   []string // of its keys: the usual ones, unless the configuration has others
	binding key.Binding
	write   bool   // refused when nothing may be changed
	hidden  bool   // not in the row of keys, for want of room
	short   string // what stands in the row of keys instead of the first key: it speaks for a pair
	run     func(a *app) tea.Cmd
}

// bind makes a command. Keys are separated by blanks and named as Bubble Tea names them, with "space" for the space bar.
func bind(id, keys, label string, run func(a *app) tea.Cmd) *command {
	names := strings.Fields(keys)
	return &command{id: id, usual: names, names: names, binding: key.NewBinding(key.WithKeys(realKeys(names)...), key.WithHelp(showKeys(names), label)), run: run}
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
		names, ok := keys[c.id]
		if !ok {
			names = c.usual
		}
		if slices.Equal(names, c.names) {
			continue
		}
		c.names = names
		c.binding.SetKeys(realKeys(names)...)
		c.binding.SetHelp(showKeys(names), c.binding.Help().Desc)
	}
	return commands
}

// commandsOf are the commands of a page with the keys of the configuration.
func (a *app) commandsOf(p page) []*command { return rebind(p.commands(), a.Keys) }

// globals are the commands of every page with the keys of the configuration.
func (a *app) globals() []*command { return rebind(a.global, a.Keys) }

// keyOf is the first key of a command of the page, or of one that every page has, as it is shown.
func (a *app) keyOf(id string) string {
	c := withID(a.globals(), id)
	if c == nil && a.page != nil {
		c = withID(a.commandsOf(a.page), id)
	}
	if c == nil {
		return ""
	}
	return a.shownKey(c.firstKey())
}

// keyOn is the first key of a command of another page, as it is shown.
func (a *app) keyOn(p page, id string) string {
	if c := withID(a.commandsOf(p), id); c != nil {
		return a.shownKey(c.firstKey())
	}
	return ""
}

func withID(commands []*command, id string) *command {
	for _, c := range commands {
		if c.id == id {
			return c
		}
	}
	return nil
}

// hint says what a key does, nothing where there is no such key.
func (a *app) hint(id, does string) string {
	key := a.keyOf(id)
	if key == "" {
		return ""
	}
	return key + " " + does
}

// andHint adds to a text what a key does, where there is one.
func (a *app) andHint(text, id, does string) string {
	if hint := a.hint(id, does); hint != "" {
		return text + "; " + hint
	}
	return text
}

// keysInWords are keys whose signs have no likeness in ASCII: what would stand for them there are other keys.
var keysInWords = strings.NewReplacer("⏎", "enter", "←→", "left/right", "↑↓", "up/down", "←", "left", "→", "right", "↑", "up", "↓", "down", "⇧", "shift-")

// shownKey is how a key is shown: by its sign, in words where only ASCII may be drawn.
func (a *app) shownKey(key string) string {
	if a.ASCII {
		return keysInWords.Replace(key)
	}
	return key
}

// firstKey is the key of a command that is named where there is room for one only.
func (c *command) firstKey() string {
	if c.short != "" && slices.Equal(c.names, c.usual) {
		return c.short
	}
	shown, _, _ := strings.Cut(c.binding.Help().Key, " ")
	return shown
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
	"enter": "⏎", "left": "←", "right": "→", "up": "↑", "down": "↓", "pgdown": "pgdn", "shift+tab": "⇧tab",
}

func showKeys(names []string) string {
	shown := make([]string, 0, len(names))
	for _, name := range names {
		if s, ok := shownKeys[name]; ok {
			name = s
		} else if rest, ok := strings.CutPrefix(name, "ctrl+"); ok {
			name = "ctrl-" + rest
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
