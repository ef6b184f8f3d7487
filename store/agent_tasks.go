package store

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"github.com/heliosctl/heliosctl/model"
)

// Tasks returns what is remembered of every task, sorted by job id.
func (r *AgentRecords) Tasks() ([]model.TaskRecord, error) {
	var records []model.TaskRecord
	err := r.view(func(txn *badger.Txn) error {
		return agentScan(txn, agentTask, func(_ string, record model.TaskRecord) error {
			records = append(records, record)
			return nil
		})
	})
	return records, err
}

// SaveTask records a task without reporting it.
func (r *AgentRecords) SaveTask(record model.TaskRecord) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.update(func(txn *badger.Txn) error { return agentSet(txn, agentTaskKey(record.Task.Job.ID), record) })
}

// ReportTask records a task and appends its status to the outbox, both or neither.
func (r *AgentRecords) ReportTask(record model.TaskRecord, at model.Timestamp) error {
	id := record.Task.Job.ID
	return r.report(model.StatusReport{JobID: id, Timestamp: at, Status: record.Status}, func(txn *badger.Txn) error {
		return agentSet(txn, agentTaskKey(id), record)
	})
}

// RemoveTask forgets a task and appends a report of its removal to the outbox, both or neither.
func (r *AgentRecords) RemoveTask(id model.JobID, at model.Timestamp) error {
	return r.report(model.StatusReport{JobID: id, Timestamp: at, Removed: true}, func(txn *badger.Txn) error {
		return txn.Delete([]byte(agentTaskKey(id)))
	})
}

func (r *AgentRecords) report(report model.StatusReport, alsoIn func(*badger.Txn) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	report.Seq = r.seq + 1
	pending := append(r.pending[report.JobID], report.Seq)
	surplus := max(0, len(pending)-r.options.MaxReportsPerJob)
	err := r.update(func(txn *badger.Txn) error {
		err := errors.Join(alsoIn(txn), agentSet(txn, agentOutboxKey(report.Seq), report), agentSetSeq(txn, report.Seq))
		for _, seq := range pending[:surplus] {
			err = errors.Join(err, txn.Delete([]byte(agentOutboxKey(seq))))
		}
		return err
	})
	if err != nil {
		return err
	}
	r.seq = report.Seq
	r.pending[report.JobID] = slices.Delete(pending, 0, surplus)
	return nil
}

// Outbox returns the oldest unsent reports, at most limit, in order.
func (r *AgentRecords) Outbox(limit int) ([]model.StatusReport, error) {
	seqs := r.unsent()
	seqs = seqs[:min(limit, len(seqs))]
	reports := make([]model.StatusReport, 0, len(seqs))
	err := r.view(func(txn *badger.Txn) error {
		for _, seq := range seqs {
			var report model.StatusReport
			found, err := agentGet(txn, agentOutboxKey(seq), &report)
			if err != nil {
				return err
			}
			if found {
				reports = append(reports, report)
			}
		}
		return nil
	})
	return reports, err
}

// unsent returns the numbers in the outbox, rising. Reading them from memory spares a scan over the remains of sent reports.
func (r *AgentRecords) unsent() []uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	var seqs []uint64
	for _, pending := range r.pending {
		seqs = append(seqs, pending...)
	}
	slices.Sort(seqs)
	return seqs
}

// Ack drops the reports up to and including seq from the outbox.
func (r *AgentRecords) Ack(seq uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ack(seq)
}

func (r *AgentRecords) ack(seq uint64) error {
	batch := r.newBatch()
	kept := make(map[model.JobID][]uint64, len(r.pending))
	for id, pending := range r.pending {
		sent, _ := slices.BinarySearch(pending, seq+1)
		for _, seq := range pending[:sent] {
			batch.delete(agentOutboxKey(seq))
		}
		if sent < len(pending) {
			kept[id] = slices.Clone(pending[sent:])
		}
	}
	if err := batch.commit(); err != nil {
		return err
	}
	r.pending = kept
	return nil
}

// renumber lifts every number in the outbox, and those to come, by offset. It goes from the highest down: cut off anywhere, the
// order of the reports is still right and another call completes it.
func (r *AgentRecords) renumber(offset uint64) error {
	if offset == 0 {
		return nil
	}
	var reports []model.StatusReport
	err := r.view(func(txn *badger.Txn) error {
		return agentScan(txn, agentOutbox, func(_ string, report model.StatusReport) error {
			reports = append(reports, report)
			return nil
		})
	})
	if err != nil {
		return err
	}
	batch := r.newBatch()
	for _, report := range slices.Backward(reports) {
		batch.delete(agentOutboxKey(report.Seq))
		report.Seq += offset
		batch.setJSON(agentOutboxKey(report.Seq), report)
	}
	batch.set(agentKeySeq, binary.BigEndian.AppendUint64(nil, r.seq+offset))
	if err := batch.commit(); err != nil {
		return err
	}
	r.seq += offset
	for _, pending := range r.pending {
		for i := range pending {
			pending[i] += offset
		}
	}
	return nil
}

func agentTaskKey(id model.JobID) string { return agentTask + id.String() }

func agentOutboxKey(seq uint64) string {
	return agentOutbox + string(binary.BigEndian.AppendUint64(nil, seq))
}

func agentSetSeq(txn *badger.Txn, seq uint64) error {
	return txn.Set([]byte(agentKeySeq), binary.BigEndian.AppendUint64(nil, seq))
}
