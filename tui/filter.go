package tui

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// filter is what has been typed after /, understood. All its terms have to hold.
type filter struct {
	text  string
	terms []term
	fault string // why it is not understood; then it lets everything through
}

// term is one word of a filter.
type term struct {
	not    bool
	kind   termKind
	key    string
	op     byte // of a comparison: '<' or '>'
	words  []string
	whole  string // of a term with a colon, which may be part of what is looked for
	number float64
	re     *regexp.Regexp
}

type termKind uint8

const (
	substring termKind = iota
	fuzzyWord
	pattern
	equals
	compares
)

// filtered is what a filter looks at: the whole row as text in lower case, and its fields by name. A field has a text, and a number if
// it has one; durations are in seconds, and ages up to now. Several texts are separated by line breaks.
type filtered interface {
	filterText() string
	filterField(key string, now time.Time) (text string, number float64, ok bool)
}

// parseFilter understands
//
//	web          substring in the row         a|b          one or the other
//	!web         not in the row               ~wb1         the letters in this order
//	/^pay-1/     regular expression           role=pay     a field or a label; also !=, and : for =
//	cpu>80       a number                     seen>60s     a duration
func parseFilter(text string) filter {
	f := filter{text: text}
	for _, word := range strings.Fields(text) {
		t, err := parseTerm(word)
		if err != nil {
			f.fault = err.Error()
			continue
		}
		f.terms = append(f.terms, t)
	}
	return f
}

func parseTerm(word string) (term, error) {
	var t term
	if rest, ok := strings.CutPrefix(word, "!"); ok && rest != "" {
		t.not, word = true, rest
	}
	switch {
	case strings.HasPrefix(word, "~"):
		t.kind, t.words = fuzzyWord, []string{strings.ToLower(word[1:])}
		return t, nil
	case strings.HasPrefix(word, "/"):
		re, err := regexp.Compile("(?i)" + strings.TrimSuffix(word[1:], "/"))
		t.kind, t.re = pattern, re
		return t, err
	}
	i := strings.IndexAny(word, "=:<>!")
	if i <= 0 || i == len(word)-1 {
		t.words = strings.Split(strings.ToLower(word), "|")
		return t, nil
	}
	t.key, t.whole = strings.ToLower(word[:i]), strings.ToLower(word)
	value := word[i+1:]
	switch {
	case word[i] == '!' && strings.HasPrefix(value, "="):
		t.kind, t.not, t.words = equals, !t.not, strings.Split(strings.ToLower(value[1:]), "|")
	case word[i] == '=' || word[i] == ':':
		t.kind, t.words = equals, strings.Split(strings.ToLower(value), "|")
	case word[i] == '<' || word[i] == '>':
		if number, ok := parseNumber(strings.TrimPrefix(value, "=")); ok {
			t.kind, t.op, t.number = compares, word[i], number
			return t, nil
		}
		fallthrough
	default:
		t.key, t.words = "", strings.Split(strings.ToLower(word), "|")
	}
	return t, nil
}

// parseNumber reads a number, a share such as 80%, or a duration, which becomes seconds.
func parseNumber(s string) (float64, bool) {
	if n, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64); err == nil {
		return n, true
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		return n * 86400, err == nil
	}
	d, err := time.ParseDuration(s)
	return d.Seconds(), err == nil
}

// matches tells whether a row passes now.
func (f *filter) matches(row filtered, now time.Time) bool {
	for i := range f.terms {
		if f.terms[i].holds(row, now) == f.terms[i].not {
			return false
		}
	}
	return true
}

func (t *term) holds(row filtered, now time.Time) bool {
	switch t.kind {
	case substring:
		text := row.filterText()
		for _, word := range t.words {
			if strings.Contains(text, word) {
				return true
			}
		}
		return false
	case fuzzyWord:
		return fuzzy(row.filterText(), t.words[0])
	case pattern:
		return t.re.MatchString(row.filterText())
	}
	text, number, ok := row.filterField(t.key, now)
	if !ok {
		return strings.Contains(t.whole, ":") && strings.Contains(row.filterText(), t.whole)
	}
	if t.kind == compares {
		if t.op == '<' {
			return number < t.number
		}
		return number > t.number
	}
	return equalsAny(strings.ToLower(text), t.words)
}

// equalsAny compares each line of a text with words; a word may end in * for any rest.
func equalsAny(text string, words []string) bool {
	for line := range strings.SplitSeq(text, "\n") {
		for _, word := range words {
			if prefix, ok := strings.CutSuffix(word, "*"); line == word || ok && strings.HasPrefix(line, prefix) {
				return true
			}
		}
	}
	return false
}

