package tui

import (
	"context"
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// outlook is what would become of one target, as far as the console knows.
type outlook struct {
	kind outlookKind
	text string
}

type outlookKind uint8

const (
	wouldChange outlookKind = iota
	wouldNot                // nothing to do
	wouldWait               // recorded, and done later
	wouldFail
)

var outlookLooks = [...]struct {
	glyph string
	color theme.Color
	word  string
}{
	wouldChange: {"✓", theme.OK, "would change"}, wouldNot: {"·", theme.Muted, "nothing to do"},
	wouldWait: {"◌", theme.Warn, "later"}, wouldFail: {"✗", theme.Fail, "refused"},
}

// planRow is one line of a dry run.
type planRow struct {
	turn    int // counted from 1, 0 for none
	name    string
	outlook outlook
}

// plan shows what would happen, and that nothing has. It goes back to where it was asked for.
type plan struct {
	title  string
	from   string // where it comes from
	rows   []planRow
	err    error
	asked  int // answers that are still to come
	offset int
	seen   int
	back   modal
}

// dryRun shows what the dialog would do. Rolling updates are asked of the masters; everything else is worked out from what is known.
func (d *dialog) dryRun(a *app) tea.Cmd {
	p := &plan{title: d.title(d.targets), from: "from what is known at " + a.now().In(a.Zone).Format("15:04:05"), back: d}
	var asked []Action
	for i := range d.targets {
		t := &d.targets[i]
		if t.outlook == nil {
			asked = append(asked, t.action)
			continue
		}
		p.rows = append(p.rows, planRow{name: t.name, outlook: t.outlook(a)})
	}
	if len(asked) == 0 {
		a.modal = p
		return nil
	}
	token := d.secret.Value()
	if a.Token != nil && d.wantsToken() {
		var err error
		if token, err = a.Token.Read(); err != nil {
			a.say("%v", err)
			return nil
		}
	}
	for i := range asked {
		asked[i].Token = token
	}
	return p.ask(a, asked)
}

// plannedMsg is what the masters would do for one action.
type plannedMsg struct {
	action  Action
	preview model.RolloutPreview
	err     error
}

// ask asks the masters, one action after the other.
func (p *plan) ask(a *app, actions []Action) tea.Cmd {
	p.from, p.asked = "asked of the masters", len(actions)
	a.modal = p
	source := a.Source
	return a.async(func(ctx context.Context) tea.Msg {
		var all []plannedMsg
		for _, action := range actions {
			preview, err := source.Preview(ctx, action)
			action.Token = ""
			all = append(all, plannedMsg{action, preview, err})
		}
		return answer{p, all}
	})
}

func (p *plan) receive(a *app, msg tea.Msg) tea.Cmd {
	p.asked = 0
	planned := msg.([]plannedMsg)
	for _, one := range planned {
		if one.err != nil {
			p.err = one.err
			return nil
		}
		p.take(a, one, len(planned) > 1)
	}
	return nil
}

// take adds what a rollout would do, and where it would wait.
func (p *plan) take(a *app, one plannedMsg, several bool) {
	if several {
		p.rows = append(p.rows, planRow{name: "group " + one.action.Group, outlook: outlook{wouldWait, counted(len(one.preview.Hosts), "host")}})
	}
	overlap := one.preview.Options.Overlap != nil && *one.preview.Options.Overlap
	resume := "wait for a resume"
	if key := a.keyOn(a.root(3), "groups.pause"); key != "" {
		resume += " (" + key + ")"
	}
	last := -1
	for i, visit := range one.preview.Hosts {
		if visit.Canary {
			last = i
		}
	}
	for i, visit := range one.preview.Hosts {
		row := planRow{turn: i + 1, name: visit.Host, outlook: visitOutlook(visit, overlap)}
		if visit.Canary {
			row.outlook.text += " (canary)"
		}
		p.rows = append(p.rows, row)
		if i == last {
			p.rows = append(p.rows, planRow{outlook: outlook{wouldWait, resume}})
		}
	}
}

// visitOutlook is what a rollout would do on a host.
func visitOutlook(visit model.RolloutVisit, overlap bool) outlook {
	switch {
	case visit.Skipped != "":
		return outlook{wouldWait, "skip: " + visit.Skipped}
	case visit.Failure != "":
		return outlook{wouldFail, visit.Failure}
	case visit.UpToDate:
		return outlook{wouldNot, "it is up to date"}
	}
	undeploy, deploy := idList("undeploy ", visit.Undeploy), idList("deploy ", visit.Deploy)
	steps := append(undeploy, deploy...)
	if overlap {
		steps = append(deploy, undeploy...)
	}
	return outlook{wouldChange, strings.Join(steps, ", then ")}
}

func idList(verb string, ids []model.JobID) []string {
	if len(ids) == 0 {
		return nil
	}
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = versionText(id)
	}
	return []string{verb + strings.Join(names, ", ")}
}

