package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/agent"
	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/session"
)

// peer is the other side of a session: everything that the agent has said so far.
type peer struct {
	t      *testing.T
	conn   *session.Conn
	frames chan model.Frame // closed at the end of the connection
}

// open asks for a session and waits for the agent's call.
func (h *host) open(r model.SessionRequest) *peer {
	h.t.Helper()
	r.ID = fmt.Sprint("session-", time.Now().UnixNano(), r.Kind, r.JobID.Name)
	call := h.master.ask(r)
	synctest.Wait()
	select {
	case raw := <-call:
		p := &peer{t: h.t, conn: session.New(raw, session.Config{}), frames: make(chan model.Frame, 1024)}
		go p.read()
		return p
	default:
		h.t.Fatal("the agent does not call")
		return nil
	}
}

func (p *peer) read() {
	defer close(p.frames)
	for {
		frame, err := p.conn.Receive()
		if err != nil {
			return
		}
		p.frames <- frame
		if frame.Type == model.FrameExit || frame.Type == model.FrameError {
			_ = p.conn.Close()
			return
		}
	}
}

func (p *peer) send(t model.FrameType, payload string) {
	p.t.Helper()
	if err := p.conn.Send(t, []byte(payload)); err != nil {
		p.t.Fatal(err)
	}
}

// heard returns what the agent has said since the last call, lines as HOST/STREAM/TEXT.
func (p *peer) heard() []string {
	p.t.Helper()
	synctest.Wait()
	var all []string
	for {
		select {
		case frame, ok := <-p.frames:
			if !ok {
				return append(all, "closed")
			}
			all = append(all, p.describe(frame)...)
		default:
			return all
		}
	}
}

func (p *peer) describe(frame model.Frame) []string {
	p.t.Helper()
	switch frame.Type {
	case model.FrameReady:
		return []string{"ready"}
	case model.FrameStdout:
		return []string{"out " + string(frame.Payload)}
	case model.FrameStderr:
		return []string{"err " + string(frame.Payload)}
	case model.FrameExit:
		return []string{"exit " + string(frame.Payload)}
	case model.FrameError:
		return []string{"error " + string(frame.ErrorOf().Code)}
	case model.FrameLines:
		var all []string
		for text := range bytes.Lines(frame.Payload) {
			var line model.LogLine
			if err := json.Unmarshal(text, &line); err != nil || !bytes.HasSuffix(text, []byte("\n")) {
				p.t.Errorf("bad line %q: %v", text, err)
			}
			all = append(all, line.Host+"/"+string(line.Stream)+"/"+line.Text)
		}
		return all
	}
	return []string{fmt.Sprint("frame of type ", frame.Type)}
}

func (p *peer) wants(want ...string) {
	p.t.Helper()
	if diff := cmp.Diff(want, p.heard()); diff != "" {
		p.t.Errorf("the agent said (-want +got):\n%s", diff)
	}
}

func (p *peer) hangUp() { _ = p.conn.Close() }

// begin deploys a job whose containers print "begin" and waits until it runs.
func (h *host) begin(name string) model.Job {
	h.t.Helper()
	h.sim.SetBehaviour(func(container.Spec) container.SimBehaviour {
		return container.SimBehaviour{Output: []string{"begin"}, ErrorOutput: []string{"trouble"}}
	})
	job := testJob(name)
	h.start()
	h.master.deploy(job, model.GoalStart)
	settle(time.Second)
	h.wantState(job.ID, model.StateRunning)
	return job
}

func logsOf(job model.Job, q model.LogQuery) model.SessionRequest {
	return model.SessionRequest{Kind: model.SessionLogs, JobID: job.ID, Logs: &q}
}

func execIn(job model.Job) model.SessionRequest {
	return model.SessionRequest{Kind: model.SessionExec, JobID: job.ID}
}

