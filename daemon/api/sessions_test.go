package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/session"
)

func newClient(t *testing.T, url string) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{Endpoints: []string{url}, User: "alice", RetryTimeout: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// answers is what an agent does in a session. The connection is closed after it.
type answers func(r model.SessionRequest, conn *session.Conn)

// connect plays the agent of a host that listens to a master, and returns when it does.
func connect(t *testing.T, url, host string, do answers) {
	t.Helper()
	c := newClient(t, url)
	ctx, cancel := context.WithCancel(t.Context())
	listening := make(chan struct{})
	var working sync.WaitGroup
	working.Go(func() {
		for update, err := range c.Tasks(ctx, host, "id-"+host, 0) {
			switch {
			case err != nil:
				return
			case update.Type == model.TaskUpdateSnapshot:
				close(listening)
			case update.Session != nil:
				working.Go(func() {
					raw, err := c.Session(ctx, host, update.Session.ID)
					if err != nil {
						return
					}
					conn := session.New(raw, session.Config{})
					defer conn.Close()
					do(*update.Session, conn)
				})
			}
		}
	})
	t.Cleanup(func() { cancel(); working.Wait() })
	select {
	case <-listening:
	case <-time.After(10 * time.Second):
		t.Fatal("the agent hears nothing")
	}
}

func say(t *testing.T, conn *session.Conn, frame model.FrameType, payload string) {
	if err := conn.Send(frame, []byte(payload)); err != nil {
		t.Errorf("frame %d: %v", frame, err)
	}
}

// untilGone waits for the other side to hang up.
func untilGone(conn *session.Conn) {
	for {
		if _, err := conn.Receive(); err != nil {
			return
		}
	}
}

func lineOf(host, text string) string {
	return string(model.LogLine{Host: host, Stream: model.Stdout, Text: text, Time: time.Unix(1, 0)}.AppendTo(nil)) + "\n"
}

// printing answers with lines and the end.
func printing(t *testing.T, host string, texts ...string) answers {
	return func(_ model.SessionRequest, conn *session.Conn) {
		say(t, conn, model.FrameReady, "")
		for _, text := range texts {
			say(t, conn, model.FrameLines, lineOf(host, text))
		}
		say(t, conn, model.FrameExit, "{}")
		untilGone(conn)
	}
}

func failing(t *testing.T, code model.Code) answers {
	return func(_ model.SessionRequest, conn *session.Conn) {
		say(t, conn, model.FrameError, `{"code":"`+string(code)+`","message":"so it is"}`)
		untilGone(conn)
	}
}

// hosts makes hosts to which a job with a token is deployed.
func (w *world) hosts(names ...string) model.JobID {
	w.t.Helper()
	id := w.job("web", "secret")
	for _, name := range names {
		w.agent(name, nil)
		w.deploy(name, id, "secret")
	}
	return id
}

// told reads a stream of logs: HOST/TEXT for a line, HOST!CODE for an error, and the stream's own error.
func told(lines func(func(model.LogLine, error) bool)) (all []string, end error) {
	for line, err := range lines {
		switch {
		case err != nil:
			end = err
		case line.Error != nil:
			all = append(all, line.Host+"!"+string(line.Error.Code))
		default:
			all = append(all, line.Host+"/"+line.Text)
		}
	}
	return all, end
}

func TestLogsOfAllHosts(t *testing.T) {
	w := newWorld(t, api.Config{SessionTimeout: 10 * time.Second})
	id := w.hosts("h1", "h2", "h3", "h4")
	connect(t, w.http.URL, "h1", printing(t, "h1", "a", "b"))
	connect(t, w.http.URL, "h2", printing(t, "h2", "c"))
	connect(t, w.http.URL, "h3", failing(t, model.CodeNoContainer))
	w.backend.SetAlive("h4", false)
	c := newClient(t, w.http.URL)
	for name, test := range map[string]struct {
		hosts []string
		want  []string
	}{
		"all":        {nil, []string{"h1/a", "h1/b", "h2/c", "h3!NO_CONTAINER", "h4!AGENT_UNREACHABLE"}},
		"two":        {[]string{"h2", "h4"}, []string{"h2/c", "h4!AGENT_UNREACHABLE"}},
		"one twice":  {[]string{"h1", "h1"}, []string{"h1/a", "h1/b"}},
		"one by one": {[]string{"h2"}, []string{"h2/c"}},
	} {
		got, err := told(c.Logs(t.Context(), id, test.hosts, model.LogQuery{}))
		slices.Sort(got) // hosts come in any order; the lines of each in theirs
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%s (-want +got):\n%s\nerror %v", name, diff, err)
		}
	}
}

