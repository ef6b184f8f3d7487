package model

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// This file reads values of the types that the nouns are made of. The functions named read… share a form, so that lists and maps can
// be read with them.

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
