package live_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
	"github.com/heliosctl/heliosctl/tui/live"
)

// printer is what containers have printed, as masters stream it.
type printer struct {
	mu       sync.Mutex
	lines    []model.LogLine
	previous []model.LogLine
	gone     map[string]bool // hosts whose agents are
	more     chan struct{}   // closed with the next change
	refuses  bool
	asked    []model.LogQuery
}

func newPrinter() *printer { return &printer{gone: map[string]bool{}, more: make(chan struct{})} }

func (p *printer) change(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.more)
	p.more = make(chan struct{})
}

func (p *printer) print(host string, at time.Time, text string) {
	p.change(func() {
		p.lines = append(p.lines, model.LogLine{Host: host, Time: at, Stream: model.Stdout, Text: text})
	})
}

func (p *printer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parameters := r.URL.Query()
	q := model.LogQuery{Follow: parameters.Get("follow") != "", Previous: parameters.Get("previous") != ""}
	if since := parameters.Get("since"); since != "" {
		q.Since, _ = time.Parse(time.RFC3339Nano, since)
	}
	p.mu.Lock()
	refuses := p.refuses
	p.mu.Unlock()
	if refuses {
		http.Error(w, `{"code":"FORBIDDEN","message":"not you"}`, http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	control := http.NewResponseController(w)
	sent, complained := 0, map[string]bool{}
	for first := true; ; first = false {
		p.mu.Lock()
		if first {
			p.asked = append(p.asked, q)
		}
		lines, more := p.lines, p.more
		if q.Previous {
			lines = p.previous
		}
		gone := map[string]bool{}
		for host := range p.gone {
			gone[host] = true
		}
		p.mu.Unlock()
		for host := range gone {
			if wanted := parameters["host"]; !complained[host] && (len(wanted) == 0 || slices.Contains(wanted, host)) {
				complained[host] = true
				line := model.LogLine{Host: host, Time: time.Now(), Error: model.Errorf(model.CodeAgentUnreachable, "its agent is gone")}
				_, _ = w.Write(append(line.AppendTo(nil), '\n'))
			}
		}
		for _, line := range lines[sent:] {
			if wanted := parameters["host"]; complained[line.Host] || len(wanted) > 0 && !slices.Contains(wanted, line.Host) || line.Time.Before(q.Since) {
				continue
			}
			_, _ = w.Write(append(line.AppendTo(nil), '\n'))
		}
		sent = len(lines)
		_ = control.Flush()
		if !q.Follow {
			return
		}
		select {
		case <-more:
		case <-r.Context().Done():
			return
		}
	}
}

// reader reads logs until the test ends.
type reader struct {
	t     *testing.T
	lines chan model.LogLine
	seen  []string
}

func read(t *testing.T, source *live.Source, q tui.LogQuery) *reader {
	t.Helper()
	r := &reader{t: t, lines: make(chan model.LogLine, 1000)}
	ctx, stop := context.WithCancel(t.Context())
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(r.lines)
		for line, err := range source.Logs(ctx, q) {
			if err != nil {
				line.Error = model.Errorf(model.CodeInternal, "over: %v", err)
			}
			r.lines <- line
		}
	})
	t.Cleanup(func() {
		stop()
		reading.Wait()
	})
	return r
}

// await reads until a line has this text, or says this of a stream. It notes all texts on the way.
func (r *reader) await(text string) {
	r.t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case line, ok := <-r.lines:
			if !ok {
				r.t.Fatalf("the logs ended without %q", text)
			}
			said := line.Text
			switch {
			case line.Error != nil:
				said = "broken " + line.Host
			case line.Stream == "":
				said = "again " + line.Host
			default:
				r.seen = append(r.seen, line.Text)
			}
			if said == text {
				return
			}
		case <-deadline:
			r.t.Fatalf("%q did not come; seen %q", text, r.seen)
		}
	}
}

func (r *reader) check(want ...string) {
	r.t.Helper()
	if !slices.Equal(r.seen, want) {
		r.t.Errorf("read %q, want %q", r.seen, want)
	}
}

// logged is a cluster of two masters that stream what a job on two hosts prints.
func logged(t *testing.T) (m *master, p *printer, source *live.Source, id model.JobID) {
	t.Helper()
	m, p = newMaster(t), newPrinter()
	m.logs = p
	id = m.job("1")
	for _, host := range []string{"a1", "a2"} {
		m.agent(host, nil)
		m.deploy(host, id)
	}
	source = watch(t, "http://"+m.address)
	await(t, source, "live", isLive)
	return m, p, source, id
}

