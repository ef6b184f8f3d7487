package store

import (
	"encoding/binary"

	"github.com/heliosctl/heliosctl/model"
)

// requestSlots is how many recent requests are remembered. At the highest rate of writes that is the last two seconds, and hours at
// the usual one.
const requestSlots = 16384

// requestRow is what is remembered of a request.
type requestRow struct {
	Number  uint64       `json:"n"` // counts the remembered requests; the slot is its remainder
	ID      string       `json:"id"`
	Subject string       `json:"subject"`
	Index   uint64       `json:"index"`
	Err     *model.Error `json:"err,omitempty"`
	Status  model.Code   `json:"status,omitempty"`
	Rollout uint64       `json:"rollout,omitempty"`
}

// requests is the ring of recent requests. It belongs to apply.
type requests struct {
	next  uint64 // number of the next request
	slots map[uint64]requestRow
	byID  map[string]uint64 // id to slot
}

func newRequests() *requests {
	return &requests{slots: map[uint64]requestRow{}, byID: map[string]uint64{}}
}

// lookup returns the result of an earlier request with this id. An id that stood for something else is refused.
func (r *requests) lookup(id, subject string) (Result, bool) {
	slot, ok := r.byID[id]
	if !ok {
		return Result{}, false
	}
	row := r.slots[slot]
	if row.Subject != subject {
		return Result{Err: model.Errorf(model.CodeInvalid, "request id %q was already used for %q; use a new one", id, row.Subject)}, true
	}
	return Result{Index: row.Index, Err: row.Err, Status: row.Status, Rollout: row.Rollout}, true
}

func (r *requests) add(row requestRow) (slot uint64) {
	slot = row.Number % requestSlots
	if old, ok := r.slots[slot]; ok && r.byID[old.ID] == slot {
		delete(r.byID, old.ID)
	}
	r.slots[slot] = row
	r.byID[row.ID] = slot
	r.next = max(r.next, row.Number+1)
	return slot
}

func (b *batch) rememberRequest(id, subject string, result Result) {
	requests := b.state.requests
	row := requestRow{
		Number: requests.next, ID: id, Subject: subject,
		Index: result.Index, Err: result.Err, Status: result.Status, Rollout: result.Rollout,
	}
	b.put(requestKey(requests.add(row)), row)
}

func requestKey(slot uint64) []byte {
	return binary.BigEndian.AppendUint32([]byte(requestPrefix), uint32(slot))
}
