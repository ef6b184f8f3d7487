package tui

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

const (
	eventsKept  = 50_000
	bucketsKept = 120
	trendKept   = 60
	trendEvery  = 10 * time.Second
)

// Store turns changes into snapshots that share what did not change. Sources build on it. It is not safe for concurrent use: the one
// goroutine that reads the stream owns it, and hands what Snapshot returns to others.
type Store struct {
	now       func() time.Time
	epoch     uint64
	dirty     bool
	last      *Snapshot
	cluster   Cluster
	freshness Freshness
	hosts     map[string]*Host
	hostList  []*Host
	hostsNew  bool // the list has to be sorted again
	jobs      map[model.JobID]*Job
	jobList   []*Job
	jobsNew   bool
	groups    map[string]*Group
	masters   []Master
	members   []model.Member
	events    []Event
	rate      []Bucket
	tasks     Counts
}

// NewStore makes an empty store. Now tells the time of what has none of its own.
func NewStore(cluster Cluster, now func() time.Time) *Store {
	return &Store{now: now, epoch: 1, dirty: true, cluster: cluster, hosts: map[string]*Host{}, jobs: map[model.JobID]*Job{}, groups: map[string]*Group{}}
}

// Snapshot returns what the store holds now; the one of the last call when nothing has changed since.
func (s *Store) Snapshot() *Snapshot {
	if !s.dirty && s.last != nil {
		return s.last
	}
	s.sortLists()
	snapshot := &Snapshot{
		Version: s.epoch, Cluster: s.cluster, Freshness: s.freshness, Hosts: slices.Clone(s.hostList), Jobs: slices.Clone(s.jobList),
		Masters: s.masters, Members: s.members, Events: s.events, Rate: slices.Clone(s.rate), Tasks: s.tasks,
	}
	for _, group := range s.groups {
		snapshot.Groups = append(snapshot.Groups, group)
	}
	slices.SortFunc(snapshot.Groups, func(a, b *Group) int { return strings.Compare(a.Spec.Name, b.Spec.Name) })
	for _, host := range s.hostList {
		if host.Status == model.Up {
			snapshot.Up++
		} else {
			snapshot.Down++
		}
	}
	s.epoch++
	s.dirty, s.last = false, snapshot
	return snapshot
}

func (s *Store) sortLists() {
	if s.hostsNew {
		slices.SortFunc(s.hostList, func(a, b *Host) int { return strings.Compare(a.Name, b.Name) })
		for i, host := range s.hostList {
			host.index = i // which nobody reads but the store
		}
		s.hostsNew = false
	}
	if s.jobsNew {
		slices.SortFunc(s.jobList, func(a, b *Job) int { return a.Spec.ID.Compare(b.Spec.ID) })
		for i, job := range s.jobList {
			job.index = i
		}
		s.jobsNew = false
	}
}

// own returns the host so that it may be changed: a copy if a snapshot has it.
func (s *Store) own(h *Host) *Host {
	s.dirty = true
	if h.epoch == s.epoch {
		return h
	}
	c := *h
	c.Tasks = slices.Clone(h.Tasks)
	c.epoch = s.epoch
	s.hosts[c.Name] = &c
	s.hostList[c.index] = &c
	return &c
}

func (s *Store) ownJob(j *Job) *Job {
	s.dirty = true
	if j.epoch == s.epoch {
		return j
	}
	c := *j
	c.Tasks = slices.Clone(j.Tasks)
	c.epoch = s.epoch
	s.jobs[c.Spec.ID] = &c
	s.jobList[c.index] = &c
	return &c
}

// SetCluster says what the console looks at.
func (s *Store) SetCluster(c Cluster) { s.cluster, s.dirty = c, true }

// SetFreshness says how current the data is.
func (s *Store) SetFreshness(f Freshness) { s.freshness, s.dirty = f, true }

// SetMasters replaces the masters.
func (s *Store) SetMasters(masters []Master) { s.masters, s.dirty = masters, true }

// SetMembers replaces the members of the gossip pool.
func (s *Store) SetMembers(members []model.Member) { s.members, s.dirty = members, true }

