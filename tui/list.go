package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// column is one column of a list.
type column[T any] struct {
	id, title string
	width     int
	fit       bool // as wide as the longest of its texts: below width where they are short, above it where there is room
	flex      bool // takes what is left
	right     bool
	apart     bool // a number ends it: one more blank follows
	priority  int  // the lower, the longer it stays when there is little room
	off       bool
	compare   func(a, b T) int
	text      func(T) string                                       // for exports, copies, and drawing when draw is nil
	draw      func(a widget.Area, x, w int, row T, bg theme.Color) // in the first row of the area
	style     func(T) theme.Style
}

// row is what a list shows.
type row interface {
	comparable
	filtered
}

// list is a table of rows that can be filtered, sorted and marked. Only what is seen is drawn. The selection follows the row, not its
// place.
type list[T row] struct {
	name     string // of what is listed, in the plural
	columns  []column[T]
	now      func() time.Time // that ages are counted to
	id       func(T) string
	rank     func(T) int      // the usual order: the higher first, then as they come; worked out once for each row, not for each comparison
	usual    func(a, b T) int // or that, where a number does not do
	ranked   string           // what it is called
	second   string           // the column that the usual order goes by where it finds no difference, from the most down
	problem  func(T) bool     // nil: there are none
	rows     []T
	longest  []int // text of each column that fits its texts, in cells
	order    []int32
	ranks    []ranked // kept for its room
	selected string
	cursor   int
	offset   int
	seen     int
	marks    map[string]bool
	from     int // where a range of marks begins, -1 for nowhere
	filter   filter
	input    *widget.Input // while a filter is typed
	before   string        // the filter before that
	only     bool          // problems only
	sortBy   string
	reverse  bool
	scroll   int         // columns
	body     widget.Area // of the rows, as they were drawn

	usualColumns map[string]bool // whether they are shown when nobody has chosen
}

// typing reports whether a filter is being typed.
func (l *list[T]) typing() bool { return l.input != nil }

// set takes over new rows. What is gone is not marked any more: nothing would be done with it, and nothing shows it.
func (l *list[T]) set(rows []T) {
	l.show(rows)
	if len(l.marks) == 0 {
		return
	}
	there := make(map[string]bool, len(l.marks))
	for _, row := range rows {
		if id := l.id(row); l.marks[id] {
			there[id] = true
		}
	}
	l.marks = there
}

// show takes over new rows and leaves the marks alone, for a page that marks more than these rows.
func (l *list[T]) show(rows []T) {
	l.rows = rows
	l.measure()
	l.arrange()
}

// measure finds the longest text of the columns that are as wide as that, among all rows: what is filtered or scrolled moves no column.
func (l *list[T]) measure() {
	l.longest = append(l.longest[:0], make([]int, len(l.columns))...)
	for i := range l.columns {
		c := &l.columns[i]
		if !c.fit || c.off {
			continue
		}
		n := widget.Width(c.title + " ↓")
		for _, row := range l.rows {
			if text := c.text(row); len(text) > n { // no text has more cells than bytes
				n = max(n, widget.Width(text))
			}
		}
		l.longest[i] = n
	}
}

// arrange filters and sorts, and finds the selected row again.
func (l *list[T]) arrange() {
	l.order = l.order[:0]
	now := l.time()
	for i, row := range l.rows {
		if l.only && l.problem != nil && !l.problem(row) {
			continue
		}
		if len(l.filter.terms) == 0 || l.filter.matches(row, now) {
			l.order = append(l.order, int32(i))
		}
	}
	l.sort()
	l.follow()
}

func (l *list[T]) time() time.Time {
	if l.now == nil {
		return time.Time{} // nothing of these rows has an age
	}
	return l.now()
}

type ranked struct {
	rank int
	row  int32
}

func (l *list[T]) sort() {
	if compare := l.comparison(); compare != nil {
		slices.SortStableFunc(l.order, func(a, b int32) int { return compare(l.rows[a], l.rows[b]) })
		return
	}
	if l.rank == nil {
		return
	}
	l.ranks = l.ranks[:0]
	for _, i := range l.order {
		l.ranks = append(l.ranks, ranked{l.rank(l.rows[i]), i})
	}
	slices.SortFunc(l.ranks, func(a, b ranked) int {
		if a.rank != b.rank {
			return b.rank - a.rank
		}
		return int(a.row - b.row)
	})
	for at, r := range l.ranks {
		l.order[at] = r.row
	}
}

