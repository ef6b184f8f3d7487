package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/heliosctl/heliosctl/model"
)

// This file is the small layer between an agent's records and Badger.

func (r *AgentRecords) view(fn func(*badger.Txn) error) error {
	return r.wrap(r.db.View(fn))
}

func (r *AgentRecords) update(fn func(*badger.Txn) error) error {
	if err := r.checkSpace(); err != nil {
		return err
	}
	return r.wrap(r.db.Update(fn))
}

func (r *AgentRecords) wrap(err error) error {
	if err == nil || model.CodeOf(err) != model.CodeInternal {
		return err
	}
	return model.Errorf(model.CodeInternal, "agent records %s: %v", r.dir, err)
}

// agentBatch collects writes that need not be atomic: they are applied in order, in as few transactions as fit.
type agentBatch struct {
	records *AgentRecords
	txn     *badger.Txn
	err     error
}

func (r *AgentRecords) newBatch() *agentBatch {
	return &agentBatch{records: r, txn: r.db.NewTransaction(true), err: r.checkSpace()}
}

func (b *agentBatch) do(fn func(*badger.Txn) error) {
	if b.err != nil {
		return
	}
	if b.err = fn(b.txn); !errors.Is(b.err, badger.ErrTxnTooBig) {
		return
	}
	if b.err = b.txn.Commit(); b.err != nil {
		return
	}
	b.txn = b.records.db.NewTransaction(true)
	b.err = fn(b.txn)
}

func (b *agentBatch) set(key string, value []byte) {
	b.do(func(txn *badger.Txn) error { return txn.Set([]byte(key), value) })
}

func (b *agentBatch) setJSON(key string, value any) {
	b.do(func(txn *badger.Txn) error { return agentSet(txn, key, value) })
}

func (b *agentBatch) delete(key string) {
	b.do(func(txn *badger.Txn) error { return txn.Delete([]byte(key)) })
}

func (b *agentBatch) commit() error {
	if b.err == nil {
		b.err = b.txn.Commit()
	}
	b.txn.Discard()
	return b.records.wrap(b.err)
}

func agentSet(txn *badger.Txn, key string, value any) error {
	encoded, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode %s: %w", key, err)
	}
	return txn.Set([]byte(key), encoded)
}

func agentGet(txn *badger.Txn, key string, value any) (found bool, err error) {
	item, err := txn.Get([]byte(key))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, item.Value(func(encoded []byte) error { return json.Unmarshal(encoded, value) })
}

func agentString(txn *badger.Txn, key string) (string, error) {
	item, err := txn.Get([]byte(key))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	value, err := item.ValueCopy(nil)
	return string(value), err
}

func agentCounter(txn *badger.Txn, key string) (uint64, error) {
	value, err := agentString(txn, key)
	if err != nil || len(value) != 8 {
		return 0, err
	}
	return binary.BigEndian.Uint64([]byte(value)), nil
}

func agentScan[T any](txn *badger.Txn, prefix string, each func(key string, value T) error) error {
	return agentScanRaw(txn, prefix, func(key string, encoded []byte) error {
		var value T
		if err := json.Unmarshal(encoded, &value); err != nil {
			return fmt.Errorf("decode %s: %w", key, err)
		}
		return each(key, value)
	})
}

// agentScanRaw visits the keys under prefix in order. The value is valid only during the call.
func agentScanRaw(txn *badger.Txn, prefix string, each func(key string, value []byte) error) error {
	options := badger.DefaultIteratorOptions
	options.Prefix = []byte(prefix)
	options.PrefetchSize = 16
	scan := txn.NewIterator(options)
	defer scan.Close()
	for scan.Rewind(); scan.Valid(); scan.Next() {
		key := string(scan.Item().KeyCopy(nil))
		if err := scan.Item().Value(func(value []byte) error { return each(key, value) }); err != nil {
			return err
		}
	}
	return nil
}
