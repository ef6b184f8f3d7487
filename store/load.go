package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
	"github.com/hashicorp/go-memdb"

	"github.com/heliosctl/heliosctl/model"
)

// loader fills the working set from the database.
type loader struct {
	mem         *memdb.Txn
	requests    *requests
	histories   histories
	removedJobs map[string]*model.Job
	names       map[string]string   // of hosts
	visited     map[string][]string // hosts by the beginning of the keys of a rollout's progress
}

// load replaces the working set with what is in the database. Whoever waits for a change of it is woken.
func (s *State) load() error {
	l := &loader{mem: s.mem.Txn(true), requests: newRequests(), histories: histories{}, removedJobs: map[string]*model.Job{}, names: map[string]string{}, visited: map[string][]string{}}
	defer l.mem.Abort()
	for _, table := range []string{
		tableMeta, tableJobs, tableHosts, tableAcks, tableDeployments, tableStatuses, tableGroups, tableMembers, tableRollouts, tableProgress,
	} {
		if _, err := l.mem.DeleteAll(table, indexID); err != nil {
			return err
		}
	}
	var applied uint64
	err := s.db.View(func(txn *badger.Txn) error {
		var err error
		if applied, err = l.meta(txn); err != nil {
			return err
		}
		return l.all(txn)
	})
	if err != nil {
		return err
	}
	l.mem.Commit()
	s.requests.replace(l.requests)
	s.histories = l.histories
	s.applied.Store(applied)
	return nil
}

func (l *loader) meta(txn *badger.Txn) (applied uint64, err error) {
	value, err := readKey(txn, appliedKey)
	if err != nil {
		return 0, err
	}
	if value != nil {
		if len(value) != 8 {
			return 0, fmt.Errorf("its index is %d bytes long", len(value))
		}
		applied = binary.BigEndian.Uint64(value)
	}
	if err := l.mem.Insert(tableMeta, &metaRecord{name: metaApplied, applied: applied}); err != nil {
		return 0, err
	}
	value, err = readKey(txn, clusterKey)
	if err != nil {
		return 0, err
	}
	var cluster clusterRecord
	if value != nil {
		if err := json.Unmarshal(value, &cluster); err != nil {
			return 0, err
		}
	}
	return applied, l.mem.Insert(tableMeta, &metaRecord{name: metaCluster, cluster: cluster})
}

