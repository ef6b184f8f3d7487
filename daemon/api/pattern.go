package api

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
)

// compileJava compiles a regular expression in the words of java.util.regex, which clients of the original send. What Go's package
// regexp says in other words is translated; what it cannot do, because it never tries again, is refused: lookaround, back references,
// possessive quantifiers and atomic groups. The sign $ means the very end: the names of hosts have no line breaks.
func compileJava(text string) (*regexp.Regexp, error) {
	t := &translator{in: []rune(text)}
	if len(t.in) > maxPattern {
		return nil, fmt.Errorf("it has more than %d characters", maxPattern)
	}
	for t.more() {
		if err := t.next(); err != nil {
			return nil, err
		}
	}
	return regexp.Compile(t.out.String())
}

// maxPattern bounds the length of an expression, and with it the work of compiling it.
const maxPattern = 1000

// translator walks through an expression of Java and writes one of Go.
type translator struct {
	in  []rune
	pos int
	out strings.Builder
}

func (t *translator) more() bool { return t.pos < len(t.in) }

func (t *translator) has(prefix string) bool {
	return strings.HasPrefix(string(t.in[t.pos:min(len(t.in), t.pos+len(prefix))]), prefix)
}

// take takes the next rune, 0 at the end.
func (t *translator) take() rune {
	if !t.more() {
		return 0
	}
	t.pos++
	return t.in[t.pos-1]
}

// until takes what comes before the end mark, and the mark.
func (t *translator) until(end string) (string, bool) {
	for start := t.pos; t.more(); t.pos++ {
		if t.has(end) {
			text := string(t.in[start:t.pos])
			t.pos += len(end)
			return text, true
		}
	}
	return "", false
}

func errUnsupported(what string) error {
	return fmt.Errorf("%s not supported; write the expression without", what)
}

// next translates one piece outside of classes.
func (t *translator) next() error {
	switch c := t.take(); c {
	case '\\':
		return t.escape()
	case '[':
		set, negated, err := t.class(0)
		if err != nil {
			return err
		}
		t.out.WriteString(set.class(negated))
	case '(':
		return t.group()
	case '*', '+', '?':
		t.out.WriteRune(c)
		return t.notPossessive()
	case '{':
		return t.repetition()
	default:
		t.out.WriteRune(c)
	}
	return nil
}

// notPossessive takes the sign behind a quantifier that makes it reluctant, and refuses the one that makes it possessive.
func (t *translator) notPossessive() error {
	switch {
	case t.has("+"):
		return errUnsupported("possessive quantifiers such as *+ are")
	case t.has("?"):
		t.out.WriteRune(t.take())
	}
	return nil
}

var repetition = regexp.MustCompile(`^\d+(,\d*)?$`)

func (t *translator) repetition() error {
	count, closed := t.until("}")
	if !closed || !repetition.MatchString(count) {
		return fmt.Errorf("a { must begin a number of repetitions; write \\{ for the character")
	}
	t.out.WriteString("{" + count + "}")
	return t.notPossessive()
}

// lookarounds are the groups that Go does not have.
var lookarounds = []struct{ opening, name string }{
	{"?=", "lookahead is"}, {"?!", "lookahead is"}, {"?<=", "lookbehind is"}, {"?<!", "lookbehind is"}, {"?>", "atomic groups are"},
}

func (t *translator) group() error {
	for _, each := range lookarounds {
		if t.has(each.opening) {
			return errUnsupported(each.name)
		}
	}
	t.out.WriteByte('(')
	if !t.has("?") || t.has("?:") || t.has("?<") {
		return nil
	}
	t.take()
	return t.flags()
}

