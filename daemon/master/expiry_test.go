package master

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

// agenda is what an expiry works on, in the time of a synctest bubble. Its wall clock can be set.
type agenda struct {
	mu      sync.Mutex
	set     time.Duration // what the wall clock is ahead
	dates   []time.Time   // by the wall clock
	changed chan struct{}
	failing int             // how many attempts are still to fail
	tried   []time.Duration // since the start, when anything was to be removed
	start   time.Time
}

func (a *agenda) now() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Now().Add(a.set)
}

// setClock puts the wall clock ahead of what it began with, or behind.
func (a *agenda) setClock(ahead time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.set = ahead
}

// fail makes the next attempts fail.
func (a *agenda) fail(times int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failing = times
}

// add adds something that expires after in.
func (a *agenda) add(in time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.dates = append(a.dates, time.Now().Add(a.set+in))
	close(a.changed)
	a.changed = make(chan struct{})
}

func (a *agenda) next() (at model.Timestamp, some bool, changed <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, date := range a.dates {
		if t := model.TimestampOf(date); !some || t < at {
			at, some = t, true
		}
	}
	return at, some, a.changed
}

func (a *agenda) expire(context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tried = append(a.tried, time.Since(a.start))
	if a.failing > 0 {
		a.failing--
		return errors.New("the disk is full")
	}
	var left []time.Time
	for _, date := range a.dates {
		if date.After(time.Now().Add(a.set)) {
			left = append(left, date)
		}
	}
	a.dates = left
	return nil
}

func TestExpiryTiming(t *testing.T) {
	for name, test := range map[string]struct {
		play func(*agenda)
		want []time.Duration
	}{
		"nothing expires": {func(*agenda) { time.Sleep(time.Hour) }, nil},
		"at the moment": {func(a *agenda) {
			a.add(90 * time.Second)
			a.add(time.Minute)
			time.Sleep(time.Hour)
		}, []time.Duration{time.Minute, 90 * time.Second}},
		"at once when overdue": {func(a *agenda) {
			a.add(-time.Hour)
			time.Sleep(time.Second)
		}, []time.Duration{0}},
		"sooner than what was waited for": {func(a *agenda) {
			a.add(10 * time.Second)
			time.Sleep(2 * time.Second)
			a.add(time.Second)
			time.Sleep(time.Second)
		}, []time.Duration{3 * time.Second}},
		"clock set forward": {func(a *agenda) {
			a.add(time.Hour)
			time.Sleep(10 * time.Second)
			a.setClock(2 * time.Hour)
			time.Sleep(time.Minute)
		}, []time.Duration{30 * time.Second}},
		"clock set back": {func(a *agenda) {
			a.add(40 * time.Second)
			time.Sleep(20 * time.Second)
			a.setClock(-time.Hour)
			time.Sleep(2 * time.Hour)
		}, []time.Duration{time.Hour + 40*time.Second}},
		"clock set back just before": {func(a *agenda) {
			a.add(10 * time.Second)
			time.Sleep(9 * time.Second)
			a.setClock(-5 * time.Second)
			time.Sleep(time.Hour)
		}, []time.Duration{15 * time.Second}},
		"failures rest longer and longer": {func(a *agenda) {
			a.fail(9)
			a.add(time.Second)
			time.Sleep(10 * time.Second)
			a.add(time.Second) // not a reason to hurry
			time.Sleep(5 * time.Minute)
		}, []time.Duration{
			1000 * time.Millisecond, 1500 * time.Millisecond, 2500 * time.Millisecond, 4500 * time.Millisecond,
			8500 * time.Millisecond, 16500 * time.Millisecond, 32500 * time.Millisecond, 62500 * time.Millisecond,
			92500 * time.Millisecond, 122500 * time.Millisecond,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &agenda{changed: make(chan struct{}), start: time.Now()}
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan struct{})
				go func() {
					defer close(done)
					expiry{now: a.now, next: a.next, expire: a.expire, log: slog.New(slog.DiscardHandler)}.run(ctx)
				}()
				synctest.Wait()
				test.play(a)
				synctest.Wait()
				if diff := cmp.Diff(test.want, a.tried); diff != "" {
					t.Errorf("when jobs were removed (-want +got):\n%s", diff)
				}
				cancel()
				<-done
			})
		})
	}
}

