package registrar

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/heliosctl/heliosctl/model"
)

// book holds what should be registered. It is safe for concurrent use.
type book struct {
	mu            sync.Mutex
	registrations map[uint64]Registration
	next          uint64
	version       uint64        // counts the changes
	removed       uint64        // the version up to which nothing is left to remove
	progress      chan struct{} // closed when removed grows
	kick          chan struct{} // holds a token when there is a change nobody looked at
}

func newBook() *book {
	return &book{registrations: map[uint64]Registration{}, progress: make(chan struct{}), kick: make(chan struct{}, 1)}
}

func (b *book) add(r Registration) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	b.registrations[b.next] = r
	b.changed()
	return strconv.FormatUint(b.next, 10)
}

// drop takes a registration out and waits until that has reached the discovery service.
func (b *book) drop(ctx context.Context, handle string) error {
	version := b.take(handle)
	for {
		b.mu.Lock()
		removed, progress := b.removed, b.progress
		b.mu.Unlock()
		if removed >= version {
			return nil
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return model.Errorf(model.CodeTimeout, "the service registry has not answered yet; what is to be removed from it will be when it does")
		}
	}
}

// take returns the version to wait for: one that is over when there was nothing to take.
func (b *book) take(handle string) uint64 {
	number, err := strconv.ParseUint(handle, 10, 64)
	b.mu.Lock()
	defer b.mu.Unlock()
	r, found := b.registrations[number]
	if err != nil || !found {
		return 0
	}
	delete(b.registrations, number)
	b.changed()
	if len(r.Endpoints) == 0 {
		return 0
	}
	return b.version
}

func (b *book) changed() {
	b.version++
	select {
	case b.kick <- struct{}{}:
	default:
	}
}

// wanted returns the registrations, oldest first, and their version.
func (b *book) wanted() ([]Registration, uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]Registration, 0, len(b.registrations))
	for _, number := range slices.Sorted(maps.Keys(b.registrations)) {
		list = append(list, b.registrations[number])
	}
	return list, b.version
}

// now is the version of the registrations.
func (b *book) now() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.version
}

// settle tells that everything taken out up to a version is gone.
func (b *book) settle(version uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if version <= b.removed {
		return
	}
	b.removed = version
	close(b.progress)
	b.progress = make(chan struct{})
}