// flags translates (?i) and (?i:. Lines of Unix and the case of Unicode are what Go has anyway.
func (t *translator) flags() error {
	t.out.WriteByte('?')
	none := true
	for {
		switch c := t.take(); c {
		case 'i', 'm', 's', '-':
			t.out.WriteRune(c)
			none = false
		case 'd', 'u':
		case ':':
			t.out.WriteRune(c)
			return nil
		case ')':
			if none {
				t.out.WriteByte(':')
			}
			t.out.WriteRune(c)
			return nil
		case 'x', 'U':
			return errUnsupported("the flag " + string(c) + " is")
		default:
			return fmt.Errorf("unknown flag behind (?")
		}
	}
}

const (
	horizontal = `\t \x{a0}\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}`
	vertical   = `\n-\r\x{85}\x{2028}\x{2029}`
	lineBreak  = `(?:\r\n|[` + vertical + `])`
)

// escapes are those outside of classes that are neither a character nor a class.
var escapes = map[rune]string{'b': `\b`, 'B': `\B`, 'A': `\A`, 'G': `\A`, 'z': `\z`, 'Z': lineBreak + `?\z`, 'R': lineBreak}

// escape translates what follows a backslash outside of classes.
func (t *translator) escape() error {
	if !t.more() {
		return fmt.Errorf("it ends with a backslash")
	}
	c := t.in[t.pos]
	if text, ok := escapes[c]; ok && !(c == 'b' && t.pos+1 < len(t.in) && t.in[t.pos+1] == '{') {
		t.pos++
		t.out.WriteString(text)
		return nil
	}
	if c == 'Q' {
		t.out.WriteString(regexp.QuoteMeta(string(t.quotation())))
		return nil
	}
	set, _, err := t.escaped()
	if err == nil {
		t.out.WriteString(set.class(false))
	}
	return err
}

// quotation takes what stands between \Q and \E, or all the rest.
func (t *translator) quotation() []rune {
	t.take()
	rest := t.in[t.pos:]
	if text, closed := t.until(`\E`); closed {
		return []rune(text)
	}
	t.pos = len(t.in)
	return rest
}

// sets are the escapes that stand for several characters, in the words of Go's classes.
var sets = map[rune]string{
	'd': `\d`, 'D': `\D`, 'w': `\w`, 'W': `\W`, 's': `\t-\r `, 'S': `^\t-\r `, 'h': horizontal, 'H': `^` + horizontal, 'v': vertical, 'V': `^` + vertical,
}

var controls = map[rune]rune{'t': '\t', 'n': '\n', 'r': '\r', 'f': '\f', 'a': '\a', 'e': 0x1b}

// escaped takes what follows a backslash and stands for characters, inside of a class or not; single tells that it is one.
func (t *translator) escaped() (set runeSet, single bool, err error) {
	c := t.take()
	if class, ok := sets[c]; ok {
		return setOf(class), false, nil
	}
	if control, ok := controls[c]; ok {
		return oneRune(control), true, nil
	}
	var r rune
	switch {
	case c == 'p', c == 'P':
		set, err = t.property(c == 'P')
		return set, false, err
	case c == '0':
		r, err = t.octal()
	case c == 'x', c == 'u':
		r, err = t.hex(c)
	case c == 'c' && t.more():
		r = t.take() ^ 64
	case c >= '1' && c <= '9', c == 'k':
		err = errUnsupported("back references are")
	case c < unicode.MaxASCII && unicode.IsLetter(c), c == 0:
		err = fmt.Errorf(`unknown escape \%c`, c)
	default:
		r = c
	}
	return oneRune(r), true, err
}

// octal takes one to three digits, up to 377.
func (t *translator) octal() (rune, error) {
	start := t.pos
	for limit := 3; t.more() && t.pos-start < limit && t.in[t.pos] >= '0' && t.in[t.pos] <= '7'; t.pos++ {
		if t.pos == start && t.in[t.pos] > '3' {
			limit = 2
		}
	}
	r, err := strconv.ParseUint(string(t.in[start:t.pos]), 8, 8)
	if err != nil {
		return 0, fmt.Errorf(`\0 needs octal digits`)
	}
	return rune(r), nil
}