func TestLogsPassTheQueryOn(t *testing.T) {
	w := newWorld(t, api.Config{})
	id := w.hosts("h1")
	var got model.SessionRequest
	connect(t, w.http.URL, "h1", func(r model.SessionRequest, conn *session.Conn) {
		got = r
		printing(t, "h1")(r, conn)
	})
	tail := 0
	for _, want := range []model.LogQuery{
		{Follow: true, Tail: &tail, Since: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)},
		{Previous: true, Age: 90 * time.Second},
		{},
	} {
		if _, err := told(newClient(t, w.http.URL).Logs(t.Context(), id, nil, want)); err != nil {
			t.Fatal(err)
		}
		request := model.SessionRequest{ID: got.ID, Kind: model.SessionLogs, JobID: id, Logs: &want}
		if diff := cmp.Diff(request, got); diff != "" || got.ID == "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
	}
}

func TestSessionsThatAreRefused(t *testing.T) {
	w := newWorld(t, api.Config{SessionTimeout: 10 * time.Second})
	id := w.hosts("h1", "down", "broken")
	w.agent("empty", nil)
	connect(t, w.http.URL, "broken", failing(t, model.CodeRuntimeUnavailable))
	w.backend.SetAlive("down", false)
	unknown := model.JobID{Name: "no", Version: "1", Hash: id.Hash}
	idle, err := w.backend.CreateJob(t.Context(), model.Request{}, model.Job{ID: model.JobID{Name: "idle", Version: "1"}, Image: "x:1"})
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, w.http.URL)
	logs := func(id model.JobID, hosts ...string) error {
		_, err := told(c.Logs(t.Context(), id, hosts, model.LogQuery{}))
		return err
	}
	exec := func(host string, id model.JobID, token string) error {
		e, err := c.Exec(t.Context(), host, id, model.ExecStart{Command: []string{"x"}}, token)
		if err == nil {
			_ = e.Close()
		}
		return err
	}
	for name, test := range map[string]struct {
		got  error
		want model.Code
	}{
		"logs of an unknown job":       {logs(unknown), model.CodeJobNotFound},
		"logs of half an id":           {logs(model.JobID{Name: "web", Version: "1"}), model.CodeInvalidID},
		"logs of a job on no host":     {logs(idle), model.CodeJobNotDeployed},
		"logs on an unknown host":      {logs(id, "nope"), model.CodeHostNotFound},
		"logs where it is not":         {logs(id, "empty"), model.CodeJobNotDeployed},
		"logs on a host that is down":  {logs(id, "down"), model.CodeAgentUnreachable},
		"logs without an engine":       {logs(id, "broken"), model.CodeRuntimeUnavailable},
		"exec of an unknown job":       {exec("h1", unknown, "secret"), model.CodeJobNotFound},
		"exec of half an id":           {exec("h1", model.JobID{Name: "web", Version: "1"}, "secret"), model.CodeInvalidID},
		"exec without the token":       {exec("h1", id, ""), model.CodeForbidden},
		"exec with a wrong token":      {exec("h1", id, "x"), model.CodeForbidden},
		"exec on an unknown host":      {exec("nope", id, "secret"), model.CodeHostNotFound},
		"exec where it is not":         {exec("empty", id, "secret"), model.CodeJobNotDeployed},
		"exec on a host that is down":  {exec("down", id, "secret"), model.CodeAgentUnreachable},
		"exec without an engine":       {exec("broken", id, "secret"), model.CodeRuntimeUnavailable},
		"exec with a token for nobody": {exec("h1", idle, "x"), model.CodeForbidden},
	} {
		if model.CodeOf(test.got) != test.want {
			t.Errorf("%s: %v (%s), want %s", name, test.got, model.CodeOf(test.got), test.want)
		}
	}
	for _, query := range []string{"follow=perhaps", "tail=many", "tail=-1", "since=once", "follow=true&previous=true", "previous=2"} {
		resp, body := w.send("GET", "/v1/jobs/"+id.String()+"/logs?"+query, "")
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, "INVALID_REQUEST") {
			t.Errorf("%s: %d %s", query, resp.StatusCode, body)
		}
	}
	for _, path := range []string{"/v1/hosts/h1/jobs/" + id.String() + "/exec?token=secret", "/v1/agents/h1/sessions/x"} {
		resp, body := w.send("POST", path, "")
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, "Upgrade: "+model.SessionProtocol) {
			t.Errorf("%s without an upgrade: %d %s", path, resp.StatusCode, body)
		}
	}
	w.backend.LoseLeader()
	if err := logs(id); !errors.Is(err, model.ErrUnavailable) {
		t.Errorf("logs without a leader: %v", err)
	}
}

