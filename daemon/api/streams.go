package api

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// contentTypeLines is the type of streams: one JSON value a line.
const contentTypeLines = "application/x-ndjson"

// indexPoll is how often a stream that waits for an index looks.
const indexPoll = 10 * time.Millisecond

// streams knows every open stream, so that all of them can be ended and waited for. It is safe for concurrent use.
type streams struct {
	done chan struct{} // closed when streams must end
	wg   sync.WaitGroup

	mu     sync.Mutex
	closed bool
	open   map[*openStream]struct{}
}

// openStream is one of streams. Cut makes a write that is under way fail.
type openStream struct {
	cut func()
}

func newStreams() *streams {
	return &streams{done: make(chan struct{}), open: map[*openStream]struct{}{}}
}

// add registers a stream, unless all are being ended. The stream must be released.
func (s *streams) add(cut func()) (*openStream, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false
	}
	o := &openStream{cut: cut}
	s.open[o] = struct{}{}
	s.wg.Add(1)
	return o, true
}

func (s *streams) release(o *openStream) {
	s.mu.Lock()
	delete(s.open, o)
	s.mu.Unlock()
	s.wg.Done()
}

// close tells all streams to end.
func (s *streams) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	close(s.done)
	for o := range s.open {
		o.cut()
	}
}

func (s *streams) wait() {
	s.wg.Wait()
}

func errShuttingDown() error {
	return model.Errorf(model.CodeUnavailable, "this master is shutting down: try another one")
}

func errIsolated() error {
	return model.Errorf(model.CodeUnavailable, "this master has heard of no leader for long, what it knows may be long past: try another one")
}

// isolation returns a channel that is closed when streams must end because this master has lost touch with the others. It fails when
// that is so already.
func (s *Server) isolation() (<-chan struct{}, error) {
	isolated := s.backend.Isolated()
	select {
	case <-isolated:
		return nil, errIsolated()
	default:
		return isolated, nil
	}
}

// indexOf reads the parameter index; ok tells whether it is there.
func indexOf(r *http.Request) (index uint64, ok bool, err error) {
	text := r.URL.Query().Get("index")
	if text == "" {
		return 0, false, nil
	}
	index, err = strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, false, model.Errorf(model.CodeInvalid, "bad index %q: it must be a number, not below zero", text)
	}
	return index, true, nil
}

// awaitIndex returns when local reads reflect index. It gives up after a while, so that the client tries another master.
func (s *Server) awaitIndex(ctx context.Context, index uint64) error {
	if s.backend.Index() >= index {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.IndexTimeout)
	defer cancel()
	poll := time.NewTicker(indexPoll)
	defer poll.Stop()
	for s.backend.Index() < index {
		select {
		case <-poll.C:
		case <-s.streams.done:
			return errShuttingDown()
		case <-ctx.Done():
			behind := model.Errorf(model.CodeUnavailable, "this master is at index %d, behind the wanted %d: try another one", s.backend.Index(), index)
			return &answered{status: http.StatusServiceUnavailable, body: behind}
		}
	}
	return nil
}
