package model

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Clients read what masters of later versions send, and say which field they cannot read.
func TestEventIsReadLeniently(t *testing.T) {
	id := JobID{Name: "web", Version: "1", Hash: "5f3c"}
	for text, want := range map[string]Event{
		`{"index":7,"type":"host.painted","time":12,"host":"web-1","colour":["red",{"a":1}]}`: {Index: 7, Type: "host.painted", Time: 12, Host: "web-1"},
		`{"index":7,"type":"job.created","time":12,"jobId":"web:1:5f3c","status":null}`:       {Index: 7, Type: EventJobCreated, Time: 12, JobID: &id},
		`{"type":null,"time":null,"jobId":null,"deployment":null,"host":null}`:                {},
		` { "type" : "\u0068eartbeat" , "index" : 3 } `:                                       {Index: 3, Type: EventHeartbeat},
	} {
		var got Event
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Errorf("%s: %v", text, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	for text, want := range map[string]string{
		`{"index":"soon"}`:                      "index: ",
		`{"type":{}}`:                           "type: ",
		`{"status":{"job":{},"state":"BURNT"}}`: "status.state: ",
		`{"jobId":"web"}`:                       "jobId: ",
		`{"index":1}{"index":2}`:                "invalid JSON",
		`{"index":1`:                            "invalid JSON",
	} {
		got := Event{Host: "before"}
		err := got.UnmarshalJSON([]byte(text))
		var e *Error
		if !errors.As(err, &e) || e.Code != CodeInvalid || len(e.Message) < len(want) || e.Message[:len(want)] != want {
			t.Errorf("%s: %v, want %s…", text, err, want)
		}
		if got.Host != "before" {
			t.Errorf("%s: what could not be read has changed the event to %v", text, got)
		}
	}
}
