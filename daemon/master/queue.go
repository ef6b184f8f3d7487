package master

import (
	"context"
	"sync"

	"github.com/heliosctl/heliosctl/model"
)

// queue collects work for the next log entry: whatever came while the last one was being committed. There is no timer, so one that
// comes alone is not held up, and those that come together share the way to disk. It is safe for concurrent use.
type queue[T any] struct {
	limit int         // of what is taken at once
	size  func(T) int // what one counts towards the limit

	mu      sync.Mutex
	waiting []T
	closed  bool
	kick    chan struct{} // capacity 1
}

func newQueue[T any](limit int, size func(T) int) *queue[T] {
	return &queue[T]{limit: limit, size: size, kick: make(chan struct{}, 1)}
}

// put queues an item; false when the queue is closed.
func (q *queue[T]) put(item T) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.waiting = append(q.waiting, item)
	select {
	case q.kick <- struct{}{}:
	default:
	}
	return true
}

// take removes as many items as fit together; one that is too big by itself is taken alone.
func (q *queue[T]) take() []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, size := 0, 0
	for n < len(q.waiting) && (n == 0 || size+q.size(q.waiting[n]) <= q.limit) {
		size += q.size(q.waiting[n])
		n++
	}
	taken := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	if len(q.waiting) == 0 {
		q.waiting = nil
	}
	return taken
}

// run hands over what is queued, one taking after the other, until ctx ends; what is queued then is refused.
func (q *queue[T]) run(ctx context.Context, do func(context.Context, []T), refuse func(T)) {
	defer q.close(refuse)
	for {
		select {
		case <-q.kick:
		case <-ctx.Done():
			return
		}
		// However many go on coming, ctx ends it.
		for ctx.Err() == nil {
			items := q.take()
			if len(items) == 0 {
				break
			}
			do(ctx, items)
		}
	}
}

func (q *queue[T]) close(refuse func(T)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for _, item := range q.waiting {
		refuse(item)
	}
	q.waiting = nil
}

func errStopping() error {
	return model.Errorf(model.CodeUnavailable, "this master is shutting down; try another one")
}