// fuzzy tells whether the letters of a word come in a text in this order.
func fuzzy(text, word string) bool {
	for _, r := range word {
		i := strings.IndexRune(text, r)
		if i < 0 {
			return false
		}
		text = text[i+len(string(r)):]
	}
	return true
}

func (h *Host) filterText() string { return h.text }

func (h *Host) filterField(key string, now time.Time) (string, float64, bool) {
	switch key {
	case "host", "name":
		return h.Name, 0, true
	case "status":
		return string(h.Status), 0, true
	case "state":
		return countedStates(&h.Counts) + string(h.Status), 0, true
	case "job":
		return taskNames(h.Tasks, func(t *Task) string { return t.Job.Name + "\n" + t.Job.Name + ":" + t.Job.Version }), 0, true
	case "tasks":
		return "", float64(h.Counts.Total()), true
	case "problems":
		return "", float64(h.Counts.Problems()), true
	case "cpu", "load":
		return "", 100 * h.LoadShare(), true
	case "mem":
		return "", 100 * h.MemoryShare(), true
	case "agent", "version":
		if h.Agent != nil {
			return h.Agent.Version, 0, true
		}
		return "", 0, true
	case "seen":
		last := h.lastSeen()
		return "", now.Sub(last).Seconds(), !last.IsZero()
	}
	value, ok := h.Labels[key]
	return value, 0, ok
}

func (j *Job) filterText() string { return j.text }

func (j *Job) filterField(key string, now time.Time) (string, float64, bool) {
	switch key {
	case "job", "name":
		return j.Spec.ID.Name, 0, true
	case "version":
		return j.Spec.ID.Version, 0, true
	case "image":
		return j.Spec.Image, 0, true
	case "group":
		return j.Group, 0, true
	case "state":
		return countedStates(&j.Counts), 0, true
	case "host":
		return taskNames(j.Tasks, func(t *Task) string { return t.Host }), 0, true
	case "hosts", "tasks":
		return "", float64(j.Counts.Total()), true
	case "problems":
		return "", float64(j.Counts.Problems()), true
	case "age":
		if j.Spec.Created == nil {
			return "", 0, false
		}
		return "", now.Sub(j.Spec.Created.Time()).Seconds(), true
	}
	value, ok := j.Spec.Labels[key]
	return value, 0, ok
}

func countedStates(c *Counts) string {
	var b strings.Builder
	for i, n := range c.states {
		if n > 0 {
			b.WriteString(string(looks[i].state) + "\n" + looks[i].code + "\n")
		}
	}
	for i, n := range c.throttled {
		if n > 0 {
			b.WriteString([]string{"FLAPPING", "IMAGE_MISSING", "IMAGE_PULL_FAILED"}[i] + "\n")
		}
	}
	return b.String()
}

func taskNames(tasks []*Task, name func(*Task) string) string {
	var b strings.Builder
	for _, t := range tasks {
		b.WriteString(name(t) + "\n")
	}
	return b.String()
}

func (g *Group) filterText() string {
	text := g.Spec.Name + " " + g.Spec.JobID.String()
	if g.Rollout != nil {
		text += " " + string(g.Rollout.State)
	}
	return strings.ToLower(text)
}

func (g *Group) filterField(key string, _ time.Time) (string, float64, bool) {
	switch key {
	case "group", "name":
		return g.Spec.Name, 0, true
	case "job":
		return g.Spec.JobID.Name, 0, true
	case "state":
		if g.Rollout != nil {
			return string(g.Rollout.State), 0, true
		}
		return "IDLE", 0, true
	case "hosts":
		return "", float64(len(g.Hosts)), true
	}
	return "", 0, false
}

func (e *Event) filterText() string {
	return strings.ToLower(e.Host + " " + e.Job.Name + ":" + e.Job.Version + " " + string(e.From) + " " + string(e.To) + " " + e.Detail + " " + string(e.Type))
}

func (e *Event) filterField(key string, now time.Time) (string, float64, bool) {
	switch key {
	case "host":
		return e.Host, 0, true
	case "job":
		return e.Job.Name + "\n" + e.Job.Name + ":" + e.Job.Version, 0, true
	case "from":
		return string(e.From) + "\n" + look(e.From).code, 0, true
	case "to", "state":
		if e.Phase != "" {
			return string(e.Phase), 0, true
		}
		return string(e.To) + "\n" + look(e.To).code, 0, true
	case "type":
		return string(e.Type), 0, true
	case "user":
		return e.User, 0, true
	case "age":
		return "", now.Sub(e.At).Seconds(), true
	}
	return "", 0, false
}
