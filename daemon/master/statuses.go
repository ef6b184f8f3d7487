package master

import (
	"context"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

// statusPartLimit is the most bytes of one host's part of a statuses command. It leaves room for the command around it.
const statusPartLimit = store.MaxCommandSize - 512

// statusPart is some of one host's reports, encoded, and where its answer goes.
type statusPart struct {
	encoded []byte
	answer  chan<- statusAnswer // capacity for the answer
}

type statusAnswer struct {
	ack store.Ack
	err error
}

func newStatusQueue() *queue[statusPart] {
	return newQueue(statusPartLimit, func(part statusPart) int { return len(part.encoded) + 1 })
}

func (m *Master) runStatuses(ctx context.Context) {
	m.statuses.run(ctx, m.recordStatuses, func(part statusPart) { part.answer <- statusAnswer{err: errStopping()} })
}

// recordStatuses commits parts in one entry and answers each.
func (m *Master) recordStatuses(ctx context.Context, parts []statusPart) {
	encoded := make([][]byte, len(parts))
	for i, part := range parts {
		encoded[i] = part.encoded
	}
	var result store.Result
	command, err := store.EncodeStatuses(m.now(), encoded)
	if err == nil {
		result, err = m.writeCommand(ctx, command)
	}
	for i, part := range parts {
		answer := statusAnswer{err: err}
		if err == nil {
			answer.ack = result.Acks[i]
		}
		part.answer <- answer
	}
}

// PostStatuses records an agent's reports, in as many entries as they take; those already recorded are skipped. It fails with
// CodeHostNotFound or CodeHostConflict. When it fails, any number of the first reports may have been recorded.
func (m *Master) PostStatuses(ctx context.Context, host string, batch model.StatusBatch) (model.StatusAck, error) {
	parts, err := m.encodeStatuses(host, batch)
	if err != nil {
		return model.StatusAck{}, err
	}
	var ack model.StatusAck
	for _, part := range parts {
		answer := make(chan statusAnswer, 1)
		if !m.statuses.put(statusPart{encoded: part, answer: answer}) {
			return model.StatusAck{}, errStopping()
		}
		select {
		case a := <-answer:
			if a.err != nil {
				return model.StatusAck{}, a.err
			}
			if a.ack.Err != nil {
				return model.StatusAck{}, a.ack.Err
			}
			ack.AckedSeq = a.ack.Seq
		case <-ctx.Done():
			return model.StatusAck{}, model.Errorf(model.CodeOutcomeUnknown,
				"the statuses may or may not have been recorded: %v; send them again", context.Cause(ctx))
		}
	}
	return ack, nil
}

// encodeStatuses splits a batch that is too big for one entry. A single report that is leaves out its environment, which repeats the
// job's: an agent must be able to get rid of every report.
func (m *Master) encodeStatuses(host string, batch model.StatusBatch) ([][]byte, error) {
	encoded, err := store.EncodeHostStatuses(host, batch, m.folders.state.HasJob)
	if err != nil {
		return nil, encodeError(err)
	}
	if len(encoded) <= statusPartLimit {
		return [][]byte{encoded}, nil
	}
	if half := len(batch.Reports) / 2; half > 0 {
		low, err := m.encodeStatuses(host, model.StatusBatch{AgentID: batch.AgentID, Reports: batch.Reports[:half]})
		if err != nil {
			return nil, err
		}
		high, err := m.encodeStatuses(host, model.StatusBatch{AgentID: batch.AgentID, Reports: batch.Reports[half:]})
		return append(low, high...), err
	}
	report := batch.Reports[0]
	if report.Status == nil || report.Status.Env == nil {
		return nil, model.Errorf(model.CodeTooLarge, "the status of job %s takes %d bytes, more than is allowed", report.JobID, len(encoded))
	}
	status := *report.Status
	status.Env = nil
	report.Status = &status
	return m.encodeStatuses(host, model.StatusBatch{AgentID: batch.AgentID, Reports: []model.StatusReport{report}})
}
