package master

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

func TestWithoutLeader(t *testing.T) {
	m, err := New(Config{Name: "m1", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantCode(t, m.ReadIndex(ctx), model.CodeUnavailable)
	_, err = m.CreateJob(ctx, by("u"), testJob("web", "1"))
	wantCode(t, err, model.CodeUnavailable)
	if health := m.Health(); health["raft"] == nil || health["storage"] != nil {
		t.Errorf("health %v", health)
	}
	if got := m.Jobs(model.JobFilter{}); len(got) != 0 {
		t.Errorf("jobs %v", got)
	}
}

func TestAnotherMasterLeads(t *testing.T) {
	m, err := New(Config{Name: "m1", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	m.leading.setOther("10.0.0.2:5806", "id2")
	_, err = m.ConfirmedIndex(t.Context())
	for _, err := range []error{err, m.RemoveJob(t.Context(), by("u"), testJob("web", "1").ID, "")} {
		wantCode(t, err, model.CodeUnavailable)
		if !strings.Contains(err.Error(), "10.0.0.2:5806") {
			t.Errorf("the error does not name the leader: %v", err)
		}
	}
	if health := m.Health(); health["raft"] != nil {
		t.Errorf("health %v", health)
	}
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
