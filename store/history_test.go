package store

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

// TestHistoryKeepsAHostsOrder sets a host's clock back and forth: what it reported later happened later.
func TestHistoryKeepsAHostsOrder(t *testing.T) {
	const hour, day = model.Timestamp(3_600_000), model.Timestamp(86_400_000)
	type row struct {
		host  string
		at    model.Timestamp
		state model.State
	}
	const pulling, creating, starting, running = model.StatePullingImage, model.StateCreating, model.StateStarting, model.StateRunning
	tests := []struct {
		name     string
		reported []row
		want     []int // of the rows reported
	}{
		{"clocks go well", []row{{"a", day, pulling}, {"a", day + 3, running}, {"b", day + 1, pulling}, {"b", day + 2, running}}, []int{0, 2, 3, 1}},
		{"one is set back", []row{{"a", day, pulling}, {"a", day + 1, creating}, {"a", day - hour, starting}, {"a", day - hour + 1, running}}, []int{0, 1, 2, 3}},
		{"one is set back among others", []row{
			{"a", day, pulling}, {"a", day - hour, running}, {"a", day + hour, pulling}, {"b", day - 1, pulling}, {"b", day + 1, running},
		}, []int{3, 0, 1, 4, 2}},
		{"one begins in 1970", []row{{"a", day, pulling}, {"a", 7, creating}, {"a", day + 2, running}, {"b", day + 1, pulling}}, []int{0, 1, 3, 2}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := newMachine(t, StateOptions{})
			job := testJob("web", "1")
			m.ok(CreateJob{Job: job})
			m.ok(RegisterAgent{Registration: registration("a", "agent-a")})
			m.ok(RegisterAgent{Registration: registration("b", "agent-b")})
			var want []string
			for i, row := range test.reported {
				report := report(uint64(i+1), job, row.state)
				report.Timestamp = row.at
				m.statuses(row.host, "agent-"+row.host, report)
			}
			for _, i := range test.want {
				row := test.reported[i]
				want = append(want, fmt.Sprint(row.host, " ", row.at, " ", row.state))
			}
			history, err := m.state.History(job.ID)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, event := range history {
				got = append(got, fmt.Sprint(event.Host, " ", event.Timestamp, " ", event.Status.State))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
		})
	}
}
