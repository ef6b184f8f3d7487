package agent

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/session"
)

const (
	sessionQueue    = 64               // requests that wait to be begun
	sessionRefusals = 16               // sessions above the limit that are told so at the same time
	sessionStart    = 30 * time.Second // for the client to say what to run
	sessionProbe    = 3 * time.Second  // for the engine to answer before a session begins
	sessionGoodbye  = 2 * time.Second  // for the other side to be told that the agent stops
	sessionFinish   = 10 * time.Minute // for the other side to read what was sent to it last
)

var errPeerGone = errors.New("the other side of the session is gone")

// sessions gives masters what they ask for on behalf of somebody: the output of a job and commands in its container. Each session
// has goroutines of its own, which end with it, with the agent, and when the other side is gone.
type sessions struct {
	agent    *Agent
	log      *slog.Logger
	requests chan model.SessionRequest
	slots    chan struct{} // one for each session that may be open
	refusals chan struct{}
}

func newSessions(a *Agent) *sessions {
	return &sessions{
		agent: a, log: a.log,
		requests: make(chan model.SessionRequest, sessionQueue),
		slots:    make(chan struct{}, a.config.MaxSessions),
		refusals: make(chan struct{}, sessionRefusals),
	}
}

// request asks for a session. It does not wait.
func (s *sessions) request(r model.SessionRequest) {
	select {
	case s.requests <- r:
	default:
		s.log.Warn("a session is not answered: too many are asked for at once", "job", r.JobID.Short())
	}
}