func (h *host) containerOf(job model.Job) string {
	h.t.Helper()
	status, ok := h.master.status(job.ID)
	if !ok || status.ContainerID == "" {
		h.t.Fatalf("%s has no container: %+v", job.ID.Short(), status)
	}
	return status.ContainerID
}

func TestLogsSoFar(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		job := h.begin("web")
		settle(time.Minute)
		h.sim.Print(h.containerOf(job), "later")
		one, none := 1, 0
		for name, test := range map[string]struct {
			query model.LogQuery
			want  []string
		}{
			"all":       {model.LogQuery{}, []string{"host1/stdout/begin", "host1/stderr/trouble", "host1/stdout/later"}},
			"last line": {model.LogQuery{Tail: &one}, []string{"host1/stdout/later"}},
			"no line":   {model.LogQuery{Tail: &none}, nil},
			"young":     {model.LogQuery{Age: 30 * time.Second}, []string{"host1/stdout/later"}},
			"since":     {model.LogQuery{Since: time.Now().Add(-30 * time.Second)}, []string{"host1/stdout/later"}},
		} {
			want := slices.Concat([]string{"ready"}, test.want, []string{`exit {"code":0}`, "closed"})
			if diff := cmp.Diff(want, h.open(logsOf(job, test.query)).heard()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	})
}

func TestFollowedLogsGoOnWithTheNextContainer(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		job := h.begin("web")
		p := h.open(logsOf(job, model.LogQuery{Follow: true}))
		p.wants("ready", "host1/stdout/begin", "host1/stderr/trouble")
		first := h.containerOf(job)
		h.sim.Print(first, "one")
		p.wants("host1/stdout/one")

		h.sim.Exit(first, 1)
		settle(5 * time.Second)
		second := h.containerOf(job)
		if second == first {
			t.Fatal("there is no second container")
		}
		h.sim.Print(second, "two")
		p.wants("host1/stdout/begin", "host1/stderr/trouble", "host1/stdout/two")

		h.master.setGoal(job.ID, model.GoalStop)
		settle(time.Minute)
		p.wants() // it may be started again
		h.master.setGoal(job.ID, model.GoalStart)
		settle(time.Second)
		p.wants("host1/stdout/begin", "host1/stderr/trouble")

		h.master.undeploy(job.ID)
		settle(time.Second)
		p.wants(`exit {"code":0}`, "closed")
	})
}

func TestFollowedLogsGoOnWithAContainerThatSomebodyStartsAgain(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.change = func(c *agent.Config) { c.Runtime = &deafRuntime{h.sim} } // so that the agent notices nothing for a while
		job := h.begin("web")
		id := h.containerOf(job)
		p := h.open(logsOf(job, model.LogQuery{Follow: true}))
		p.wants("ready", "host1/stdout/begin", "host1/stderr/trouble")
		h.sim.Exit(id, 0)
		settle(time.Millisecond)
		if err := h.sim.Start(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		settle(20 * time.Second)
		p.wants("host1/stdout/begin", "host1/stderr/trouble")
		p.hangUp()
	})
}

func TestFollowedLogsWaitForTheFirstContainer(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		job := testJob("web")
		h.sim.SetDelay("pull", time.Minute)
		h.sim.MissImage(image)
		h.sim.SetBehaviour(func(container.Spec) container.SimBehaviour { return container.SimBehaviour{Output: []string{"begin"}} })
		h.start()
		h.master.deploy(job, model.GoalStart)
		settle(time.Second)
		p := h.open(logsOf(job, model.LogQuery{Follow: true}))
		p.wants("ready")
		h.open(logsOf(job, model.LogQuery{})).wants("error NO_CONTAINER", "closed")
		h.open(execIn(job)).wants("error NO_CONTAINER", "closed")
		h.sim.AddImage(image)
		settle(5 * time.Minute)
		p.wants("host1/stdout/begin")
		p.hangUp()
	})
}

