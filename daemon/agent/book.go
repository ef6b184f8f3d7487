package agent

import (
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// book is the task records, in memory for reading and written through to Records. A record's maps and pointers are never changed
// in place. Each job has one writer for its goal and ports, the reconciler, and one for its container and status, the supervisor.
type book struct {
	records  Records
	reported func() // something is in the outbox
	changed  broadcast

	write sync.Mutex // held over the disk write, so that a record in memory is never older than the one on disk

	mu      sync.RWMutex // guards the fields below, never held over a disk write
	tasks   map[model.JobID]model.TaskRecord
	failure error
}

func newBook(records Records, tasks []model.TaskRecord, reported func()) *book {
	b := &book{records: records, reported: reported, tasks: make(map[model.JobID]model.TaskRecord, len(tasks))}
	for _, record := range tasks {
		b.tasks[record.Task.Job.ID] = record
	}
	return b
}

func (b *book) all() map[model.JobID]model.TaskRecord {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return maps.Clone(b.tasks)
}

func (b *book) get(id model.JobID) model.TaskRecord {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.tasks[id]
}

// find is get that tells whether there is such a task.
func (b *book) find(id model.JobID) (record model.TaskRecord, ok bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	record, ok = b.tasks[id]
	return record, ok
}

// fault returns why the last write failed, nil when it did not.
func (b *book) fault() error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.failure
}

// add records a task that is new to the book.
func (b *book) add(record model.TaskRecord) error {
	b.write.Lock()
	defer b.write.Unlock()
	return b.commit(record, b.records.SaveTask(record))
}

// change records a change of a task without reporting it.
func (b *book) change(id model.JobID, edit func(*model.TaskRecord)) error {
	b.write.Lock()
	defer b.write.Unlock()
	record, err := b.edited(id, edit)
	if err != nil {
		return err
	}
	return b.commit(record, b.records.SaveTask(record))
}

// report records a change of a task and reports the status that edit has set.
func (b *book) report(id model.JobID, edit func(*model.TaskRecord)) error {
	b.write.Lock()
	defer b.write.Unlock()
	record, err := b.edited(id, edit)
	if err != nil {
		return err
	}
	err = b.commit(record, b.records.ReportTask(record, model.TimestampOf(time.Now())))
	b.reported()
	return err
}

// remove forgets a task and reports that it is gone.
func (b *book) remove(id model.JobID) error {
	b.write.Lock()
	defer b.write.Unlock()
	err := b.records.RemoveTask(id, model.TimestampOf(time.Now()))
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failure = err; err != nil {
		return err
	}
	delete(b.tasks, id)
	b.changed.wake()
	b.reported()
	return nil
}

// reportAll reports the last status of every task once more, for a master that has none of them.
func (b *book) reportAll() error {
	for id, record := range b.all() {
		if record.Status == nil {
			continue
		}
		if err := b.report(id, func(*model.TaskRecord) {}); err != nil {
			return err
		}
	}
	return nil
}

func (b *book) edited(id model.JobID, edit func(*model.TaskRecord)) (model.TaskRecord, error) {
	b.mu.RLock()
	record, ok := b.tasks[id]
	b.mu.RUnlock()
	if !ok {
		return record, fmt.Errorf("task %s is gone", id.Short())
	}
	edit(&record)
	return record, nil
}

func (b *book) commit(record model.TaskRecord, err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failure = err; err != nil {
		return err
	}
	b.tasks[record.Task.Job.ID] = record
	b.changed.wake()
	return nil
}
