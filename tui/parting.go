package tui

import (
	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// worker is a dialog that has sent changes and waits for what becomes of them.
type worker interface{ underWay() int }

// underWay counts the requests that have been sent and not answered.
func (d *dialog) underWay() int {
	n := 0
	for i := range d.targets {
		n += btoi(d.targets[i].started && !d.targets[i].over)
	}
	return n
}

// parting asks whether to quit while changes are under way, over the dialog that waits for them.
type parting struct{ below modal }

func (p *parting) key(a *app, msg tea.KeyMsg) tea.Cmd {
	switch msg.String() {
	case "q", "y":
		return a.quit()
	case "esc", "enter", "n":
		a.modal = p.below
	}
	return nil
}

// refresh hands new data to the dialog below.
func (p *parting) refresh(a *app) {
	if m, ok := p.below.(interface{ refresh(*app) }); ok {
		m.refresh(a)
	}
}

func (p *parting) draw(a *app, area widget.Area) {
	p.below.draw(a, area)
	a.canvas.Fade()
	n := p.below.(worker).underWay()
	in := widget.Panel{Title: "Quit?", Border: theme.Fail, BG: theme.Panel}.Draw(centre(area, min(66, area.W-2), 6)).Inset(1, 0)
	text := theme.Style{FG: theme.Text, BG: theme.Panel}
	if n == 0 {
		in.Cut(0, 1, in.W, text, "The changes have been answered.")
	} else {
		in.Cut(0, 1, in.W, text, "Under way: "+counted(n, "change")+". Nobody would see what becomes of it.")
	}
	key, label := theme.Style{FG: theme.Focus, BG: theme.Panel, Attr: theme.Bold}, theme.Style{FG: theme.Muted, BG: theme.Panel}
	in.Spans(0, 3, widget.Span{Style: key, Text: a.shownKey("⏎")}, widget.Span{Style: label, Text: " go on waiting   "}, widget.Span{Style: key, Text: "q"}, widget.Span{Style: label, Text: " quit all the same"})
}