func TestLogsOfAJobThatIsAboutToArrive(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.begin("web")
		next := testJob("next")
		p := h.open(logsOf(next, model.LogQuery{Follow: true}))
		h.master.deploy(next, model.GoalStart)
		settle(time.Second)
		p.wants("ready", "host1/stdout/begin", "host1/stderr/trouble")
		p.hangUp()
	})
}

func TestPreviousLogs(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		job := h.begin("web")
		previous := logsOf(job, model.LogQuery{Previous: true})
		h.open(previous).wants("error NO_CONTAINER", "closed")
		for i := range 3 {
			h.sim.Print(h.containerOf(job), fmt.Sprint("life ", i))
			h.sim.Exit(h.containerOf(job), 1)
			settle(time.Minute)
		}
		want := []string{"ready", "host1/stdout/begin", "host1/stderr/trouble", "host1/stdout/life 2", `exit {"code":0}`, "closed"}
		h.open(previous).wants(want...)

		// While a task is stopped, its last container is the current one, and the one before is still there.
		h.master.setGoal(job.ID, model.GoalStop)
		settle(10 * time.Minute)
		h.open(previous).wants(want...)
		h.open(logsOf(job, model.LogQuery{})).wants("ready", "host1/stdout/begin", "host1/stderr/trouble", `exit {"code":0}`, "closed")
		if n := len(h.sim.Containers()); n != 2 {
			t.Errorf("%d containers are kept", n)
		}
		h.master.undeploy(job.ID)
		settle(time.Minute)
		p := h.open(previous)
		settle(2 * time.Second)
		p.wants("error JOB_NOT_DEPLOYED", "closed")
		if n := len(h.sim.Containers()); n != 0 {
			t.Errorf("%d containers are left", n)
		}
	})
}

func TestSessionsThatCannotBe(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		job := h.begin("web")
		stranger := testJob("stranger")
		for _, r := range []model.SessionRequest{logsOf(stranger, model.LogQuery{Follow: true}), execIn(stranger)} {
			p := h.open(r)
			settle(2 * time.Second)
			p.wants("error JOB_NOT_DEPLOYED", "closed")
		}
		h.open(logsOf(job, model.LogQuery{Follow: true, Previous: true})).wants("error INVALID_REQUEST", "closed")
		h.open(model.SessionRequest{Kind: "dance", JobID: job.ID}).wants("error INVALID_REQUEST", "closed")

		h.sim.SetDelay("inspect", time.Minute)
		for _, r := range []model.SessionRequest{execIn(job), logsOf(job, model.LogQuery{})} {
			p := h.open(r)
			settle(4 * time.Second)
			p.wants("error RUNTIME_UNAVAILABLE", "closed")
		}
		h.sim.SetDelay("inspect", 0)

		h.sim.SetUnavailable(true)
		settle(time.Second)
		h.open(logsOf(job, model.LogQuery{})).wants("error RUNTIME_UNAVAILABLE", "closed")
		h.open(logsOf(job, model.LogQuery{Follow: true})).wants("error RUNTIME_UNAVAILABLE", "closed")
		h.open(logsOf(job, model.LogQuery{Previous: true})).wants("error RUNTIME_UNAVAILABLE", "closed")
		h.open(execIn(job)).wants("error RUNTIME_UNAVAILABLE", "closed")
		h.sim.SetUnavailable(false)
		settle(time.Minute)

		h.sim.Vanish(h.containerOf(job))
		h.open(logsOf(job, model.LogQuery{})).wants("error NO_CONTAINER", "closed")
		h.master.setGoal(job.ID, model.GoalStop)
		settle(time.Minute)
		h.open(execIn(job)).wants("error NO_CONTAINER", "closed")
	})
}

