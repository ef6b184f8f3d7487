package store

import (
	"encoding/binary"
	"fmt"

	"github.com/hashicorp/go-memdb"

	"github.com/heliosctl/heliosctl/model"
)

// Keys of the state's database. Names in keys are preceded by their length wherever something follows them.
const (
	appliedKey       = "!applied"     // index of the last applied log entry; written last by a restore
	clusterKey       = "c/cluster"    // clusterRecord
	jobPrefix        = "j/"           // job id: jobRow
	removedJobPrefix = "x/"           // job id: model.Job; removed jobs that still have a task status
	hostPrefix       = "m/"           // host: hostRecord
	ackPrefix        = "a/"           // host: highest recorded status number
	deploymentPrefix = "d/"           // host, job id: deploymentRow
	statusPrefix     = "t/"           // host, job id: statusRow
	historyPrefix    = "h/"           // index of the job's creation, host, number: historyRow
	requestPrefix    = "r/"           // slot: requestRow
	groupPrefix      = "g/"           // group: groupRow
	memberPrefix     = "b/"           // group, host: nothing; hosts that the group rolled to
	rolloutPrefix    = "o/"           // group, id: model.Rollout
	progressPrefix   = "p/"           // group, id, host: model.RolloutHost
	redoPrefix       = "!redo/chunk/" // number: writes of a command too big for one transaction
	redoCommitKey    = "!redo/commit" // there when all the chunks are and must take effect
)

// maxJobIDInKey bounds the job ids that come into keys, in bytes. A key of Badger's may have 65,000, and next to the id there may be the
// name of a host. Masters refuse far shorter ones; this is for commands that were not theirs to refuse, which would break every master
// at each start.
const maxJobIDInKey = 60_000

// Tables of the working set in memory. Records are never changed once they are in it.
const (
	tableMeta        = "meta"
	tableJobs        = "jobs"
	tableHosts       = "hosts"
	tableAcks        = "acks"
	tableDeployments = "deployments"
	tableStatuses    = "statuses"
	tableGroups      = "groups"
	tableMembers     = "members"
	tableRollouts    = "rollouts"
	tableProgress    = "progress"
)

// Indexes of the tables. Those of a host alone are the beginning of the ids of deployments and statuses.
const (
	indexID   = "id"
	indexName = "name" // jobs: name and version
	indexJob  = "job"
	indexPort = "port" // deployments: host and static external port
	indexHost = "host" // members and progress

	indexStray = "stray" // statuses that are, by job. All of them by job would be the largest index, and the history knows the others

	indexExpires = "expires" // jobs that expire, the first one first
)

// Names of metaRecords.
const (
	metaApplied = "applied"
	metaCluster = "cluster"
)

// metaRecord is one of the state's single values.
type metaRecord struct {
	name    string
	applied uint64
	cluster clusterRecord
}

// ackRecord is the highest recorded status number of a host's agent.
type ackRecord struct {
	host string
	seq  uint64
}

