package master

import (
	"context"
	"fmt"
	"sync"
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
	asked  chan struct{} // takes one for each question
	answer chan uint64
}

func (q *questioned) ConfirmedIndex(ctx context.Context, _ string) (uint64, error) {
	q.asked <- struct{}{}
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

// askingMaster is one that knows a leader elsewhere and asks it for readers until the test ends.
func askingMaster(t *testing.T) (*Master, *questioned) {
	t.Helper()
	m, err := New(Config{Name: "m1", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	remote := &questioned{asked: make(chan struct{}, 10), answer: make(chan uint64)}
	m.Attach(one{member: gossip.Member{ID: "id2", API: "http://m2", Alive: true}}, remote)
	m.leading.setOther("10.0.0.2:5806", "id2")
	var running sync.WaitGroup
	running.Go(func() { m.runQuestions(t.Context()) })
	t.Cleanup(running.Wait)
	return m, remote
}

// confirming has a reader ask for the index, which is sent when it is known.
func confirming(t *testing.T, m *Master) <-chan confirmed {
	told := make(chan confirmed, 1)
	go func() {
		index, err := m.confirm(t.Context(), false)
		told <- confirmed{index, err}
	}()
	return told
}

// TestReadersShareTheNextQuestion: what was asked before a read began must not answer it.
func TestReadersShareTheNextQuestion(t *testing.T) {
	m, remote := askingMaster(t)
	first := confirming(t, m)
	<-remote.asked
	later := make([]<-chan confirmed, 20)
	for i := range later {
		later[i] = confirming(t, m)
	}
	waiting := func() int {
		m.questions.mu.Lock()
		defer m.questions.mu.Unlock()
		return len(m.questions.waiting)
	}
	for waiting() < len(later) {
		time.Sleep(time.Millisecond)
	}
	remote.answer <- 7
	if got := <-first; got.err != nil || got.index != 7 {
		t.Errorf("the first reader was told %+v", got)
	}
	remote.answer <- 9
	for _, told := range later {
		if got := <-told; got.err != nil || got.index != 9 {
			t.Errorf("a later reader was told %+v", got)
		}
	}
	if more := len(remote.asked); more != 1 {
		t.Errorf("the leader was asked %d times after the first", more)
	}
}

// TestReadGoesToTheNewLeader: the old leader never answers, and another is heard of.
func TestReadGoesToTheNewLeader(t *testing.T) {
	m, remote := askingMaster(t)
	told := confirming(t, m)
	<-remote.asked
	m.leading.setOther("10.0.0.3:5806", "id2")
	remote.answer <- 11
	if got := <-told; got.err != nil || got.index != 11 {
		t.Errorf("told %+v", got)
	}
}