func (l *list[T]) comparison() func(a, b T) int {
	for _, c := range l.columns {
		if c.id == l.sortBy && c.compare != nil {
			if l.reverse {
				return func(a, b T) int { return c.compare(b, a) }
			}
			return c.compare
		}
	}
	return l.usual
}

func (l *list[T]) follow() {
	if l.selected != "" {
		for at, i := range l.order {
			if l.id(l.rows[i]) == l.selected {
				l.cursor = at
				return
			}
		}
	}
	l.cursor = min(max(l.cursor, 0), max(len(l.order)-1, 0))
	if len(l.order) > 0 && l.selected == "" {
		l.remember()
	}
}

func (l *list[T]) remember() {
	if row, ok := l.current(); ok {
		l.selected = l.id(row)
	}
}

// current is the selected row.
func (l *list[T]) current() (T, bool) {
	if l.cursor < 0 || l.cursor >= len(l.order) {
		var none T
		return none, false
	}
	return l.rows[l.order[l.cursor]], true
}

// picked are the marked rows, the selected one when none is marked.
func (l *list[T]) picked() []T {
	var rows []T
	if len(l.marks) > 0 {
		for _, row := range l.rows {
			if l.marks[l.id(row)] {
				rows = append(rows, row)
			}
		}
	}
	if row, ok := l.current(); ok && len(rows) == 0 {
		rows = append(rows, row)
	}
	return rows
}

func (l *list[T]) move(n int) {
	l.cursor = min(max(l.cursor+n, 0), max(len(l.order)-1, 0))
	l.remember()
	if l.from >= 0 {
		for i := min(l.from, l.cursor); i <= max(l.from, l.cursor) && i < len(l.order); i++ {
			l.marks[l.id(l.rows[l.order[i]])] = true
		}
	}
}

func (l *list[T]) mark() {
	if row, ok := l.current(); ok {
		if id := l.id(row); l.marks[id] {
			delete(l.marks, id)
		} else {
			l.marks[id] = true
		}
		l.move(1)
	}
}

func (l *list[T]) markAll() {
	if len(l.marks) > 0 {
		clear(l.marks)
		return
	}
	for _, i := range l.order {
		l.marks[l.id(l.rows[i])] = true
	}
}

func (l *list[T]) toggleRange() {
	if l.from >= 0 {
		l.from = -1
		return
	}
	l.from = l.cursor
	l.move(0)
}

// escape takes back the filter, then the marks.
func (l *list[T]) escape() bool {
	switch {
	case l.from >= 0:
		l.from = -1
	case l.filter.text != "" || l.only:
		l.only = false
		l.narrow("")
	case len(l.marks) > 0:
		clear(l.marks)
	default:
		return false
	}
	return true
}

// narrow sets the filter.
func (l *list[T]) narrow(text string) {
	l.filter = parseFilter(text)
	l.arrange()
}

// key takes a key while a filter is typed.
func (l *list[T]) key(_ *app, msg tea.KeyMsg) tea.Cmd {
	switch name := msg.String(); name {
	case "enter":
		l.input = nil
	case "esc":
		l.input = nil
		l.narrow(l.before)
	case "up", "down":
		l.move(map[string]int{"up": -1, "down": 1}[name])
	default:
		if !l.input.Key(name) && (msg.Type == tea.KeyRunes || msg.Type == tea.KeySpace) {
			l.input.Insert(msg.Runes)
		}
		if l.input.Value() != l.filter.text {
			l.narrow(l.input.Value())
		}
	}
	return nil
}