func TestExecAnswersInBothDirections(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		job := h.begin("web")
		var got container.ExecOptions
		h.sim.SetAttached(func(ctx context.Context, _ container.Spec, options container.ExecOptions) (int, error) {
			got = options
			for in := range options.Input {
				switch {
				case in.Resize != nil:
					_ = options.Output(model.Stdout, fmt.Appendf(nil, "%dx%d", in.Resize.Rows, in.Resize.Columns))
				default:
					_ = options.Output(model.Stderr, in.Data)
				}
			}
			return 7, nil
		})
		p := h.open(execIn(job))
		p.wants("ready")
		p.send(model.FrameStart, `{"command":["sh","-i"],"terminal":{"rows":24,"columns":80},"term":"xterm"}`)
		p.send(model.FrameStdin, "text")
		p.wants("err text")
		p.send(model.FrameResize, `{"rows":50,"columns":132}`)
		p.send(model.FrameResize, `oh no`)
		p.send(99, "of a later version")
		p.wants("out 50x132")
		p.send(model.FrameStdinEnd, "")
		p.wants(`exit {"code":7}`, "closed")
		if got.Term != "xterm" || got.Terminal == nil || *got.Terminal != (model.TerminalSize{Rows: 24, Columns: 80}) ||
			!slices.Equal(got.Command, []string{"sh", "-i"}) {
			t.Errorf("run with %+v", got)
		}
	})
}

func TestExecThatFails(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		job := h.begin("web")
		for name, test := range map[string]struct {
			start string
			err   error
			want  []string
		}{
			"no command":      {`{}`, nil, []string{"error INVALID_REQUEST", "closed"}},
			"no JSON":         {`oh no`, nil, []string{"error INVALID_REQUEST", "closed"}},
			"unknown command": {`{"command":["x"]}`, fmt.Errorf("oh: %w", container.ErrNoCommand), []string{"error COMMAND_NOT_FOUND", "closed"}},
			"container ended": {`{"command":["x"]}`, container.ErrNotRunning, []string{"error NO_CONTAINER", "closed"}},
			"anything":        {`{"command":["x"]}`, errors.New("boom"), []string{"error INTERNAL", "closed"}},
		} {
			h.sim.SetAttached(func(context.Context, container.Spec, container.ExecOptions) (int, error) { return 0, test.err })
			p := h.open(execIn(job))
			p.wants("ready")
			p.send(model.FrameStart, test.start)
			if diff := cmp.Diff(test.want, p.heard()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		p := h.open(execIn(job))
		settle(time.Minute)
		p.wants("ready", "error TIMEOUT", "closed") // it was not told what to run
	})
}

func TestSessionsEndWhenTheOtherSideIsGone(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		job := h.begin("web")
		ended := make(chan error, 2)
		h.sim.SetAttached(func(ctx context.Context, _ container.Spec, _ container.ExecOptions) (int, error) {
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return 0, context.Cause(ctx)
		})
		p := h.open(execIn(job))
		p.send(model.FrameStart, `{"command":["x"]}`)
		p.wants("ready") // and the command runs
		p.hangUp()
		synctest.Wait()
		if len(ended) != 1 {
			t.Error("the command goes on")
		}

		// One that went away without a word is missed by its pings.
		r := execIn(job)
		r.ID = "silent"
		call := h.master.ask(r)
		synctest.Wait()
		raw := <-call
		go func() { // hears everything, says nothing more
			buffer := make([]byte, 4096)
			for {
				if _, err := raw.Read(buffer); err != nil {
					return
				}
			}
		}()
		if _, err := raw.Write(model.AppendFrame(nil, model.FrameStart, []byte(`{"command":["x"]}`))); err != nil {
			t.Fatal(err)
		}
		settle(time.Minute)
		if len(ended) != 2 {
			t.Error("the command of a silent client goes on")
		}
	})
}

