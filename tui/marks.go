package tui

import (
	"fmt"
	"maps"
	"slices"
	"unicode"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// marks waits for the letter of a mark: to set it to what is shown, or to go there. Marks belong to the cluster that is looked at.
type marks struct{ set bool }

func (m marks) key(a *app, msg tea.KeyMsg) tea.Cmd {
	a.modal = nil
	if msg.Type != tea.KeyRunes || len(msg.Runes) != 1 || !unicode.IsLetter(msg.Runes[0]) && !unicode.IsDigit(msg.Runes[0]) {
		if msg.Type != tea.KeyEsc {
			a.say("marks are letters and digits")
		}
		return nil
	}
	letter := string(msg.Runes)
	if m.set {
		return a.setMark(letter)
	}
	address, ok := a.State.Marks[a.snap.Cluster.Name][letter]
	if !ok {
		a.say("%s", a.andHint(fmt.Sprintf("mark %s is not set in %s", letter, a.snap.Cluster.Name), "mark.set", "sets it"))
		return nil
	}
	p, err := ParsePlace(address)
	if err != nil {
		a.say("mark %s: %v", letter, err)
		return nil
	}
	return a.goPlace(p)
}

func (a *app) setMark(letter string) tea.Cmd {
	p, ok := a.here()
	if !ok {
		a.say("this page cannot be marked")
		return nil
	}
	p.Look = nil // how its table looks is not what one wants to come back to
	cluster, address := a.snap.Cluster.Name, p.String()
	a.say("mark %s is %s; %s%s comes back", letter, address, a.keyOf("mark.go"), letter)
	return a.remember(func(s *State) { s.SetMark(cluster, letter, address) })
}

func (m marks) draw(a *app, area widget.Area) {
	set := a.State.Marks[a.snap.Cluster.Name]
	letters := slices.Sorted(maps.Keys(set))
	title := "Go to which mark?"
	if m.set {
		title = "Set which mark? Press a letter"
	}
	in := widget.Panel{Title: title, Note: "esc", Border: theme.Focus, BG: theme.Panel}.Draw(centre(area, min(area.W-4, 70), min(max(1, len(letters))+2, area.H-2)))
	if len(letters) == 0 {
		in.Cut(0, 0, in.W, theme.Style{FG: theme.Muted, BG: theme.Panel}, "none is set in "+a.snap.Cluster.Name)
	}
	for y, letter := range letters[:min(len(letters), in.H)] {
		in.Text(0, y, theme.Style{FG: theme.Focus, BG: theme.Panel, Attr: theme.Bold}, letter)
		in.Cut(3, y, in.W-3, theme.Style{FG: theme.Text, BG: theme.Panel}, set[letter])
	}
}
