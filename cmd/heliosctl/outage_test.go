package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/heliosctl/heliosctl/model"
)

func TestSteadyReadingOutlivesAnOutage(t *testing.T) {
	away := model.Errorf(model.CodeUnavailable, "no master answers")
	refused := model.Errorf(model.CodeGroupNotFound, "group web was removed")
	tests := map[string]struct {
		reads   []error // the last one ends it
		before  bool    // a read has succeeded before
		want    error
		wantLog string
	}{
		"the first read fails":        {reads: []error{away}, want: away},
		"a later one fails":           {reads: []error{nil, refused}, want: refused},
		"masters go and come":         {reads: []error{nil, away, away, nil, refused}, want: refused, wantLog: "again|back|"},
		"masters go twice":            {reads: []error{nil, away, nil, away, refused}, want: refused, wantLog: "again|back|again|"},
		"the first after another one": {reads: []error{away, nil, refused}, before: true, want: refused, wantLog: "again|back|"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			news := make(chan struct{}, len(test.reads))
			for range test.reads {
				news <- struct{}{}
			}
			reading := steadyReading{
				news: news, poll: watchPoll, began: test.before, outage: outage{log: &log},
				read: func(context.Context) error {
					err := test.reads[0]
					test.reads = test.reads[1:]
					return err
				},
			}
			if err := reading.run(t.Context()); !errors.Is(err, test.want) || len(test.reads) > 0 {
				t.Errorf("error %v, %d reads left", err, len(test.reads))
			}
			short := strings.NewReplacer("trying again until a master answers: no master answers\n", "again|", "a master answers again\n", "back|")
			if got := short.Replace(log.String()); got != test.wantLog {
				t.Errorf("log %q, want %q", got, test.wantLog)
			}
		})
	}
}

func TestAFollowedRolloutTellsOfAnOutageOnce(t *testing.T) {
	none := func() rolloutChanges { return rolloutChanges{hosts: map[string]model.RolloutHost{}} }
	for name, reporterOf := range map[string]func(streams) rolloutReporter{
		"text": func(io streams) rolloutReporter {
			return &lineReporter{io: io, changes: none(), outage: outage{log: io.err}}
		},
		"json": func(io streams) rolloutReporter {
			return &jsonReporter{io: io, changes: none(), outage: outage{log: io.err}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out, log bytes.Buffer
			reporter := reporterOf(streams{out: &output{Writer: &out}, err: &log})
			known := rolloutView{Rollout: model.Rollout{ID: 1, State: model.RolloutRunning}}
			stale := known
			stale.lost = "no master answers"
			away := model.Errorf(model.CodeUnavailable, "no master answers")
			for _, step := range []func() error{
				func() error { return reporter.show(known) },
				func() error { return reporter.lost(away) },
				func() error { return reporter.show(stale) }, // as time goes by
				func() error { return reporter.lost(away) },
				func() error { return reporter.show(known) },
			} {
				if err := step(); err != nil {
					t.Fatal(err)
				}
			}
			if want := "trying again until a master answers: no master answers\na master answers again\n"; log.String() != want {
				t.Errorf("log %q, want %q", log.String(), want)
			}
		})
	}
}
