package agent

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

const (
	logBacklog = 256      // lines read ahead of a connection that is slow
	logPiece   = 64 << 10 // bytes of lines that are sent at once
	longestLog = 64 << 10 // bytes of a line; the rest is cut off
)

// streamLogs sends what a job's containers print.
func (a *Agent) streamLogs(ctx context.Context, t *talk) error {
	reader, err := a.newLogReader(ctx, t.request)
	if err != nil {
		return err
	}
	if err := t.ready(); err != nil {
		return err
	}
	lines := make(chan container.LogLine, logBacklog)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(lines)
		return reader.read(ctx, lines)
	})
	group.Go(func() error { return a.sendLines(t, lines) })
	return group.Wait()
}

// sendLines sends lines as they come, as many at once as there are.
func (a *Agent) sendLines(t *talk, lines <-chan container.LogLine) error {
	var piece []byte
	add := func(line container.LogLine) {
		text := line.Text[:min(len(line.Text), longestLog)]
		piece = model.LogLine{Host: a.config.Host, Time: line.Time, Stream: line.Stream, Text: text}.AppendTo(piece)
		piece = append(piece, '\n')
	}
	for line := range lines {
		piece = piece[:0]
		add(line)
		for more := true; more && len(piece) < logPiece; {
			select {
			case line, more = <-lines:
				if more {
					add(line)
				}
			default:
				more = false
			}
		}
		if err := t.conn.Send(model.FrameLines, piece); err != nil {
			return err
		}
	}
	return nil
}

// logReader reads the output of one job, container after container.
type logReader struct {
	agent     *Agent
	job       model.JobID
	follow    bool
	container string // to be read next; "" while there is none
	options   container.LogOptions
	last      time.Time // of the last line of container
}

// newLogReader finds what is to be read. It fails where there is nothing, unless that is waited for.
func (a *Agent) newLogReader(ctx context.Context, r model.SessionRequest) (*logReader, error) {
	query := model.LogQuery{}
	if r.Logs != nil {
		query = *r.Logs
	}
	if err := query.Validate(); err != nil {
		return nil, err
	}
	record, err := a.deployed(ctx, r.JobID)
	if err != nil {
		return nil, err
	}
	reader := &logReader{agent: a, job: r.JobID, follow: query.Follow, options: logOptions(query)}
	if query.Previous {
		reader.container, err = a.previousContainer(ctx, record)
		return reader, err
	}
	state, err := a.probe(ctx, record)
	switch {
	case err == nil:
		reader.container = state.ID
	case !query.Follow || model.CodeOf(err) != model.CodeNoContainer:
		return nil, err
	}
	return reader, nil
}

func logOptions(query model.LogQuery) container.LogOptions {
	options := container.LogOptions{Follow: query.Follow, Since: query.Since}
	if query.Age > 0 {
		options.Since = time.Now().Add(-query.Age)
	}
	if query.Tail != nil {
		options.Tail = *query.Tail
		if options.Tail == 0 {
			options.Tail = container.NoTail
		}
	}
	return options
}

// read hands on every line. When it follows, it goes on with the containers that come after the one it began with, until the job is
// undeployed.
func (r *logReader) read(ctx context.Context, lines chan<- container.LogLine) error {
	done := "" // the container that was read last
	for {
		if r.container != "" {
			if err := r.readContainer(ctx, lines); err != nil || !r.follow {
				return err
			}
			done = r.container
		}
		next, err := r.await(ctx, done)
		if err != nil || next == "" {
			return err
		}
		r.options = container.LogOptions{Follow: true, Since: r.options.Since}
		if next == done {
			// Somebody started it again. What it printed before has been read.
			r.options.Since = r.last.Add(1)
		}
		r.container = next
	}
}

// readContainer hands on what one container prints.
func (r *logReader) readContainer(ctx context.Context, lines chan<- container.LogLine) error {
	for line, err := range r.agent.config.Runtime.Logs(ctx, r.container, r.options) {
		if errors.Is(err, container.ErrNotFound) && r.follow {
			return nil
		}
		if errors.Is(err, container.ErrNotFound) {
			return r.agent.noContainer(r.job, "its container was removed")
		}
		if err != nil {
			return err
		}
		r.last = line.Time
		select {
		case lines <- line:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// await returns the container to go on with, "" when the job is gone from the host.
func (r *logReader) await(ctx context.Context, done string) (string, error) {
	for {
		changed := r.agent.book.changed.next()
		record, ok := r.agent.book.find(r.job)
		if !ok {
			return "", nil
		}
		if record.ContainerID != "" && record.ContainerID != done {
			return record.ContainerID, nil
		}
		if record.ContainerID != "" {
			state, err := r.agent.config.Runtime.Inspect(ctx, done)
			if err == nil && state.Running {
				return done, nil
			}
		}
		if err := sleep(ctx, r.agent.config.InspectPoll, changed); err != nil {
			return "", context.Cause(ctx)
		}
	}
}

// sessionArrival is how long a job that was just deployed may take to get into the agent's records.
const sessionArrival = time.Second

// deployed returns the record of a job. The masters know that it is deployed, so one that is not there yet is waited for.
func (a *Agent) deployed(ctx context.Context, job model.JobID) (model.TaskRecord, error) {
	ctx, cancel := context.WithTimeout(ctx, sessionArrival)
	defer cancel()
	for {
		changed := a.book.changed.next()
		if record, ok := a.book.find(job); ok {
			return record, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return model.TaskRecord{}, model.Errorf(model.CodeJobNotDeployed, "job %s has not arrived on %s, or has left it", job, a.config.Host)
		}
	}
}

// probe returns the state of the job's last container, running or not.
func (a *Agent) probe(ctx context.Context, record model.TaskRecord) (container.State, error) {
	job := record.Task.Job.ID
	if err := a.engine.fault(); err != nil {
		return container.State{}, err
	}
	if record.ContainerID == "" {
		return container.State{}, a.noContainer(job, "it has none yet: it is "+describeTask(record))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, sessionProbe, engineSlow(a.config.Runtime))
	defer cancel()
	state, err := a.config.Runtime.Inspect(ctx, record.ContainerID)
	if errors.Is(err, container.ErrNotFound) {
		return state, a.noContainer(job, "its container was removed")
	}
	return state, err
}

func engineSlow(runtime Runtime) error {
	return model.Errorf(model.CodeRuntimeUnavailable, "the container engine (%s) did not answer within %s", runtime.Name(), sessionProbe)
}

// previousContainer returns the id of the container before the job's current one.
func (a *Agent) previousContainer(ctx context.Context, record model.TaskRecord) (string, error) {
	if err := a.engine.fault(); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, sessionProbe, engineSlow(a.config.Runtime))
	defer cancel()
	containers, err := a.config.Runtime.List(ctx, a.ID())
	if err != nil {
		return "", err
	}
	job := record.Task.Job.ID
	previous, ok := lastEnded(containers, map[model.JobID]model.TaskRecord{job: record})[job]
	if !ok {
		return "", a.noContainer(job, "it has had no container before the current one")
	}
	return previous.ID, nil
}

func (a *Agent) noContainer(job model.JobID, why string) error {
	return model.Errorf(model.CodeNoContainer, "job %s on %s: %s", job, a.config.Host, why)
}

// describeTask says in a few words where a task is.
func describeTask(record model.TaskRecord) string {
	if record.Status == nil {
		return "about to begin"
	}
	words := string(record.Status.State)
	if record.Status.ContainerError != "" {
		words += " (" + record.Status.ContainerError + ")"
	}
	return words
}