// expiring is a job with a token that expires after d.
func expiring(name string, d time.Duration) model.Job {
	job := testJob(name, "1", 80)
	at := model.TimestampOf(time.Now().Add(d))
	job.Expires, job.Token, job.ID.Hash = &at, "secret", ""
	return job.WithID()
}

// awaitGone waits until there is no such job.
func awaitGone(t *testing.T, m *running, id model.JobID) {
	t.Helper()
	for {
		_, _, more := m.Events(m.Index())
		if _, err := m.Job(id); errors.Is(err, model.ErrJobNotFound) {
			return
		}
		select {
		case <-more:
		case <-t.Context().Done():
			t.Fatalf("job %s does not go", id)
		}
	}
}

func TestJobsExpire(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	for _, host := range []string{"h1", "h2"} {
		m.mustRegister(host, "a")
	}
	lasting := m.mustCreate(testJob("lasting", "1"))
	m.mustDeploy("h1", lasting, model.GoalStart)
	index := m.Index()
	job := m.mustCreate(expiring("brief", 500*time.Millisecond))
	m.mustDeploy("h1", job, model.GoalStart)
	m.mustDeploy("h2", job, model.GoalStop)

	removed := awaitEvent(t, m, index, model.EventJobRemoved)
	if removed.Reason != model.ReasonExpired || removed.User != "" || *removed.JobID != job.ID || removed.Time < *job.Expires {
		t.Errorf("event %+v; the job expires at %d", removed, *job.Expires)
	}
	for _, host := range []string{"h1", "h2"} {
		_, err := m.Deployment(host, job.ID)
		wantCode(t, err, model.CodeJobNotDeployed)
	}
	if tasks, _, _, err := m.HostTasks("h1", "a"); err != nil || len(tasks) != 1 || tasks[0].Job.ID != lasting.ID {
		t.Errorf("tasks %+v, %v", tasks, err)
	}
	wantCode(t, m.RemoveJob(t.Context(), by("u"), job.ID, "secret"), model.CodeJobNotFound)
}

// TestManyJobsExpireTogether has more jobs expire than one command removes, some of them long ago.
func TestManyJobsExpireTogether(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	const jobs = 3*expireAtOnce + 1
	last := expiring("last", 0)
	for i := range jobs {
		job := expiring("job-"+string(rune('a'+i%26)), -time.Duration(i)*time.Minute)
		job.ID.Version, job.ID.Hash = string(rune('a'+i/26)), ""
		// A client cannot create what has expired.
		if _, err := m.write(t.Context(), by("u"), store.CreateJob{Job: job.WithID()}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.write(t.Context(), by("u"), store.CreateJob{Job: last}); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, m, last.ID)
	for _, job := range m.Jobs(model.JobFilter{}) {
		awaitGone(t, m, job.ID)
	}
}

func TestJobsThatExpiredWithoutALeader(t *testing.T) {
	dir := t.TempDir()
	m := start(t, dir, nil)
	m.mustRegister("h1", "a1")
	job := m.mustCreate(expiring("brief", 2*time.Second))
	m.mustDeploy("h1", job, model.GoalStart)
	m.stop()
	if _, err := m.Job(job.ID); err != nil {
		t.Fatalf("the job is gone before its time: %v", err)
	}
	<-time.After(time.Until(job.Expires.Time()))
	m = start(t, dir, nil)
	awaitGone(t, m, job.ID)
	if tasks, _, _, err := m.HostTasks("h1", "a1"); err != nil || len(tasks) != 0 {
		t.Errorf("tasks %+v, %v", tasks, err)
	}
}
