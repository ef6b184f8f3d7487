package model_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

func TestFrames(t *testing.T) {
	frames := []model.Frame{
		{Type: model.FrameReady},
		{Type: model.FrameStdout, Payload: []byte("a\x00b\n")},
		{Type: model.FrameStdin, Payload: bytes.Repeat([]byte("x"), model.MaxFrame)},
		{Type: 200, Payload: []byte("of a later version")},
	}
	var wire []byte
	for _, f := range frames {
		wire = model.AppendFrame(wire, f.Type, f.Payload)
	}
	r := bytes.NewReader(wire)
	for _, want := range frames {
		got, err := model.ReadFrame(r)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("frame (-want +got):\n%s\nerror %v", diff, err)
		}
	}
	if _, err := model.ReadFrame(r); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

func TestFramesThatAreNone(t *testing.T) {
	whole := model.AppendFrame(nil, model.FrameStdout, []byte("text"))
	for name, test := range map[string]struct {
		wire []byte
		want error
	}{
		"half a header":        {whole[:3], io.ErrUnexpectedEOF},
		"a header alone":       {whole[:5], io.ErrUnexpectedEOF},
		"half a payload":       {whole[:7], io.ErrUnexpectedEOF},
		"another protocol":     {[]byte("HTTP/1.1 200 OK\r\n"), &model.Error{Code: model.CodeTooLarge}},
		"one byte above limit": {model.AppendFrame(nil, model.FrameStdin, make([]byte, model.MaxFrame+1)), &model.Error{Code: model.CodeTooLarge}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := model.ReadFrame(bytes.NewReader(test.wire)); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
}

func TestErrorFrames(t *testing.T) {
	for payload, want := range map[string]model.Code{
		`{"code":"NO_CONTAINER","message":"none yet"}`: model.CodeNoContainer,
		`{}`:    model.CodeInternal,
		`oh no`: model.CodeInternal,
	} {
		if got := (model.Frame{Type: model.FrameError, Payload: []byte(payload)}).ErrorOf(); got.Code != want || got.Message == "" {
			t.Errorf("%s: %+v, want code %s", payload, got, want)
		}
	}
}

func TestSessionLineOfTheTaskStream(t *testing.T) {
	tail := 3
	want := model.TaskUpdate{
		Type: model.TaskUpdateSession, Index: 7,
		Session: &model.SessionRequest{
			ID: "secret", Kind: model.SessionLogs, Master: "http://m1:5801",
			JobID: model.JobID{Name: "web", Version: "1", Hash: strings.Repeat("0", 40)},
			Logs:  &model.LogQuery{Follow: true, Tail: &tail, Since: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Age: time.Minute},
		},
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got model.TaskUpdate
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, bad := range []string{`{"session":5}`, `{"session":{"jobId":"x"}}`, `{"session":{"id":1}}`} {
		if err := json.Unmarshal([]byte(bad), &got); model.CodeOf(err) != model.CodeInvalid || !strings.Contains(err.Error(), "session") {
			t.Errorf("%s: error %v", bad, err)
		}
	}
}

func TestLogLines(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 600, time.FixedZone("", 3600))
	for _, test := range []struct {
		name string
		line model.LogLine
		want string
		back model.LogLine
	}{
		{
			"plain", model.LogLine{Host: "h1", Time: at, Stream: model.Stderr, Text: "a \"b\"\t\x1b[1m<é"},
			`{"host":"h1","time":"2026-01-02T02:04:05.0000006Z","stream":"stderr","text":"a \"b\"\t\u001B[1m<é"}`,
			model.LogLine{Host: "h1", Time: at.UTC(), Stream: model.Stderr, Text: "a \"b\"\t\x1b[1m<é"},
		},
		{
			"not UTF-8, and a Windows line break", model.LogLine{Host: "h1", Time: at, Stream: model.Stdout, Text: "\xff\r"},
			`{"host":"h1","time":"2026-01-02T02:04:05.0000006Z","stream":"stdout","text":"` + "\uFFFD" + `"}`,
			model.LogLine{Host: "h1", Time: at.UTC(), Stream: model.Stdout, Text: "\uFFFD"},
		},
		{
			"error", model.LogLine{Host: "h1", Time: at, Error: model.Errorf(model.CodeNoContainer, "none")},
			`{"host":"h1","time":"2026-01-02T02:04:05.0000006Z","error":{"code":"NO_CONTAINER","message":"none"}}`,
			model.LogLine{Host: "h1", Time: at.UTC(), Error: model.Errorf(model.CodeNoContainer, "none")},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, string(test.line.AppendTo(nil))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			text, err := json.Marshal(test.line)
			if err != nil {
				t.Fatal(err)
			}
			var back model.LogLine
			if err := json.Unmarshal(text, &back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.back, back); diff != "" {
				t.Errorf("read back (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSince(t *testing.T) {
	for text, want := range map[string]model.LogQuery{
		"10m":                                 {Age: 10 * time.Minute},
		"0s":                                  {Age: 1},
		"2026-01-02":                          {Since: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)},
		"2026-01-02T03:04:05Z":                {Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		"2026-01-02T03:04:05.000000007+00:00": {Since: time.Date(2026, 1, 2, 3, 4, 5, 7, time.UTC)},
	} {
		var q model.LogQuery
		if err := q.SetSince(text); err != nil || !q.Since.Equal(want.Since) || q.Age != want.Age {
			t.Errorf("%s: %+v, %v", text, q, err)
		}
	}
	for _, text := range []string{"", "yesterday", "-10m", "10"} {
		var q model.LogQuery
		if err := q.SetSince(text); model.CodeOf(err) != model.CodeInvalid {
			t.Errorf("%q: error %v", text, err)
		}
	}
}

func TestLogQueriesThatMeanNothing(t *testing.T) {
	below := -1
	for name, q := range map[string]model.LogQuery{
		"previous followed": {Previous: true, Follow: true},
		"tail below zero":   {Tail: &below},
		"age below zero":    {Age: -1},
	} {
		if err := q.Validate(); model.CodeOf(err) != model.CodeInvalid {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if err := (model.LogQuery{}).Validate(); err != nil {
		t.Error(err)
	}
}
