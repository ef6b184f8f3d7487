package tui

import (
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// create makes a new job, from another one where there is one.
type create struct {
	from   *model.Job
	inputs [4]widget.Input
	focus  int
	fault  string
}

var createFields = [4]string{"name", "version", "image", "command"}

func newCreate(from *model.Job) *create {
	c := &create{from: from}
	if from != nil {
		c.inputs[0].Set(from.ID.Name)
		c.inputs[2].Set(from.Image)
		c.inputs[3].Set(strings.Join(from.Command, " "))
		c.focus = 1
	}
	return c
}

func (c *create) key(a *app, msg tea.KeyMsg) tea.Cmd {
	switch name := msg.String(); name {
	case "esc":
		a.modal = nil
	case "tab", "down":
		c.focus = (c.focus + 1) % len(c.inputs)
	case "shift+tab", "up":
		c.focus = (c.focus + len(c.inputs) - 1) % len(c.inputs)
	case "ctrl+x": // without what was taken over from the other job
		c.from = nil
	case "enter":
		if c.focus < len(c.inputs)-1 {
			c.focus++
			return nil
		}
		return c.confirm(a)
	default:
		in := &c.inputs[c.focus]
		if !in.Key(name) && (msg.Type == tea.KeyRunes || msg.Type == tea.KeySpace) {
			in.Insert(msg.Runes)
		}
		c.fault = ""
	}
	return nil
}

// job is what has been typed, with everything else from the job that it is made from.
func (c *create) job() model.Job {
	var job model.Job
	if c.from != nil {
		job = c.from.Clone()
	}
	job.Created, job.CreatingUser, job.Token = nil, "", ""
	job.ID = model.JobID{Name: strings.TrimSpace(c.inputs[0].Value()), Version: strings.TrimSpace(c.inputs[1].Value())}
	job.Image = strings.TrimSpace(c.inputs[2].Value())
	job.Command = strings.Fields(c.inputs[3].Value())
	return job
}

// confirm checks the job and asks before it is created.
func (c *create) confirm(a *app) tea.Cmd {
	job := c.job()
	if faults := job.WithID().Validate(model.ValidateOptions{}); len(faults) > 0 {
		c.fault = faults[0]
		return nil
	}
	cli := fmt.Sprintf("%s create %s:%s %s", a.Program, job.ID.Name, job.ID.Version, job.Image)
	if c.from != nil {
		cli += " --from " + versionText(c.from.ID)
	}
	if len(job.Command) > 0 {
		cli += " -- " + strings.Join(job.Command, " ")
	}
	note := []widget.Span{{Style: muted, Text: job.Image}}
	return a.open(&dialog{
		title: "Create job " + job.ID.Name + ":" + job.ID.Version, verb: "Create", impact: "This makes a new job; it runs nowhere until it is deployed:", cli: cli,
		targets: []target{{name: job.WithID().ID.Short(), note: note, action: Action{Verb: VerbCreate, Spec: &job}}},
	})
}

func (c *create) draw(_ *app, area widget.Area) {
	in := widget.Panel{Title: "New job", Note: "esc", Border: theme.Focus, BG: theme.Panel}.Draw(centre(area, min(80, area.W), 14)).Inset(1, 1)
	on := func(color theme.Color) theme.Style { return theme.Style{FG: color, BG: theme.Panel} }
	for i, name := range createFields {
		in.Text(0, 2*i, on(theme.Muted), name)
		c.inputs[i].Draw(in, 10, 2*i, in.W-10, theme.Chip, i == c.focus)
	}
	text := "ports, environment, health check and the rest are set on the command line"
	if c.from != nil {
		text = "everything else as in " + versionText(c.from.ID) + ", without its token (ctrl-x: nothing)"
	}
	in.Cut(0, 8, in.W, on(theme.Muted), text)
	if c.fault != "" {
		in.Cut(0, 9, in.W, on(theme.Warn), c.fault)
	} else {
		in.Cut(0, 9, in.W, on(theme.Faint), "⏎ next field, then what will happen")
	}
}
