package store

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/gofrs/flock"
)

// Sizes of the databases' write buffers. They must never be made smaller: Badger cannot open a folder that was left behind by a
// crash when its write buffer was larger than the one it is given.
const (
	stateMemTableSize = 8 << 20
	logMemTableSize   = 4 << 20
)

// valueThreshold keeps every value we write inside the tables: larger ones would go to Badger's value log, which would then need
// collecting. It bounds the size of a command, see MaxCommandSize.
const valueThreshold = 256 << 10

// formatKey holds the kind and version of a database. It is the first key ever written.
const formatKey = "!format"

// format names what a database holds and which version of its layout this program writes.
type format struct {
	kind    string
	version int
}

// database is an open Badger folder that belongs to this process.
type database struct {
	*badger.DB
	lock *flock.Flock
}

// openDatabase opens or creates the database in dir. It fails with one line when the folder cannot be written, is in use by
// another process, or holds something else or something newer.
func openDatabase(dir string, f format, memTableSize int64, logger *slog.Logger) (*database, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot create the %s folder: %w", f.kind, err)
	}
	lock := flock.New(filepath.Join(dir, "heliosctl.lock"), flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("cannot write to the %s folder: %w", f.kind, err)
	}
	if !locked {
		return nil, fmt.Errorf("the %s folder %s is in use by another heliosctl process; stop that one or choose another folder", f.kind, dir)
	}
	db, err := badger.Open(badgerOptions(dir, memTableSize, logger))
	if err != nil {
		_ = lock.Unlock()
		return nil, fmt.Errorf("cannot open the %s folder %s: %s", f.kind, dir, oneLine(err))
	}
	d := &database{DB: db, lock: lock}
	if err := d.checkFormat(f); err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("cannot use the %s folder %s: %w", f.kind, dir, err)
	}
	return d, nil
}

// Close closes the database and gives the folder up.
func (d *database) Close() error {
	err := d.DB.Close()
	return errors.Join(err, d.lock.Unlock())
}

// badgerOptions are the settings for a small footprint with every commit on disk before it is acknowledged.
func badgerOptions(dir string, memTableSize int64, logger *slog.Logger) badger.Options {
	blockCache, indexCache := int64(2<<20), int64(2<<20)
	if memTableSize < stateMemTableSize {
		blockCache, indexCache = 1<<20, 1<<20
	}
	return badger.DefaultOptions(dir).
		WithSyncWrites(true).
		WithMemTableSize(memTableSize).
		WithValueThreshold(valueThreshold).
		WithNumMemtables(2).
		WithNumLevelZeroTables(2).
		WithNumLevelZeroTablesStall(6).
		WithNumCompactors(2).
		WithNumGoroutines(2).
		WithBlockCacheSize(blockCache).
		WithIndexCacheSize(indexCache).
		WithValueLogFileSize(16 << 20).
		WithCompression(options.Snappy).
		WithDetectConflicts(false).
		WithMetricsEnabled(false).
		WithLogger(badgerLogger{logger})
}

// checkFormat compares the folder's format with the wanted one, and marks an empty folder.
func (d *database) checkFormat(want format) error {
	stored, err := d.get([]byte(formatKey))
	if err != nil {
		return err
	}
	if stored == nil {
		empty, err := d.empty()
		if err != nil {
			return err
		}
		if !empty {
			return errors.New("it holds data without a format mark, so it was not written by heliosctl or is damaged")
		}
		return d.writeFormat(want)
	}
	kind, number := string(stored), ""
	if space := strings.LastIndexByte(kind, ' '); space >= 0 {
		kind, number = kind[:space], kind[space+1:]
	}
	if kind != want.kind {
		return fmt.Errorf("it holds a %q database, not a %q one", kind, want.kind)
	}
	version, err := strconv.Atoi(number)
	if err != nil {
		return fmt.Errorf("its format mark %q is damaged", stored)
	}
	if version > want.version {
		return fmt.Errorf("it was written by a newer heliosctl (format %d, this one knows up to %d); upgrade heliosctl", version, want.version)
	}
	return nil
}

func (d *database) writeFormat(f format) error {
	return d.Update(func(txn *badger.Txn) error {
		return txn.Set([]byte(formatKey), fmt.Appendf(nil, "%s %d", f.kind, f.version))
	})
}

// get returns a copy of the value of key, nil when there is none.
func (d *database) get(key []byte) ([]byte, error) {
	var value []byte
	err := d.View(func(txn *badger.Txn) error {
		item, err := txn.Get(key)
		if errors.Is(err, badger.ErrKeyNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		value, err = item.ValueCopy([]byte{})
		return err
	})
	return value, err
}

// empty reports whether there is no key but the format mark.
func (d *database) empty() (bool, error) {
	empty := true
	err := d.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			if string(it.Item().Key()) != formatKey {
				empty = false
				break
			}
		}
		return nil
	})
	return empty, err
}

// oneLine keeps the first line of an error: Badger adds stack traces to some.
func oneLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
