package agent

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/heliosctl/heliosctl/healthcheck"
	"github.com/heliosctl/heliosctl/model"
)

// reportBatch bounds the reports of one post. What gathered while the last post was under way is the next.
const reportBatch = 100

// reporter sends the outbox to the masters in order. A report leaves the outbox when a master has it recorded, so each arrives
// once, across crashes of either side.
type reporter struct {
	agent *Agent
	kick  kick
	limit int // halved when a master says a batch is too large

	acked atomic.Uint64 // the highest number that a master is known to have recorded since the start
}

func newReporter(a *Agent) *reporter {
	return &reporter{agent: a, kick: newKick(), limit: reportBatch}
}

func (r *reporter) run(ctx context.Context) error {
	pause := &healthcheck.Backoff{}
	for ctx.Err() == nil {
		accepted := r.agent.masters.accepted.next()
		if !r.agent.masters.isRegistered() {
			select {
			case <-accepted:
			case <-ctx.Done():
			}
			continue
		}
		sent, err := r.post(ctx)
		switch {
		case err != nil:
			_ = sleep(ctx, pause.Next(), r.failed(ctx, err, accepted)) // the loop's condition sees ctx
		case sent == 0:
			pause.Reset()
			select {
			case <-r.kick:
			case <-time.After(r.agent.config.Poll):
			case <-ctx.Done():
			}
		}
	}
	return ctx.Err()
}

// post sends the next batch and returns how many reports it had.
func (r *reporter) post(ctx context.Context) (int, error) {
	records := r.agent.config.Records
	reports, err := records.Outbox(r.limit)
	if err != nil || len(reports) == 0 {
		return 0, err
	}
	ack, err := r.agent.config.Master.PostStatuses(ctx, r.agent.config.Host, model.StatusBatch{AgentID: r.agent.ID(), Reports: reports})
	if err == nil {
		r.limit = reportBatch
		r.acked.Store(ack.AckedSeq)
		return len(reports), records.Ack(ack.AckedSeq)
	}
	if model.CodeOf(err).Class() != model.ClassInvalid {
		return 0, err
	}
	if len(reports) > 1 {
		r.limit = max(1, len(reports)/2)
		return len(reports), nil
	}
	r.agent.log.Error("a master cannot take a report; it is dropped so that the others get through",
		"job", reports[0].JobID.Short(), "seq", reports[0].Seq, "error", err)
	return 1, records.Ack(reports[0].Seq)
}

// failed returns what may end the pause after an error: a new registration, unless it was the registration that was at fault.
func (r *reporter) failed(ctx context.Context, err error, accepted <-chan struct{}) <-chan struct{} {
	if ctx.Err() != nil {
		return nil
	}
	switch model.CodeOf(err) {
	case model.CodeHostConflict, model.CodeHostNotFound:
		r.agent.masters.renew(err)
		return nil
	}
	r.agent.log.Warn("reports wait for a master", "error", err)
	return accepted
}
