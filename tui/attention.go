package tui

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
)

// trouble is something that needs somebody: one cause, not one task.
type trouble struct {
	key     string // stays the same while the cause does
	rank    int
	glyph   string
	word    string
	color   theme.Color
	subject string
	detail  string
	since   time.Time
	screen  int    // where it is seen
	filter  string // there
	group   string // of a rollout
}

// needsAttention lists what is wrong, worst first. It is worked out once for each snapshot.
func needsAttention(a *app) []trouble {
	if a.troubleOf == a.snap.Version && a.troubles != nil {
		return a.troubles
	}
	found := append(taskTroubles(a.snap), hostTroubles(a.snap)...)
	found = append(found, rolloutTroubles(a)...)
	slices.SortStableFunc(found, func(x, y trouble) int {
		return cmp.Or(x.rank-y.rank, y.since.Compare(x.since), cmp.Compare(x.key, y.key))
	})
	a.troubles, a.troubleOf = append([]trouble{}, found...), a.snap.Version
	return a.troubles
}

type taskCause struct {
	tasks    int
	restarts int
	sample   *Task
	since    time.Time
}

// taskTroubles groups the tasks that need somebody by job and reason; those on hosts that are down are one trouble.
func taskTroubles(s *Snapshot) []trouble {
	causes := map[string]*taskCause{}
	lost := &taskCause{}
	for _, h := range s.Hosts {
		if h.Counts.problems == 0 {
			continue
		}
		for _, t := range h.Tasks {
			if !t.Problem() {
				continue
			}
			c := lost
			if t.State != model.StateUnknown {
				key := t.Job.String() + " " + causeOf(t)
				if c = causes[key]; c == nil {
					c = &taskCause{}
					causes[key] = c
				}
			}
			c.add(t)
		}
	}
	var found []trouble
	for key, c := range causes {
		found = append(found, c.trouble(key))
	}
	if lost.tasks > 0 {
		found = append(found, trouble{
			key: "unknown", rank: 5, glyph: "?", word: "UNKNOWN", color: theme.Unknown, subject: counted(lost.tasks, "task") + " on down hosts",
			detail: "nobody answers", since: lost.since, screen: 1, filter: "state:UNKNOWN",
		})
	}
	return found
}

func (c *taskCause) add(t *Task) {
	c.tasks++
	c.restarts += t.Restarts
	if c.sample == nil || t.Since.After(c.sample.Since) {
		c.sample = t
	}
	if c.since.IsZero() || t.Since.Before(c.since) {
		c.since = t.Since
	}
}

// causeOf is what is wrong with a task.
func causeOf(t *Task) string {
	switch {
	case throttleIndex(t.Throttle) >= 0:
		return string(t.Throttle)
	case t.Unhealthy:
		return "UNHEALTHY"
	default:
		return string(t.State)
	}
}

func (c *taskCause) trouble(key string) trouble {
	t := c.sample
	found := trouble{
		key: key, rank: 1, glyph: "✗", word: "FAILED", color: theme.Fail, since: c.since, screen: 2,
		subject: fmt.Sprintf("%s:%s on %s", t.Job.Name, t.Job.Version, counted(c.tasks, "host")),
		detail:  cmp.Or(t.Error, t.Describe()),
		filter:  "job=" + t.Job.Name + " version=" + t.Job.Version,
	}
	switch causeOf(t) {
	case string(model.ThrottleFlapping):
		found.rank, found.glyph, found.word = 2, "↯", "FLAPPING"
		found.detail = fmt.Sprintf("%d restarts", c.restarts)
		if t.ExitCode != nil {
			found.detail = exitText(t) + fmt.Sprintf(" ×%d", c.restarts)
		}
	case string(model.ThrottleImageMissing):
		found.glyph, found.detail = "⊘", "IMAGE_MISSING"
	case string(model.ThrottleImagePullFailed):
		found.detail = "IMAGE_PULL_FAILED"
	case "UNHEALTHY":
		found.rank, found.glyph, found.word, found.color = 4, "⚠", "SICK", theme.Warn
		found.detail = t.HealthError
	case string(model.StateExited):
		found.rank, found.glyph, found.word, found.color = 4, "◇", "EXITED", theme.Warn
	}
	return found
}

func hostTroubles(s *Snapshot) []trouble {
	down := 0
	var since time.Time
	racks := map[string]int{}
	for _, h := range s.Hosts {
		if h.Status == model.Up {
			continue
		}
		down++
		racks[h.Labels["rack"]]++
		if since.IsZero() || h.Since.Before(since) {
			since = h.Since
		}
	}
	if down == 0 {
		return nil
	}
	found := trouble{
		key: "down", rank: 3, glyph: "▼", word: "DOWN", color: theme.Fail, subject: counted(down, "host"), detail: "not seen", since: since,
		screen: 1, filter: "status:DOWN",
	}
	for _, rack := range sortedKeys(racks) {
		if n := racks[rack]; rack != "" && n > 1 && 2*n > down {
			found.subject += fmt.Sprintf(", %d in rack %s", n, rack)
		}
	}
	return []trouble{found}
}