// tables describes the working set.
func tables() *memdb.DBSchema {
	table := func(name string, indexes ...*memdb.IndexSchema) *memdb.TableSchema {
		t := &memdb.TableSchema{Name: name, Indexes: map[string]*memdb.IndexSchema{}}
		for _, index := range indexes {
			t.Indexes[index.Name] = index
		}
		return t
	}
	unique := func(name string, indexer memdb.Indexer) *memdb.IndexSchema {
		return &memdb.IndexSchema{Name: name, Unique: true, Indexer: indexer}
	}
	many := func(name string, indexer memdb.Indexer) *memdb.IndexSchema {
		return &memdb.IndexSchema{Name: name, AllowMissing: true, Indexer: indexer}
	}
	schema := &memdb.DBSchema{Tables: map[string]*memdb.TableSchema{}}
	for _, t := range []*memdb.TableSchema{
		table(tableMeta, unique(indexID, plain(func(r *metaRecord) string { return r.name }))),
		table(tableJobs,
			unique(indexID, plain(func(r *jobRecord) string { return r.key })),
			unique(indexName, joined(func(r *jobRecord) []string { return []string{r.job.ID.Name, r.job.ID.Version} })),
			many(indexExpires, expiresIndex{})),
		table(tableHosts, unique(indexID, plain(func(r *hostRecord) string { return r.Name }))),
		table(tableAcks, unique(indexID, plain(func(r *ackRecord) string { return r.host }))),
		table(tableDeployments,
			unique(indexID, joined(func(r *deploymentRecord) []string { return []string{r.host, r.key} })),
			many(indexJob, joined(func(r *deploymentRecord) []string { return []string{r.key} })),
			many(indexPort, portIndex{})),
		table(tableStatuses,
			unique(indexID, joined(func(r *statusRecord) []string { return []string{r.host, r.key} })),
			many(indexStray, strayIndex{})),
		table(tableGroups, unique(indexID, plain(func(r *groupRecord) string { return r.name() }))),
		table(tableMembers,
			unique(indexID, joined(func(r *memberRecord) []string { return []string{r.group, r.host} })),
			many(indexHost, joined(func(r *memberRecord) []string { return []string{r.host} }))),
		table(tableRollouts, unique(indexID, joined(func(r *rolloutRecord) []string { return []string{r.Group, rolloutName(r.ID)} }))),
		table(tableProgress,
			unique(indexID, joined(func(r *progressRecord) []string { return []string{r.group, r.row.Host} })),
			many(indexHost, joined(func(r *progressRecord) []string { return []string{r.row.Host} }))),
	} {
		schema.Tables[t.Name] = t
	}
	return schema
}

// stringIndex makes index keys from strings of a record.
type stringIndex[R any] struct {
	of     func(R) []string
	encode func([]string) []byte
}

// plain indexes by a single string, in its own order.
func plain[R any](of func(R) string) memdb.Indexer {
	return stringIndex[R]{
		of:     func(r R) []string { return []string{of(r)} },
		encode: func(names []string) []byte { return []byte(names[0]) },
	}
}

// joined indexes by several strings, none of whose keys is the beginning of another's.
func joined[R any](of func(R) []string) memdb.Indexer {
	return stringIndex[R]{of: of, encode: func(names []string) []byte { return joinedKey("", names...) }}
}

// FromObject makes the key of a record.
func (i stringIndex[R]) FromObject(record any) (bool, []byte, error) {
	return true, i.encode(i.of(record.(R))), nil
}

// FromArgs makes the key to look for.
func (i stringIndex[R]) FromArgs(args ...any) ([]byte, error) {
	names := make([]string, len(args))
	for n, arg := range args {
		name, ok := arg.(string)
		if !ok {
			return nil, fmt.Errorf("an index key of type %T", arg)
		}
		names[n] = name
	}
	return i.encode(names), nil
}

// portIndex indexes deployments by host and each static external port of the job.
type portIndex struct{}

// FromObject makes a key for each port.
func (portIndex) FromObject(record any) (bool, [][]byte, error) {
	r := record.(*deploymentRecord)
	keys := make([][]byte, len(r.ports))
	for i, port := range r.ports {
		keys[i] = portKey(r.host, port)
	}
	return len(keys) > 0, keys, nil
}

// FromArgs makes the key of a host and a port.
func (portIndex) FromArgs(args ...any) ([]byte, error) {
	return portKey(args[0].(string), args[1].(int)), nil
}

func portKey(host string, port int) []byte {
	return binary.BigEndian.AppendUint32(joinedKey("", host), uint32(port))
}

// strayIndex holds the stray statuses by their job.
type strayIndex struct{}

// FromObject makes the key of a stray status.
func (strayIndex) FromObject(record any) (bool, []byte, error) {
	r := record.(*statusRecord)
	if !r.stray {
		return false, nil, nil
	}
	return true, joinedKey("", r.key), nil
}

// FromArgs makes the key of a job.
func (strayIndex) FromArgs(args ...any) ([]byte, error) {
	return joinedKey("", args[0].(string)), nil
}

