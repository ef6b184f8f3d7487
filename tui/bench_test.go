package tui_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// crowd is a fleet of so many hosts with ten tasks each.
func crowd(hosts int) *fixed {
	f := newFixed()
	states := []model.State{model.StateRunning, model.StateRunning, model.StateRunning, model.StateRunning, model.StateRunning, model.StateFailed}
	jobs := make([]model.JobID, 200)
	for i := range jobs {
		jobs[i] = id(fmt.Sprintf("job-%03d", i))
		f.store.SetJob(&model.Job{ID: jobs[i], Image: "registry/job:1"})
	}
	for i := range hosts {
		name := fmt.Sprintf("host-%05d.example.com", i)
		f.store.SetHost(tui.Host{
			Name: name, Status: model.Up, Since: now.Add(-time.Hour), Info: &model.HostInfo{CPUs: 16, MemoryTotalBytes: 64 << 30},
			Agent: &model.AgentInfo{Version: "1.4.0"}, Labels: map[string]string{"rack": fmt.Sprintf("b%d", i%20), "role": "web", "zone": "a"},
		})
		f.store.SetGauges(name, float64(i%17), int64(i%60)<<30, now.Add(-time.Second))
		for t := range 10 {
			state := states[0]
			if (i+t)%97 == 0 {
				state = states[5]
			}
			f.store.SetTask(&tui.Task{Host: name, Job: jobs[(i*7+t)%len(jobs)], Goal: model.GoalStart, State: state, Since: now.Add(-time.Minute)})
		}
	}
	return f
}

// BenchmarkFrame draws a frame of each screen, of small and of large fleets: it should not matter how large.
func BenchmarkFrame(b *testing.B) {
	for _, hosts := range []int{100, 10_000} {
		f := crowd(hosts)
		for _, screen := range []struct {
			name string
			keys []string
		}{{"overview", nil}, {"hosts", []string{"2"}}, {"jobs", []string{"3"}}, {"host", []string{"2", "enter"}}, {"timeline", []string{"3", "enter"}}} {
			for _, size := range [][2]int{{120, 36}, {200, 60}} {
				b.Run(fmt.Sprintf("%s/%dx%d/hosts=%d", screen.name, size[0], size[1], hosts), func(b *testing.B) {
					s := stage(options(f), size[0], size[1], screen.keys)
					b.ReportAllocs()
					b.ReportMetric(float64(len(s.Frame())), "bytes/frame")
					for b.Loop() {
						s.Frame()
					}
				})
			}
		}
	}
}

// BenchmarkFilterKeystroke types one more letter of a filter over 10,000 hosts.
func BenchmarkFilterKeystroke(b *testing.B) {
	s := stage(options(crowd(10_000)), 120, 36, []string{"2", "/"})
	for b.Loop() {
		s.Press("7", "backspace")
	}
}

// BenchmarkRefresh takes over a new snapshot of 10,000 hosts: it is filtered and sorted anew.
func BenchmarkRefresh(b *testing.B) {
	f := crowd(10_000)
	s := stage(options(f), 120, 36, []string{"2"})
	for i := 0; b.Loop(); i++ {
		f.store.SetGauges(fmt.Sprintf("host-%05d.example.com", i%10_000), float64(i%16), 1<<30, now)
		s.Refresh()
	}
}

// BenchmarkIngest applies events to a fleet of 10,000 hosts with 100,000 tasks, a snapshot for every 333 of them: 10,000 a second at 30
// frames a second.
func BenchmarkIngest(b *testing.B) {
	f := crowd(10_000)
	snapshot := f.Snapshot()
	states := []model.State{model.StateStopping, model.StateRunning}
	at := model.TimestampOf(now)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		h := snapshot.Hosts[i*7919%len(snapshot.Hosts)]
		t := h.Tasks[i%len(h.Tasks)]
		f.store.Apply(model.Event{
			Index: uint64(i), Type: model.EventTaskStatus, Time: at, Host: t.Host, JobID: &t.Job,
			Status: &model.TaskStatus{State: states[i/7%2], Goal: model.GoalStart, Throttled: model.ThrottleNo},
		})
		if i%333 == 0 {
			f.Snapshot()
		}
	}
}
