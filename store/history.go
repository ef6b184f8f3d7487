package store

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"github.com/heliosctl/heliosctl/model"
)

// historyRow is one status change on disk. Its job is that of the job's row.
type historyRow struct {
	Timestamp model.Timestamp `json:"timestamp"`
	Status    statusFields    `json:"status"`
}

// historyRange tells which numbers of a job's rows on a host there are: from first up to but not including next.
type historyRange struct {
	first, next uint64
	last        model.Timestamp // of the row before next
}

// histories holds the range of each job (by its number) and host. The rows themselves are on disk only.
type histories map[uint64]map[string]historyRange

func (h histories) set(job uint64, host string, r historyRange) {
	hosts := h[job]
	if hosts == nil {
		hosts = map[string]historyRange{}
		h[job] = hosts
	}
	hosts[host] = r
}

// newest returns the time of the newest row of a job; false when there is none. What counts is the last row of each host, in the
// order in which it was reported.
func (h histories) newest(job uint64) (at model.Timestamp, some bool) {
	for _, r := range h[job] {
		if r.next > r.first && (!some || r.last > at) {
			at, some = r.last, true
		}
	}
	return at, some
}

// appendHistory adds a row and drops the oldest ones above the limit.
func (b *batch) appendHistory(job uint64, host string, row historyRow) {
	r := b.state.histories[job][host]
	b.put(historyKey(job, host, r.next), row)
	r.next++
	r.last = row.Timestamp
	for r.next-r.first > uint64(b.state.options.HistoryLimit) {
		b.remove(historyKey(job, host, r.first))
		r.first++
	}
	b.state.histories.set(job, host, r)
}

// removeJobHistory drops a job's rows.
func (b *batch) removeJobHistory(job uint64) {
	hosts := make([]string, 0, len(b.state.histories[job]))
	for host := range b.state.histories[job] {
		hosts = append(hosts, host)
	}
	slices.Sort(hosts)
	for _, host := range hosts {
		b.removeHistory(job, host)
	}
	delete(b.state.histories, job)
}

// removeHostHistory drops a host's rows.
func (b *batch) removeHostHistory(host string) {
	each(b.mem, tableJobs, indexID, nil, func(j *jobRecord) {
		b.removeHistory(j.number, host)
		delete(b.state.histories[j.number], host)
	})
}

func (b *batch) removeHistory(job uint64, host string) {
	r := b.state.histories[job][host]
	for n := r.first; n < r.next; n++ {
		b.remove(historyKey(job, host, n))
	}
}

func historyKey(job uint64, host string, number uint64) []byte {
	key := joinedKey(string(jobHistoryPrefix(job)), host)
	return binary.BigEndian.AppendUint64(key, number)
}

func jobHistoryPrefix(job uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(historyPrefix), job)
}

// splitHistoryKey takes a key apart; host is valid as long as key is.
func splitHistoryKey(key []byte) (job uint64, host []byte, number uint64, ok bool) {
	rest := key[len(historyPrefix):]
	if len(rest) < 8 {
		return 0, nil, 0, false
	}
	job, rest = binary.BigEndian.Uint64(rest), rest[8:]
	n, size := binary.Uvarint(rest)
	if size <= 0 || n != uint64(len(rest)-size-8) || len(rest) < size+8 {
		return 0, nil, 0, false
	}
	host = rest[size : size+int(n)]
	return job, host, binary.BigEndian.Uint64(rest[size+int(n):]), true
}

// History returns the recorded status changes of a job on all hosts, oldest first; CodeJobNotFound when there is no such job.
// Those of one host are in the order it reported them, whatever its clock said.
func (s *State) History(id model.JobID) ([]model.TaskStatusEvent, error) {
	job := first[jobRecord](s.mem.Txn(false), tableJobs, indexID, id.String())
	if job == nil {
		return nil, jobNotFound(id)
	}
	type placed struct {
		event model.TaskStatusEvent
		at    model.Timestamp // its own, or a higher one of an earlier row of the host
	}
	var rows []placed
	err := s.view(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: jobHistoryPrefix(job.number)})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			_, host, _, ok := splitHistoryKey(it.Item().Key())
			if !ok {
				return model.Errorf(model.CodeInternal, "a history key of job %s is damaged", id)
			}
			var row historyRow
			err := it.Item().Value(func(value []byte) error { return json.Unmarshal(value, &row) })
			if err != nil {
				return err
			}
			at := row.Timestamp
			if last := len(rows) - 1; last >= 0 && rows[last].event.Host == string(host) {
				at = max(at, rows[last].at)
			}
			rows = append(rows, placed{at: at, event: model.TaskStatusEvent{
				Status: row.Status.taskStatus(job.job), Timestamp: row.Timestamp, Host: string(host),
			}})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	// Stable, and by times that never fall: rows of one host stay in the order they were reported, even if its clock was set back.
	slices.SortStableFunc(rows, func(a, b placed) int { return cmp.Compare(a.at, b.at) })
	events := make([]model.TaskStatusEvent, len(rows))
	for i, row := range rows {
		events[i] = row.event
	}
	return events, nil
}
