package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/daemon/api/apitest"
	"github.com/heliosctl/heliosctl/model"
)

// tasksPerHost is how many jobs run on each host of a crowd.
const tasksPerHost = 10

// crowd is a master in memory with many hosts, all of whose tasks run.
type crowd struct {
	*apitest.Backend
	url  string
	jobs []model.JobID
	seqs []uint64 // of the statuses that each host has posted
}

func newCrowd(b *testing.B, hosts int) *crowd {
	b.Helper()
	c := &crowd{Backend: apitest.New(), seqs: make([]uint64, hosts)}
	c.Advance(10)
	for i := range 200 {
		job := model.Job{ID: model.JobID{Name: fmt.Sprintf("job-%03d", i), Version: "1"}, Image: "registry/job:1"}.WithID()
		id, err := c.CreateJob(b.Context(), model.Request{}, job)
		if err != nil {
			b.Fatal(err)
		}
		c.jobs = append(c.jobs, id)
	}
	for i := range hosts {
		name := crowdHost(i)
		if _, err := c.RegisterAgent(b.Context(), model.Registration{Host: name, AgentID: "agent-" + name, Labels: map[string]string{
			"rack": fmt.Sprintf("b%d", i%20), "role": "web", "zone": "a",
		}}); err != nil {
			b.Fatal(err)
		}
		for t := range tasksPerHost {
			d := model.Deployment{JobID: c.job(i, t), Goal: model.GoalStart}
			if err := c.Deploy(b.Context(), model.Request{}, name, d, ""); err != nil {
				b.Fatal(err)
			}
		}
		c.report(b, i, model.StateRunning, tasksPerHost)
	}
	server := api.New(api.Config{Backend: c.Backend})
	http := httptest.NewServer(server.Handler())
	b.Cleanup(func() {
		_ = server.Close()
		http.Close()
	})
	c.url = http.URL
	return c
}

func crowdHost(i int) string { return fmt.Sprintf("host-%05d.example.com", i) }

func (c *crowd) job(host, task int) model.JobID { return c.jobs[(host*7+task)%len(c.jobs)] }

// report has a host tell that its first tasks are in a state.
func (c *crowd) report(b *testing.B, host int, state model.State, tasks int) {
	name := crowdHost(host)
	batch := model.StatusBatch{AgentID: "agent-" + name}
	for t := range tasks {
		c.seqs[host]++
		id := c.job(host, t)
		batch.Reports = append(batch.Reports, model.StatusReport{
			Seq: c.seqs[host], JobID: id, Timestamp: model.TimestampOf(time.Now()), Status: &model.TaskStatus{
				Job: model.Job{ID: id}, State: state, Goal: model.GoalStart, ContainerID: "3fa9c1d2b7e0", Env: map[string]string{},
				Ports: map[string]model.PortMapping{}, Throttled: model.ThrottleNo,
			},
		})
	}
	if _, err := c.PostStatuses(context.Background(), name, batch); err != nil {
		b.Error(err)
	}
}

// watchedScreen is a dashboard on a terminal that never answers, and when it wrote what.
type watchedScreen struct {
	b        *testing.B
	command  *exec.Cmd
	terminal *os.File
	began    time.Time

	mu      sync.Mutex
	text    []byte
	chunks  []chunk
	changed chan struct{}
}

type chunk struct {
	at  time.Time
	end int // of its bytes in the text
}

func watchScreen(b *testing.B, url string) *watchedScreen {
	b.Helper()
	s := &watchedScreen{b: b, command: exec.Command(program(b), "dashboard", "--master", url), changed: make(chan struct{})}
	s.command.Env = []string{"TERM=xterm-256color", "COLORTERM=truecolor", "LANG=C.UTF-8", "HOME=" + b.TempDir()}
	s.began = time.Now()
	var err error
	if s.terminal, err = pty.StartWithSize(s.command, &pty.Winsize{Rows: 36, Cols: 120}); err != nil {
		b.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(s.read)
	b.Cleanup(func() {
		_ = s.command.Process.Kill()
		_ = s.command.Wait()
		_ = s.terminal.Close()
		reading.Wait()
	})
	return s
}

func (s *watchedScreen) read() {
	buffer := make([]byte, 64<<10)
	for {
		n, err := s.terminal.Read(buffer)
		s.mu.Lock()
		s.text = append(s.text, buffer[:n]...)
		s.chunks = append(s.chunks, chunk{time.Now(), len(s.text)})
		close(s.changed)
		s.changed = make(chan struct{})
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *watchedScreen) length() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.text)
}

