package model

import (
	"bytes"
	"fmt"
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
	value := *into
	if !r.null() {
		var fresh T
		if err := read(&r, &fresh); err != nil {
			return Errorf(CodeInvalid, "%s", err)
		}
		value = fresh
	}
	if r.peek(); r.pos < len(r.data) {
		return Errorf(CodeInvalid, "%s", r.syntaxError("nothing more is expected"))
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
