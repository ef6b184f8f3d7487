package tui_test

import (
	"strings"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// Two groups have a rollout with the same number that failed: numbers are of a group. What is acknowledged of one, on the overview or on
// its own page, is not acknowledged of the other.
func TestARolloutIsAcknowledgedOfItsGroupOnly(t *testing.T) {
	for name, keys := range map[string][]string{"overview": {"i"}, "rollout": {"enter", "i", "esc"}} {
		t.Run(name, func(t *testing.T) {
			f := newFixed()
			f.store.SetHost(tui.Host{Name: "a1", Status: model.Up})
			for _, group := range []string{"back", "front"} {
				f.store.SetGroup(&tui.Group{
					Spec: model.DeploymentGroup{Name: group, JobID: web("1")}, Hosts: []string{"a1"},
					Rollout: &tui.Rollout{
						ID: "1", Group: group, To: web("1"), State: tui.RolloutFailed, Started: now.Add(-time.Hour), Finished: now.Add(-time.Minute), Error: "too many",
						Options: tui.RolloutOptions{Parallelism: 1, Timeout: time.Minute}, Hosts: []tui.RolloutHost{{Host: "a1", Phase: tui.PhaseFailed, Reason: "it exits"}},
					},
				})
			}
			s := stage(options(f), 120, 36, nil)
			mustContain(t, s.Plain(), "Needs attention (2)", "back 0/1, 1 failed", "front 0/1, 1 failed")
			s.Press(keys...)
			frame := s.Plain()
			mustContain(t, frame, "Needs attention (1)", "1 acknowledged")
			if strings.Contains(frame, "back 0/1, 1 failed") || !strings.Contains(frame, "front 0/1, 1 failed") {
				t.Errorf("another rollout is acknowledged:\n%s", frame)
			}
		})
	}
}

func TestAnAcknowledgedRolloutSaysSo(t *testing.T) {
	s := stage(options(shared()), 120, 36, []string{"4", "/payments", "enter", "enter", "i"})
	mustContain(t, s.Plain(), "acknowledged: the overview leaves it out")
	s.Press("i")
	mustContain(t, s.Plain(), "the overview shows it again")
}

// The keys that narrow lists down do so from the overview: of its hosts.
func TestTheOverviewFiltersItsHosts(t *testing.T) {
	s := stage(options(shared()), 120, 36, []string{"/pay-34"})
	mustContain(t, s.Plain(), " / pay-34 ", "10 of 400")
	s.Press("enter", "esc", "1", "!")
	mustContain(t, s.Plain(), "! problems", " of 400")
	s.Press("1", "!")
	mustContain(t, s.Plain(), "! problems")
}
