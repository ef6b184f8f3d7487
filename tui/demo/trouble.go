package demo

import (
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// buildTrouble lets things go wrong: containers that run out of memory, images that cannot be pulled, a rack that goes dark.
func (f *Fleet) buildTrouble() {
	n := 0
	for _, h := range f.hosts {
		key := taskKey{h.facts.Name, f.job("geo-cache", 3)}
		if t := f.tasks[key]; t != nil && n < 4 {
			n++
			f.breaking[key] = flaps
			t.Restarts = 3
			f.then(t, f.between(0, 40*time.Second), func() { f.crash(t) })
		}
	}
	f.after(15*time.Minute, f.darkRack)
}

// darkRack takes most of a rack down for a while, again and again.
func (f *Fleet) darkRack() {
	var names []string
	for i := len(f.hosts) - 1; i >= 0 && len(names) < 5; i-- {
		if f.hosts[i].facts.Labels["rack"] == "b7" {
			names = append(names, f.hosts[i].facts.Name)
		}
	}
	names = append(names, f.hosts[f.random.IntN(len(f.hosts))].facts.Name)
	for i, name := range names {
		f.after(time.Duration(i)*400*time.Millisecond, func() { f.fail(name) })
		f.after(12*time.Minute+time.Duration(i)*3*time.Second, func() { f.recover(name) })
	}
	f.after(35*time.Minute, f.darkRack)
}

// wander lets something small happen every other second, for ever.
func (f *Fleet) wander() {
	f.after(f.between(1500*time.Millisecond, 4500*time.Millisecond), func() {
		h := f.hosts[f.random.IntN(len(f.hosts))]
		if h.facts.Status == model.Up && h.drained == nil {
			f.disturb(h)
		}
		f.wander()
	})
}

func (f *Fleet) disturb(h *host) {
	for _, job := range f.sortedJobs() {
		t := f.tasks[taskKey{h.facts.Name, job.ID}]
		if t == nil || t.State != model.StateRunning || t.Goal != model.GoalStart || f.breaking[taskKey{t.Host, t.Job}] != 0 {
			continue
		}
		switch {
		case job.ID.Name == "report" || job.ID.Name == "thumbs":
			f.batchRun(t)
			return
		case strings.HasPrefix(job.ID.Name, "pay") || strings.HasPrefix(job.ID.Name, "web-api") || f.random.IntN(6) != 0:
			continue
		}
		t.life++
		f.enter(t, model.StateStopping, "new image, restarted by deploy-bot")
		f.then(t, f.between(2*time.Second, 6*time.Second), func() { f.begin(t) })
		return
	}
}

// batchRun lets a job that runs now and then come to its end, and begin again later.
func (f *Fleet) batchRun(t *task) {
	code := 0
	t.life++
	t.Goal, t.ExitCode = model.GoalStop, &code
	f.enter(t, model.StateExited, "exit 0 (goal STOP)")
	f.then(t, f.between(20*time.Second, 100*time.Second), func() {
		t.Goal = model.GoalStart
		f.begin(t)
	})
}