// hex takes the digits of \xhh, \x{h...} or \uhhhh, and the other half when the latter is one of a pair.
func (t *translator) hex(kind rune) (rune, error) {
	var digits string
	ok := true
	switch {
	case kind == 'x' && t.has("{"):
		t.take()
		digits, ok = t.until("}")
	case kind == 'x':
		digits, ok = t.digits(2)
	default:
		digits, ok = t.digits(4)
	}
	code, err := strconv.ParseUint(digits, 16, 32)
	if !ok || err != nil || code > unicode.MaxRune {
		return 0, fmt.Errorf(`\%c needs the number of a character`, kind)
	}
	r := rune(code)
	if kind == 'u' && utf16.IsSurrogate(r) && t.has(`\u`) {
		t.pos += len(`\u`)
		digits, _ = t.digits(4)
		low, err := strconv.ParseUint(digits, 16, 32)
		if r = utf16.DecodeRune(r, rune(low)); err == nil && r != unicode.ReplacementChar {
			return r, nil
		}
	}
	if utf16.IsSurrogate(r) || r == unicode.ReplacementChar {
		return 0, fmt.Errorf(`\%c%s is no character`, kind, digits)
	}
	return r, nil
}

// digits takes that many digits, as far as there are so many runes.
func (t *translator) digits(n int) (text string, ok bool) {
	end := min(len(t.in), t.pos+n)
	text = string(t.in[t.pos:end])
	ok = end == t.pos+n
	t.pos = end
	return text, ok
}

// posix are Java's names of the classes of ASCII characters.
var posix = map[string]string{
	"Lower": "lower", "Upper": "upper", "ASCII": "ascii", "Alpha": "alpha", "Digit": "digit", "Alnum": "alnum", "Punct": "punct", "Graph": "graph",
	"Print": "print", "Blank": "blank", "Cntrl": "cntrl", "XDigit": "xdigit", "Space": "space",
}

// property takes the name behind \p: of a POSIX class, of a general category, or of a script.
func (t *translator) property(negated bool) (runeSet, error) {
	name := string(t.take())
	if name == "{" {
		var closed bool
		if name, closed = t.until("}"); !closed {
			return nil, fmt.Errorf(`\p{ is not closed`)
		}
	}
	set, ok := namedSet(name)
	if !ok {
		return nil, errUnsupported(`the class \p{` + name + `} is`)
	}
	if negated {
		set = set.complement()
	}
	return set, nil
}

func namedSet(name string) (runeSet, bool) {
	if class, ok := posix[name]; ok {
		return setOf("[:" + class + ":]"), true
	}
	key, value, keyed := strings.Cut(name, "=")
	if !keyed {
		key, value = "", name
	}
	value, is := strings.CutPrefix(value, "Is")
	categories := !keyed || key == "gc" || key == "general_category"
	if _, ok := unicode.Categories[value]; ok && categories {
		return setOf(`\p{` + value + `}`), true
	}
	if scripts := is && !keyed || key == "sc" || key == "script"; scripts {
		for script := range unicode.Scripts {
			if strings.EqualFold(script, value) {
				return setOf(`\p{` + script + `}`), true
			}
		}
	}
	return nil, false
}

// maxNesting bounds the nesting of classes.
const maxNesting = 100

// class takes the rest of a class: characters, ranges and classes side by side are joined, && leaves what both sides have. The
// negation is of the whole.
func (t *translator) class(depth int) (set runeSet, negated bool, err error) {
	if depth > maxNesting {
		return nil, false, fmt.Errorf("classes are nested too deeply")
	}
	if negated = t.has("^"); negated {
		t.take()
	}
	var left runeSet
	intersected, some := false, false
	join := func() {
		if intersected {
			set = left.intersect(set)
		}
	}
	for {
		switch {
		case !t.more():
			return nil, false, fmt.Errorf("a [ is not closed")
		case t.has("]") && some:
			t.take()
			join()
			return set, negated, nil
		case t.has("&&"):
			if !some {
				return nil, false, fmt.Errorf("nothing stands before &&")
			}
			t.pos += 2
			join()
			left, set, intersected, some = set, nil, true, false
		default:
			part, err := t.classItem(depth)
			if err != nil {
				return nil, false, err
			}
			set, some = append(set, part...).normal(), true
		}
	}
}

