//go:build unix

package daemontest_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/daemontest"
	"github.com/heliosctl/heliosctl/model"
)

// BenchmarkAgentStreams has one of three masters, a follower, serve the streams of thousands of agents, and reports what that takes of its
// memory and processor, how soon a change is with the agents that it is meant for, and how many statuses a part of the agents can post.
// Agents are bare connections of this process.
func BenchmarkAgentStreams(b *testing.B) {
	f := startMasters(b, 3, 0)
	master := follower(f)
	empty := rss(b, master)
	fleet := openAgents(b, f, master, *benchAgents)
	b.Run("idle", func(b *testing.B) {
		const watched = 20 * time.Second // two heartbeats of each stream
		for b.Loop() {
			before := cpuTime(b, master)
			time.Sleep(watched)
			b.ReportMetric(100*(cpuTime(b, master)-before).Seconds()/watched.Seconds(), "cpu-%")
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(empty, "empty-MB")
		b.ReportMetric(rss(b, master), "rss-MB")
		b.ReportMetric(fleet.opened.Seconds(), "open-s")
	})
	b.Run("change", fleet.benchChange)
	b.Run("burst", fleet.benchBurst)
	for _, reports := range []int{1, 16} {
		b.Run(fmt.Sprintf("statuses/reports=%d", reports), func(b *testing.B) { fleet.benchStatuses(b, min(1000, len(fleet.agents)), reports) })
	}
}

// BenchmarkEventStreams has thousands of readers of one master's events all be told of one change.
func BenchmarkEventStreams(b *testing.B) {
	f := startMasters(b, 3, 0)
	master := follower(f)
	empty := rss(b, master)
	var told atomic.Pointer[arrivals]
	for range *benchAgents {
		openStream(b, master, "/v1/events", func(line []byte) {
			if bytes.Contains(line, []byte(`"job.created"`)) {
				told.Load().add()
			}
		})
	}
	c := f.Client("bench")
	var jobs int
	b.Run("change", func(b *testing.B) {
		var took []time.Duration
		for b.Loop() {
			jobs++
			all := newArrivals(*benchAgents)
			told.Store(all)
			began := time.Now()
			if _, err := c.CreateJob(b.Context(), benchJob(fmt.Sprint("job", jobs))); err != nil {
				b.Fatal(err)
			}
			took = append(took, all.await(b).Sub(began))
		}
		reportTimes(b, "all-ms", took, 0.5, 1)
		b.ReportMetric(empty, "empty-MB")
		b.ReportMetric(rss(b, master), "rss-MB")
	})
}

// arrivals waits for something to be everywhere.
type arrivals struct {
	missing atomic.Int64
	last    time.Time
	done    chan struct{}
}

func newArrivals(n int) *arrivals {
	a := &arrivals{done: make(chan struct{})}
	a.missing.Store(int64(n))
	return a
}

func (a *arrivals) add() {
	if a.missing.Add(-1) == 0 {
		a.last = time.Now()
		close(a.done)
	}
}

// await returns when the last one came.
func (a *arrivals) await(b *testing.B) time.Time {
	b.Helper()
	select {
	case <-a.done:
		return a.last
	case <-time.After(daemontest.Patience):
		b.Fatalf("%d have not been told", a.missing.Load())
		return time.Time{}
	}
}

// simulatedAgent is the stream of one agent.
type simulatedAgent struct {
	host    string
	changed atomic.Pointer[func()] // called at a change of its tasks
	posts   net.Conn               // nil: it posts nothing
	answers *bufio.Reader
	seq     uint64
}

// simulatedAgents are agents that all follow one master.
type simulatedAgents struct {
	fleet  *daemontest.Fleet
	master *daemontest.Daemon
	job    model.Job
	agents []*simulatedAgent
	opened time.Duration // how long it took to open all streams
}

// openAgents registers hosts and opens their agents' streams at a master.
func openAgents(b *testing.B, f *daemontest.Fleet, master *daemontest.Daemon, n int) *simulatedAgents {
	b.Helper()
	s := &simulatedAgents{fleet: f, master: master, job: benchJob("job")}
	c := f.Client("bench")
	if _, err := c.CreateJob(b.Context(), s.job); err != nil {
		b.Fatal(err)
	}
	for i := range n {
		s.agents = append(s.agents, &simulatedAgent{host: hostName(i)})
	}
	shareOut(b, 32, n, func(_, i int) error {
		_, err := c.RegisterAgent(b.Context(), benchRegistration(i))
		return err
	})
	began := time.Now()
	for _, a := range s.agents {
		openStream(b, master, "/v1/agents/"+a.host+"/tasks?agent=agent", func(line []byte) {
			if changed := a.changed.Load(); changed != nil && bytes.Contains(line, []byte(`"type":"change"`)) {
				(*changed)()
			}
		})
	}
	s.opened = time.Since(began)
	return s
}

func benchRegistration(i int) model.Registration {
	return model.Registration{
		Host: hostName(i), AgentID: "agent", Labels: map[string]string{"role": "web"},
		HostInfo: model.HostInfo{Hostname: "h", OSName: "Linux", CPUs: 8, MemoryTotalBytes: 32 << 30},
	}
}

// openStream opens a stream at a master and has take called with each of its lines, the first of which has come by then. It ends with the
// benchmark, and fails it when it ends before.
func openStream(b *testing.B, master *daemontest.Daemon, path string, take func(line []byte)) {
	b.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(master.API, "http://"))
	if err != nil {
		b.Fatal(err)
	}
	var closing atomic.Bool
	var reader sync.WaitGroup
	b.Cleanup(func() {
		closing.Store(true)
		conn.Close()
		reader.Wait()
	})
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: master\r\n\r\n", path); err != nil {
		b.Fatal(err)
	}
	const buffered = 2 << 10 // there are thousands
	lines := bufio.NewReaderSize(conn, buffered)
	status, err := lines.ReadString('\n')
	if err != nil || !strings.Contains(status, " 200 ") {
		b.Fatalf("%s: %q %v", path, status, err)
	}
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			b.Fatal(err)
		}
		if line[0] == '{' {
			break
		}
	}
	reader.Go(func() {
		for {
			line, err := lines.ReadSlice('\n')
			if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
				if !closing.Load() {
					b.Errorf("%s ended: %v", path, err)
				}
				return
			}
			take(line) // a line of chunked encoding is one too
		}
	})
}