// moves are the commands that every list has.
func (l *list[T]) moves() []*command {
	by := func(n func() int) func(*app) tea.Cmd {
		return func(*app) tea.Cmd { l.move(n()); return nil }
	}
	do := func(f func()) func(*app) tea.Cmd { return func(*app) tea.Cmd { f(); return nil } }
	commands := []*command{
		bind("list.mark", "space", "mark", do(l.mark)),
		bind("list.filter", "/", "filter", do(func() {
			l.before = l.filter.text
			l.input = &widget.Input{}
			l.input.Set(l.filter.text)
		})),
		bind("list.sort", "s", "sort", l.chooseSort),
		bind("list.problems", "!", "problems only", do(func() { l.only = !l.only; l.arrange() })).more(),
		bind("list.columns", ",", "columns", l.chooseColumns).more(),
		bind("list.export", "e", "export", func(a *app) tea.Cmd { return a.chooseExport(l.name, l.csv, l.json) }).more(),
		bind("list.copy", "c", "copy", l.copy).more(),
		bind("list.range", "v", "mark a range", do(l.toggleRange)).more(),
		bind("list.all", "V", "mark all or none", do(l.markAll)).more(),
		bind("list.up", "up k", "up", by(func() int { return -1 })).more(),
		bind("list.down", "down j", "down", by(func() int { return 1 })).more(),
		bind("list.pageup", "pgup ctrl+u", "page up", by(func() int { return -max(1, l.seen-1) })).more(),
		bind("list.pagedown", "pgdown ctrl+d", "page down", by(func() int { return max(1, l.seen-1) })).more(),
		bind("list.first", "g home", "first", by(func() int { return -len(l.order) })).more(),
		bind("list.last", "G end", "last", by(func() int { return len(l.order) })).more(),
		bind("list.left", "left", "columns to the left", do(func() { l.scroll = max(0, l.scroll-1) })).more(),
		bind("list.right", "right", "columns to the right", do(func() { l.scroll++ })).more(),
	}
	return commands
}

// chooseSort asks for the column to sort by; the one that is sorted by turns its order round.
func (l *list[T]) chooseSort(a *app) tea.Cmd {
	options := []option{{title: cmp.Or(l.ranked, "as they come"), on: l.sortBy == "", do: func(a *app) tea.Cmd {
		l.sortBy = ""
		l.arrange()
		return a.rememberLook(l)
	}}}
	for _, c := range l.columns {
		if c.compare == nil {
			continue
		}
		note := ""
		if c.id == l.sortBy {
			note = map[bool]string{false: "↑ rising", true: "↓ falling"}[l.reverse]
		}
		options = append(options, option{title: cmp.Or(c.title, c.id), note: note, on: c.id == l.sortBy, do: func(a *app) tea.Cmd {
			l.reverse = c.id == l.sortBy && !l.reverse
			l.sortBy = c.id
			l.arrange()
			return a.rememberLook(l)
		}})
	}
	return a.open(&chooser{title: "Sort by", options: options})
}

// chooseColumns asks which columns are shown.
func (l *list[T]) chooseColumns(a *app) tea.Cmd {
	var options []option
	for i := range l.columns {
		c := &l.columns[i]
		options = append(options, option{title: cmp.Or(c.title, c.id), on: !c.off, do: func(a *app) tea.Cmd { c.off = !c.off; return a.rememberLook(l) }})
	}
	return a.open(&chooser{title: "Columns", options: options, many: true})
}

// copy puts the selected rows on the clipboard: the name, and with another press the whole row.
func (l *list[T]) copy(a *app) tea.Cmd {
	rows := l.picked()
	if len(rows) == 0 {
		return nil
	}
	var lines []string
	for _, row := range rows {
		lines = append(lines, l.id(row))
	}
	return a.copy(strings.Join(lines, "\n"), fmt.Sprintf("%d %s", len(rows), l.name))
}

func (l *list[T]) table() (head []string, rows [][]string) {
	for _, c := range l.columns {
		head = append(head, strings.ToLower(cmp.Or(c.id, c.title)))
	}
	for _, i := range l.order {
		var cells []string
		for _, c := range l.columns {
			cells = append(cells, c.text(l.rows[i]))
		}
		rows = append(rows, cells)
	}
	return head, rows
}

// newList makes a list that is ready for rows.
func newList[T row](l list[T]) *list[T] {
	l.marks, l.from, l.usualColumns = map[string]bool{}, -1, usually(l.columns)
	return &l
}