// await waits until a text comes behind a place of the output, and returns when the bytes came that it ends with.
func (s *watchedScreen) await(from int, text string) time.Time {
	s.b.Helper()
	deadline := time.After(2 * time.Minute)
	for {
		s.mu.Lock()
		changed := s.changed
		if i := bytes.Index(s.text[from:], []byte(text)); i >= 0 && len(s.text) > from {
			at := s.chunks[slices.IndexFunc(s.chunks, func(c chunk) bool { return c.end >= from+i+max(1, len(text)) })].at
			s.mu.Unlock()
			return at
		}
		s.mu.Unlock()
		select {
		case <-changed:
		case <-deadline:
			s.b.Fatalf("%q never came up on the screen", text)
		}
	}
}

// settled waits until nothing has come for a while.
func (s *watchedScreen) settled(quiet time.Duration) {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-time.After(quiet):
			return
		}
	}
}

func (s *watchedScreen) press(keys string) {
	s.b.Helper()
	if _, err := s.terminal.WriteString(keys); err != nil {
		s.b.Fatal(err)
	}
}

// cpu is how much time of a core the process has used.
func (s *watchedScreen) cpu() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.command.Process.Pid))
	if err != nil {
		s.b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// rss is the memory of the process in megabytes.
func (s *watchedScreen) rss() float64 {
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.command.Process.Pid))
	if err != nil {
		s.b.Fatal(err)
	}
	pages, _ := strconv.Atoi(strings.Fields(string(statm))[1])
	return float64(pages*os.Getpagesize()) / 1e6
}

// reportTimes tells the middle and the 95th of a hundred.
func reportTimes(b *testing.B, what string, times []time.Duration) {
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, what+"-p50-ms")
	b.ReportMetric(float64(times[len(times)*95/100].Microseconds())/1000, what+"-p95-ms")
}

// BenchmarkConsole measures the program itself, on a terminal that never answers. Run it with -benchtime 1x.
func BenchmarkConsole(b *testing.B) {
	b.Run("first-frame", func(b *testing.B) {
		program(b)
		for range b.N {
			var times []time.Duration
			for range 40 {
				s := watchScreen(b, "http://127.0.0.1:1")
				times = append(times, s.await(0, "Connecting").Sub(s.began))
				_ = s.command.Process.Kill()
				_ = s.command.Wait()
			}
			reportTimes(b, "exec-to-frame", times)
		}
	})
	for _, hosts := range []int{500, 10_000} {
		b.Run(fmt.Sprintf("connect/hosts=%d", hosts), func(b *testing.B) {
			c := newCrowd(b, hosts)
			for range b.N {
				var first, all []time.Duration
				var cpu time.Duration
				const times = 5
				for range times {
					s := watchScreen(b, c.url)
					s.press("2")
					first = append(first, s.await(0, "host-0").Sub(s.began))
					all = append(all, s.await(0, fmt.Sprintf("%d▲", hosts)).Sub(s.began))
					cpu += s.cpu()
					_ = s.command.Process.Kill()
					_ = s.command.Wait()
				}
				reportTimes(b, "first-rows", first)
				reportTimes(b, "all-rows", all)
				b.ReportMetric(float64(cpu.Milliseconds())/times, "own-cpu-ms")
			}
		})
	}
	b.Run("hosts=10000", func(b *testing.B) { benchmarkLargeFleet(b) })
}

func benchmarkLargeFleet(b *testing.B) {
	const hosts = 10_000
	c := newCrowd(b, hosts)
	s := watchScreen(b, c.url)
	s.await(0, fmt.Sprintf("%d▲", hosts))
	s.settled(500 * time.Millisecond)
	b.Run("keys", func(b *testing.B) {
		for range b.N {
			benchmarkKeys(b, s)
		}
	})
	b.Run("resize", func(b *testing.B) {
		for range b.N {
			benchmarkResize(b, s)
		}
	})
	b.Run("idle", func(b *testing.B) {
		for range b.N {
			const span = 20 * time.Second
			s.settled(900 * time.Millisecond)
			cpu, sent := s.cpu(), s.length()
			time.Sleep(span)
			b.ReportMetric(100*float64(s.cpu()-cpu)/float64(span), "%core")
			b.ReportMetric(float64(s.length()-sent)/span.Seconds(), "bytes/s")
			b.ReportMetric(s.rss(), "MB-RSS")
		}
	})
	b.Run("storm", func(b *testing.B) {
		for range b.N {
			benchmarkStorm(b, c, s, hosts)
		}
	})
}

