package master

import (
	"errors"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/model"
)

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
	select {
	case <-full.Isolated():
	case <-time.After(time.Minute):
		t.Error("it hears of the leader and not of what happens, and does not say that it is cut off")
	}
	fill(1 << 40)
	p.awaitJobs("more", "without-it")
	p.eventually(func() error {
		select {
		case <-full.Isolated():
			return errors.New("it has caught up and is still cut off")
		default:
			return nil
		}
	})
	wantCode(t, full.Health()["storage"], "")
}

// TestFullDiskIsNoRefusal: what comes to a leader whose disk has just filled up is for the next leader, not for the client to hear of.
func TestFullDiskIsNoRefusal(t *testing.T) {
	p := startThree(t, nil)
	full := p.awaitLeader()
	full.disk.mu.Lock()
	full.disk.free, full.disk.checked = func(string) (uint64, error) { return 100 << 20, nil }, time.Time{}
	full.disk.mu.Unlock()
	_, err := full.CreateJob(t.Context(), by("u"), testJob("web", "1"))
	wantCode(t, err, model.CodeUnavailable)
	p.eventually(func() error {
		if now := p.leader(); now == nil || now == full {
			return errors.New("no other master leads")
		}
		return nil
	})
	p.mustCreate("after")
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

func TestDiskNearlyFull(t *testing.T) {
	m := start(t, t.TempDir(), func(c *Config) { c.MinFreeBytes = 1 << 62 })
	_, err := m.CreateJob(t.Context(), by("u"), testJob("web", "1"))
	wantCode(t, err, model.CodeStorageFull)
	_, err = m.PostStatuses(t.Context(), "h1", model.StatusBatch{AgentID: "a1"})
	wantCode(t, err, model.CodeStorageFull)
	wantCode(t, m.ReadIndex(t.Context()), "")
	if m.Health()["storage"] == nil {
		t.Error("the health check sees nothing wrong")
	}
}
