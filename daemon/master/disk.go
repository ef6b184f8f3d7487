package master

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

// diskGuard refuses writes when the disk is nearly full: the databases map files into memory, and writing to those without space
// kills the process. It is safe for concurrent use.
type diskGuard struct {
	dir  string
	min  uint64
	free func(dir string) (uint64, error)

	mu      sync.Mutex
	checked time.Time
	left    uint64
	err     error
}

// diskCheckEvery is how long a look at the disk counts.
const diskCheckEvery = time.Second

// diskReserve is the free space below which not even the log of another leader is written: that one goes on without this master.
const diskReserve = 50 << 20

func newDiskGuard(c Config) *diskGuard {
	return &diskGuard{dir: c.DataDir, min: c.MinFreeBytes, free: store.FreeSpace}
}

// check fails with CodeStorageFull when less than min is free.
func (g *diskGuard) check() error { return g.require(g.min) }

// checkReserve fails with CodeStorageFull when the last reserve is used up.
func (g *diskGuard) checkReserve() error { return g.require(min(g.min, diskReserve)) }

func (g *diskGuard) require(least uint64) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Since(g.checked) >= diskCheckEvery {
		g.checked = time.Now()
		g.left, g.err = g.free(g.dir)
	}
	switch {
	case g.err != nil:
		return model.Errorf(model.CodeInternal, "%v", g.err)
	case g.left < least:
		return model.Errorf(model.CodeStorageFull,
			"the disk of %s has %d MB free, fewer than the %d MB that are needed; make room", g.dir, g.left>>20, least>>20)
	}
	return nil
}

// guardedLog refuses entries when the disk has no more room for them.
type guardedLog struct {
	*store.Log
	disk *diskGuard
}

// StoreLog appends an entry.
func (l guardedLog) StoreLog(entry *raft.Log) error { return l.StoreLogs([]*raft.Log{entry}) }

// StoreLogs appends entries.
func (l guardedLog) StoreLogs(entries []*raft.Log) error {
	if err := l.disk.checkReserve(); err != nil {
		return err
	}
	return l.Log.StoreLogs(entries)
}

// yieldEvery is how often a leader without disk space tries to hand over: where all disks are full nobody can do better.
const yieldEvery = 10 * time.Second

// yieldTakes is how long handing leadership over may take.
const yieldTakes = 2 * time.Second

// yieldWhenFull hands leadership over when this master's disk is nearly full, because the others may still take writes.
func (m *Master) yieldWhenFull(ctx context.Context, n *node) {
	tick := time.NewTicker(diskCheckEvery)
	defer tick.Stop()
	for {
		if err := m.disk.check(); model.CodeOf(err) == model.CodeStorageFull && n.voters() > 1 && m.mayYield() {
			m.log.Warn("handing leadership over", "because", err)
			if err := m.handOver(n); err != nil {
				m.log.Warn("cannot hand leadership over", "err", err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// yields reports whether this master leads and is about to hand leadership over, or has just begun to, for want of disk space.
func (m *Master) yields() bool {
	n := m.node.Load()
	if n == nil || n.voters() < 2 {
		return false
	}
	last := m.yielded.Load()
	return last == 0 || time.Since(time.Unix(0, last)) < yieldTakes || time.Since(time.Unix(0, last)) >= yieldEvery
}

// mayYield reports whether the last time is long enough ago, and notes this one.
func (m *Master) mayYield() bool {
	now := time.Now().UnixNano()
	last := m.yielded.Load()
	return (last == 0 || time.Duration(now-last) >= yieldEvery) && m.yielded.CompareAndSwap(last, now)
}