// SetHost adds a host or replaces what is known of it. Its tasks, counts and trend stay what the store knows.
func (s *Store) SetHost(h Host) {
	old, ok := s.hosts[h.Name]
	if !ok {
		old = &Host{Name: h.Name, epoch: s.epoch, index: len(s.hostList)}
		s.hosts[h.Name] = old
		s.hostList = append(s.hostList, old)
		s.hostsNew = true
	}
	host := s.own(old)
	h.Tasks, h.Counts, h.Trend, h.epoch, h.index = host.Tasks, host.Counts, host.Trend, host.epoch, host.index
	*host = h
	host.labelText = labelText(h.Labels)
	host.text = hostText(host)
}

// SetStatus says whether a host that is known is up.
func (s *Store) SetStatus(name string, status model.Liveness, since time.Time) {
	if host, ok := s.hosts[name]; ok && host.Status != status {
		host = s.own(host)
		host.Status, host.Since = status, since
		host.text = hostText(host)
	}
}

// SetDrain says whether a host that is known is drained.
func (s *Store) SetDrain(name string, drain *model.Drain) {
	if host, ok := s.hosts[name]; ok {
		s.own(host).Drain = drain
	}
}

// SetGauges stores a reading of a host that is known.
func (s *Store) SetGauges(name string, load float64, memoryFree int64, at time.Time) {
	host, ok := s.hosts[name]
	if !ok {
		return
	}
	host = s.own(host)
	host.Load, host.MemoryFree, host.GaugedAt = load, memoryFree, at
	if n := len(host.Trend); n > 0 && at.Sub(host.Trend[n-1].At) < trendEvery {
		return
	}
	host.Trend = append(host.Trend, Gauge{At: at, Load: float32(host.LoadShare()), Memory: float32(host.MemoryShare())})
	if len(host.Trend) > 2*trendKept {
		host.Trend = slices.Clone(host.Trend[len(host.Trend)-trendKept:])
	}
}

// RemoveHost forgets a host and its tasks.
func (s *Store) RemoveHost(name string) {
	host, ok := s.hosts[name]
	if !ok {
		return
	}
	for _, task := range slices.Clone(host.Tasks) {
		s.RemoveTask(name, task.Job)
	}
	s.sortLists()
	s.hostList = slices.Delete(s.hostList, s.hosts[name].index, s.hosts[name].index+1)
	delete(s.hosts, name)
	s.dirty = true
	for i, host := range s.hostList {
		host.index = i
	}
}

// SetJob adds a job or replaces its definition.
func (s *Store) SetJob(spec *model.Job) {
	job, ok := s.jobs[spec.ID]
	if !ok {
		job = &Job{epoch: s.epoch, index: len(s.jobList)}
		s.jobs[spec.ID] = job
		s.jobList = append(s.jobList, job)
		s.jobsNew = true
		job.Spec = spec
	}
	job = s.ownJob(job)
	job.Spec = spec
	job.text = jobText(job)
}

// RemoveJob forgets a job.
func (s *Store) RemoveJob(id model.JobID) {
	job, ok := s.jobs[id]
	if !ok {
		return
	}
	for _, task := range slices.Clone(job.Tasks) {
		s.RemoveTask(task.Host, id)
	}
	s.sortLists()
	s.jobList = slices.Delete(s.jobList, s.jobs[id].index, s.jobs[id].index+1)
	delete(s.jobs, id)
	s.dirty = true
	for i, job := range s.jobList {
		job.index = i
	}
}

// Task returns what the store knows of a task, nil when there is none.
func (s *Store) Task(host string, id model.JobID) *Task {
	if h, ok := s.hosts[host]; ok {
		if i, ok := findByJob(h.Tasks, id); ok {
			return h.Tasks[i]
		}
	}
	return nil
}

// SetTask adds a task or replaces it. Its host and its job are added when they are not known. The store keeps the pointer: the task
// must not be changed afterwards.
func (s *Store) SetTask(t *Task) {
	host, ok := s.hosts[t.Host]
	if !ok {
		s.SetHost(Host{Name: t.Host, Status: model.Down})
		host = s.hosts[t.Host]
	}
	job, ok := s.jobs[t.Job]
	if !ok {
		s.SetJob(&model.Job{ID: t.Job})
		job = s.jobs[t.Job]
	}
	host, job = s.own(host), s.ownJob(job)
	t.Host, t.Job = host.Name, job.Spec.ID // the same, but shared
	if i, ok := findByJob(host.Tasks, t.Job); ok {
		old := host.Tasks[i]
		host.Counts.add(old, -1)
		job.Counts.add(old, -1)
		s.tasks.add(old, -1)
		host.Tasks[i] = t
		if t.Restarts > old.Restarts {
			job.restarted(s.now(), t.Restarts-old.Restarts)
		}
	} else {
		host.Tasks = slices.Insert(host.Tasks, i, t)
	}
	if i, ok := findByHost(job.Tasks, t.Host); ok {
		job.Tasks[i] = t
	} else {
		job.Tasks = slices.Insert(job.Tasks, i, t)
	}
	if t.Group != "" {
		job.Group = t.Group
	}
	host.Counts.add(t, 1)
	job.Counts.add(t, 1)
	s.tasks.add(t, 1)
}