// The master that served the stream dies in the middle of lines that came at the very same moment.
func TestLogsGoOnWithoutAGap(t *testing.T) {
	m, p, source, id := logged(t)
	at := time.Now()
	p.print("a1", at, "one")
	p.print("a2", at, "two")
	p.print("a1", at, "three")
	r := read(t, source, tui.LogQuery{Job: id, Tail: 100, Follow: true})
	r.await("three")
	m.down()
	r.await("broken ")
	p.print("a1", at, "four") // of the same moment, too
	p.print("a2", at.Add(time.Second), "five")
	m.up()
	r.await("five")
	p.print("a1", at.Add(2*time.Second), "six")
	r.await("six")
	r.check("one", "two", "three", "four", "five", "six")
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := p.asked[len(p.asked)-1]; !last.Since.Equal(at) {
		t.Errorf("resumed since %s, want %s", last.Since, at)
	}
}

func TestLogsTellThatTheyGoOn(t *testing.T) {
	m, p, source, id := logged(t)
	p.print("a1", time.Now(), "one")
	r := read(t, source, tui.LogQuery{Job: id, Tail: 100, Follow: true})
	r.await("one")
	m.down()
	r.await("broken ")
	m.up()
	r.await("again a1") // though nothing is printed
	r.check("one")
}

// The agent of one host is away for a while; the other's lines do not wait for it.
func TestLogsOfAnAgentThatComesBack(t *testing.T) {
	_, p, source, id := logged(t)
	at := time.Now()
	p.print("a1", at, "one")
	p.print("a2", at, "two")
	p.change(func() { p.gone["a2"] = true })
	r := read(t, source, tui.LogQuery{Job: id, Tail: 100, Follow: true})
	r.await("broken a2")
	p.print("a1", at.Add(time.Second), "three")
	r.await("three")
	p.print("a2", at.Add(2*time.Second), "four")
	p.change(func() { delete(p.gone, "a2") })
	r.await("four")
	r.check("one", "three", "two", "four")
}

// A container that was replaced while nobody listened is read to its end before its successor.
func TestLogsOfAContainerThatEndedMeanwhile(t *testing.T) {
	m, p, source, id := logged(t)
	report := func(seq uint64, container string) {
		t.Helper()
		_, err := m.PostStatuses(t.Context(), "a1", model.StatusBatch{AgentID: "agent-a1", Reports: []model.StatusReport{{
			Seq: seq, JobID: id, Timestamp: model.TimestampOf(time.Now()), Status: &model.TaskStatus{
				Job: model.Job{ID: id}, State: model.StateRunning, Goal: model.GoalStart, ContainerID: container, Env: map[string]string{},
			},
		}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	hasContainer := func(name string) func(*tui.Snapshot) bool {
		return func(s *tui.Snapshot) bool { return isLive(s) && s.Host("a1").Task(id).ContainerID == name }
	}
	report(1, "first")
	await(t, source, "the container", hasContainer("first"))
	at := time.Now()
	p.print("a1", at, "one")
	r := read(t, source, tui.LogQuery{Job: id, Hosts: []string{"a1"}, Tail: 100, Follow: true})
	r.await("one")
	m.down()
	r.await("broken a1")
	p.change(func() {
		p.previous = append(slices.Clone(p.lines), model.LogLine{Host: "a1", Time: at.Add(time.Second), Stream: model.Stdout, Text: "last words"})
		p.lines = []model.LogLine{{Host: "a1", Time: at.Add(2 * time.Second), Stream: model.Stdout, Text: "hello again"}}
	})
	report(2, "second")
	m.up()
	r.await("hello again")
	r.check("one", "last words", "hello again")
}

func TestLogsEndWithWhatCannotBe(t *testing.T) {
	_, p, source, _ := logged(t)
	p.change(func() { p.refuses = true })
	var last error
	n := 0
	for _, err := range source.Logs(t.Context(), tui.LogQuery{Job: model.JobID{Name: "web", Version: "1"}, Follow: true, Tail: 10}) {
		last, n = err, n+1
	}
	if n != 1 || last == nil {
		t.Errorf("%d lines, the last with %v", n, last)
	}
}

// Whoever stops reading leaves nothing behind, whatever state the streams are in.
func TestLogsAreLeft(t *testing.T) {
	m, p, source, id := logged(t)
	for i := range 50 {
		p.print("a1", time.Now(), fmt.Sprint(i))
	}
	for range source.Logs(t.Context(), tui.LogQuery{Job: id, Follow: true, Tail: 100}) {
		break
	}
	m.down()
	for line := range source.Logs(t.Context(), tui.LogQuery{Job: id, Follow: true, Tail: 100}) {
		if line.Error != nil {
			break
		}
	}
	m.up()
}