// rolloutKey is what the trouble of a rollout is known by: its number is one of its group.
func rolloutKey(r *Rollout) string { return "rollout " + r.Group + " " + r.ID }

// acknowledge takes a trouble out of the overview, or back into it, and reports whether it is out of it now.
func (a *app) acknowledge(key string) bool {
	a.acked[key] = !a.acked[key]
	a.acks++
	return a.acked[key]
}

// rolloutTroubles are the rollouts that failed lately, that hosts have failed in, or that are about to run out of time.
func rolloutTroubles(a *app) []trouble {
	var found []trouble
	for _, g := range a.snap.Groups {
		r := g.Rollout
		if r == nil || !r.Active() && (r.State != RolloutFailed || a.now().Sub(r.Finished) > 2*time.Hour) {
			continue
		}
		p := progressOf(r)
		late := nearTimeout(r, a.now())
		if r.Active() && !r.Waits() && p.failed == 0 && len(late) == 0 {
			continue
		}
		t := trouble{
			key: rolloutKey(r), rank: 4, glyph: "▶", word: "ROLLOUT", color: theme.Warn, since: r.Started, screen: 3, group: g.Spec.Name,
			subject: fmt.Sprintf("%s %d/%d, %d failed", g.Spec.Name, p.done, p.total, p.failed),
		}
		switch {
		case !r.Active():
			t.word, t.glyph, t.color, t.detail, t.since = "ROLLOUT", "✗", theme.Fail, r.Error, r.Finished
		case r.Waits():
			t.word, t.glyph, t.detail = string(r.State), rolloutGlyph(r.State), cmp.Or(r.Error, "waits for a resume")
		case len(late) > 0:
			t.detail = late[0].Host + " near timeout"
		default:
			t.detail = etaText(r, p)
		}
		found = append(found, t)
	}
	return found
}

func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// progress counts the hosts of a rollout.
type progress struct {
	total, done, busy, failed, skipped, stopped, waiting int
}

func progressOf(r *Rollout) progress {
	if c := r.Counts; c != nil && len(r.Hosts) == 0 {
		return progress{total: c.Done + c.Failed + c.Skipped + c.Stopped, done: c.Done, failed: c.Failed, skipped: c.Skipped, stopped: c.Stopped}
	}
	p := progress{total: len(r.Hosts)}
	for i := range r.Hosts {
		switch r.Hosts[i].Phase {
		case PhaseWaiting:
			p.waiting++
		case PhaseDone:
			p.done++
		case PhaseFailed:
			p.failed++
		case PhaseSkipped:
			p.skipped++
		case PhaseStopped:
			p.stopped++
		default:
			p.busy++
		}
	}
	return p
}

func (p progress) parts() []widgetPart {
	parts := []widgetPart{
		{p.done, '▇', '━', theme.OK, "done"}, {p.busy, '▅', '╍', theme.Progress, "in progress"}, {p.failed, '✗', '✗', theme.Fail, "failed"},
		{p.waiting, '▁', '┄', theme.Stopped, "waiting"}, {p.skipped, '▼', '▼', theme.Fail, "down (skipped)"},
	}
	if p.stopped > 0 {
		parts = append(parts, widgetPart{p.stopped, '□', '□', theme.Stopped, "stopped"})
	}
	return parts
}

// widgetPart is a share of a rollout as it is drawn in high bars and in thin ones.
type widgetPart struct {
	n          int
	high, thin rune
	color      theme.Color
	word       string
}

// percent is how much of the rollout is over.
func (p progress) percent() int {
	if p.total == 0 {
		return 0
	}
	return 100 * (p.done + p.failed + p.skipped + p.stopped) / p.total
}

// eta explains when a rollout will be over: the rounds that are left times how long a host usually takes. It is zero until two rounds
// are over.
func eta(r *Rollout, p progress) (left time.Duration, rounds int, median time.Duration) {
	times := hostTimes(r)
	parallel := max(1, r.Options.Parallelism)
	if r.State != RolloutRunning || len(times) < min(2*parallel, p.total) || len(times) == 0 {
		return 0, 0, 0
	}
	median = times[len(times)/2]
	rounds = (p.waiting + p.busy + parallel - 1) / parallel
	return time.Duration(rounds) * median, rounds, median
}

// hostTimes is how long each host took that is done, shortest first.
func hostTimes(r *Rollout) []time.Duration {
	var times []time.Duration
	for i := range r.Hosts {
		if h := &r.Hosts[i]; h.Phase == PhaseDone && !h.Started.IsZero() {
			times = append(times, h.Since.Sub(h.Started))
		}
	}
	slices.Sort(times)
	return times
}

// nearTimeout are the hosts that have used most of their time.
func nearTimeout(r *Rollout, now time.Time) []RolloutHost {
	var late []RolloutHost
	if r.Options.Timeout <= 0 || r.State != RolloutRunning {
		return nil
	}
	for _, h := range r.Hosts {
		if busyPhase(h.Phase) && now.Sub(h.Started) > r.Options.Timeout*4/5 {
			late = append(late, h)
		}
	}
	return late
}

func busyPhase(p RolloutPhase) bool { return p > PhaseWaiting && p < PhaseDone }
