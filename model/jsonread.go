package model

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// This file reads JSON as leniently as the original did, in one pass: keys are matched exactly, unknown ones are skipped, of
// repeated ones the last counts, null stands for an absent value, and scalars are converted to each other where that makes sense
// ("2" for 2, 10.7 for 10, 12 for "12"). What cannot be read is reported with the path of the field and what would be legal.

// reader walks through one JSON text. The read functions leave it behind the value that they have read.
type reader struct {
	data  []byte
	pos   int
	depth int
}

// maxDepth bounds the nesting of lists and objects.
const maxDepth = 256

// fieldError says what is wrong with the value at a path such as ports.http.internalPort.
type fieldError struct {
	path    string
	problem string
}

func (e *fieldError) Error() string {
	if e.path == "" {
		return e.problem
	}
	return e.path + ": " + e.problem
}

// within puts the name of the enclosing member before the path of err.
func within(member string, err error) error {
	switch e := err.(type) {
	case *fieldError:
		separator := "."
		if e.path == "" || e.path[0] == '[' {
			separator = ""
		}
		return &fieldError{path: member + separator + e.path, problem: e.problem}
	case *Error:
		return &fieldError{path: member, problem: e.Message}
	default:
		return err
	}
}

func problemf(format string, args ...any) error {
	return &fieldError{problem: fmt.Sprintf(format, args...)}
}

// decode reads all of data into *into, which stays as it is when there is an error or data is null. The error is an *Error with
// CodeInvalid.
func decode[T any](data []byte, into *T, read func(*reader, *T) error) error {
	r := reader{data: data}
	if r.null() {
		return nil
	}
	var value T
	err := read(&r, &value)
	if err == nil && r.peek() != 0 {
		err = r.syntaxError("nothing more is expected")
	}
	if err != nil {
		return Errorf(CodeInvalid, "%s", err)
	}
	*into = value
	return nil
}

// peek skips blanks and returns the next byte, 0 at the end.
func (r *reader) peek() byte {
	for r.pos < len(r.data) {
		switch c := r.data[r.pos]; c {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return c
		}
	}
	return 0
}

func (r *reader) syntaxError(expected string) error {
	if r.pos >= len(r.data) {
		return fmt.Errorf("invalid JSON: it ends too early: %s", expected)
	}
	return fmt.Errorf("invalid JSON at byte %d: %s", r.pos, expected)
}

func (r *reader) literal(word string) bool {
	if bytes.HasPrefix(r.data[r.pos:], []byte(word)) {
		r.pos += len(word)
		return true
	}
	return false
}

// null takes a null if it is next.
func (r *reader) null() bool {
	return r.peek() == 'n' && r.literal("null")
}

// mismatch takes the next value and reports that it is of the wrong kind.
func (r *reader) mismatch(wanted string) error {
	var kind string
	switch c := r.peek(); {
	case c == '{':
		kind = "an object"
	case c == '[':
		kind = "a list"
	case c == '"':
		kind = "a string"
	case c == 't', c == 'f':
		kind = "true or false"
	case c == 'n':
		kind = "null"
	default:
		kind = "a number"
	}
	if err := r.skip(); err != nil {
		return err
	}
	return problemf("must be %s, not %s", wanted, kind)
}

// object calls member with each key, which has to read the value.
func (r *reader) object(member func(key []byte) error) error {
	if r.peek() != '{' {
		return r.mismatch("an object")
	}
	if err := r.enter(); err != nil {
		return err
	}
	for r.peek() != '}' {
		if r.peek() != '"' {
			return r.syntaxError("the key of a member is expected")
		}
		key, err := r.text()
		if err != nil {
			return err
		}
		if r.peek() != ':' {
			return r.syntaxError("a colon is expected")
		}
		r.pos++
		if err := member(key); err != nil {
			return within(string(key), err)
		}
		if err := r.separator('}'); err != nil {
			return err
		}
	}
	r.leave()
	return nil
}

// array calls element for each element, which it has to read.
func (r *reader) array(element func() error) error {
	if r.peek() != '[' {
		return r.mismatch("a list")
	}
	if err := r.enter(); err != nil {
		return err
	}
	for i := 0; r.peek() != ']'; i++ {
		if err := element(); err != nil {
			return within("["+strconv.Itoa(i)+"]", err)
		}
		if err := r.separator(']'); err != nil {
			return err
		}
	}
	r.leave()
	return nil
}