// classItem takes a class, a range or a character in a class.
func (t *translator) classItem(depth int) (runeSet, error) {
	if t.has("[") {
		t.take()
		set, negated, err := t.class(depth + 1)
		if negated {
			set = set.complement()
		}
		return set, err
	}
	if t.has(`\Q`) {
		t.take()
		var set runeSet
		for _, r := range t.quotation() {
			set = append(set, r, r)
		}
		return set.normal(), nil
	}
	low, single, err := t.classRune()
	if err != nil || !single || !t.has("-") || t.pos+1 >= len(t.in) || strings.ContainsRune("[]", t.in[t.pos+1]) {
		return low, err
	}
	t.take()
	high, single, err := t.classRune()
	switch {
	case err != nil:
		return nil, err
	case !single || high[0] < low[0]:
		return nil, fmt.Errorf("a range in a class goes from a character to one that comes later")
	}
	return runeSet{low[0], high[0]}, nil
}

func (t *translator) classRune() (set runeSet, single bool, err error) {
	c := t.take()
	if c == '\\' {
		return t.escaped()
	}
	return oneRune(c), true, nil
}

// runeSet is ranges of characters, each by its first and its last.
type runeSet []rune

func oneRune(r rune) runeSet { return runeSet{r, r} }

// normal is the set in rising order without overlaps.
func (s runeSet) normal() runeSet {
	var ranges [][2]rune
	for i := 0; i < len(s); i += 2 {
		ranges = append(ranges, [2]rune{s[i], s[i+1]})
	}
	slices.SortFunc(ranges, func(a, b [2]rune) int { return int(a[0] - b[0]) })
	var normal runeSet
	for _, each := range ranges {
		if last := len(normal) - 1; last > 0 && each[0] <= normal[last]+1 {
			normal[last] = max(normal[last], each[1])
		} else {
			normal = append(normal, each[0], each[1])
		}
	}
	return normal
}

func (s runeSet) complement() runeSet {
	var rest runeSet
	next := rune(0)
	for i := 0; i < len(s); i += 2 {
		if s[i] > next {
			rest = append(rest, next, s[i]-1)
		}
		next = s[i+1] + 1
	}
	if next <= unicode.MaxRune {
		rest = append(rest, next, unicode.MaxRune)
	}
	return rest
}

func (s runeSet) intersect(other runeSet) runeSet {
	return append(s.complement(), other.complement()...).normal().complement()
}

// class is the set as a class of Go. It is the class that is negated and not the set, because the case of letters counts first.
func (s runeSet) class(negated bool) string {
	if len(s) == 0 {
		s, negated = runeSet{0, unicode.MaxRune}, !negated
	}
	var b strings.Builder
	b.WriteString(map[bool]string{false: "[", true: "[^"}[negated])
	for i := 0; i < len(s); i += 2 {
		fmt.Fprintf(&b, `\x{%x}-\x{%x}`, s[i], s[i+1])
	}
	b.WriteString("]")
	return b.String()
}

// setOf reads a class of Go.
func setOf(class string) runeSet {
	parsed, err := syntax.Parse("["+class+"]", syntax.Perl)
	if err != nil {
		panic(fmt.Sprintf("api: class %s: %v", class, err)) // one of our own
	}
	if parsed.Op == syntax.OpLiteral {
		return oneRune(parsed.Rune[0])
	}
	return parsed.Rune
}
