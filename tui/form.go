package tui

import (
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// form asks for several values at once. What is wrong with one is said below it; nothing goes on until nothing is.
type form struct {
	title   string
	note    string
	fields  []*field
	at      place
	offset  int // in lines
	tried   bool
	button  string
	check   func(a *app)         // sets the fields' faults
	submit  func(a *app) tea.Cmd // when there are none
	dry     func(a *app) tea.Cmd // what would happen, nil where that is not known
	empty   func(a *app)         // takes back what was filled in, nil where nothing was
	twin    func(a *app) string  // the command line
	aside   func(a *app) []widget.Span
	listing func(a *app, area widget.Area) // below the fields, nil for nothing
	began   bool
	leaving bool // esc was pressed once
}

// field is one value of a form, or a list of them.
type field struct {
	name    string
	section string // heading above it, "" for none
	hint    string // what is to be typed, shown while nothing is
	kind    fieldKind
	inputs  []widget.Input // of a list: one for each entry and an empty one
	options []string       // of a choice
	chosen  int
	was     []string // what it was filled in with
	faults  map[int]string
	left    bool // it has had the focus and lost it
	hidden  func() bool
}

type fieldKind uint8

const (
	textField fieldKind = iota
	secretField
	choiceField
	listField
)

// place is where the focus is: on an entry of a field, or on the button behind the last one.
type place struct{ field, entry int }

func newField(name, hint string, kind fieldKind, values ...string) *field {
	f := &field{name: name, hint: hint, kind: kind}
	f.set(values...)
	return f
}

func newChoice(name string, options []string, chosen string) *field {
	f := &field{name: name, kind: choiceField, options: options, chosen: max(0, slices.Index(options, chosen))}
	f.was = f.values()
	return f
}

// set fills a field in. Text that cannot be typed stays as it is as long as nobody changes the field.
func (f *field) set(values ...string) {
	f.inputs = nil
	for _, value := range values {
		if value != "" {
			f.inputs = append(f.inputs, widget.Input{Secret: f.kind == secretField})
			f.inputs[len(f.inputs)-1].Set(value)
		}
	}
	if f.kind == listField || len(f.inputs) == 0 {
		f.inputs = append(f.inputs, widget.Input{Secret: f.kind == secretField})
	}
	f.was = f.values()
}

// values are what has been typed, entry by entry.
func (f *field) values() []string {
	if f.kind == choiceField {
		return []string{f.options[f.chosen]}
	}
	var values []string
	for i := range f.inputs {
		value := f.inputs[i].Value()
		if f.kind != secretField {
			value = strings.TrimSpace(value)
		}
		if value != "" {
			values = append(values, value)
		}
	}
	return values
}

func (f *field) value() string {
	if values := f.values(); len(values) > 0 {
		return values[0]
	}
	return ""
}

// touched tells whether somebody has changed the field.
func (f *field) touched() bool { return !slices.Equal(f.values(), f.was) }

func (f *field) shown() bool { return f.hidden == nil || !f.hidden() }

// fault says what is wrong with an entry of the field.
func (f *field) fault(entry int, text string) {
	if f.faults == nil {
		f.faults = map[int]string{}
	}
	if f.faults[entry] == "" {
		f.faults[entry] = text
	}
}

// places are all that can have the focus, in their order.
func (f *form) places() []place {
	var all []place
	for i, field := range f.fields {
		if !field.shown() {
			continue
		}
		for entry := range max(1, len(field.inputs)) {
			all = append(all, place{i, entry})
		}
	}
	return append(all, place{len(f.fields), 0})
}

func (f *form) onButton() bool { return f.at.field == len(f.fields) }

// open checks the form before it is first seen.
func (f *form) open(a *app) tea.Cmd {
	if !f.began {
		f.began = true
		f.recheck(a)
	}
	return nil
}

func (f *form) refresh(a *app) { f.recheck(a) }

func (f *form) recheck(a *app) {
	for _, field := range f.fields {
		field.faults = nil
	}
	f.check(a)
}

// firstFault is where the first fault is.
func (f *form) firstFault() (place, bool) {
	for i, field := range f.fields {
		for entry := range max(1, len(field.inputs)) {
			if field.faults[entry] != "" && field.shown() {
				return place{i, entry}, true
			}
		}
	}
	return place{}, false
}

func (f *form) key(a *app, msg tea.KeyMsg) tea.Cmd {
	leaving := f.leaving
	f.leaving = false
	switch name := msg.String(); name {
	case "esc":
		if !leaving && f.touched() {
			f.leaving = true
			a.say("esc once more drops what you have typed")
			return nil
		}
		f.wipe()
		a.modal = nil
	case "tab", "down":
		f.step(a, 1)
	case "shift+tab", "up":
		f.step(a, -1)
	case "pgdown":
		f.section(a, 1)
	case "pgup":
		f.section(a, -1)
	case "ctrl+s":
		return f.finish(a)
	case "ctrl+y":
		return f.copyTwin(a)
	case "ctrl+x":
		if f.empty != nil {
			f.empty(a)
			f.recheck(a)
		}
	case "ctrl+t":
		if f.dry != nil && f.valid(a) {
			return f.dry(a)
		}
	case "enter":
		if f.onButton() {
			return f.finish(a)
		}
		f.step(a, 1)
	default:
		f.edit(a, msg)
	}
	return nil
}

func (f *form) commandLine(a *app) string { return f.twin(a) }

func (f *form) copyTwin(a *app) tea.Cmd {
	if f.valid(a) {
		return a.copy(f.twin(a), "the command line")
	}
	return nil
}

// touched tells whether anything has been changed.
func (f *form) touched() bool {
	return slices.ContainsFunc(f.fields, (*field).touched)
}

// wipe forgets what is secret.
func (f *form) wipe() {
	for _, field := range f.fields {
		if field.kind == secretField {
			field.inputs[0].Wipe()
		}
	}
}

// finish goes on when nothing is wrong, else to what is.
func (f *form) finish(a *app) tea.Cmd {
	if !f.valid(a) {
		return nil
	}
	return f.submit(a)
}

// valid tells whether nothing is wrong. Else it goes to what is.
func (f *form) valid(a *app) bool {
	f.tried = true
	f.recheck(a)
	at, wrong := f.firstFault()
	if wrong {
		f.at = at
		a.say("%s: %s", f.fields[at.field].name, f.fields[at.field].faults[at.entry])
	}
	return !wrong
}

// step moves the focus. Entries of lists that are empty go, except for the last.
func (f *form) step(a *app, n int) {
	if !f.onButton() {
		f.fields[f.at.field].left = true
	}
	f.tidy()
	all := f.places()
	i := max(0, slices.Index(all, f.at))
	f.at = all[(i+n+len(all))%len(all)]
	f.recheck(a)
}

// section moves the focus to the first field of the next section, or of the one before.
func (f *form) section(a *app, n int) {
	if !f.onButton() {
		f.fields[f.at.field].left = true
	}
	f.tidy()
	for i := f.at.field + n; i >= 0 && i < len(f.fields); i += n {
		if f.fields[i].section != "" && f.fields[i].shown() {
			f.at = place{i, 0}
			f.recheck(a)
			return
		}
	}
	f.at = place{0, 0}
	if n > 0 {
		f.at = place{len(f.fields), 0}
	}
	f.recheck(a)
}

// tidy makes sure that each list ends in one empty entry, and has no other.
func (f *form) tidy() {
	for i, field := range f.fields {
		if field.kind != listField {
			continue
		}
		entry := 0
		var kept []widget.Input
		for j := range field.inputs {
			if i == f.at.field && j == f.at.entry {
				entry = len(kept)
			}
			if strings.TrimSpace(field.inputs[j].Value()) != "" {
				kept = append(kept, field.inputs[j])
			}
		}
		field.inputs = append(kept, widget.Input{})
		if i == f.at.field {
			f.at.entry = min(entry, len(field.inputs)-1)
		}
	}
}

func (f *form) edit(a *app, msg tea.KeyMsg) {
	if f.onButton() {
		return
	}
	field := f.fields[f.at.field]
	switch {
	case field.kind == choiceField:
		switch msg.String() {
		case "left":
			field.chosen = (field.chosen + len(field.options) - 1) % len(field.options)
		case "right", " ":
			field.chosen = (field.chosen + 1) % len(field.options)
		}
	case msg.Paste && field.kind == listField:
		f.paste(string(msg.Runes))
	default:
		in := &field.inputs[f.at.entry]
		if !in.Key(msg.String()) && (msg.Type == tea.KeyRunes || msg.Type == tea.KeySpace) {
			in.Insert(msg.Runes)
		}
		if field.kind == listField && f.at.entry == len(field.inputs)-1 && in.Value() != "" {
			field.inputs = append(field.inputs, widget.Input{})
		}
	}
	f.recheck(a)
}

// paste makes an entry of each line.
func (f *form) paste(text string) {
	field := f.fields[f.at.field]
	for i, line := range strings.Split(strings.Trim(strings.ReplaceAll(text, "\r", "\n"), "\n"), "\n") {
		if i > 0 {
			f.at.entry++
			field.inputs = slices.Insert(field.inputs, f.at.entry, widget.Input{})
		}
		field.inputs[f.at.entry].Insert([]rune(line))
	}
	if f.at.entry == len(field.inputs)-1 {
		field.inputs = append(field.inputs, widget.Input{})
	}
}

// formLine is one line of a form as it is drawn.
type formLine struct {
	section string
	place   place
	fault   string
}

// lines are what is drawn in so many cells, and which of them has the focus.
func (f *form) lines(w int) (lines []formLine, focus int) {
	for _, at := range f.places() {
		if at.field == len(f.fields) {
			continue
		}
		field := f.fields[at.field]
		if at.entry == 0 && field.section != "" {
			lines = append(lines, formLine{section: field.section})
		}
		if at == f.at {
			focus = len(lines)
		}
		lines = append(lines, formLine{place: at})
		if text := field.faults[at.entry]; text != "" && (f.tried || field.left && at != f.at) {
			for i, line := range widget.Wrap(text, w-formLabel-2) {
				lines = append(lines, formLine{place: at, fault: map[bool]string{true: "✗ ", false: "  "}[i == 0] + line})
			}
		}
	}
	if f.onButton() {
		focus = len(lines) - 1
	}
	return lines, focus
}

const formLabel = 18

func (f *form) draw(a *app, area widget.Area) {
	w := dialogWidth(area)
	lines, focus := f.lines(w - 6)
	listing := 0
	if f.listing != nil {
		listing = max(3, min(12, area.H/3))
	}
	twin, color := "", theme.OK
	if _, wrong := f.firstFault(); wrong {
		twin, color = "once everything is filled in", theme.Faint
	} else {
		twin = f.twin(a)
	}
	cli := widget.Fold(twin, w-6-9)
	cliRoom := min(len(cli), max(1, area.H/8))
	bottom := cliRoom + 3 + btoi(area.H > 20)
	h := min(area.H, len(lines)+listing+bottom+3)
	box := centre(area, w, h)
	note := f.note
	if f.aside != nil {
		note = ""
	}
	in := widget.Panel{Title: f.title, Note: note, Border: theme.Focus, BG: theme.Panel}.Draw(box).Inset(1, 0)
	y := 0
	if f.aside != nil {
		in.Spans(0, 0, f.aside(a)...)
		y++
	}
	rows := in.Sub(0, y, in.W, max(1, in.H-bottom-listing-y))
	f.offset = max(0, min(min(max(f.offset, focus+2-rows.H), focus-btoi(focus > 0)), len(lines)-rows.H))
	for y := 0; y < rows.H && f.offset+y < len(lines); y++ {
		f.drawLine(a, rows.Row(y), lines[f.offset+y])
	}
	widget.Scrollbar(box.Sub(0, rows.Y-box.Y, box.W, rows.H), f.offset, rows.H, len(lines))
	if listing > 0 {
		f.listing(a, in.Sub(0, in.H-bottom-listing, in.W, listing))
	}
	f.drawBottom(a, in.Sub(0, in.H-bottom, in.W, bottom), cli, cliRoom, color)
}

func (f *form) drawLine(a *app, row widget.Area, line formLine) {
	if line.section != "" {
		row.Text(0, 0, onPanel(theme.Muted).Bold(), strings.ToUpper(line.section))
		return
	}
	if line.fault != "" {
		row.Cut(formLabel, 0, row.W-formLabel, onPanel(theme.Fail), line.fault)
		return
	}
	field, focused := f.fields[line.place.field], line.place == f.at
	if focused {
		row.Text(0, 0, onPanel(theme.Focus).Bold(), "▸")
	}
	if line.place.entry == 0 {
		row.Cut(2, 0, formLabel-3, onPanel(theme.Text), field.name)
	}
	value := row.Sub(formLabel, 0, row.W-formLabel, 1)
	if field.kind == choiceField {
		drawChoice(a, value, field, focused)
		return
	}
	in := &field.inputs[line.place.entry]
	in.Draw(value, 0, 0, value.W, theme.Chip, focused)
	if in.Value() == "" && field.hint != "" {
		hint := field.hint
		if field.kind == listField {
			hint = "+ " + hint
		}
		value.Cut(1, 0, value.W-1, theme.Style{FG: theme.Faint, BG: theme.Chip}, hint)
	}
}

// drawChoice draws the options side by side. The chosen one is told by brackets, not by colour alone.
func drawChoice(a *app, value widget.Area, field *field, focused bool) {
	x := 0
	for i, name := range field.options {
		style := onPanel(theme.Muted)
		text := " " + name + " "
		if i == field.chosen {
			style, text = theme.Style{FG: theme.Text, BG: theme.Chip, Attr: theme.Bold}, "["+name+"]"
		}
		x = value.Text(x, 0, style, text) + 1
	}
	if focused {
		value.Cut(x+1, 0, value.W-x-1, onPanel(theme.Faint), a.shownKey("←→ change"))
	}
}

func (f *form) drawBottom(a *app, in widget.Area, cli []string, room int, color theme.Color) {
	y := in.H - room - 3
	in.Text(0, y, onPanel(theme.Muted), "same as")
	drawCutLines(in, 9, y, room, color, cli, "ctrl-y copies all of it")
	y += room + 1
	style := theme.Style{FG: theme.Text, BG: theme.Chip}
	if f.onButton() {
		in.Text(0, y, onPanel(theme.Focus).Bold(), "▸")
		style.Attr = theme.Bold | theme.Underline
	}
	x := in.Text(2, y, style, "  "+f.button+"  ctrl-s  ") + 2
	keys := a.shownKey("esc cancel · tab ↑↓ fields")
	if f.dry != nil {
		keys += " · ctrl-t dry run"
	}
	keys += " · ctrl-y copy"
	if f.empty != nil {
		keys += " · ctrl-x empty"
	}
	keys += " · pgdn section"
	in.Cut(x, y, in.W-x, onPanel(theme.Faint), keys)
	if a.flash != "" {
		in.Cut(0, y+1, in.W, onPanel(theme.Warn), a.flash)
	} else if why := a.readOnlyBecause(); why != "" {
		in.Cut(0, y+1, in.W, onPanel(theme.Warn), why)
	}
}
