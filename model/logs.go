package model

import (
	"encoding/json"
	"strings"
	"time"
)

// OutputStream says where a process wrote something.
type OutputStream string

// The streams of output.
const (
	Stdout OutputStream = "stdout"
	Stderr OutputStream = "stderr"
)

// LogQuery says which part of a job's output on a host is wanted. The zero value is everything that the current container has
// printed so far.
type LogQuery struct {
	Follow   bool `json:"follow,omitempty"`   // go on with what comes, from later containers too, until the job is undeployed
	Previous bool `json:"previous,omitempty"` // of the container before the current one; it has ended, so there is nothing to follow
	Tail     *int `json:"tail,omitempty"`     // the last so many lines of what there is; nil: all

	// Since keeps older lines out, Age those that are older than so long by the host's own clock. At most one of them is set.
	Since time.Time     `json:"since,omitzero"`
	Age   time.Duration `json:"age,omitempty"` // nanoseconds on the wire
}

// Validate returns an error with CodeInvalid for a query that means nothing.
func (q LogQuery) Validate() error {
	switch {
	case q.Previous && q.Follow:
		return Errorf(CodeInvalid, "the previous container has ended, so its log cannot be followed: leave one of the two out")
	case q.Tail != nil && *q.Tail < 0:
		return Errorf(CodeInvalid, "the number of last lines is %d: it must not be below zero", *q.Tail)
	case q.Age < 0:
		return Errorf(CodeInvalid, "the age of the oldest line is %s: it must not be below zero", q.Age)
	}
	return nil
}

// SetSince sets Since or Age from text: an RFC 3339 time, a date, or a duration such as 10m. The error has CodeInvalid.
func (q *LogQuery) SetSince(text string) error {
	q.Since, q.Age = time.Time{}, 0
	if age, err := time.ParseDuration(text); err == nil && age >= 0 {
		q.Age = max(age, 1) // zero would be no limit
		return nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			q.Since = at
			return nil
		}
	}
	return Errorf(CodeInvalid, "%q is neither a duration such as 10m nor a time such as 2006-01-02T15:04:05Z", text)
}

// LogLine is one line of GET /v1/jobs/{job}/logs: a line that a job's container printed on a host or, when Error is set, the reason
// why there is no more to come from that host.
type LogLine struct {
	Host   string       `json:"host"`
	Time   time.Time    `json:"time"` // when the engine received it; RFC 3339 on the wire
	Stream OutputStream `json:"stream,omitempty"`
	Text   string       `json:"text"` // without its line break; what is not UTF-8 is replaced
	Error  *Error       `json:"error,omitempty"`
}

// MarshalJSON leaves the stream and the text out of an error.
func (l LogLine) MarshalJSON() ([]byte, error) {
	return l.AppendTo(nil), nil
}

// AppendTo appends the line as JSON, without a line break, and returns the extended slice.
func (l LogLine) AppendTo(dst []byte) []byte {
	dst = appendString(append(dst, `{"host":`...), l.Host)
	dst = append(dst, `,"time":"`...)
	dst = l.Time.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, '"')
	if l.Error != nil {
		// An Error has strings only, which can always be written.
		failure, _ := json.Marshal(l.Error)
		dst = append(append(dst, `,"error":`...), failure...)
		return append(dst, '}')
	}
	dst = appendString(append(dst, `,"stream":`...), string(l.Stream))
	dst = appendString(append(dst, `,"text":`...), strings.TrimSuffix(l.Text, "\r"))
	return append(dst, '}')
}
