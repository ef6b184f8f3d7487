package model

import (
	"strconv"
	"strings"
	"time"
)

// Timestamp is a moment in epoch milliseconds. It is written as a number and read from a number or from any of the date strings
// that the original read (ISO 8601 with or without time, milliseconds and zone; RFC 1123).
type Timestamp int64

// TimestampOf returns the moment t, cut to milliseconds.
func TimestampOf(t time.Time) Timestamp {
	return Timestamp(t.UnixMilli())
}

// Time returns the moment in UTC.
func (t Timestamp) Time() time.Time {
	return time.UnixMilli(int64(t)).UTC()
}

// String returns the moment as ISO 8601 in UTC with milliseconds and the offset +0000, as the original writes dates and hashes them.
func (t Timestamp) String() string {
	return t.Time().Format("2006-01-02T15:04:05.000-0700")
}

// MarshalJSON writes epoch milliseconds.
func (t Timestamp) MarshalJSON() ([]byte, error) {
	return strconv.AppendInt(nil, int64(t), 10), nil
}

const legalDates = "want epoch milliseconds, yyyy-MM-dd, an ISO 8601 date and time, or an RFC 1123 date"

// ParseTimestamp reads a date string: yyyy-MM-dd (midnight UTC), ISO 8601 with optional seconds, fraction and zone (UTC without
// one), or RFC 1123. The error has CodeInvalid.
func ParseTimestamp(s string) (Timestamp, error) {
	text := strings.TrimSpace(s)
	for _, layout := range []string{
		"2006-01-02T15:04:05Z07:00", // a fraction of a second is read without being named
		"2006-01-02T15:04:05Z0700",
		time.DateOnly,
		"2006-01-02T15:04:05",
		"2006-01-02T15:04:05Z07",
		"2006-01-02T15:04Z07:00",
		"2006-01-02T15:04Z0700",
		"2006-01-02T15:04",
		"Mon, _2 Jan 2006 15:04:05 GMT",
		"Mon, _2 Jan 2006 15:04:05 UTC",
		"Mon, _2 Jan 2006 15:04:05 -0700",
	} {
		if t, err := time.Parse(layout, text); err == nil {
			return TimestampOf(t), nil
		}
	}
	return 0, Errorf(CodeInvalid, "%q is not a date: %s", s, legalDates)
}

// UnmarshalJSON reads a number or a date string. The error has CodeInvalid.
func (t *Timestamp) UnmarshalJSON(data []byte) error {
	return decode(data, t, readTimestamp)
}
