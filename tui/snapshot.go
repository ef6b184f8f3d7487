package tui

import (
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// Restarts counts how often tasks of the job were restarted in each of the last ten minutes, oldest first.
func (j *Job) Restarts(now time.Time) []float64 {
	counts := make([]float64, 10)
	for _, r := range j.restarts {
		if age := now.Unix()/60 - r.minute; age >= 0 && age < 10 {
			counts[9-age] += float64(r.n)
		}
	}
	return counts
}

// LoadShare is the load in shares of the host's processors, 0 when they are not known.
func (h *Host) LoadShare() float64 {
	if h.Info == nil || h.Info.CPUs <= 0 {
		return 0
	}
	return h.Load / float64(h.Info.CPUs)
}

// MemoryShare is how much of the host's memory is used, 0 when that is not known.
func (h *Host) MemoryShare() float64 {
	if h.Info == nil || h.Info.MemoryTotalBytes <= 0 {
		return 0
	}
	return 1 - float64(h.MemoryFree)/float64(h.Info.MemoryTotalBytes)
}

// Task returns the host's task of a job, nil when it has none.
func (h *Host) Task(id model.JobID) *Task {
	if i, ok := findByJob(h.Tasks, id); ok {
		return h.Tasks[i]
	}
	return nil
}

// Host finds a host by name, nil when there is none.
func (s *Snapshot) Host(name string) *Host {
	i, ok := sort.Find(len(s.Hosts), func(i int) int { return strings.Compare(name, s.Hosts[i].Name) })
	if !ok {
		return nil
	}
	return s.Hosts[i]
}

// Job finds a job by id, nil when there is none.
func (s *Snapshot) Job(id model.JobID) *Job {
	i, ok := sort.Find(len(s.Jobs), func(i int) int { return id.Compare(s.Jobs[i].Spec.ID) })
	if !ok {
		return nil
	}
	return s.Jobs[i]
}

// Group finds a group by name, nil when there is none.
func (s *Snapshot) Group(name string) *Group {
	i, ok := slices.BinarySearchFunc(s.Groups, name, func(g *Group, name string) int { return strings.Compare(g.Spec.Name, name) })
	if !ok {
		return nil
	}
	return s.Groups[i]
}

// bucketsUntil returns the last n buckets up to a moment, one for each stretch of time, whether or not anything happened in it.
func (s *Snapshot) bucketsUntil(now time.Time, n int) []Bucket {
	n = max(n, 0)
	buckets := make([]Bucket, n)
	last := now.Truncate(BucketLength)
	for i := range buckets {
		buckets[i].Start = last.Add(-time.Duration(n-1-i) * BucketLength)
	}
	for _, b := range s.Rate {
		if i := n - 1 - int(last.Sub(b.Start)/BucketLength); i >= 0 && i < n && !b.Start.After(last) {
			buckets[i] = b
		}
	}
	return buckets
}

// ActiveRollouts counts the rollouts that run.
func (s *Snapshot) ActiveRollouts() int {
	n := 0
	for _, group := range s.Groups {
		if group.Rollout != nil && group.Rollout.Active() {
			n++
		}
	}
	return n
}

// Active tells whether a rollout has not ended.
func (r *Rollout) Active() bool { return r.State == RolloutRunning || r.Waits() }

// Waits tells whether a rollout goes on only when somebody resumes it.
func (r *Rollout) Waits() bool { return r.State == RolloutPaused || r.State == RolloutCanary }
