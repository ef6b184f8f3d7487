//go:build unix

package container

import (
	"cmp"
	"context"
	"iter"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"

	"github.com/heliosctl/heliosctl/model"
)

// Process runs jobs as ordinary processes; see the package comment for what that leaves out. Its containers outlive it: a Process
// made later for the same folder finds them, running or ended, with their real exit codes. Safe for concurrent use.
type Process struct {
	dir  string
	shim []string
	log  *slog.Logger
	lock *flock.Flock
	hub  hub

	mu         sync.Mutex
	containers map[string]*process // by id
	isClosed   bool

	closing  chan struct{} // closed by Close
	watchers sync.WaitGroup
}

// process is one container.
type process struct {
	dir    string
	record specRecord

	changing sync.Mutex // held by Start and Remove, which take their time

	// Guarded by Process.mu.
	started *runRecord    // nil before the first start
	exit    *exitRecord   // nil while it runs and before
	ended   chan struct{} // of the current run; closed at its end, nil before the first start
	fifo    *os.File      // of the current run; nil when there is none
}

// NewProcess opens the folder, finds what is in it, and goes on watching what still runs.
func NewProcess(config ProcessConfig) (*Process, error) {
	if config.Dir == "" || len(config.Shim) == 0 {
		return nil, invalid("the process runtime needs a folder and a shim command")
	}
	dir, err := filepath.Abs(config.Dir)
	if err != nil {
		return nil, invalid("the process runtime's folder: %v", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, model.Errorf(model.CodeInternal, "make the process runtime's folder: %v", err)
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	locked, err := lock.TryLock()
	if err != nil || !locked {
		return nil, model.Errorf(model.CodeInternal, "the process runtime's folder %s is in use by another agent", dir)
	}
	p := &Process{
		dir: dir, shim: config.Shim, log: config.Logger, lock: lock,
		containers: map[string]*process{},
		closing:    make(chan struct{}),
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if err := p.load(); err != nil {
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

// load takes over what an earlier Process left behind.
func (p *Process) load() error {
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return model.Errorf(model.CodeInternal, "read the process runtime's folder: %v", err)
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		c := &process{dir: filepath.Join(p.dir, entry.Name())}
		ok, err := readRecord(filepath.Join(c.dir, fileSpec), &c.record)
		switch {
		case err != nil:
			p.log.Error("a container cannot be read and is left alone", "folder", c.dir, "error", err)
			continue
		case !ok:
			// Its creation or its removal was cut short.
			if err := os.RemoveAll(c.dir); err != nil {
				p.log.Warn("the rest of a container cannot be removed", "folder", c.dir, "error", err)
			}
			continue
		}
		if err := p.adopt(c); err != nil {
			return err
		}
	}
	return nil
}

// Name returns "process".
func (p *Process) Name() string { return "process" }

// Close ends Events, followed Logs and attached commands and gives the folder free. Processes keep running.
func (p *Process) Close() error {
	p.mu.Lock()
	if p.isClosed {
		p.mu.Unlock()
		return nil
	}
	p.isClosed = true
	close(p.closing)
	for _, c := range p.containers {
		if c.fifo != nil {
			_ = c.fifo.Close() // ends its watcher, which closes it once more to no effect
		}
	}
	p.mu.Unlock()
	p.hub.close(errProcessClosed())
	p.watchers.Wait()
	return p.lock.Unlock()
}

func errProcessClosed() error {
	return fail(ErrUnavailable, nil, "the process runtime was closed")
}

// Info always answers.
func (p *Process) Info(context.Context) (Info, error) {
	return Info{
		Runtime: p.Name(), Version: "1", OS: runtime.GOOS, Architecture: runtime.GOARCH, GoVersion: runtime.Version(),
		Endpoint: "process:" + p.dir, Address: "localhost",
	}, nil
}

// Pull does nothing: images are not used.
func (p *Process) Pull(ctx context.Context, _ string) error { return ctx.Err() }

// Image finds every image: they are not used.
func (p *Process) Image(ctx context.Context, image string) (Image, error) {
	return Image{ID: image, Tags: []string{image}}, ctx.Err()
}

// Create makes the container's folder. The Spec has to have a command, for there is no image to take one from.
func (p *Process) Create(ctx context.Context, spec Spec) (string, error) {
	if err := spec.check(); err != nil {
		return "", err
	}
	if len(spec.Command) == 0 {
		return "", invalid("create container %s: the process runtime does not use images, so the job has to have a command", spec.Name)
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	id := newID()
	c := &process{dir: filepath.Join(p.dir, id), record: specRecord{ID: id, CreatedAt: time.Now(), Spec: spec}}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isClosed {
		return "", errProcessClosed()
	}
	if p.find(spec.Name) != nil {
		return "", fail(ErrNameInUse, nil, "the container name %s is in use", spec.Name)
	}
	if err := c.makeFolder(); err != nil {
		_ = os.RemoveAll(c.dir) // without its spec.json it is removed at the next start at the latest
		return "", model.Errorf(model.CodeInternal, "create container %s: %v", spec.Name, err)
	}
	p.containers[id] = c
	p.publish(c, EventCreate)
	return id, nil
}

// makeFolder writes spec.json last: a folder without it does not count.
func (c *process) makeFolder() error {
	if err := os.MkdirAll(c.file(dirWork), 0o700); err != nil {
		return err
	}
	if err := unix.Mkfifo(c.file(fileAlive), 0o600); err != nil {
		return err
	}
	return writeRecord(c.file(fileSpec), c.record)
}

func (c *process) file(name string) string { return filepath.Join(c.dir, name) }

// find looks a container up by id or name. The lock is held.
func (p *Process) find(idOrName string) *process {
	if c, ok := p.containers[idOrName]; ok {
		return c
	}
	for _, c := range p.containers {
		if c.record.Spec.Name == idOrName {
			return c
		}
	}
	return nil
}

func (p *Process) lookup(idOrName string) (*process, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.find(idOrName); c != nil {
		return c, nil
	}
	return nil, notFound(idOrName, nil)
}

// state is the container as it is. The lock is held.
func (c *process) state() State {
	spec := c.record.Spec
	state := State{
		ID: c.record.ID, Name: spec.Name, Image: spec.Image, Labels: spec.allLabels(),
		Status: StatusCreated, CreatedAt: c.record.CreatedAt,
	}
	switch {
	case c.started == nil:
	case c.started.Error != "":
		state.Error, state.ExitCode = c.started.Error, 127
	case c.exit == nil:
		state.Status, state.Running, state.Pid, state.StartedAt = StatusRunning, true, c.started.Pid, c.started.StartedAt
	default:
		state.Status, state.StartedAt = StatusExited, c.started.StartedAt
		state.ExitCode, state.FinishedAt, state.Error = c.exit.ExitCode, c.exit.FinishedAt, c.exit.Error
	}
	return state
}

// Inspect returns a container.
func (p *Process) Inspect(ctx context.Context, idOrName string) (State, error) {
	if ctx.Err() != nil {
		return State{}, context.Cause(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.find(idOrName)
	if c == nil {
		return State{}, notFound(idOrName, nil)
	}
	return c.state(), nil
}

// List returns the containers of the agent, oldest first.
func (p *Process) List(ctx context.Context, agentID string) ([]State, error) {
	if agentID == "" {
		return nil, invalid("list containers: the agent id is empty")
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	states := []State{}
	for _, c := range p.containers {
		if c.record.Spec.AgentID == agentID {
			states = append(states, c.state())
		}
	}
	slices.SortFunc(states, func(a, b State) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return states, nil
}

// Remove deletes the folder of a container that does not run.
func (p *Process) Remove(_ context.Context, idOrName string) error {
	c, err := p.lookup(idOrName)
	if err != nil {
		return nil
	}
	c.changing.Lock()
	defer c.changing.Unlock()
	p.mu.Lock()
	if c.state().Running {
		p.mu.Unlock()
		return fail(ErrRunning, nil, "container %s is running: stop it before it is removed", idOrName)
	}
	_, present := p.containers[c.record.ID]
	delete(p.containers, c.record.ID)
	p.mu.Unlock()
	if !present {
		return nil
	}
	// Without this file the folder does not count any more, whatever happens to the rest.
	err = os.Remove(c.file(fileSpec))
	if err == nil {
		err = os.RemoveAll(c.dir)
	}
	p.mu.Lock()
	p.publish(c, EventDestroy)
	p.mu.Unlock()
	if err != nil {
		return model.Errorf(model.CodeInternal, "remove container %s: %v", idOrName, err)
	}
	return nil
}

// Events yields what happens to the containers.
func (p *Process) Events(ctx context.Context) iter.Seq2[Event, error] {
	return p.hub.events(ctx)
}

// publish tells subscribers. The lock is held, so that events come in order.
func (p *Process) publish(c *process, action Action) {
	spec := c.record.Spec
	event := Event{Action: action, ID: c.record.ID, Name: spec.Name, Labels: spec.allLabels(), Time: time.Now()}
	if action == EventDie && c.exit != nil {
		event.ExitCode = c.exit.ExitCode
	}
	p.hub.publish(event)
}

// listenAddress is where the process has to listen for one of its ports.
func listenAddress(port PortBinding) string {
	return net.JoinHostPort(cmp.Or(port.IP, "0.0.0.0"), strconv.Itoa(port.ExternalPort))
}