func (p *plan) key(a *app, msg tea.KeyMsg) tea.Cmd {
	switch msg.String() {
	case "esc", "enter", "q", "ctrl+t":
		a.modal = p.back
	case "down", "j":
		p.offset++
	case "up", "k":
		p.offset--
	case "pgdown", " ":
		p.offset += max(1, p.seen-1)
	case "pgup":
		p.offset -= max(1, p.seen-1)
	case "home", "g":
		p.offset = 0
	case "end", "G":
		p.offset = len(p.rows)
	}
	return nil
}

func (p *plan) draw(_ *app, area widget.Area) {
	h := min(area.H, max(len(p.rows), 1)+6)
	box := centre(area, dialogWidth(area), h)
	in := widget.Panel{Title: "Dry run: " + p.title, Note: "esc back", Border: theme.Focus, BG: theme.Panel}.Draw(box).Inset(1, 0)
	switch {
	case p.err != nil:
		for y, line := range widget.Wrap("✗ the masters refuse it: "+p.err.Error(), in.W) {
			in.Text(0, y, onPanel(theme.Fail), line)
		}
		in.Cut(0, in.H-1, in.W, onPanel(theme.Faint), "nothing was sent to be done")
		return
	case p.asked > 0:
		in.Cut(0, 0, in.W, onPanel(theme.Muted), "asking the masters")
		return
	}
	in.Cut(0, 0, in.W, onPanel(theme.Text), p.summary())
	rows := in.Sub(0, 2, in.W, in.H-4)
	p.seen = rows.H
	p.offset = max(0, min(p.offset, len(p.rows)-rows.H))
	turns, names := false, 8
	for i := range p.rows {
		turns, names = turns || p.rows[i].turn > 0, max(names, widget.Width(p.rows[i].name))
	}
	names = min(names, 34, rows.W/3)
	for y := 0; y < rows.H && p.offset+y < len(p.rows); y++ {
		row := &p.rows[p.offset+y]
		look := outlookLooks[row.outlook.kind]
		x := 0
		if turns {
			if row.turn > 0 {
				rows.Right(4, y, onPanel(theme.Muted), fmt.Sprint(row.turn))
			}
			x = 6
		}
		x = rows.Cut(x, y, names, onPanel(theme.Text), row.name) + 2
		rows.Text(x, y, onPanel(look.color), look.glyph)
		rows.Cut(x+2, y, rows.W-x-2, onPanel(look.color), row.outlook.text)
	}
	widget.Scrollbar(box.Sub(0, 3, box.W, rows.H), p.offset, rows.H, len(p.rows))
	in.Cut(0, in.H-1, in.W, onPanel(theme.Faint), "nothing is sent · "+p.from)
}

// summary counts what would happen.
func (p *plan) summary() string {
	if len(p.rows) == 0 {
		return "there is nothing to do: the group has no hosts"
	}
	var counts [len(outlookLooks)]int
	for i := range p.rows {
		if row := &p.rows[i]; row.name != "" && !strings.HasPrefix(row.name, "group ") {
			counts[row.outlook.kind]++
		}
	}
	var words []string
	for kind, n := range counts {
		if n > 0 {
			words = append(words, fmt.Sprintf("%s %d %s", outlookLooks[kind].glyph, n, outlookLooks[kind].word))
		}
	}
	return strings.Join(words, "   ")
}
