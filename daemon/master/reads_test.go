package master

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/gossip"
)

// TestFollowerReadsWhatTheLeaderAcknowledged reads through a follower right after each write.
func TestFollowerReadsWhatTheLeaderAcknowledged(t *testing.T) {
	p := startThree(t, nil)
	leader := p.awaitLeader()
	var readers sync.WaitGroup
	for _, follower := range p.others(leader) {
		readers.Go(func() {
			for i := range 50 {
				job := testJob(fmt.Sprint(follower.name, i), "1")
				if _, err := leader.CreateJob(t.Context(), by("u"), job); err != nil {
					t.Error(err)
					return
				}
				if err := follower.ReadIndex(t.Context()); err != nil {
					t.Error(err)
					return
				}
				if _, err := follower.Job(job.ID); err != nil {
					t.Errorf("%s does not have what was acknowledged: %v", follower.name, err)
				}
			}
		})
	}
	readers.Wait()
}

// questioned is a leader elsewhere that answers when it is told to.
type questioned struct {
	poolRemote
	asked  atomic.Int64
	answer chan uint64
}

func (q *questioned) ConfirmedIndex(ctx context.Context, _ string) (uint64, error) {
	q.asked.Add(1)
	select {
	case index := <-q.answer:
		return index, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// one is a gossip that knows a single other master.
type one struct {
	alone
	member gossip.Member
}

func (o one) KnownMasters() []gossip.Member { return []gossip.Member{o.member} }

// TestReadersShareTheNextQuestion: what was asked before a read began must not answer it.
func TestReadersShareTheNextQuestion(t *testing.T) {
	m, err := New(Config{Name: "m1", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	remote := &questioned{answer: make(chan uint64)}
	m.Attach(one{member: gossip.Member{ID: "id2", API: "http://m2", Alive: true}}, remote)
	m.leading.setOther("10.0.0.2:5806", "id2")
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { m.runQuestions(ctx) })
	defer running.Wait()
	defer cancel()

	first := make(chan confirmed, 1)
	running.Go(func() {
		index, err := m.confirm(ctx, false)
		first <- confirmed{index, err}
	})
	for remote.asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	const readers = 20
	later := make(chan confirmed, readers)
	for range readers {
		running.Go(func() {
			index, err := m.confirm(ctx, false)
			later <- confirmed{index, err}
		})
	}
	waiting := func() int {
		m.questions.mu.Lock()
		defer m.questions.mu.Unlock()
		return len(m.questions.waiting)
	}
	for waiting() < readers {
		time.Sleep(time.Millisecond)
	}
	remote.answer <- 7
	if got := <-first; got.err != nil || got.index != 7 {
		t.Errorf("the first reader was told %+v", got)
	}
	remote.answer <- 9
	for range readers {
		if got := <-later; got.err != nil || got.index != 9 {
			t.Errorf("a later reader was told %+v", got)
		}
	}
	if n := remote.asked.Load(); n != 2 {
		t.Errorf("the leader was asked %d times", n)
	}
}

// TestReadGoesToTheNewLeader: the old leader never answers, and another is heard of.
func TestReadGoesToTheNewLeader(t *testing.T) {
	m, err := New(Config{Name: "m1", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	remote := &questioned{answer: make(chan uint64)}
	m.Attach(one{member: gossip.Member{ID: "id2", API: "http://m2", Alive: true}}, remote)
	m.leading.setOther("10.0.0.2:5806", "id2")
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { m.runQuestions(ctx) })
	defer running.Wait()
	defer cancel()
	told := make(chan confirmed, 1)
	running.Go(func() {
		index, err := m.confirm(ctx, false)
		told <- confirmed{index, err}
	})
	for remote.asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	m.leading.setOther("10.0.0.3:5806", "id2")
	remote.answer <- 11
	if got := <-told; got.err != nil || got.index != 11 {
		t.Errorf("told %+v", got)
	}
}
