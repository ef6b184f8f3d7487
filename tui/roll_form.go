package tui

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// rollForm asks for the options of rolling updates. They begin as the job's own.
type rollForm struct {
	*form
	groups  []string
	id      model.JobID
	named   map[string]*field
	options RolloutOptions
	token   bool
}

func newRollForm(a *app, rows []*Group, id model.JobID) *rollForm {
	r := &rollForm{
		form: &form{title: "Rolling update to " + versionText(id), button: "Roll out…"}, id: id, named: map[string]*field{}, token: a.hasToken(id),
	}
	for _, g := range rows {
		r.groups = append(r.groups, g.Spec.Name)
	}
	o := a.usualOptions(id)
	add := func(f *field) { r.named[f.name], r.fields = f, append(r.fields, f) }
	add(newField("parallelism", "hosts at a time", textField, strconv.Itoa(o.Parallelism)))
	add(newField("timeout", "seconds, or such as 5m, for each host", textField, secondsText(o.Timeout)))
	add(newChoice("overlap", []string{"no", "yes"}, yesNo(o.Overlap)))
	add(newChoice("migrate", []string{"no", "yes"}, yesNo(o.Migrate)))
	add(newField("canary", "0: hosts to change before it waits for a resume", textField, strconv.Itoa(o.Canary)))
	add(newField("min healthy", "0: seconds that a host has to run before the next", textField, secondsText(o.MinHealthy)))
	add(newField("max failures", "hosts, or a share such as 10%", textField, stringOr(string(o.MaxFailures), "0")))
	add(newChoice("on failure", []string{"stop", "pause", "rollback"}, strings.ToLower(stringOr(string(o.OnFailure), "stop"))))
	add(newChoice("ignore failures", []string{"no", "yes"}, yesNo(o.IgnoreFailures)))
	if r.token && a.Token == nil {
		add(newField("token", "of the job; asked for again if left empty", secretField))
	}
	r.check = r.read
	r.aside = r.about
	r.form.twin = func(a *app) string { return a.rollTwin(r.groups, r.id, r.options, r.token) }
	r.submit = func(a *app) tea.Cmd {
		return a.confirmRoll(r.rows(a), r.id, r.options, r.secret(), r)
	}
	r.dry = r.preview
	return r
}

func stringOr(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func secondsText(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

func (r *rollForm) secret() string {
	if f := r.named["token"]; f != nil {
		return f.value()
	}
	return ""
}

// rows are the groups that are still there.
func (r *rollForm) rows(a *app) []*Group {
	var rows []*Group
	for _, name := range r.groups {
		if g := a.snap.Group(name); g != nil {
			rows = append(rows, g)
		}
	}
	return rows
}

// about says what is replaced by what, and where.
func (r *rollForm) about(a *app) []widget.Span {
	hosts := 0
	before := map[string]bool{}
	for _, g := range r.rows(a) {
		hosts += len(g.Hosts)
		before[versionText(g.Spec.JobID)] = true
	}
	names := strings.Join(r.groups, ", ")
	if len(r.groups) > 3 {
		names = counted(len(r.groups), "group")
	}
	return []widget.Span{
		{Style: strong.On(onPanel(0).BG), Text: names + "  "},
		{Style: onPanel(muted.FG), Text: strings.Join(sortedKeys(before), ", ") + " → "},
		{Style: onPanel(focus.FG), Text: versionText(r.id)}, {Style: onPanel(muted.FG), Text: "  on " + counted(hosts, "host")},
	}
}

// read understands what has been typed.
func (r *rollForm) read(a *app) {
	o := a.usualOptions(r.id)
	r.takeInt("parallelism", 1, &o.Parallelism)
	r.takeInt("canary", 0, &o.Canary)
	r.takeSeconds("timeout", time.Second, &o.Timeout)
	r.takeSeconds("min healthy", 0, &o.MinHealthy)
	o.Overlap, o.Migrate = r.named["overlap"].value() == "yes", r.named["migrate"].value() == "yes"
	o.IgnoreFailures = r.named["ignore failures"].value() == "yes"
	if f := r.named["max failures"]; f.touched() {
		o.MaxFailures = model.FailureLimit(stringOr(f.value(), "0"))
		if _, err := o.MaxFailures.Of(1); err != nil {
			f.fault(0, err.Error())
		}
	}
	if f := r.named["on failure"]; f.touched() {
		o.OnFailure = model.OnFailure(strings.ToUpper(f.value()))
	}
	r.options = o
	request := o.Request()
	if _, err := request.Settings(); err != nil {
		if _, wrong := r.firstFault(); !wrong {
			r.fields[0].fault(0, err.Error())
		}
	}
	if len(r.rows(a)) == 0 {
		r.fields[0].fault(0, "the group is not there any more")
	}
}

func (r *rollForm) takeInt(name string, least int, into *int) {
	n, err := strconv.Atoi(stringOr(r.named[name].value(), strconv.Itoa(least)))
	if err != nil || n < least {
		r.named[name].fault(0, fmt.Sprintf("want a number, at least %d", least))
		return
	}
	*into = n
}

// takeSeconds reads whole seconds or a duration.
func (r *rollForm) takeSeconds(name string, least time.Duration, into *time.Duration) {
	text := stringOr(r.named[name].value(), "0")
	d, err := time.ParseDuration(text)
	if n, numberErr := strconv.ParseInt(text, 10, 32); numberErr == nil {
		d, err = time.Duration(n)*time.Second, nil
	}
	if err != nil || d < least || d != d.Truncate(time.Second) {
		r.named[name].fault(0, fmt.Sprintf("want whole seconds, at least %d, or a duration such as 1m30s", int(least.Seconds())))
		return
	}
	*into = d
}

// preview asks the masters what the rolling update would do.
func (r *rollForm) preview(a *app) tea.Cmd {
	token := r.secret()
	if a.Token != nil && r.token {
		var err error
		if token, err = a.Token.Read(); err != nil {
			a.say("%v", err)
			return nil
		}
	}
	var actions []Action
	for _, g := range r.rows(a) {
		options := r.options
		actions = append(actions, Action{Verb: VerbRoll, Group: g.Spec.Name, Job: r.id, Options: &options, Token: token})
	}
	p := &plan{title: "rolling update to " + versionText(r.id), back: r}
	return p.ask(a, actions)
}
