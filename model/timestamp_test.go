package model

import (
	"encoding/json"
	"testing"
	"time"
)

func TestTimestampFromJSON(t *testing.T) {
	for text, want := range map[string]string{
		`2000000000000`:                     "2033-05-18T03:33:20.000+0000",
		`0`:                                 "1970-01-01T00:00:00.000+0000",
		`-1`:                                "1969-12-31T23:59:59.999+0000",
		`1500000000000.9`:                   "2017-07-14T02:40:00.000+0000",
		`1.5e12`:                            "2017-07-14T02:40:00.000+0000",
		`"2034-06-01"`:                      "2034-06-01T00:00:00.000+0000",
		`"2034-06-01T12:00:00Z"`:            "2034-06-01T12:00:00.000+0000",
		`"2034-06-01T12:00:00.123Z"`:        "2034-06-01T12:00:00.123+0000",
		`"2034-06-01T12:00:00.1Z"`:          "2034-06-01T12:00:00.100+0000",
		`"2034-06-01T12:00:00.123+02:00"`:   "2034-06-01T10:00:00.123+0000",
		`"2034-06-01T12:00:00.123+0200"`:    "2034-06-01T10:00:00.123+0000",
		`"2034-06-01T12:00:00-05:30"`:       "2034-06-01T17:30:00.000+0000",
		`"2034-06-01T12:00:00+02"`:          "2034-06-01T10:00:00.000+0000",
		`"2034-06-01T12:00:00"`:             "2034-06-01T12:00:00.000+0000",
		`"2034-06-01T12:00Z"`:               "2034-06-01T12:00:00.000+0000",
		`" 2034-06-01 "`:                    "2034-06-01T00:00:00.000+0000",
		`"2033-05-18T03:33:20.000+0000"`:    "2033-05-18T03:33:20.000+0000",
		`"Thu, 01 Jun 2034 12:00:00 GMT"`:   "2034-06-01T12:00:00.000+0000",
		`"Thu, 1 Jun 2034 12:00:00 GMT"`:    "2034-06-01T12:00:00.000+0000",
		`"Thu, 01 Jun 2034 12:00:00 +0100"`: "2034-06-01T11:00:00.000+0000",
	} {
		var got Timestamp
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got.String() != want {
			t.Errorf("%s is read as %s, want %s", text, got, want)
		}
	}
}

func TestTimestampRefuses(t *testing.T) {
	for _, text := range []string{
		`"tomorrow"`, `""`, `"2034"`, `"2034-13-01"`, `"2034-06-31"`, `"2034-06-01T25:00:00Z"`, `"2034-06-01 12:00:00"`,
		`"Thu, 01 Jun 2034 12:00:00 EST"`, `"1500000000000"`, `true`, `{}`, `[]`, `1e30`,
	} {
		var got Timestamp
		if err := json.Unmarshal([]byte(text), &got); CodeOf(err) != CodeInvalid {
			t.Errorf("%s is read as %s, %v, want %s", text, got, err, CodeInvalid)
		}
	}
}

func TestTimestampOf(t *testing.T) {
	moment := time.Date(2034, 6, 1, 12, 0, 0, 123999999, time.FixedZone("", 7200))
	got := TimestampOf(moment)
	if want := Timestamp(2032768800123); got != want {
		t.Errorf("TimestampOf = %d, want %d", got, want)
	}
	if want := moment.Truncate(time.Millisecond).UTC(); got.Time() != want {
		t.Errorf("Time = %s, want %s", got.Time(), want)
	}
	if data, err := json.Marshal(got); err != nil || string(data) != "2032768800123" {
		t.Errorf("JSON is %s, %v", data, err)
	}
}

func FuzzTimestamp(f *testing.F) {
	for _, seed := range []string{"2034-06-01", "2034-06-01T12:00:00.123+02:00", "Thu, 01 Jun 2034 12:00:00 GMT", "x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		first, err := ParseTimestamp(text)
		if err != nil {
			if CodeOf(err) != CodeInvalid {
				t.Errorf("the error of %q is %s", text, CodeOf(err))
			}
			return
		}
		if year := first.Time().Year(); year < 0 || year > 9999 {
			return // brought there by the zone; has no text of four digits
		}
		// What is written for the id reads back as the same moment.
		second, err := ParseTimestamp(first.String())
		if err != nil || first != second {
			t.Errorf("%q is %s, which reads as %s, %v", text, first, second, err)
		}
	})
}
