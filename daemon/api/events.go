package api

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// maxPiece is how much of a stream is collected before it is sent, in bytes.
const maxPiece = 64 << 10

// eventFilter keeps events of wanted types, jobs, hosts and groups; an empty member keeps all. Heartbeats and resets are no news and always
// pass.
type eventFilter struct {
	types []string
	job   string // a part of the full id, as in GET /jobs?q=
	host  string
	group string
}

func newEventFilter(q url.Values) eventFilter {
	f := eventFilter{job: q.Get("job"), host: q.Get("host"), group: q.Get("group")}
	for _, list := range q["type"] {
		f.types = append(f.types, strings.Split(list, ",")...)
	}
	return f
}

func (f eventFilter) keeps(e model.Event) bool {
	switch {
	case len(f.types) > 0 && !slices.Contains(f.types, string(e.Type)):
		return false
	case f.job != "" && (e.JobID == nil || !strings.Contains(e.JobID.String(), f.job)):
		return false
	case f.group != "" && e.Group != f.group:
		return false
	}
	return f.host == "" || e.Host == f.host
}

// lastOf reads the parameter last: how many of the recent events a stream begins with.
func lastOf(r *http.Request, resume bool) (int, error) {
	text := r.URL.Query().Get("last")
	if text == "" {
		return 0, nil
	}
	last, err := strconv.Atoi(text)
	switch {
	case err != nil || last < 0:
		return 0, model.Errorf(model.CodeInvalid, "bad last %q: it must be a number of events, not below zero", text)
	case resume:
		return 0, model.Errorf(model.CodeInvalid, "index and last exclude each other: a stream goes on after an index, or begins with the last events")
	}
	return last, nil
}

// streamEvents streams what happens after the parameter index, or from now on where there is none. With the parameter last it begins
// with as many of the recent events, behind which the first heartbeat comes.
func (s *Server) streamEvents(w http.ResponseWriter, r *http.Request) error {
	index, resume, err := indexOf(r)
	if err != nil {
		return err
	}
	last, err := lastOf(r, resume)
	if err != nil {
		return err
	}
	isolated, err := s.isolation()
	if err != nil {
		return err
	}
	if !stale(r.URL.Query()) {
		err = s.backend.ReadIndex(r.Context())
	} else {
		// What the reader has seen elsewhere may be on its way to this master.
		err = s.awaitIndex(r.Context(), index)
	}
	if err != nil {
		return err
	}
	current := s.backend.Index()
	if !resume {
		index = current
	}
	control := http.NewResponseController(w)
	o, ok := s.streams.add(func() { _ = control.SetWriteDeadline(time.Unix(1, 0)) })
	if !ok {
		return errShuttingDown()
	}
	defer s.streams.release(o)

	// The timeouts of the server are for requests that end.
	if err := control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	w.Header().Set("Content-Type", contentTypeLines)
	w.Header().Set("Cache-Control", "no-store")
	st := &eventStream{server: s, w: w, control: control, isolated: isolated, filter: newEventFilter(r.URL.Query()), index: index}
	switch {
	case resume && index > current:
		// After a read index no change of this cluster can have that index: it was made anew.
		err = st.reset(current)
	case last > 0:
		err = st.begin(last)
	default:
		err = st.heartbeat()
	}
	if err == nil && r.Method != http.MethodHead {
		err = st.run(r)
	}
	s.log.Debug("event stream ended", "remote", r.RemoteAddr, "index", st.index, "error", err)
	return nil
}

// eventStream is one reader of the events.
type eventStream struct {
	server   *Server
	w        http.ResponseWriter
	control  *http.ResponseController
	isolated <-chan struct{} // closed when this master has lost touch with the others
	filter   eventFilter
	index    uint64 // everything up to here has been sent
	piece    bytes.Buffer
}

func (st *eventStream) run(r *http.Request) error {
	heartbeat := time.NewTicker(st.server.config.Heartbeat)
	defer heartbeat.Stop()
	for {
		events, reset, more := st.server.backend.Events(st.index)
		var err error
		switch {
		case reset:
			// Whatever happens from here on closes more, so nothing is lost by going on from the present index.
			err = st.reset(st.server.backend.Index())
		case len(events) > 0:
			err = st.send(events)
		}
		if err != nil {
			return err
		}
		select {
		case <-more:
		case <-heartbeat.C:
			if err := st.heartbeat(); err != nil {
				return err
			}
		case <-st.isolated:
			return errIsolated()
		case <-st.server.streams.done:
			return errShuttingDown()
		case <-r.Context().Done():
			return r.Context().Err()
		}
	}
}

// begin sends the last events and goes on behind them.
func (st *eventStream) begin(last int) error {
	events, index := st.server.backend.RecentEvents(last, st.filter.keeps)
	if len(events) > 0 {
		if err := st.send(events); err != nil {
			return err
		}
	}
	st.index = index
	return st.heartbeat()
}

// send sends the events that the filter keeps. All of them are past afterwards.
func (st *eventStream) send(events []model.Event) error {
	for _, e := range events {
		if !st.filter.keeps(e) {
			continue
		}
		if err := st.add(e); err != nil {
			return err
		}
		if st.piece.Len() >= maxPiece {
			if err := st.flush(); err != nil {
				return err
			}
		}
	}
	st.index = max(st.index, events[len(events)-1].Index)
	return st.flush()
}

func (st *eventStream) heartbeat() error {
	return st.signal(model.EventHeartbeat)
}

// reset tells the reader to read everything again, and goes on from index.
func (st *eventStream) reset(index uint64) error {
	st.index = index
	return st.signal(model.EventReset)
}

func (st *eventStream) signal(t model.EventType) error {
	if err := st.add(model.Event{Index: st.index, Type: t, Time: model.TimestampOf(time.Now())}); err != nil {
		return err
	}
	return st.flush()
}

func (st *eventStream) add(e model.Event) error {
	line, err := encode(e)
	if err != nil {
		return err
	}
	st.piece.Write(line)
	st.piece.WriteByte('\n')
	return nil
}

// flush sends what was added. A reader that does not take it in time is cut off; others are not held up.
func (st *eventStream) flush() error {
	if st.piece.Len() == 0 {
		return nil
	}
	select {
	case <-st.server.streams.done:
		return errShuttingDown()
	default:
	}
	err := st.control.SetWriteDeadline(time.Now().Add(st.server.config.WriteTimeout))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := st.w.Write(st.piece.Bytes()); err != nil {
		return err
	}
	if st.piece.Cap() > 2*maxPiece {
		st.piece = bytes.Buffer{}
	}
	st.piece.Reset()
	return st.control.Flush()
}