func (r *reader) enter() error {
	if r.depth++; r.depth > maxDepth {
		return r.syntaxError("lists and objects are nested too deeply")
	}
	r.pos++
	return nil
}

func (r *reader) leave() {
	r.depth--
	r.pos++
}

// separator takes the comma behind a member, or leaves the closing bracket to its caller.
func (r *reader) separator(closing byte) error {
	switch r.peek() {
	case closing:
		return nil
	case ',':
		r.pos++
		if r.peek() != closing {
			return nil
		}
		return r.syntaxError("a value is expected after the comma")
	default:
		return r.syntaxError("a comma or a closing bracket is expected")
	}
}

// skip takes the next value, whatever it is.
func (r *reader) skip() error {
	switch c := r.peek(); {
	case c == '{':
		return r.object(func([]byte) error { return r.skip() })
	case c == '[':
		return r.array(r.skip)
	case c == '"':
		_, err := r.text()
		return err
	case c == 't' && r.literal("true"), c == 'f' && r.literal("false"), c == 'n' && r.literal("null"):
		return nil
	default:
		_, err := r.number()
		return err
	}
}

// text takes a string and returns its characters, which may be part of the data.
func (r *reader) text() ([]byte, error) {
	start := r.pos + 1
	ascii := true
	for i := start; i < len(r.data); i++ {
		switch c := r.data[i]; {
		case c == '"':
			text := r.data[start:i]
			if !ascii && !utf8.Valid(text) {
				return nil, r.syntaxError("the string is not valid UTF-8")
			}
			r.pos = i + 1
			return text, nil
		case c == '\\':
			return r.escapedText(start, i)
		case c < ' ':
			r.pos = i
			return nil, r.syntaxError("a control character in a string must be escaped")
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	r.pos = len(r.data)
	return nil, r.syntaxError("a string is not closed")
}

// escapedText goes on with a string that began at start and has its first backslash at i.
func (r *reader) escapedText(start, i int) ([]byte, error) {
	text := bytes.Clone(r.data[start:i])
	for r.pos = i; r.pos < len(r.data); {
		switch c := r.data[r.pos]; {
		case c == '"':
			if !utf8.Valid(text) {
				return nil, r.syntaxError("the string is not valid UTF-8")
			}
			r.pos++
			return text, nil
		case c == '\\':
			var err error
			if text, err = r.escape(text); err != nil {
				return nil, err
			}
		case c < ' ':
			return nil, r.syntaxError("a control character in a string must be escaped")
		default:
			text = append(text, c)
			r.pos++
		}
	}
	return nil, r.syntaxError("a string is not closed")
}

// escape takes an escape sequence and appends what it means.
func (r *reader) escape(text []byte) ([]byte, error) {
	if r.pos+1 >= len(r.data) {
		return nil, r.syntaxError("a string is not closed")
	}
	c := r.data[r.pos+1]
	if at := strings.IndexByte(`"\/bfnrt`, c); at >= 0 {
		r.pos += 2
		return append(text, "\"\\/\b\f\n\r\t"[at]), nil
	}
	unit, ok := r.escapedUnit()
	if !ok {
		return nil, r.syntaxError("an unknown escape in a string")
	}
	r.pos += len(`\u0000`)
	if low, ok := r.escapedUnit(); ok && utf16.IsSurrogate(unit) {
		if pair := utf16.DecodeRune(unit, low); pair != utf8.RuneError {
			r.pos += len(`\u0000`)
			return utf8.AppendRune(text, pair), nil
		}
	}
	return utf8.AppendRune(text, unit), nil // U+FFFD for half a pair
}

// escapedUnit returns the UTF-16 code unit of the \u escape that is next, if one is.
func (r *reader) escapedUnit() (rune, bool) {
	rest := r.data[r.pos:]
	if len(rest) < len(`\u0000`) || rest[0] != '\\' || rest[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(rest[2:6]), 16, 16)
	return rune(unit), err == nil
}

// number takes a number and returns its text.
func (r *reader) number() ([]byte, error) {
	r.peek()
	start := r.pos
	digits := func() int {
		first := r.pos
		for r.pos < len(r.data) && isDigit(r.data[r.pos]) {
			r.pos++
		}
		return r.pos - first
	}
	next := func(c byte) bool {
		if r.pos < len(r.data) && r.data[r.pos] == c {
			r.pos++
			return true
		}
		return false
	}
	next('-')
	leadingZero := r.pos < len(r.data) && r.data[r.pos] == '0'
	if n := digits(); n == 0 || leadingZero && n > 1 {
		r.pos = start
		return nil, r.syntaxError("a value is expected")
	}
	if next('.') && digits() == 0 {
		return nil, r.syntaxError("a digit is expected")
	}
	if next('e') || next('E') {
		if !next('+') {
			next('-')
		}
		if digits() == 0 {
			return nil, r.syntaxError("a digit is expected")
		}
	}
	return r.data[start:r.pos], nil
}

// scalar takes a string, a number or a boolean and returns its text; quoted tells strings. The next value must not be null.
func (r *reader) scalar(wanted string) (text []byte, quoted bool, err error) {
	start := r.pos
	switch c := r.peek(); {
	case c == '"':
		text, err = r.text()
		return text, true, err
	case c == 't' && r.literal("true"), c == 'f' && r.literal("false"):
		return bytes.TrimSpace(r.data[start:r.pos]), false, nil
	case c == '-', isDigit(c):
		text, err = r.number()
		return text, false, err
	case c == '{', c == '[', c == 'n':
		return nil, false, r.mismatch(wanted)
	default:
		return nil, false, r.syntaxError("a value is expected")
	}
}

// readString reads a string, converting other scalars. Null is "".
func readString(r *reader, s *string) error {
	if r.null() {
		*s = ""
		return nil
	}
	text, _, err := r.scalar("a string")
	*s = string(text)
	return err
}

// integer reads a whole number between least and most. Null and blank strings are absent.
func (r *reader) integer(least, most int64) (n int64, present bool, err error) {
	if r.null() {
		return 0, false, nil
	}
	text, quoted, err := r.scalar("a whole number")
	if err != nil {
		return 0, false, err
	}
	if quoted {
		if text = bytes.TrimSpace(text); len(text) == 0 {
			return 0, false, nil
		}
	}
	n, ok := parseInteger(string(text), quoted)
	if !ok {
		return 0, false, problemf("must be a whole number, not %q", text)
	}
	if n < least || n > most {
		return 0, false, problemf("must be between %d and %d, not %s", least, most, text)
	}
	return n, true, nil
}

// parseInteger cuts the fraction off a number, but not off one that came as a string.
func parseInteger(text string, quoted bool) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err == nil {
		return n, true
	}
	if quoted {
		return 0, false
	}
	if whole, fraction, found := strings.Cut(text, "."); found && !strings.ContainsAny(fraction, "eE") {
		n, err = strconv.ParseInt(whole, 10, 64)
		return n, err == nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f >= math.MaxInt64 || f <= math.MinInt64 {
		return 0, false
	}
	return int64(f), true
}

// readInt reads what is an int in Java. Absent is 0.
func readInt(r *reader, n *int) error {
	value, _, err := r.integer(math.MinInt32, math.MaxInt32)
	*n = int(value)
	return err
}

// readInt64 reads what is a long in Java. Absent is 0.
func readInt64(r *reader, n *int64) error {
	value, _, err := r.integer(math.MinInt64, math.MaxInt64)
	*n = value
	return err
}

func readUint64(r *reader, n *uint64) error {
	value, _, err := r.integer(0, math.MaxInt64)
	*n = uint64(value)
	return err
}

// readOptionalInt reads what is an Integer in Java. Absent is nil.
func readOptionalInt(r *reader, n **int) error {
	value, present, err := r.integer(math.MinInt32, math.MaxInt32)
	if *n = nil; present {
		*n = new(int)
		**n = int(value)
	}
	return err
}

// readOptionalInt64 reads what is a Long in Java. Absent is nil.
func readOptionalInt64[T ~int64](r *reader, n **T) error {
	value, present, err := r.integer(math.MinInt64, math.MaxInt64)
	if *n = nil; present {
		*n = new(T)
		**n = T(value)
	}
	return err
}

// readFloat reads a number. Absent is 0, and so is what Java writes for no number at all.
func readFloat(r *reader, f *float64) error {
	*f = 0
	if r.null() {
		return nil
	}
	text, _, err := r.scalar("a number")
	if err != nil {
		return err
	}
	if text = bytes.TrimSpace(text); len(text) == 0 {
		return nil
	}
	value, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return problemf("must be a number, not %q", text)
	}
	if !math.IsNaN(value) && !math.IsInf(value, 0) {
		*f = value
	}
	return nil
}

// readOptionalBool reads true or false, also as a string or as a number. Null and "" are nil.
func readOptionalBool(r *reader, b **bool) error {
	*b = nil
	if r.null() {
		return nil
	}
	text, quoted, err := r.scalar("true or false")
	if err != nil {
		return err
	}
	var value bool
	switch word := string(bytes.TrimSpace(text)); {
	case word == "":
		return nil
	case word == "true", word == "True":
		value = true
	case word == "false", word == "False":
	case !quoted:
		n, ok := parseInteger(word, false)
		if !ok {
			return problemf("must be true or false, not %s", text)
		}
		value = n != 0
	default:
		return problemf("must be true or false, not %q", text)
	}
	*b = &value
	return nil
}

func readBool(r *reader, b *bool) error {
	var value *bool
	err := readOptionalBool(r, &value)
	*b = value != nil && *value
	return err
}

// readNullable reads a value that may be null.
func readNullable[T any](r *reader, p **T, read func(*reader, *T) error) error {
	*p = nil
	if r.null() {
		return nil
	}
	value := new(T)
	if err := read(r, value); err != nil {
		return err
	}
	*p = value
	return nil
}

// readPresent replaces *value by the next value and notes whether there was one, null being none.
func readPresent[T any](r *reader, present *bool, value *T, read func(*reader, *T) error) error {
	var fresh T
	*value = fresh
	if *present = !r.null(); !*present {
		return nil
	}
	return read(r, value)
}

// missing reports a member that must be there.
func missing(member string) error {
	return within(member, problemf("is required"))
}

// readList reads a list. Null is nil, as is an empty list unless keepEmpty; null elements are errors.
func readList[T any](r *reader, list *[]T, keepEmpty bool, read func(*reader, *T) error) error {
	*list = nil
	if r.null() {
		return nil
	}
	if keepEmpty {
		*list = []T{}
	}
	return r.array(func() error {
		if r.null() {
			return problemf("must not be null")
		}
		var value T
		if err := read(r, &value); err != nil {
			return err
		}
		*list = append(*list, value)
		return nil
	})
}

func readStrings(r *reader, list *[]string) error {
	return readList(r, list, false, readString)
}

// readMap reads an object as a map. Null is nil, as is an empty object; null values are errors.
func readMap[V any](r *reader, m *map[string]V, read func(*reader, *V) error) error {
	*m = nil
	if r.null() {
		return nil
	}
	return r.object(func(key []byte) error {
		if r.null() {
			return problemf("must not be null")
		}
		var value V
		if err := read(r, &value); err != nil {
			return err
		}
		if *m == nil {
			*m = make(map[string]V)
		}
		(*m)[string(key)] = value
		return nil
	})
}

func readStringMap(r *reader, m *map[string]string) error {
	return readMap(r, m, readString)
}

// readJobID reads a job id. Null is the unset id.
func readJobID(r *reader, id *JobID) error {
	if r.null() {
		*id = JobID{}
		return nil
	}
	text, _, err := r.scalar("a job id")
	if err != nil {
		return err
	}
	return id.UnmarshalText(text)
}

// readTimestamp reads a date: epoch milliseconds or a string. The next value must not be null.
func readTimestamp(r *reader, t *Timestamp) error {
	if r.peek() != '"' {
		n, present, err := r.integer(math.MinInt64, math.MaxInt64)
		if err == nil && !present {
			err = problemf("must not be null")
		}
		*t = Timestamp(n)
		return err
	}
	text, err := r.text()
	if err != nil {
		return err
	}
	*t, err = ParseTimestamp(string(text))
	return err
}

// readOptionalTimestamp reads a date. Null and "" are nil.
func readOptionalTimestamp(r *reader, t **Timestamp) error {
	if *t = nil; r.peek() == '"' && r.literal(`""`) {
		return nil
	}
	return readNullable(r, t, readTimestamp)
}

// readMillis reads a moment that is a plain number in the original, and so may be a number in a string. Absent is 0.
func readMillis(r *reader, t *Timestamp) error {
	n, _, err := r.integer(math.MinInt64, math.MaxInt64)
	*t = Timestamp(n)
	return err
}