// expiresIndex orders the jobs that expire by the moment at which they do.
type expiresIndex struct{}

// FromObject makes the key of a job.
func (expiresIndex) FromObject(record any) (bool, []byte, error) {
	expires := record.(*jobRecord).job.Expires
	if expires == nil {
		return false, nil, nil
	}
	return true, timeKey(*expires), nil
}

// FromArgs makes the key of a moment.
func (expiresIndex) FromArgs(args ...any) ([]byte, error) {
	return timeKey(args[0].(model.Timestamp)), nil
}

// timeKey orders moments before 1970 too.
func timeKey(at model.Timestamp) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(at)^1<<63)
}

// joinedKey is prefix and each name with its length before it.
func joinedKey(prefix string, names ...string) []byte {
	size := len(prefix)
	for _, name := range names {
		size += len(name) + binary.MaxVarintLen16
	}
	key := append(make([]byte, 0, size), prefix...)
	for _, name := range names {
		key = binary.AppendUvarint(key, uint64(len(name)))
		key = append(key, name...)
	}
	return key
}

func jobKey(id model.JobID) []byte          { return append([]byte(jobPrefix), id.String()...) }
func removedJobKey(key string) []byte       { return append([]byte(removedJobPrefix), key...) }
func hostKey(host string) []byte            { return append([]byte(hostPrefix), host...) }
func ackKey(host string) []byte             { return append([]byte(ackPrefix), host...) }
func deploymentKey(host, job string) []byte { return joinedKey(deploymentPrefix, host, job) }
func statusKey(host, job string) []byte     { return joinedKey(statusPrefix, host, job) }
func groupKey(group string) []byte          { return append([]byte(groupPrefix), group...) }
func memberKey(group, host string) []byte   { return joinedKey(memberPrefix, group, host) }
func rolloutKey(group string, id uint64) []byte {
	return joinedKey(rolloutPrefix, group, rolloutName(id))
}
func progressKey(group string, id uint64, host string) []byte {
	return joinedKey(progressPrefix, group, rolloutName(id), host)
}

// rolloutName is an id whose order as a string is that of the number.
func rolloutName(id uint64) string { return string(encodeIndex(id)) }

// splitJoined takes apart what joinedKey put together.
func splitJoined(prefix string, key []byte) ([]string, bool) {
	var names []string
	for rest := key[len(prefix):]; len(rest) > 0; {
		name, after, ok := cutBytes(rest)
		if !ok {
			return nil, false
		}
		names, rest = append(names, string(name)), after
	}
	return names, true
}

// first returns the record of a unique index, nil when there is none.
func first[R any](txn *memdb.Txn, table, index string, args ...any) *R {
	record, err := txn.First(table, index, args...)
	if err != nil {
		panic(err) // a table or index that does not exist: a mistake in this package
	}
	if record == nil {
		return nil
	}
	return record.(*R)
}

// each calls fn with every record that an index has for args, in the index's order; fn must not change the table.
func each[R any](txn *memdb.Txn, table, index string, args []any, fn func(*R)) {
	it, err := txn.Get(table, index, args...)
	if err != nil {
		panic(err) // see first
	}
	for record := it.Next(); record != nil; record = it.Next() {
		fn(record.(*R))
	}
}

// collect returns every record that an index has for args, so that the table may be changed while they are looked at.
func collect[R any](txn *memdb.Txn, table, index string, args ...any) []*R {
	var records []*R
	each(txn, table, index, args, func(r *R) { records = append(records, r) })
	return records
}

func readCluster(txn *memdb.Txn) clusterRecord {
	if r := first[metaRecord](txn, tableMeta, indexID, metaCluster); r != nil {
		return r.cluster
	}
	return clusterRecord{}
}

func readApplied(txn *memdb.Txn) uint64 {
	if r := first[metaRecord](txn, tableMeta, indexID, metaApplied); r != nil {
		return r.applied
	}
	return 0
}