// benchmarkKeys moves the cursor up and down, then goes from screen to screen.
func benchmarkKeys(b *testing.B, s *watchedScreen) {
	s.press("2")
	s.settled(300 * time.Millisecond)
	var times []time.Duration
	moved := 0
	for i := range 200 {
		from, began := s.length(), time.Now()
		s.press([]string{"j", "k"}[i%2])
		times = append(times, s.await(from, "").Sub(began))
		s.settled(25 * time.Millisecond) // the rest of it; a move of its own begins a frame of its own
		moved += s.length() - from
	}
	reportTimes(b, "key-to-bytes", times)
	b.ReportMetric(float64(moved)/200, "bytes/move")
	whole := 0
	for i := range 10 {
		from := s.length()
		s.press([]string{"3", "2"}[i%2])
		s.settled(100 * time.Millisecond)
		whole += s.length() - from
	}
	b.ReportMetric(float64(whole)/10, "bytes/screen")
}

func benchmarkResize(b *testing.B, s *watchedScreen) {
	var times []time.Duration
	for i := range 40 {
		size := pty.Winsize{Rows: 60, Cols: 200}
		if i%2 == 1 {
			size = pty.Winsize{Rows: 36, Cols: 120}
		}
		from, began := s.length(), time.Now()
		if err := pty.Setsize(s.terminal, &size); err != nil {
			b.Fatal(err)
		}
		times = append(times, s.await(from, "help").Sub(began)) // in the last row
		s.settled(200 * time.Millisecond)
	}
	reportTimes(b, "resize-to-frame", times)
}

// benchmarkStorm has ten thousand tasks a second change for a while, and then waits until the screen shows how all are.
func benchmarkStorm(b *testing.B, c *crowd, s *watchedScreen, hosts int) {
	const rate, seconds, batch = 10_000, 10, 5
	cpu, from, began := s.cpu(), s.length(), time.Now()
	states := []model.State{model.StateStarting, model.StateRunning}
	sent := 0
	for sent < rate*seconds {
		due := int(time.Since(began).Seconds() * rate)
		for ; sent < min(due, rate*seconds); sent += batch {
			turn := sent / batch
			c.report(b, turn%hosts, states[turn/hosts%2], batch)
		}
		time.Sleep(2 * time.Millisecond)
	}
	span := time.Since(began)
	b.ReportMetric(float64(sent)/span.Seconds(), "events/s")
	b.ReportMetric(100*float64(s.cpu()-cpu)/float64(span), "%core")
	s.mu.Lock()
	frames, shortest := framesIn(s.text[from:], s.chunks, from)
	s.mu.Unlock()
	b.ReportMetric(float64(frames)/span.Seconds(), "frames/s")
	b.ReportMetric(float64(shortest.Microseconds())/1000, "shortest-frame-ms")
	b.ReportMetric(s.rss(), "MB-RSS")
	for i := range hosts {
		c.report(b, i, model.StateRunning, tasksPerHost)
	}
	at := s.length()
	s.press("1")
	s.await(at, fmt.Sprintf("%d/%d", hosts*tasksPerHost, hosts*tasksPerHost))
}

// framesIn counts the frames in the output, each of which begins with the cursor going home, and the shortest time from one to the
// second next: the clock may have one of its own between two that events make.
func framesIn(text []byte, chunks []chunk, from int) (n int, shortest time.Duration) {
	var times []time.Time
	for at := 0; ; {
		i := bytes.Index(text[at:], []byte("\x1b[H"))
		if i < 0 {
			break
		}
		at += i + 3
		times = append(times, chunks[slices.IndexFunc(chunks, func(c chunk) bool { return c.end >= from+at })].at)
	}
	for i := 2; i < len(times); i++ {
		if d := times[i].Sub(times[i-2]); shortest == 0 || d < shortest {
			shortest = d
		}
	}
	return len(times), shortest
}