// benchChange is how long one deployment takes to be with its agent while all streams are open: from the request on.
func (s *simulatedAgents) benchChange(b *testing.B) {
	c := s.fleet.Client("bench")
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		a := s.agents[i%len(s.agents)]
		for _, change := range []func() error{
			func() error {
				return c.Deploy(b.Context(), a.host, model.Deployment{JobID: s.job.ID, Goal: model.GoalStart}, "")
			},
			func() error { return c.Undeploy(b.Context(), a.host, s.job.ID, "") },
		} {
			told := newArrivals(1)
			add := told.add
			a.changed.Store(&add)
			began := time.Now()
			if err := change(); err != nil {
				b.Fatal(err)
			}
			took = append(took, told.await(b).Sub(began))
			a.changed.Store(nil)
		}
	}
	reportTimes(b, "ms", took, 0.5, 0.99, 1)
}

// benchBurst deploys to every host as fast as 64 clients can ask for it, and reports how long that takes until the last agent knows, and
// how long after the answer to the request each of them does; then it undeploys.
func (s *simulatedAgents) benchBurst(b *testing.B) {
	callers := clientsOf(s.fleet, 64)
	var all, lags []time.Duration
	var busy time.Duration
	for b.Loop() {
		before := cpuTime(b, s.master)
		took, late := s.changeEach(b, len(callers), func(caller int, a *simulatedAgent) error {
			return callers[caller].Deploy(b.Context(), a.host, model.Deployment{JobID: s.job.ID, Goal: model.GoalStart}, "")
		})
		busy += cpuTime(b, s.master) - before
		all, lags = append(all, took), append(lags, late...)
		s.changeEach(b, len(callers), func(caller int, a *simulatedAgent) error {
			return callers[caller].Undeploy(b.Context(), a.host, s.job.ID, "")
		})
	}
	reportTimes(b, "all-ms", all, 0.5)
	reportTimes(b, "after-answer-ms", lags, 0.5, 0.99, 1)
	b.ReportMetric(float64(len(s.agents))/quantile(all, 0.5).Seconds(), "changes/s")
	b.ReportMetric(busy.Seconds()/float64(b.N), "cpu-s")
	b.ReportMetric(rss(b, s.master), "rss-MB")
}

