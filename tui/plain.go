package tui

import (
	"context"
	"fmt"
	"io"
	"sort"
	"strings"
	"time"
)

// Line is one change, as Follow tells it.
type Line struct {
	Time time.Time `json:"time"`
	Kind LineKind  `json:"kind"`
	Host string    `json:"host,omitempty"`
	Job  string    `json:"job,omitempty"`
	From string    `json:"from,omitempty"`
	To   string    `json:"to,omitempty"`
	User string    `json:"user,omitempty"`
	Text string    `json:"text,omitempty"`
}

// LineKind says what a line is about.
type LineKind string

// The kinds of lines.
const (
	LineState   LineKind = "state"   // of the connection and of the whole fleet
	LineProblem LineKind = "problem" // that needs somebody, since now
	LineSolved  LineKind = "solved"  // it does no longer
	LineEvent   LineKind = "event"
)

// String is the line for people, without the time: words only, for those who hear it.
func (l Line) String() string {
	parts := []string{string(l.Kind) + ":"}
	if l.Kind == LineEvent {
		parts = nil
	}
	for _, part := range []string{l.Host, l.Job} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	switch {
	case l.From != "" && l.To != "":
		parts = append(parts, l.From+" -> "+l.To)
	case l.To != "":
		parts = append(parts, l.To)
	}
	if l.Text != "" {
		parts = append(parts, l.Text)
	}
	if l.User != "" {
		parts = append(parts, "by "+l.User)
	}
	return strings.Join(parts, " ")
}

// Follow tells of every change of a source, one line at a time, until the context ends or a line cannot be written. It begins with the
// state of the fleet and with what is wrong; events from before are not told.
func Follow(ctx context.Context, source Source, now func() time.Time, write func(Line) error) error {
	f := &follower{app: newApp(Options{Source: source, Now: now}), write: write, problems: map[string]trouble{}}
	for {
		if err := f.take(source.Snapshot()); err != nil {
			return err
		}
		select {
		case <-source.Changed():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// WriteLines returns what writes lines as text with times of a zone.
func WriteLines(w io.Writer, zone *time.Location) func(Line) error {
	return func(l Line) error {
		_, err := fmt.Fprintf(w, "%s %s\n", l.Time.In(zone).Format(time.DateTime), printable(l.String()))
		return err
	}
}

// printable takes out what could end a line or change the terminal; output of jobs and messages of engines get into events.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}

type follower struct {
	app      *app // knows what needs somebody
	write    func(Line) error
	begun    bool
	state    string
	problems map[string]trouble
	index    uint64 // of the last event that was told
	told     int    // events of that index
}

func (f *follower) take(s *Snapshot) error {
	lines := f.stateLines(s)
	if s.Freshness.State != Connecting {
		if !f.begun {
			f.begun = true
			f.skip(s.Events)
		}
		lines = append(lines, f.eventLines(s.Events)...)
		f.app.snap = s
		lines = append(lines, f.problemLines()...)
	}
	for _, l := range lines {
		if err := f.write(l); err != nil {
			return err
		}
	}
	return nil
}

// stateLines tell how the connection is, when that has changed.
func (f *follower) stateLines(s *Snapshot) []Line {
	fresh := s.Freshness
	name := strings.TrimSpace(string(s.Cluster.Environment) + " " + s.Cluster.Name)
	state, text := "", ""
	switch fresh.State {
	case Connecting:
		state, text = "connecting "+fresh.Error, strings.TrimSuffix("connecting to "+name+": "+fresh.Error, ": ")
	case Stale:
		state, text = "stale "+fresh.Error, "lost "+name+": "+fresh.Error+"; trying again"
	case Live:
		state = "live " + fresh.Master
		text = fmt.Sprintf("%s is live, read from %s: %s up, %d down; %d of %s running, %s", name, fresh.Master, counted(s.Up, "host"), s.Down,
			s.Tasks.states[countRunning], counted(s.Tasks.Total(), "task"), counted(s.ActiveRollouts(), "rollout"))
	}
	if state == f.state {
		return nil
	}
	f.state = state
	return []Line{{Time: f.app.Now(), Kind: LineState, Text: text}}
}

// after returns the events that have not been told.
func (f *follower) after(events []Event) []Event {
	from := sort.Search(len(events), func(i int) bool { return events[i].Index >= f.index })
	for told := f.told; told > 0 && from < len(events) && events[from].Index == f.index; told-- {
		from++
	}
	return events[from:]
}

// skip counts events as told.
func (f *follower) skip(events []Event) {
	for _, e := range f.after(events) {
		if e.Index != f.index {
			f.index, f.told = e.Index, 0
		}
		f.told++
	}
}

func (f *follower) eventLines(events []Event) []Line {
	var lines []Line
	for _, e := range f.after(events) {
		if e.Past {
			continue
		}
		l := Line{Time: e.At, Kind: LineEvent, Host: e.Host, From: string(e.From), To: string(e.To), User: e.User, Text: e.Detail}
		if !e.Job.IsZero() {
			l.Job = e.Job.Short()
		}
		lines = append(lines, l)
	}
	f.skip(events)
	return lines
}

// problemLines tell which problems have come and gone.
func (f *follower) problemLines() []Line {
	now := map[string]trouble{}
	var lines []Line
	for _, t := range needsAttention(f.app) {
		now[t.key] = t
		if before, known := f.problems[t.key]; !known || t.group == "" && before.subject != t.subject { // a rollout goes on all the time
			lines = append(lines, t.line(LineProblem, f.app.Now()))
		}
	}
	for _, key := range sortedKeys(f.problems) {
		if _, still := now[key]; !still {
			lines = append(lines, f.problems[key].line(LineSolved, f.app.Now()))
		}
	}
	f.problems = now
	return lines
}

func (t trouble) line(kind LineKind, at time.Time) Line {
	return Line{Time: at, Kind: kind, Text: strings.TrimSpace(t.word + " " + t.subject + " " + t.detail)}
}