// all reads the tables in the order in which they need each other.
func (l *loader) all(txn *badger.Txn) error {
	if err := l.history(txn); err != nil {
		return err
	}
	for _, table := range []struct {
		prefix string
		load   func(key, value []byte) error
	}{
		{jobPrefix, l.job},
		{removedJobPrefix, l.removedJob},
		{hostPrefix, l.host},
		{ackPrefix, l.ack},
		{deploymentPrefix, l.deployment},
		{statusPrefix, l.status},
		{requestPrefix, l.request},
		{memberPrefix, l.member},
		{groupPrefix, l.group},
		{progressPrefix, l.progress},
		{rolloutPrefix, l.rollout},
	} {
		if err := scan(txn, table.prefix, table.load); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) job(_, value []byte) error {
	var row jobRow
	if err := json.Unmarshal(value, &row); err != nil {
		return err
	}
	return l.mem.Insert(tableJobs, &jobRecord{key: row.Job.ID.String(), number: row.Number, job: row.Job})
}

func (l *loader) removedJob(key, value []byte) error {
	var job model.Job
	if err := json.Unmarshal(value, &job); err != nil {
		return err
	}
	l.removedJobs[string(key[len(removedJobPrefix):])] = &job
	return nil
}

func (l *loader) host(_, value []byte) error {
	var record hostRecord
	if err := json.Unmarshal(value, &record); err != nil {
		return err
	}
	return l.mem.Insert(tableHosts, &record)
}

func (l *loader) ack(key, value []byte) error {
	if len(value) != 8 {
		return fmt.Errorf("a status number is %d bytes long", len(value))
	}
	return l.mem.Insert(tableAcks, &ackRecord{host: l.hostName(key[len(ackPrefix):]), seq: binary.BigEndian.Uint64(value)})
}

func (l *loader) deployment(_, value []byte) error {
	var row deploymentRow
	if err := json.Unmarshal(value, &row); err != nil {
		return err
	}
	job := first[jobRecord](l.mem, tableJobs, indexID, row.Deployment.JobID.String())
	if job == nil {
		return fmt.Errorf("job %s is deployed to %s and does not exist", row.Deployment.JobID, row.Host)
	}
	row.Host = l.hostName([]byte(row.Host))
	return l.mem.Insert(tableDeployments, newDeployment(row, job))
}

// hostName returns one copy of a name, for everything on the host.
func (l *loader) hostName(name []byte) string {
	known, ok := l.names[string(name)]
	if !ok {
		known = string(name)
		l.names[known] = known
	}
	return known
}

func (l *loader) status(_, value []byte) error {
	var row statusRow
	if err := json.Unmarshal(value, &row); err != nil {
		return err
	}
	record := newStatus(l.hostName([]byte(row.Host)), row.JobID.String(), row.JobID, row.Status)
	if job := first[jobRecord](l.mem, tableJobs, indexID, record.key); job != nil {
		record.of(job)
		_, known := l.histories[job.number][record.host]
		record.stray = !known
	} else if record.job, record.stray = l.removedJobs[record.key], true; record.job == nil {
		return fmt.Errorf("the job of the status of %s on %s does not exist", record.key, row.Host)
	}
	return l.mem.Insert(tableStatuses, record)
}

func (l *loader) request(_, value []byte) error {
	var row requestRow
	if err := json.Unmarshal(value, &row); err != nil {
		return err
	}
	l.requests.add(row)
	return nil
}

func (l *loader) member(key, _ []byte) error {
	names, ok := splitJoined(memberPrefix, key)
	if !ok || len(names) != 2 {
		return fmt.Errorf("the member key %q is damaged", key)
	}
	return l.mem.Insert(tableMembers, &memberRecord{group: names[0], host: names[1]})
}

func (l *loader) group(_, value []byte) error {
	var record groupRecord
	if err := json.Unmarshal(value, &record.groupRow); err != nil {
		return err
	}
	record.match(l.mem)
	return l.mem.Insert(tableGroups, &record)
}

// progress keeps the rows of each group's last rollout, and of the others which hosts have one.
func (l *loader) progress(key, value []byte) error {
	names, ok := splitJoined(progressPrefix, key)
	if !ok || len(names) != 3 || len(names[1]) != 8 {
		return fmt.Errorf("the key %q of a rollout's progress is damaged", key)
	}
	rollout := names[0] + names[1]
	l.visited[rollout] = append(l.visited[rollout], names[2])
	id := binary.BigEndian.Uint64([]byte(names[1]))
	if group := first[groupRecord](l.mem, tableGroups, indexID, names[0]); group == nil || group.Rollout != id {
		return nil
	}
	record := &progressRecord{group: names[0], rollout: id}
	if err := json.Unmarshal(value, &record.row); err != nil {
		return err
	}
	return l.mem.Insert(tableProgress, record)
}

func (l *loader) rollout(_, value []byte) error {
	var record rolloutRecord
	if err := json.Unmarshal(value, &record.Rollout); err != nil {
		return err
	}
	record.visited = l.visited[record.Group+rolloutName(record.ID)]
	return l.mem.Insert(tableRollouts, &record)
}

// history reads keys, and values only for the time of the last row of each job on each host.
func (l *loader) history(txn *badger.Txn) error {
	it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte(historyPrefix)})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		job, host, number, ok := splitHistoryKey(it.Item().Key())
		if !ok {
			return fmt.Errorf("the history key %q is damaged", it.Item().Key())
		}
		name := l.hostName(host)
		r, known := l.histories[job][name]
		if !known {
			r.first = number
		}
		r.next = number + 1
		l.histories.set(job, name, r)
	}
	for job, hosts := range l.histories {
		for host, r := range hosts {
			value, err := readKey(txn, string(historyKey(job, host, r.next-1)))
			if err != nil {
				return err
			}
			var row historyRow
			if err := json.Unmarshal(value, &row); err != nil {
				return err
			}
			r.last = row.Timestamp
			hosts[host] = r
		}
	}
	return nil
}

// scan calls fn with every key that has the prefix; the slices are valid until it returns.
func scan(txn *badger.Txn, prefix string, fn func(key, value []byte) error) error {
	it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte(prefix), PrefetchValues: true, PrefetchSize: 16})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		item := it.Item()
		err := item.Value(func(value []byte) error { return fn(item.Key(), value) })
		if err != nil {
			return fmt.Errorf("cannot read %q: %w", item.Key(), err)
		}
	}
	return nil
}

func readKey(txn *badger.Txn, key string) ([]byte, error) {
	item, err := txn.Get([]byte(key))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return item.ValueCopy([]byte{})
}