func TestAgentsThatDoNotAnswer(t *testing.T) {
	w := newWorld(t, api.Config{SessionTimeout: 50 * time.Millisecond})
	id := w.hosts("absent", "mute", "deaf", "odd")
	connect(t, w.http.URL, "mute", func(_ model.SessionRequest, conn *session.Conn) { untilGone(conn) })
	connect(t, w.http.URL, "odd", func(_ model.SessionRequest, conn *session.Conn) {
		say(t, conn, 77, "of a later version")
		_ = conn.Close()
	})
	// The deaf one listens and never calls.
	listening := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for range newClient(t, w.http.URL).Tasks(ctx, "deaf", "id-deaf", 0) {
			select {
			case <-listening:
			default:
				close(listening)
			}
		}
	}()
	<-listening
	c := newClient(t, w.http.URL)
	for host, want := range map[string]string{
		"absent": "is not connected", "mute": "did not say that it is ready", "deaf": "did not answer within", "odd": "did not say that it is ready",
	} {
		_, err := told(c.Logs(t.Context(), id, []string{host}, model.LogQuery{}))
		if model.CodeOf(err) != model.CodeAgentUnreachable || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", host, err, want)
		}
	}
}

func TestAnAgentThatConnectsInTimeIsAsked(t *testing.T) {
	w := newWorld(t, api.Config{SessionTimeout: 20 * time.Second})
	id := w.hosts("h1")
	answer := make(chan []string)
	go func() {
		got, err := told(newClient(t, w.http.URL).Logs(t.Context(), id, nil, model.LogQuery{}))
		if err != nil {
			t.Error(err)
		}
		answer <- got
	}()
	connect(t, w.http.URL, "h1", printing(t, "h1", "late"))
	if diff := cmp.Diff([]string{"h1/late"}, <-answer); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFollowedLogsShowLifeAndEndWithTheClient(t *testing.T) {
	w := newWorld(t, api.Config{Heartbeat: 5 * time.Millisecond})
	id := w.hosts("h1", "h2")
	gone := make(chan string, 2)
	for _, host := range []string{"h1", "h2"} {
		connect(t, w.http.URL, host, func(_ model.SessionRequest, conn *session.Conn) {
			say(t, conn, model.FrameReady, "")
			say(t, conn, model.FrameLines, lineOf(host, "one"))
			untilGone(conn)
			gone <- host
		})
	}
	resp, err := http.Get(w.http.URL + "/v1/jobs/" + id.String() + "/logs?follow=true")
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(resp.Body)
	for beats, texts := 0, 0; beats < 5 || texts < 2; {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line == "\n" {
			beats++
		} else {
			texts++
		}
	}
	if got := resp.Header.Get("Content-Type"); got != "application/x-ndjson" {
		t.Errorf("content type %q", got)
	}
	_ = resp.Body.Close()
	for range 2 {
		<-gone
	}
}

func TestAnAgentThatGoesAwayLeavesTheOthers(t *testing.T) {
	w := newWorld(t, api.Config{})
	id := w.hosts("h1", "h2")
	broken := make(chan struct{})
	connect(t, w.http.URL, "h1", func(_ model.SessionRequest, conn *session.Conn) {
		say(t, conn, model.FrameReady, "")
		_ = conn.Close()
	})
	connect(t, w.http.URL, "h2", func(r model.SessionRequest, conn *session.Conn) {
		<-broken
		printing(t, "h2", "still here")(r, conn)
	})
	var got []string
	for line, err := range newClient(t, w.http.URL).Logs(t.Context(), id, nil, model.LogQuery{Follow: true}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, line.Host+line.Text)
		if line.Error != nil {
			got[len(got)-1] = line.Host + "!" + string(line.Error.Code)
			close(broken)
		}
	}
	if diff := cmp.Diff([]string{"h1!AGENT_UNREACHABLE", "h2still here"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestASlowReaderHoldsUpNobodyElse has one client that reads nothing of endless logs, and another one that does.
func TestASlowReaderHoldsUpNobodyElse(t *testing.T) {
	w := newWorld(t, api.Config{})
	id := w.hosts("h1")
	stuck := make(chan struct{}, 1)
	connect(t, w.http.URL, "h1", func(r model.SessionRequest, conn *session.Conn) {
		if !r.Logs.Follow {
			printing(t, "h1", "quick")(r, conn)
			return
		}
		say(t, conn, model.FrameReady, "")
		piece := []byte(strings.Repeat(lineOf("h1", strings.Repeat("x", 1000)), 50))
		done := make(chan struct{})
		go func() {
			defer close(done)
			for conn.Send(model.FrameLines, piece) == nil {
			}
		}()
		stuck <- struct{}{}
		untilGone(conn)
		_ = conn.Close()
		<-done
	})
	slow, err := net.Dial("tcp", w.http.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	fmt.Fprintf(slow, "GET /v1/jobs/%s/logs?follow=true HTTP/1.1\r\nHost: x\r\n\r\n", id)
	<-stuck
	got, err := told(newClient(t, w.http.URL).Logs(t.Context(), id, nil, model.LogQuery{}))
	if diff := cmp.Diff([]string{"h1/quick"}, got); diff != "" || err != nil {
		t.Errorf("(-want +got):\n%s\nerror %v", diff, err)
	}
	if err := w.server.Close(); err != nil { // ends although the slow one does not read
		t.Error(err)
	}
}

func TestShutdownDoesNotLookLikeTheEnd(t *testing.T) {
	w := newWorld(t, api.Config{})
	id := w.hosts("h1")
	connect(t, w.http.URL, "h1", func(_ model.SessionRequest, conn *session.Conn) {
		say(t, conn, model.FrameReady, "")
		say(t, conn, model.FrameLines, lineOf("h1", "one"))
		untilGone(conn)
	})
	var end error
	lines := 0
	for _, err := range newClient(t, w.http.URL).Logs(t.Context(), id, nil, model.LogQuery{Follow: true}) {
		if err != nil {
			end = err
			break
		}
		if lines++; lines == 1 {
			go w.server.Close()
		}
	}
	if !errors.Is(end, model.ErrUnavailable) {
		t.Errorf("after %d lines the logs ended with %v", lines, end)
	}
}

// shell answers commands: it writes its input back in capitals and ends with the code 7.
func shell(t *testing.T, starts chan<- model.ExecStart) answers {
	return func(_ model.SessionRequest, conn *session.Conn) {
		say(t, conn, model.FrameReady, "")
		for {
			frame, err := conn.Receive()
			if err != nil {
				return
			}
			switch frame.Type {
			case model.FrameStart:
				var start model.ExecStart
				if err := json.Unmarshal(frame.Payload, &start); err != nil {
					t.Error(err)
				}
				starts <- start
			case model.FrameStdin:
				say(t, conn, model.FrameStdout, strings.ToUpper(string(frame.Payload)))
			case model.FrameResize:
				say(t, conn, model.FrameStderr, string(frame.Payload))
			case model.FrameStdinEnd:
				say(t, conn, model.FrameExit, `{"code":7}`)
			}
		}
	}
}

func TestExec(t *testing.T) {
	w := newWorld(t, api.Config{})
	id := w.hosts("h1")
	starts := make(chan model.ExecStart, 1)
	connect(t, w.http.URL, "h1", shell(t, starts))
	want := model.ExecStart{Command: []string{"sh", "-c", "a b"}, Terminal: &model.TerminalSize{Rows: 24, Columns: 80}, Term: "xterm"}
	e, err := newClient(t, w.http.URL).Exec(t.Context(), "h1", id, want, "secret")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if diff := cmp.Diff(want, <-starts); diff != "" {
		t.Errorf("start (-want +got):\n%s", diff)
	}
	if _, err := io.WriteString(e, "text\n"); err != nil {
		t.Fatal(err)
	}
	if err := e.Resize(model.TerminalSize{Rows: 1, Columns: 2}); err != nil {
		t.Fatal(err)
	}
	if err := e.CloseInput(); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code, err := e.Wait(t.Context(), &stdout, &stderr)
	if code != 7 || err != nil || stdout.String() != "TEXT\n" || stderr.String() != `{"rows":1,"columns":2}` {
		t.Errorf("code %d, %v, output %q, error output %q", code, err, &stdout, &stderr)
	}
}

// TestTheEndOfACommandArrives has a client that goes on sending input while the command prints much and ends.
func TestTheEndOfACommandArrives(t *testing.T) {
	w := newWorld(t, api.Config{})
	id := w.hosts("h1")
	const size = 10 << 20
	connect(t, w.http.URL, "h1", func(_ model.SessionRequest, conn *session.Conn) {
		say(t, conn, model.FrameReady, "")
		gone := make(chan struct{})
		go func() { untilGone(conn); close(gone) }()
		for range size / 1024 {
			say(t, conn, model.FrameStdout, strings.Repeat("x", 1024))
		}
		say(t, conn, model.FrameExit, `{"code":3}`)
		<-gone
	})
	e, err := newClient(t, w.http.URL).Exec(t.Context(), "h1", id, model.ExecStart{Command: []string{"x"}}, "secret")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var sending sync.WaitGroup
	sending.Go(func() {
		for {
			if _, err := e.Write(make([]byte, 100<<10)); err != nil {
				return
			}
		}
	})
	var stdout countingWriter
	code, err := e.Wait(t.Context(), &stdout, io.Discard)
	if code != 3 || err != nil || stdout != size {
		t.Errorf("code %d, %v, %d bytes, want %d", code, err, stdout, size)
	}
	_ = e.Close()
	sending.Wait()
}

type countingWriter int

func (w *countingWriter) Write(p []byte) (int, error) {
	*w += countingWriter(len(p))
	return len(p), nil
}

func TestACommandsSessionEndsWithEitherSide(t *testing.T) {
	w := newWorld(t, api.Config{})
	id := w.hosts("h1")
	gone := make(chan struct{}, 4)
	connect(t, w.http.URL, "h1", func(_ model.SessionRequest, conn *session.Conn) {
		say(t, conn, model.FrameReady, "")
		frame, err := conn.Receive()
		if err == nil && strings.Contains(string(frame.Payload), "break") {
			return // closes the connection
		}
		untilGone(conn)
		gone <- struct{}{}
	})
	c := newClient(t, w.http.URL)
	start := func(ctx context.Context, word string) *client.Execution {
		e, err := c.Exec(ctx, "h1", id, model.ExecStart{Command: []string{word}}, "secret")
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	e := start(t.Context(), "wait")
	_ = e.Close()
	<-gone

	ctx, cancel := context.WithCancel(t.Context())
	e = start(ctx, "wait")
	cancel()
	if _, err := e.Wait(ctx, io.Discard, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
	_ = e.Close()
	<-gone

	e = start(t.Context(), "break")
	if _, err := e.Wait(t.Context(), io.Discard, io.Discard); model.CodeOf(err) != model.CodeAgentUnreachable {
		t.Errorf("after the agent hung up: %v", err)
	}
	_ = e.Close()

	e = start(t.Context(), "wait")
	go w.server.Close()
	if _, err := e.Wait(t.Context(), io.Discard, io.Discard); model.CodeOf(err) != model.CodeAgentUnreachable {
		t.Errorf("after the master's shutdown: %v", err)
	}
	_ = e.Close()
	<-gone
}

func TestASessionIsAnsweredOnce(t *testing.T) {
	w := newWorld(t, api.Config{})
	id := w.hosts("h1", "h2")
	c := newClient(t, w.http.URL)
	connect(t, w.http.URL, "h1", func(r model.SessionRequest, conn *session.Conn) {
		if other, err := c.Session(t.Context(), "h1", r.ID); model.CodeOf(err) != model.CodeNotFound {
			t.Errorf("answered again: %v, %v", other, err)
		}
		printing(t, "h1", "a")(r, conn)
	})
	if got, err := told(c.Logs(t.Context(), id, []string{"h1"}, model.LogQuery{})); err != nil || len(got) != 1 {
		t.Errorf("%q, %v", got, err)
	}
	connect(t, w.http.URL, "h2", func(r model.SessionRequest, conn *session.Conn) { printing(t, "h2")(r, conn) })
	if _, err := c.Session(t.Context(), "h2", "guessed"); model.CodeOf(err) != model.CodeNotFound {
		t.Errorf("a session that nobody asked for: %v", err)
	}
}

func TestAMasterLimitsItsSessions(t *testing.T) {
	w := newWorld(t, api.Config{MaxSessions: 1})
	id := w.hosts("h1")
	open := make(chan struct{}, 2)
	connect(t, w.http.URL, "h1", func(_ model.SessionRequest, conn *session.Conn) {
		say(t, conn, model.FrameReady, "")
		open <- struct{}{}
		untilGone(conn)
	})
	c := newClient(t, w.http.URL)
	e, err := c.Exec(t.Context(), "h1", id, model.ExecStart{Command: []string{"x"}}, "secret")
	if err != nil {
		t.Fatal(err)
	}
	<-open
	if _, err := told(c.Logs(t.Context(), id, nil, model.LogQuery{})); model.CodeOf(err) != model.CodeTooManySessions {
		t.Errorf("above the limit: %v", err)
	}
	_ = e.Close()
	for { // the master hears of the end a moment later
		again, err := c.Exec(t.Context(), "h1", id, model.ExecStart{Command: []string{"x"}}, "secret")
		if err == nil {
			_ = again.Close()
			return
		}
		if model.CodeOf(err) != model.CodeTooManySessions {
			t.Fatal(err)
		}
	}
}

// TestSessionsThroughAnotherMaster asks one master for an agent that listens to another.
func TestSessionsThroughAnotherMaster(t *testing.T) {
	w := newWorld(t, api.Config{}) // gives the state
	id := w.hosts("h1", "h2", "h3")
	var urls []string
	peers := func() []string { return append(slices.Clone(urls), "http://127.0.0.1:1") } // and one that is gone
	masters := make([]*httptest.Server, 2)
	for i := range masters {
		masters[i] = httptest.NewUnstartedServer(nil)
		urls = append(urls, "http://"+masters[i].Listener.Addr().String())
	}
	for i := range masters {
		server := api.New(api.Config{Backend: w.backend, URL: urls[i], Peers: peers, SessionTimeout: 10 * time.Second})
		masters[i].Config.Handler = server.Handler()
		masters[i].Start()
		t.Cleanup(func() { _ = server.Close(); masters[i].Close() })
	}
	for i, host := range []string{"h1", "h2"} {
		// Each agent listens to one master and calls whichever it is told.
		c := newClient(t, urls[i])
		ctx, cancel := context.WithCancel(t.Context())
		listening := make(chan struct{})
		var working sync.WaitGroup
		working.Go(func() {
			for update, err := range c.Tasks(ctx, host, "id-"+host, 0) {
				if err == nil && update.Type == model.TaskUpdateSnapshot {
					close(listening)
				}
				if update.Session == nil {
					continue
				}
				working.Go(func() {
					raw, err := newClient(t, update.Session.Master).Session(ctx, host, update.Session.ID)
					if err != nil {
						t.Error(err)
						return
					}
					conn := session.New(raw, session.Config{})
					defer conn.Close()
					printing(t, host, "from "+host)(*update.Session, conn)
				})
			}
		})
		t.Cleanup(func() { cancel(); working.Wait() })
		<-listening
	}
	for _, url := range urls {
		got, err := told(newClient(t, url).Logs(t.Context(), id, []string{"h1", "h2"}, model.LogQuery{}))
		slices.Sort(got)
		if diff := cmp.Diff([]string{"h1/from h1", "h2/from h2"}, got); diff != "" || err != nil {
			t.Errorf("through %s (-want +got):\n%s\nerror %v", url, diff, err)
		}
	}
	for _, body := range []string{`{}`, `{"id":"x"}`, `{"master":"x"}`} {
		if resp, _ := w.send("POST", "/v1/agents/h1/sessions", body); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", body, resp.StatusCode)
		}
	}
	resp, text := w.send("POST", "/v1/agents/h3/sessions", `{"id":"x","master":"http://m","jobId":"`+id.String()+`"}`)
	if resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text, "AGENT_UNREACHABLE") {
		t.Errorf("for an agent that is not here: %d %s", resp.StatusCode, text)
	}
}
