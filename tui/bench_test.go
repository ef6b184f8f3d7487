package tui_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// crowd is a fleet of so many hosts with ten tasks each. Its jobs, and the hosts of each, fill a screen whatever its size.
func crowd(hosts int) *fixed {
	f := newFixed()
	states := []model.State{model.StateRunning, model.StateRunning, model.StateRunning, model.StateRunning, model.StateRunning, model.StateFailed}
	jobs := make([]model.JobID, min(200, max(40, hosts/50)))
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

// benchScreens are the screens that are drawn, with the keys that lead to them.
var benchScreens = []struct {
	name string
	keys []string
}{{"overview", nil}, {"hosts", []string{"2"}}, {"jobs", []string{"3"}}, {"host", []string{"2", "enter"}}, {"timeline", []string{"3", "enter"}}}

// BenchmarkFrame draws a frame of each screen of a large fleet.
func BenchmarkFrame(b *testing.B) {
	f := crowd(10_000)
	for _, screen := range benchScreens {
		for _, size := range [][2]int{{120, 36}, {200, 60}} {
			b.Run(fmt.Sprintf("%s/%dx%d", screen.name, size[0], size[1]), func(b *testing.B) {
				s := stage(options(f), size[0], size[1], screen.keys)
				b.ReportAllocs()
				for b.Loop() {
					s.Frame()
				}
				b.ReportMetric(float64(len(s.Frame())), "bytes/frame")
			})
		}
	}
}

// BenchmarkFrameByFleet draws frames of 100 and of 10,000 hosts by turns, and tells how much longer those of the larger fleet take: it
// should not matter how large it is.
func BenchmarkFrameByFleet(b *testing.B) {
	small, large := crowd(100), crowd(10_000)
	for _, screen := range benchScreens {
		b.Run(screen.name, func(b *testing.B) {
			stages := []*tui.Stage{stage(options(small), 120, 36, screen.keys), stage(options(large), 120, 36, screen.keys)}
			const turn = 50 // frames
			best := []time.Duration{time.Hour, time.Hour}
			for b.Loop() {
				for i, s := range stages {
					began := time.Now()
					for range turn {
						s.Frame()
					}
					best[i] = min(best[i], time.Since(began))
				}
			}
			b.ReportMetric(float64(best[0].Nanoseconds())/turn, "ns/100-hosts")
			b.ReportMetric(float64(best[1].Nanoseconds())/turn, "ns/10000-hosts")
			b.ReportMetric(float64(best[1])/float64(best[0]), "ratio")
		})
	}
}

// BenchmarkFilterKeystroke types one more letter of a filter over 10,000 hosts, and takes it back.
func BenchmarkFilterKeystroke(b *testing.B) {
	s := stage(options(crowd(10_000)), 120, 36, []string{"2", "/"})
	for b.Loop() {
		s.Press("7", "backspace")
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(2*b.N), "ms/key")
}

// BenchmarkSort sorts 10,000 hosts by another column, and back.
func BenchmarkSort(b *testing.B) {
	s := stage(options(crowd(10_000)), 120, 36, []string{"2", "s", "tasks", "enter"})
	for b.Loop() {
		s.Press("s", "load", "enter")
		s.Press("s", "tasks", "enter")
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(2*b.N), "ms/sort")
}

// BenchmarkRefresh takes over a new snapshot of 10,000 hosts: what the screen shows is filtered, sorted and measured anew.
func BenchmarkRefresh(b *testing.B) {
	f := crowd(10_000)
	for _, screen := range benchScreens {
		b.Run(screen.name, func(b *testing.B) {
			s := stage(options(f), 120, 36, screen.keys)
			for i := 0; b.Loop(); i++ {
				f.store.SetGauges(fmt.Sprintf("host-%05d.example.com", i%10_000), float64(i%16), 1<<30, now)
				s.Refresh()
			}
		})
	}
}

// BenchmarkRefreshOfATimeline takes over an event of a job on 10,000 hosts of which 100,000 transitions have been read.
func BenchmarkRefreshOfATimeline(b *testing.B) {
	f := newFixed()
	job := id("everywhere")
	f.store.SetJob(&model.Job{ID: job, Image: "registry/job:1"})
	states := []model.State{model.StatePullingImage, model.StateCreating, model.StateStarting, model.StateHealthchecking, model.StateRunning}
	hosts := make([]string, 10_000)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("host-%05d.example.com", i)
		f.store.SetHost(tui.Host{Name: hosts[i], Status: model.Up})
		f.store.SetTask(&tui.Task{Host: hosts[i], Job: job, Goal: model.GoalStart, State: model.StateRunning, Since: now})
	}
	for i := range 100_000 {
		f.history = append(f.history, tui.Transition{At: now.Add(time.Duration(i-100_000) * time.Millisecond), Host: hosts[i%10_000], Job: job, State: states[i/10_000%5]})
	}
	s := stage(options(f), 120, 36, []string{"3", "enter"})
	for i := 0; b.Loop(); i++ {
		f.store.Apply(model.Event{
			Index: uint64(i), Type: model.EventTaskStatus, Time: model.TimestampOf(now.Add(time.Duration(i) * time.Millisecond)), Host: hosts[i%10_000], JobID: &job,
			Status: &model.TaskStatus{State: states[i%5], Goal: model.GoalStart, Throttled: model.ThrottleNo},
		})
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