// changeEach changes something of every agent and returns how long it took until all knew, and how long after the answer each did: 0 for
// those that knew before.
func (s *simulatedAgents) changeEach(b *testing.B, callers int, change func(caller int, a *simulatedAgent) error) (time.Duration, []time.Duration) {
	b.Helper()
	told := newArrivals(len(s.agents))
	arrived, answered := make([]time.Time, len(s.agents)), make([]time.Time, len(s.agents))
	for i, a := range s.agents {
		note := func() {
			arrived[i] = time.Now()
			told.add()
		}
		a.changed.Store(&note)
	}
	began := time.Now()
	shareOut(b, callers, len(s.agents), func(caller, i int) error {
		err := change(caller, s.agents[i])
		answered[i] = time.Now()
		return err
	})
	took := told.await(b).Sub(began)
	late := make([]time.Duration, len(s.agents))
	for i, a := range s.agents {
		a.changed.Store(nil)
		late[i] = max(0, arrived[i].Sub(answered[i]))
	}
	return took, late
}

// benchStatuses has some of the agents post batches of reports through the master, each one batch after the other.
func (s *simulatedAgents) benchStatuses(b *testing.B, posting, reports int) {
	agents := s.agents[:posting]
	for _, a := range agents {
		a.connect(b, s.master)
	}
	before := cpuTime(b, s.master)
	b.ResetTimer()
	var next atomic.Int64
	var all sync.WaitGroup
	for _, a := range agents {
		all.Go(func() {
			for next.Add(1) <= int64(b.N) {
				if err := a.post(s.job, reports); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "batches/s")
	b.ReportMetric(float64(b.N*reports)/b.Elapsed().Seconds(), "statuses/s")
	b.ReportMetric(100*(cpuTime(b, s.master)-before).Seconds()/b.Elapsed().Seconds(), "cpu-%")
}

// connect opens the connection on which an agent posts, if it has none.
func (a *simulatedAgent) connect(b *testing.B, master *daemontest.Daemon) {
	b.Helper()
	if a.posts != nil {
		return
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(master.API, "http://"))
	if err != nil {
		b.Fatal(err)
	}
	a.posts, a.answers = conn, bufio.NewReaderSize(conn, 1<<10)
}

// post posts one batch and waits until it is accepted.
func (a *simulatedAgent) post(job model.Job, reports int) error {
	body, err := json.Marshal(a.batch(job, reports))
	if err != nil {
		return err
	}
	var request bytes.Buffer
	fmt.Fprintf(&request, "POST /v1/agents/%s/statuses HTTP/1.1\r\nHost: master\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
		a.host, len(body))
	request.Write(body)
	if _, err := a.posts.Write(request.Bytes()); err != nil {
		return err
	}
	answer, err := http.ReadResponse(a.answers, nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return fmt.Errorf("posting statuses: %s %s %w", answer.Status, text, err)
	}
	return nil
}

func (a *simulatedAgent) batch(job model.Job, reports int) model.StatusBatch {
	batch := model.StatusBatch{AgentID: "agent"}
	for range reports {
		a.seq++
		batch.Reports = append(batch.Reports, benchReport(a.seq, job, model.StateRunning))
	}
	return batch
}

func benchReport(seq uint64, job model.Job, state model.State) model.StatusReport {
	return model.StatusReport{Seq: seq, JobID: job.ID, Timestamp: model.Timestamp(1000 * seq), Status: &model.TaskStatus{
		Job: job, Goal: model.GoalStart, State: state, Throttled: model.ThrottleNo, Env: map[string]string{"A": "1"},
	}}
}
