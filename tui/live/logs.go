package live

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

const (
	// lateLines is how much later than its own time a line may arrive, clocks that differ included.
	lateLines = time.Minute

	// settleTime is how long a stream that was opened again has to be without a complaint until it is believed.
	settleTime = 300 * time.Millisecond
)

// Logs streams what a job prints. What is followed goes on with the next master, or when the agent is back, where it broke off.
func (s *Source) Logs(ctx context.Context, q tui.LogQuery) iter.Seq2[model.LogLine, error] {
	return func(yield func(model.LogLine, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		t := &tail{source: s, ctx: ctx, query: q, yield: yield, news: make(chan strandNews), places: map[string]*place{}, retry: stoppedTimer()}
		defer t.running.Wait()
		defer stop()
		t.run()
	}
}

// tail is one reader of logs. All but the strands is of the goroutine that reads.
type tail struct {
	source  *Source
	ctx     context.Context
	query   tui.LogQuery
	yield   func(model.LogLine, error) bool
	news    chan strandNews
	running sync.WaitGroup
	strands int // that run
	places  map[string]*place
	lost    []string // hosts whose stream broke
	attempt int      // to get them back
	retry   *time.Timer
	waits   bool // for the timer
	over    bool // the reader wants no more, or there is none
}

// strand is one stream of a master.
type strand struct {
	hosts []string // that it reads, but for those that it has lost
	all   bool     // those are all hosts of the job
	again bool     // not the first
	query model.LogQuery
	were  map[string]string // containers that the hosts had when they were read last
}

type strandNews struct {
	*strand
	line                   model.LogLine
	opened, settled, ended bool
	err                    error
}

// place is how far a host was read.
type place struct {
	at        time.Time // of the last line
	n         int       // lines of that time
	skip      int       // lines of that time that come again
	resuming  bool
	container string // that it printed from, as far as the snapshot knew
	told      bool   // that its stream broke
}

// pass reports whether a line was not read before.
func (p *place) pass(at time.Time) bool {
	if p.resuming {
		switch {
		case at.Before(p.at):
			return false
		case at.Equal(p.at) && p.skip > 0:
			p.skip--
			return false
		}
		p.resuming = false
	}
	if !at.Equal(p.at) {
		p.at, p.n = at, 0
	}
	p.n++
	return true
}

func (t *tail) run() {
	first := &strand{hosts: t.query.Hosts, all: len(t.query.Hosts) == 0, query: t.original()}
	if job := t.source.Snapshot().Job(t.query.Job); first.all && job != nil {
		for _, task := range job.Tasks {
			first.hosts = append(first.hosts, task.Host)
		}
	}
	t.start(first)
	for !t.over && (t.strands > 0 || len(t.lost) > 0) {
		t.schedule()
		var again <-chan struct{}
		if len(t.lost) > 0 {
			again = t.source.again.next()
		}
		select {
		case n := <-t.news:
			t.take(n)
		case <-t.retry.C:
			t.resume()
		case <-again:
			t.resume()
		case <-t.ctx.Done():
			t.emit(model.LogLine{}, t.ctx.Err())
			t.over = true
		}
	}
}

// original is what is asked for at first.
func (t *tail) original() model.LogQuery {
	q := model.LogQuery{Follow: t.follows(), Previous: t.query.Previous}
	if t.query.Tail >= 0 {
		q.Tail = &t.query.Tail
	}
	return q
}

func (t *tail) follows() bool { return t.query.Follow && !t.query.Previous }

func (t *tail) emit(line model.LogLine, err error) {
	if !t.over && !t.yield(line, err) {
		t.over = true
	}
}

// schedule has what was lost sought again after a while.
func (t *tail) schedule() {
	if len(t.lost) == 0 || t.waits {
		return
	}
	t.waits = true
	t.retry.Reset(backoff(t.attempt))
}

// start runs a strand.
func (t *tail) start(s *strand) {
	t.strands++
	l := t.source.link.Load()
	api, hosts := l.calls, slices.Clone(s.hosts)
	if t.follows() {
		api = l.stream // whose patience is short: this one has its own
	}
	if s.all {
		hosts = nil
	}
	t.running.Go(func() {
		t.readReplaced(api, s)
		opened := func(string) { t.tell(strandNews{strand: s, opened: true}) }
		for line, err := range api.LogsFrom(t.ctx, t.query.Job, hosts, s.query, opened) {
			if err != nil {
				t.tell(strandNews{strand: s, ended: true, err: err})
				return
			}
			if !t.tell(strandNews{strand: s, line: line}) {
				return
			}
		}
		t.tell(strandNews{strand: s, ended: true})
	})
}

// readReplaced reads what containers have printed last that were replaced since.
func (t *tail) readReplaced(api *client.Client, s *strand) {
	if len(s.were) == 0 {
		return
	}
	job, err := api.JobStatus(t.ctx, t.query.Job)
	if err != nil {
		return // the stream will tell
	}
	var replaced []string
	for host, container := range s.were {
		if now := job.TaskStatuses[host].ContainerID; now != "" && now != container {
			replaced = append(replaced, host)
		}
	}
	if len(replaced) == 0 {
		return
	}
	for line, err := range api.Logs(t.ctx, t.query.Job, replaced, model.LogQuery{Previous: true, Since: s.query.Since}) {
		if err == nil && line.Error == nil && !t.tell(strandNews{strand: s, line: line}) {
			return
		}
	}
}

func (t *tail) tell(n strandNews) bool {
	select {
	case t.news <- n:
		return true
	case <-t.ctx.Done():
		return false
	}
}

func (t *tail) take(n strandNews) {
	switch {
	case n.opened:
		t.opened(n.strand)
	case n.settled:
		t.settled(n.strand)
	case n.ended:
		t.strands--
		t.ended(n.strand, n.err)
	case n.line.Error != nil:
		t.broke(n.strand, n.line)
	default:
		if s := n.strand; s.all && t.places[n.line.Host] == nil && !slices.Contains(s.hosts, n.line.Host) {
			s.hosts = append(s.hosts, n.line.Host)
		}
		t.printed(n.line)
	}
}

// opened waits whether a stream that was opened again complains of the host; when it does it does so at once.
func (t *tail) opened(s *strand) {
	if !s.again {
		return
	}
	t.running.Go(func() {
		select {
		case <-time.After(settleTime):
			t.tell(strandNews{strand: s, settled: true})
		case <-t.ctx.Done():
		}
	})
}

// settled tells of each host whose stream had broken that it goes on.
func (t *tail) settled(s *strand) {
	t.attempt = 0
	if len(s.hosts) == 0 {
		t.emit(model.LogLine{}, nil)
	}
	for _, host := range s.hosts {
		if p := t.place(host); p.told {
			p.told = false
			t.emit(model.LogLine{Host: host}, nil)
		}
	}
}

func (t *tail) place(host string) *place {
	p := t.places[host]
	if p == nil {
		p = &place{}
		t.places[host] = p
	}
	return p
}

func (t *tail) printed(line model.LogLine) {
	p := t.place(line.Host)
	if !p.pass(line.Time) {
		return
	}
	p.told = false
	t.emit(line, nil)
}

// broke takes it that there is no more from one host of a strand.
func (t *tail) broke(s *strand, line model.LogLine) {
	if line.Time.IsZero() {
		line.Time = t.source.options.Now()
	}
	if i := slices.Index(s.hosts, line.Host); i >= 0 {
		s.hosts = slices.Delete(s.hosts, i, i+1)
	}
	if t.follows() && passing(line.Error) {
		t.lose(line.Host)
	}
	if p := t.place(line.Host); !p.told {
		p.told = true
		t.emit(line, nil)
	}
}

// passing reports whether the reason for the end of a stream may go away.
func passing(err error) bool {
	class := model.CodeOf(err).Class()
	return class == model.ClassUnavailable || class == model.ClassTimeout
}

func (t *tail) lose(host string) {
	p := t.place(host)
	p.container = t.container(host)
	t.lost = append(t.lost, host)
}

func (t *tail) container(host string) string {
	if h := t.source.Snapshot().Host(host); h != nil {
		if task := h.Task(t.query.Job); task != nil {
			return task.ContainerID
		}
	}
	return ""
}

// ended takes it that a strand has ended with what it still read.
func (t *tail) ended(s *strand, err error) {
	switch {
	case err == nil || t.ctx.Err() != nil:
	case t.follows() && passing(err):
		t.interrupted(s, err)
	case !s.again:
		t.emit(model.LogLine{}, err)
		t.over = true
	case len(s.hosts) == 1:
		t.emit(model.LogLine{Host: s.hosts[0], Time: t.source.options.Now(), Error: asError(err)}, nil)
	default: // it may be said against one of them only
		for _, host := range s.hosts {
			t.start(t.resumption([]string{host}))
		}
	}
}

// interrupted tells once that streams broke, and has them sought again.
func (t *tail) interrupted(s *strand, err error) {
	tell := len(s.hosts) == 0
	for _, host := range s.hosts {
		p := t.place(host)
		tell = tell || !p.told
		p.told = true
		t.lose(host)
	}
	if len(s.hosts) == 0 { // nothing is known of the job yet
		t.lost = append(t.lost, "")
	}
	if !tell {
		return
	}
	line := model.LogLine{Time: t.source.options.Now(), Error: asError(err)}
	if len(s.hosts) == 1 {
		line.Host = s.hosts[0]
	}
	t.emit(line, nil)
}

func asError(err error) *model.Error {
	var coded *model.Error
	if errors.As(err, &coded) {
		return coded
	}
	return model.Errorf(model.CodeInternal, "%v", err)
}

// resume opens the streams again that broke.
func (t *tail) resume() {
	t.retry.Stop()
	t.waits = false
	if len(t.lost) == 0 || t.source.Snapshot().Freshness.State == tui.Stale {
		return // what is known may be too old to go on with; it will be told when it is not
	}
	hosts := t.lost
	t.lost = nil
	t.attempt++
	if slices.Contains(hosts, "") {
		t.start(&strand{all: true, again: true, query: t.original()})
		return
	}
	t.start(t.resumption(slices.Compact(slices.Sorted(slices.Values(hosts)))))
}

// resumption is a strand that goes on where hosts were left.
func (t *tail) resumption(hosts []string) *strand {
	s := &strand{hosts: hosts, again: true, query: model.LogQuery{Follow: true}, were: map[string]string{}}
	var newest time.Time
	for _, host := range hosts {
		if p := t.place(host); p.at.After(newest) {
			newest = p.at
		}
	}
	if newest.IsZero() { // nothing was printed yet
		s.query = t.original()
		return s
	}
	s.query.Since = newest.Add(-lateLines)
	if oldest := t.oldest(hosts); oldest.After(s.query.Since) {
		s.query.Since = oldest
	}
	for _, host := range hosts {
		p := t.place(host)
		p.resuming, p.skip = true, p.n
		if p.container != "" && !p.at.IsZero() {
			s.were[host] = p.container
		}
	}
	return s
}

// oldest is where the host was left that was left first; one that has printed nothing may have been about to.
func (t *tail) oldest(hosts []string) time.Time {
	var oldest time.Time
	for _, host := range hosts {
		at := t.place(host).at
		if at.IsZero() {
			return at
		}
		if oldest.IsZero() || at.Before(oldest) {
			oldest = at
		}
	}
	return oldest
}

// bell wakes everybody who waits for it. Its zero value is ready.
type bell struct {
	mu   sync.Mutex
	rung chan struct{} // closed with the next ring
}

func (b *bell) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung == nil {
		b.rung = make(chan struct{})
	}
	return b.rung
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung != nil {
		close(b.rung)
		b.rung = nil
	}
}
