package store

import (
	"encoding/binary"
	"strings"
	"sync"

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

// requests is the ring of recent requests. It belongs to apply, except that rows may be read at any time.
type requests struct {
	next uint64 // number of the next request

	mu    sync.RWMutex // held to change what follows; apply itself reads without it
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

// replace takes over what other, which nobody uses any more, remembers.
func (r *requests) replace(other *requests) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next, r.slots, r.byID = other.next, other.slots, other.byID
}

// row returns what is remembered of a request.
func (r *requests) row(id string) (requestRow, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	slot, ok := r.byID[id]
	return r.slots[slot], ok
}

// RolledBack tells whether a rollback of a group has been applied in answer to the request with this id, and with what error. Of requests
// that were long ago nothing is known.
func (s *State) RolledBack(id, group string) (done bool, err error) {
	row, known := s.requests.row(id)
	if !known || id == "" || !strings.HasPrefix(row.Subject, string(commandRollBack)+" "+group+" ") {
		return false, nil
	}
	if row.Err != nil {
		return true, row.Err
	}
	return true, nil
}

func (r *requests) add(row requestRow) (slot uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
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