// RemoveTask forgets a task.
func (s *Store) RemoveTask(name string, id model.JobID) {
	task := s.Task(name, id)
	if task == nil {
		return
	}
	host, job := s.own(s.hosts[name]), s.ownJob(s.jobs[id])
	if i, ok := findByJob(host.Tasks, id); ok {
		host.Tasks = slices.Delete(host.Tasks, i, i+1)
	}
	if i, ok := findByHost(job.Tasks, name); ok {
		job.Tasks = slices.Delete(job.Tasks, i, i+1)
	}
	host.Counts.add(task, -1)
	job.Counts.add(task, -1)
	s.tasks.add(task, -1)
}

func findByJob(tasks []*Task, id model.JobID) (int, bool) {
	return slices.BinarySearchFunc(tasks, id, func(t *Task, id model.JobID) int { return t.Job.Compare(id) })
}

func findByHost(tasks []*Task, host string) (int, bool) {
	return slices.BinarySearchFunc(tasks, host, func(t *Task, host string) int { return strings.Compare(t.Host, host) })
}

// SetGroup adds a group or replaces it. The store keeps the pointer: the group and its rollouts must not be changed afterwards.
func (s *Store) SetGroup(g *Group) { s.groups[g.Spec.Name], s.dirty = g, true }

// RemoveGroup forgets a group.
func (s *Store) RemoveGroup(name string) {
	delete(s.groups, name)
	s.dirty = true
}

// AddEvent adds a line to the feed and counts it.
func (s *Store) AddEvent(e Event) {
	s.dirty = true
	if len(s.events) >= eventsKept+eventsKept/4 {
		s.events = append(make([]Event, 0, eventsKept+eventsKept/4), s.events[len(s.events)-eventsKept:]...)
	}
	s.events = append(s.events, e)
	s.count(&e)
	if job, ok := s.jobs[e.Job]; ok {
		s.ownJob(job).Last = e
	}
}

// count counts an event of the feed.
func (s *Store) count(e *Event) {
	start := e.At.Truncate(BucketLength)
	if n := len(s.rate); n == 0 || s.rate[n-1].Start.Before(start) {
		s.rate = append(s.rate, Bucket{Start: start})
		s.rate = s.rate[max(0, len(s.rate)-bucketsKept):]
	}
	bucket := &s.rate[len(s.rate)-1]
	bucket.Total++
	if e.To == model.StateFailed {
		bucket.Failed++
	}
}

// restart counts the restarts of a job within a minute.
type restart struct {
	minute int64
	n      int
}

func (j *Job) restarted(at time.Time, n int) {
	minute := at.Unix() / 60
	restarts := slices.Clone(j.restarts)
	if last := len(restarts) - 1; last >= 0 && restarts[last].minute == minute {
		restarts[last].n += n
	} else {
		restarts = append(restarts, restart{minute, n})
	}
	j.restarts = restarts[max(0, len(restarts)-10):]
}

func hostText(h *Host) string {
	parts := []string{h.Name, string(h.Status), h.labelText}
	if h.Agent != nil {
		parts = append(parts, h.Agent.Version)
	}
	return strings.ToLower(strings.Join(parts, " "))
}

func jobText(j *Job) string {
	return strings.ToLower(j.Spec.ID.String() + " " + j.Spec.Image)
}

// labelText returns labels as text, those first that people look for.
func labelText(of map[string]string) string {
	labels := make([]string, 0, len(of))
	for label, value := range of {
		labels = append(labels, label+"="+value)
	}
	slices.SortFunc(labels, func(a, b string) int { return cmp.Or(labelRank(a)-labelRank(b), strings.Compare(a, b)) })
	return strings.Join(labels, ",")
}

// labelRank puts the labels that people look for first.
func labelRank(label string) int {
	for i, first := range []string{"role=", "rack=", "zone="} {
		if strings.HasPrefix(label, first) {
			return i
		}
	}
	return 9
}
