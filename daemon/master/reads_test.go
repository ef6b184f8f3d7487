package master

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/daemon/gossip"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
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

// TestMinorityIsIsolated cuts the leader off: it must stop answering, and say that its streams tell of the past.
func TestMinorityIsIsolated(t *testing.T) {
	p := startThree(t, nil)
	p.mustCreate("before")
	old := p.awaitLeader()
	connected := old.Isolated()
	select {
	case <-connected:
		t.Fatal("the leader is isolated")
	default:
	}
	p.isolate(old.name, true)
	p.eventually(func() error {
		if now := p.leader(); now == nil || now == old {
			return errors.New("the others have no leader")
		}
		return nil
	})
	p.eventually(func() error {
		if view, _ := old.leading.get(); view.self {
			return errors.New("the old leader still counts itself")
		}
		return nil
	})
	wantCode(t, old.ReadIndex(t.Context()), model.CodeUnavailable)
	_, err := old.ConfirmedIndex(t.Context())
	wantCode(t, err, model.CodeUnavailable)
	_, _, err = old.Leader(t.Context())
	wantCode(t, err, model.CodeUnavailable)
	_, err = old.CreateJob(t.Context(), by("u"), testJob("lost", "1"))
	wantCode(t, err, model.CodeUnavailable)
	p.mustCreate("after")
	<-connected
	<-old.Isolated()

	p.isolate(old.name, false)
	p.eventually(func() error {
		select {
		case <-old.Isolated():
			return errors.New("it is still isolated")
		default:
			return old.ReadIndex(t.Context())
		}
	})
	p.awaitJobs("after", "before")
}

// TestKilledLeaderLosesNothing kills leaders without a word while others write.
func TestKilledLeaderLosesNothing(t *testing.T) {
	p := startThree(t, nil)
	var acknowledged []string
	for round := range 3 {
		stop := make(chan struct{})
		var mu sync.Mutex
		var writers sync.WaitGroup
		for writer := range 4 {
			writers.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					job := testJob(fmt.Sprintf("r%d-w%d-%d", round, writer, i), "1")
					for _, r := range p.running() {
						if _, err := r.CreateJob(context.Background(), model.Request{ID: job.ID.Name}, job); err == nil {
							mu.Lock()
							acknowledged = append(acknowledged, job.ID.Name)
							mu.Unlock()
							break
						}
					}
				}
			})
		}
		written := func(more int) {
			mu.Lock()
			target := len(acknowledged) + more
			mu.Unlock()
			p.eventually(func() error {
				mu.Lock()
				defer mu.Unlock()
				if len(acknowledged) < target {
					return fmt.Errorf("%d writes are acknowledged, want %d", len(acknowledged), target)
				}
				return nil
			})
		}
		written(20)
		killed := p.awaitLeader()
		killed.crash()
		written(20)
		close(stop)
		writers.Wait()
		p.start(killed.name, killed.dir, named(nil, "a", "b", "c"))
		p.awaitLeader()
	}
	for _, r := range p.running() {
		p.eventually(func() error { return r.ReadIndex(t.Context()) })
		for _, name := range acknowledged {
			if _, err := r.Job(testJob(name, "1").ID); err != nil {
				t.Errorf("%s: an acknowledged write is lost: %v", r.name, err)
			}
		}
	}
	if len(acknowledged) < 120 {
		t.Errorf("only %d writes", len(acknowledged))
	}
}

// TestRollingRestart stops one master after the other, leaders too: the next write is accepted by one that is there at once.
func TestRollingRestart(t *testing.T) {
	p := startThree(t, nil)
	var names []string
	for round := range 3 {
		leader := p.awaitLeader()
		leader.stop()
		others := p.running()
		next := fmt.Sprintf("after-%d", round)
		var err error
		for range len(others) {
			var url string
			var self bool
			// As the API does: once to the leader.
			if url, self, err = others[0].Leader(t.Context()); err != nil {
				break
			}
			to := others[0]
			if !self {
				to = p.get(url[len("http://"):])
			}
			if _, err = to.CreateJob(t.Context(), by("u"), testJob(next, "1")); err == nil {
				break
			}
		}
		if err != nil {
			t.Errorf("round %d: the next write: %v", round, err)
		}
		names = append(names, next)
		p.start(leader.name, leader.dir, named(nil, "a", "b", "c"))
		p.awaitServers("a", "b", "c")
		p.awaitJobs(names...)
	}
}

// TestNewerMastersCommand proposes what only a newer version knows.
func TestNewerMastersCommand(t *testing.T) {
	p := startThree(t, nil)
	leader := p.awaitLeader()
	p.mustCreate("before")
	for _, command := range []string{
		`{"v":1,"type":"frobnicate","time":5}` + "\n" + `{"x":1}`,
		`{"v":2,"type":"createJob","time":5}` + "\n" + `{"x":1}`,
	} {
		future := leader.node.Load().Apply([]byte(command), leaderWait)
		if err := future.Error(); err != nil {
			t.Fatal(err)
		}
		if result, ok := future.Response().(store.Result); !ok || result.Err == nil || result.Err.Code != model.CodeUnknownCommand {
			t.Errorf("the result is %+v", future.Response())
		}
	}
	p.mustCreate("after")
	p.awaitJobs("after", "before")
	for _, r := range p.running() {
		wantCode(t, r.Health()["storage"], "")
	}
}

// TestFullDiskOfOneMaster: the leader's disk fills up, and the cluster goes on under another one.
func TestFullDiskOfOneMaster(t *testing.T) {
	p := startThree(t, nil)
	full := p.awaitLeader()
	fill := func(left uint64) {
		full.disk.mu.Lock()
		defer full.disk.mu.Unlock()
		full.disk.free = func(string) (uint64, error) { return left, nil }
	}
	fill(100 << 20)
	p.mustCreate("more")
	p.eventually(func() error {
		if now := p.leader(); now == nil || now == full {
			return errors.New("no other master leads")
		}
		return nil
	})
	wantCode(t, full.Health()["storage"], model.CodeStorageFull)
	p.awaitJobs("more")

	// Nothing is left: it keeps what it has and takes no more, and the others go on.
	fill(1 << 20)
	p.eventually(func() error {
		if err := full.disk.checkReserve(); err == nil {
			return errors.New("the disk was not looked at again")
		}
		return nil
	})
	before := full.node.Load().LastIndex()
	p.mustCreate("without-it")
	if last := full.node.Load().LastIndex(); last != before {
		t.Errorf("it wrote entries %d to %d", before+1, last)
	}
	fill(1 << 40)
	p.awaitJobs("more", "without-it")
	wantCode(t, full.Health()["storage"], "")
}

// TestFullDiskOfTheOnlyMaster has nobody to hand over to.
func TestFullDiskOfTheOnlyMaster(t *testing.T) {
	p := newPool(t)
	a := p.start("a", t.TempDir(), nil)
	p.awaitLeader()
	a.disk.mu.Lock()
	a.disk.free, a.disk.checked = func(string) (uint64, error) { return 100 << 20, nil }, time.Time{}
	a.disk.mu.Unlock()
	_, err := a.CreateJob(t.Context(), by("u"), testJob("web", "1"))
	wantCode(t, err, model.CodeStorageFull)
	wantCode(t, a.ReadIndex(t.Context()), "")
	if a.node.Load().State() != raft.Leader || a.yielded.Load() != 0 {
		t.Error("it tried to hand over")
	}
}