func (s *sessions) run(ctx context.Context) error {
	var serving sync.WaitGroup
	defer serving.Wait()
	for {
		select {
		case r := <-s.requests:
			s.begin(ctx, r, &serving)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// begin starts a session where there is room, else one that only says that there is none.
func (s *sessions) begin(ctx context.Context, r model.SessionRequest, serving *sync.WaitGroup) {
	taken, do := s.slots, s.do
	select {
	case s.slots <- struct{}{}:
	default:
		taken, do = s.refusals, s.refuse
		select {
		case s.refusals <- struct{}{}:
		default:
			s.log.Warn("a session is not answered: too many are open", "job", r.JobID.Short(), "open", cap(s.slots))
			return
		}
	}
	serving.Go(func() {
		defer func() { <-taken }()
		s.serve(ctx, r, do)
	})
}

// serve connects to the master, does what the session is for, and says how that ended.
func (s *sessions) serve(ctx context.Context, r model.SessionRequest, do func(context.Context, *talk) error) {
	log := s.log.With("job", r.JobID.Short(), "session", r.Kind)
	raw, err := s.agent.config.Master.Session(ctx, r.Master, s.agent.config.Host, r.ID)
	if err != nil {
		if ctx.Err() == nil {
			log.Warn("a session that was asked for cannot be opened", "master", r.Master, "error", err)
		}
		return
	}
	began := time.Now()
	t := newTalk(raw, r)
	t.limit = s.agent.config.SessionIdle
	log.Debug("session begins")
	err = t.run(ctx, do)
	log.Debug("session ended", "took", time.Since(began), "error", err)
}

// do does what a session is for, and returns nil when there is nothing more to say.
func (s *sessions) do(ctx context.Context, t *talk) error {
	switch t.request.Kind {
	case model.SessionLogs:
		return s.agent.streamLogs(ctx, t)
	case model.SessionExec:
		return s.agent.exec(ctx, t)
	}
	return model.Errorf(model.CodeInvalid, "the agent of %s does not know what a session of %q is: it is older than the master", s.agent.config.Host, t.request.Kind)
}

func (s *sessions) refuse(context.Context, *talk) error {
	return model.Errorf(model.CodeTooManySessions, "%s has %d sessions of logs and commands open, as many as it allows: end one of them", s.agent.config.Host, cap(s.slots))
}

// talk is one session under way.
type talk struct {
	conn    *session.Conn
	request model.SessionRequest

	start chan model.ExecStart     // what to run, once
	input chan container.ExecInput // closed at its end
	done  chan struct{}            // closed when input is not wanted
	gone  chan struct{}            // closed when the other side is gone

	limit time.Duration // how long a command may have neither input nor output
	idle  *time.Timer   // ends it then; nil for logs, which may be quiet for as long as they like

	exit model.ExecExit // how a command ended
}

func newTalk(raw io.ReadWriteCloser, r model.SessionRequest) *talk {
	t := &talk{
		conn: session.New(raw, session.Config{}), request: r,
		start: make(chan model.ExecStart, 1), input: make(chan container.ExecInput),
		done: make(chan struct{}), gone: make(chan struct{}),
	}
	if r.Kind != model.SessionExec {
		close(t.done)
	}
	return t
}

// run returns when the session is over and nothing of it is left.
func (t *talk) run(ctx context.Context, do func(context.Context, *talk) error) error {
	working, cancel := context.WithCancelCause(ctx)
	if t.request.Kind == model.SessionExec {
		t.idle = time.AfterFunc(t.limit, func() {
			cancel(model.Errorf(model.CodeTimeout, "the command had neither input nor output for %s, so it was ended", t.limit))
		})
		defer t.idle.Stop()
	}
	var helpers sync.WaitGroup
	defer func() {
		cancel(nil)
		_ = t.conn.Close()
		helpers.Wait()
	}()
	helpers.Go(func() {
		t.receive()
		close(t.gone)
		cancel(errPeerGone)
		_ = t.conn.Close()
	})
	helpers.Go(func() { t.sayGoodbye(working) })

	err := do(working, t)
	if t.request.Kind == model.SessionExec {
		close(t.done)
	}
	if cause := context.Cause(working); errors.Is(cause, errPeerGone) {
		return cause
	} else if ctx.Err() != nil {
		err = model.Errorf(model.CodeAgentUnreachable, "the agent is shutting down")
	} else if cause != nil {
		err = cause
	}
	if t.end(err) == nil {
		finish := time.NewTimer(sessionFinish)
		defer finish.Stop()
		select {
		case <-t.gone: // so it has read everything
		case <-finish.C:
		}
	}
	return err
}

// active says that there was input or output.
func (t *talk) active() {
	if t.idle != nil {
		t.idle.Reset(t.limit)
	}
}

// sayGoodbye closes the connection of a session that was ended, by the agent or for being idle: the other side has a moment to hear
// of it, and nothing holds on to a session because that does not read.
func (t *talk) sayGoodbye(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-t.gone:
		return
	}
	timer := time.NewTimer(sessionGoodbye)
	defer timer.Stop()
	select {
	case <-timer.C:
		_ = t.conn.Close()
	case <-t.gone:
	}
}

// end tells the other side how the session ended.
func (t *talk) end(err error) error {
	if err == nil {
		return t.conn.SendJSON(model.FrameExit, t.exit)
	}
	var coded *model.Error
	if !errors.As(err, &coded) {
		coded = model.Errorf(model.CodeInternal, "%v", err)
	}
	return t.conn.SendJSON(model.FrameError, coded)
}

// ready says that what was asked for can be done.
func (t *talk) ready() error { return t.conn.Send(model.FrameReady, nil) }

// receive takes what the other side says until it is gone.
func (t *talk) receive() {
	ended := false
	for {
		frame, err := t.conn.Receive()
		if err != nil {
			return
		}
		switch {
		case frame.Type == model.FrameStart:
			t.started(frame.Payload)
		case ended:
		case frame.Type == model.FrameStdin:
			t.take(container.ExecInput{Data: frame.Payload})
		case frame.Type == model.FrameResize:
			var size model.TerminalSize
			if json.Unmarshal(frame.Payload, &size) == nil {
				t.take(container.ExecInput{Resize: &size})
			}
		case frame.Type == model.FrameStdinEnd:
			ended = true
			close(t.input)
		}
	}
}

// started takes what is to be run; more than once it means nothing. One that cannot be read is an empty command, which is refused.
func (t *talk) started(payload []byte) {
	var start model.ExecStart
	_ = json.Unmarshal(payload, &start)
	select {
	case t.start <- start:
	default:
	}
}

func (t *talk) take(in container.ExecInput) {
	t.active()
	select {
	case t.input <- in:
	case <-t.done:
	}
}
