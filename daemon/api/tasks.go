package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// streamTasks streams what is deployed to a host to its agent. The connection is taken over, so that each of thousands of agents
// costs one goroutine and no buffers.
func (s *Server) streamTasks(w http.ResponseWriter, r *http.Request) error {
	index, _, err := indexOf(r)
	if err != nil {
		return err
	}
	isolated, err := s.isolation()
	if err != nil {
		return err
	}
	if index == 0 && !stale(r.URL.Query()) {
		// An agent that remembers nothing must not be told the tasks of the past.
		err = s.backend.ReadIndex(r.Context())
	} else {
		err = s.awaitIndex(r.Context(), index)
	}
	if err != nil {
		return err
	}
	st := &taskStream{
		server: s, host: r.PathValue("host"), agentID: r.URL.Query().Get("agent"),
		isolated: isolated, index: index, seed: maphash.MakeSeed(), sent: map[model.JobID]uint64{},
		asked: make(chan model.SessionRequest, askedAtOnce),
	}
	if st.agentID == "" {
		return model.Errorf(model.CodeInvalid, "the parameter agent is missing: it must be the id of the agent")
	}
	first, err := st.first(r.Context())
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", contentTypeLines)
	w.Header().Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	return st.start(w, first)
}

// start takes the connection over and leaves the rest to a goroutine that Server waits for.
func (st *taskStream) start(w http.ResponseWriter, first []byte) error {
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 200 OK\r\nConnection: close\r\nDate: " + time.Now().UTC().Format(http.TimeFormat) + "\r\n")
	if err := w.Header().Write(&head); err != nil {
		return err
	}
	head.WriteString("\r\n")
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return fmt.Errorf("taking over the connection of a task stream: %w", err)
	}
	o, ok := st.server.streams.add(func() { conn.Close() })
	if !ok {
		conn.Close() // the client tries another master
		return nil
	}
	st.conn = conn
	st.server.sessions.join(st)
	go func() {
		defer st.server.streams.release(o)
		defer conn.Close()
		defer st.server.sessions.leave(st)
		err := st.run(append(head.Bytes(), first...))
		st.server.log.Debug("task stream ended", "host", st.host, "index", st.index, "error", err)
	}()
	return nil
}

// askedAtOnce is how many sessions can be asked for before the stream has sent them.
const askedAtOnce = 16

// taskStream is the stream to one agent. It sends what differs from what it has sent.
type taskStream struct {
	server  *Server
	conn    net.Conn
	host    string
	agentID string

	isolated <-chan struct{} // closed when this master has lost touch with the others

	index   uint64          // of the last line
	changed <-chan struct{} // closed when there may be something to send
	started bool            // the snapshot has been sent
	seed    maphash.Seed
	sent    map[model.JobID]uint64 // fingerprints of the tasks as sent

	asked chan model.SessionRequest // sessions to ask the agent for
}

func (st *taskStream) run(line []byte) error {
	heartbeat := time.NewTimer(st.server.config.Heartbeat)
	defer heartbeat.Stop()
	for {
		if len(line) > 0 {
			if err := st.write(line); err != nil {
				return err
			}
			heartbeat.Reset(st.server.config.Heartbeat)
		}
		var err error
		if line, err = st.await(heartbeat.C); err != nil {
			return err
		}
	}
}

// await returns the next line to send, nil when there turns out to be none.
func (st *taskStream) await(heartbeat <-chan time.Time) ([]byte, error) {
	select {
	case <-st.changed:
		return st.next()
	case r := <-st.asked:
		return st.line(taskLine{Type: model.TaskUpdateSession, Session: &r})
	case <-heartbeat:
		line, err := st.next()
		if line == nil && err == nil {
			return st.line(taskLine{Type: model.TaskUpdateHeartbeat})
		}
		return line, err
	case <-st.isolated:
		return nil, errIsolated()
	case <-st.server.streams.done:
		return nil, errShuttingDown()
	}
}

// first returns the snapshot. An agent that is refused may stop everything it runs, so a master that lags behind makes sure that the
// host has not been registered, or taken over, since.
func (st *taskStream) first(ctx context.Context) ([]byte, error) {
	line, err := st.next()
	switch model.CodeOf(err) {
	case model.CodeHostNotFound, model.CodeHostConflict:
		if err := st.server.backend.ReadIndex(ctx); err != nil {
			return nil, err
		}
		return st.next()
	}
	return line, err
}

func (st *taskStream) write(line []byte) error {
	if err := st.conn.SetWriteDeadline(time.Now().Add(st.server.config.WriteTimeout)); err != nil {
		return err
	}
	_, err := st.conn.Write(line)
	return err
}

// next reads the tasks and returns the line to send: a snapshot at first, then what changed, nil when nothing did. It fails when
// the host is no longer the agent's, and where this master has gone back in time.
func (st *taskStream) next() ([]byte, error) {
	tasks, index, changed, err := st.server.backend.HostTasks(st.host, st.agentID)
	if err != nil {
		return nil, err
	}
	if index < st.index {
		return nil, model.Errorf(model.CodeUnavailable, "this master has gone back from index %d to %d: try another one", st.index, index)
	}
	if restored := st.server.backend.RestoredAt(); st.index > 0 && st.index < restored {
		// The masters may know less of the host than its agent was told that they do. One that cannot go on registers.
		return nil, model.Errorf(model.CodeUnavailable, "a snapshot was restored at index %d, after index %d: register anew", restored, st.index)
	}
	st.index, st.changed = index, changed

	var updated []json.RawMessage
	gone := maps.Clone(st.sent)
	for _, task := range tasks {
		encoded, err := encode(task)
		if err != nil {
			return nil, fmt.Errorf("encoding task %s: %w", task.Job.ID, err)
		}
		delete(gone, task.Job.ID)
		fingerprint := maphash.Bytes(st.seed, encoded)
		if old, ok := st.sent[task.Job.ID]; !ok || old != fingerprint {
			st.sent[task.Job.ID] = fingerprint
			updated = append(updated, encoded)
		}
	}
	removed := slices.SortedFunc(maps.Keys(gone), model.JobID.Compare)
	for _, id := range removed {
		delete(st.sent, id)
	}
	switch {
	case !st.started:
		st.started = true
		return st.line(taskLine{Type: model.TaskUpdateSnapshot, Tasks: updated})
	case len(updated) == 0 && len(removed) == 0:
		return nil, nil
	}
	return st.line(taskLine{Type: model.TaskUpdateChange, Tasks: updated, Removed: removed})
}

// taskLine is a model.TaskUpdate whose tasks are encoded already.
type taskLine struct {
	Type    model.TaskUpdateType  `json:"type"`
	Index   uint64                `json:"index"`
	Tasks   []json.RawMessage     `json:"tasks,omitempty"`
	Removed []model.JobID         `json:"removed,omitempty"`
	Session *model.SessionRequest `json:"session,omitempty"`
}

// line encodes a line of the present index.
func (st *taskStream) line(l taskLine) ([]byte, error) {
	l.Index = st.index
	encoded, err := encode(l)
	if err != nil {
		return nil, err
	}
	return append(encoded, '\n'), nil
}
