package master

import (
	"context"
	"log/slog"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

const (
	expireAtOnce = 16 // jobs that one command removes at most, so that other writes get in between

	// expiryRecheck is how often the clock is looked at however far off the next expiry is: it may be set meanwhile.
	expiryRecheck = 30 * time.Second

	// How long a failed attempt rests.
	expiryRetryMin = 500 * time.Millisecond
	expiryRetryMax = 30 * time.Second
)

// expiry removes what expires when its time has come.
type expiry struct {
	now    func() time.Time
	next   func() (at model.Timestamp, some bool, changed <-chan struct{}) // see store.State.NextExpiry
	expire func(ctx context.Context) error                                 // removes what is due
	log    *slog.Logger
}

// run runs until ctx ends.
func (e expiry) run(ctx context.Context) {
	retry := expiryRetryMin
	for ctx.Err() == nil {
		at, some, changed := e.next()
		pause := expiryRecheck
		if some {
			pause = min(pause, at.Time().Sub(e.now()))
		}
		if pause <= 0 {
			err := e.expire(ctx)
			if err == nil {
				retry = expiryRetryMin
				continue
			}
			e.log.Warn("cannot remove jobs that have expired", "err", err, "retry", retry)
			pause, changed = retry, nil
			retry = min(2*retry, expiryRetryMax)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// expireJobs removes every job at the moment it expires, and undeploys it everywhere. Those that expired while there was no leader go
// at once.
func (m *Master) expireJobs(ctx context.Context) {
	expiry{now: time.Now, next: m.folders.state.NextExpiry, expire: m.expireDue, log: m.log}.run(ctx)
}

func (m *Master) expireDue(ctx context.Context) error {
	for ctx.Err() == nil {
		result, err := m.write(ctx, model.Request{}, store.ExpireJobs{Limit: expireAtOnce})
		if err != nil {
			return err
		}
		for _, id := range result.Removed {
			m.log.Info("job expired", "job", id)
		}
		if len(result.Removed) < expireAtOnce {
			break
		}
	}
	return nil
}