func TestIdleCommandsAreEnded(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.change = func(c *agent.Config) { c.SessionIdle = 5 * time.Minute }
		job := h.begin("web")
		p := h.open(execIn(job))
		p.send(model.FrameStart, `{"command":["cat"]}`)
		p.wants("ready")
		quiet := h.open(logsOf(job, model.LogQuery{Follow: true}))
		quiet.wants("ready", "host1/stdout/begin", "host1/stderr/trouble")
		for range 3 {
			settle(4 * time.Minute)
			p.send(model.FrameStdin, "x")
			p.wants("out x")
		}
		settle(6 * time.Minute)
		p.wants("error TIMEOUT", "closed")
		quiet.wants() // logs may be quiet for as long as they like
		quiet.hangUp()
	})
}

func TestAnIdleCommandIsEndedEvenWhenNobodyReads(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.change = func(c *agent.Config) { c.SessionIdle = 5 * time.Minute }
		job := h.begin("web")
		ended := make(chan error, 1)
		h.sim.SetAttached(func(ctx context.Context, _ container.Spec, options container.ExecOptions) (int, error) {
			for {
				if err := options.Output(model.Stdout, []byte("much")); err != nil {
					ended <- err
					return 0, err
				}
			}
		})
		r := execIn(job)
		r.ID = "stuck"
		call := h.master.ask(r)
		synctest.Wait()
		raw := <-call
		if _, err := model.ReadFrame(raw); err != nil { // ready
			t.Fatal(err)
		}
		conn := session.New(raw, session.Config{}) // is there, and reads no more
		defer conn.Close()
		if err := conn.SendJSON(model.FrameStart, model.ExecStart{Command: []string{"x"}}); err != nil {
			t.Fatal(err)
		}
		settle(4 * time.Minute)
		if len(ended) != 0 {
			t.Fatal("it was ended too early")
		}
		settle(2 * time.Minute)
		if len(ended) != 1 {
			t.Error("it goes on")
		}
	})
}

func TestThereIsALimitOfSessions(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.change = func(c *agent.Config) { c.MaxSessions = 2 }
		job := h.begin("web")
		follow := logsOf(job, model.LogQuery{Follow: true})
		a, b := h.open(follow), h.open(follow)
		h.open(follow).wants("error TOO_MANY_SESSIONS", "closed")
		a.hangUp()
		synctest.Wait()
		c := h.open(follow)
		c.wants("ready", "host1/stdout/begin", "host1/stderr/trouble")
		b.hangUp()
		c.hangUp()
	})
}

// TestASlowReaderHoldsUpNobodyElse stops reading in the middle of much output.
func TestASlowReaderHoldsUpNobodyElse(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		job := h.begin("web")
		lines := make([]string, 50_000)
		for i := range lines {
			lines[i] = strings.Repeat("x", 200)
		}
		h.sim.Print(h.containerOf(job), lines...)
		r := logsOf(job, model.LogQuery{Follow: true})
		r.ID = "slow"
		call := h.master.ask(r)
		synctest.Wait()
		slow := <-call // nobody reads from it

		other := testJob("other")
		h.master.deploy(other, model.GoalStart)
		settle(time.Second)
		h.wantState(other.ID, model.StateRunning)
		none := 0
		p := h.open(logsOf(job, model.LogQuery{Follow: true, Tail: &none}))
		p.wants("ready")
		h.sim.Print(h.containerOf(job), "new")
		p.wants("host1/stdout/new")
		p.hangUp()

		h.stop() // the agent ends although the slow one still does not read
		_ = slow.Close()
	})
}

func TestAgentThatStopsSaysSo(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		job := h.begin("web")
		logs := h.open(logsOf(job, model.LogQuery{Follow: true}))
		logs.wants("ready", "host1/stdout/begin", "host1/stderr/trouble")
		exec := h.open(execIn(job))
		exec.send(model.FrameStart, `{"command":["cat"]}`)
		exec.wants("ready")
		h.stop()
		logs.wants("error AGENT_UNREACHABLE", "closed")
		exec.wants("error AGENT_UNREACHABLE", "closed")
	})
}
