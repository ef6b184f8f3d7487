package container_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

// talk is an attached command: what it said so far, and its input.
type talk struct {
	input chan container.ExecInput
	done  chan struct{}
	code  int
	err   error

	mu   sync.Mutex
	said map[model.OutputStream]string
	more chan struct{} // closed at the next output
}

// attach runs a command in a container, with a terminal where a size is given.
func attach(t *testing.T, ctx context.Context, b *bench, id string, terminal *model.TerminalSize, command ...string) *talk {
	k := &talk{
		input: make(chan container.ExecInput), done: make(chan struct{}),
		said: map[model.OutputStream]string{}, more: make(chan struct{}),
	}
	go func() {
		defer close(k.done)
		k.code, k.err = b.ExecAttached(ctx, id, container.ExecOptions{
			Command: command, Terminal: terminal, Term: "vt220", Input: k.input, Output: k.hear,
		})
	}()
	t.Cleanup(func() { <-k.done })
	return k
}

func (k *talk) hear(stream model.OutputStream, p []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.said[stream] += string(p)
	close(k.more)
	k.more = make(chan struct{})
	return nil
}

// await waits until the command has said something.
func (k *talk) await(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		k.mu.Lock()
		said, more := k.said[model.Stdout], k.more
		k.mu.Unlock()
		if strings.Contains(said, text) {
			return
		}
		select {
		case <-more:
		case <-k.done:
			t.Fatalf("it ended with %d, %v, without saying %q: %q", k.code, k.err, text, k.said)
		case <-deadline:
			t.Fatalf("it does not say %q: %q", text, said)
		}
	}
}

func (k *talk) send(t *testing.T, in container.ExecInput) {
	t.Helper()
	select {
	case k.input <- in:
	case <-k.done:
		t.Fatalf("it ended with %d, %v, before it read %q", k.code, k.err, in.Data)
	}
}

func (k *talk) say(t *testing.T, text string) {
	t.Helper()
	k.send(t, container.ExecInput{Data: []byte(text)})
}

// ends waits for the end and checks the exit code.
func (k *talk) ends(t *testing.T, want int) map[model.OutputStream]string {
	t.Helper()
	<-k.done
	if k.err != nil || k.code != want {
		t.Errorf("it ended with %d, %v, want %d; it said %q", k.code, k.err, want, k.said)
	}
	return k.said
}

func conformsAttachedCommand(t *testing.T, b *bench) {
	id := b.run(polite)
	k := attach(t, t.Context(), b, id, nil, "cat")
	k.say(t, "one\n")
	k.await(t, "one\n")
	k.say(t, "two\n")
	k.send(t, container.ExecInput{Resize: &model.TerminalSize{Rows: 1, Columns: 1}}) // means nothing here
	close(k.input)
	want := map[model.OutputStream]string{model.Stdout: "one\ntwo\n"}
	if diff := cmp.Diff(want, k.ends(t, 0)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func conformsAttachedCommandRefused(t *testing.T, b *bench) {
	id := b.run(polite)
	run := func(id string, command ...string) error {
		_, err := b.ExecAttached(t.Context(), id, container.ExecOptions{
			Command: command, Output: func(model.OutputStream, []byte) error { return nil },
		})
		return err
	}
	if err := run(id); model.CodeOf(err) != model.CodeInvalid {
		t.Errorf("nothing: %v", err)
	}
	if err := run("no-such-container", "cat"); !errors.Is(err, container.ErrNotFound) {
		t.Errorf("an unknown container: %v", err)
	}
	if err := b.Kill(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	b.awaitExit(id)
	if err := run(id, "cat"); !errors.Is(err, container.ErrNotRunning) {
		t.Errorf("a stopped container: %v", err)
	}
}

func conformsAttachedCommandEndsWithItsContainer(t *testing.T, b *bench) {
	id := b.run(polite)
	k := attach(t, t.Context(), b, id, nil, "cat")
	k.say(t, "one\n")
	k.await(t, "one\n")
	if err := b.Kill(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	k.ends(t, 137)
}

func conformsAttachedCommandEndsWithItsContext(t *testing.T, b *bench) {
	id := b.run(polite)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	k := attach(t, ctx, b, id, nil, "cat")
	k.say(t, "one\n")
	k.await(t, "one\n")
	cancel()
	if <-k.done; !errors.Is(k.err, context.Canceled) {
		t.Errorf("it ended with %d, %v", k.code, k.err)
	}
}

func conformsAttachedCommandEndsWhenItsOutputIsNotTaken(t *testing.T, b *bench) {
	id := b.run(polite)
	full := errors.New("full")
	input := make(chan container.ExecInput, 1)
	input <- container.ExecInput{Data: []byte("x")}
	_, err := b.ExecAttached(t.Context(), id, container.ExecOptions{
		Command: []string{"cat"}, Input: input, Output: func(model.OutputStream, []byte) error { return full },
	})
	if !errors.Is(err, full) {
		t.Errorf("it ended with %v", err)
	}
}

// TestAttachedCommandsAreReal holds the runtimes that run something to what a shell sees.
func TestAttachedCommandsAreReal(t *testing.T) {
	tests := map[string]func(*testing.T, *bench){
		"streams and exit code":         realStreams,
		"much output":                   realOutput,
		"input that nobody reads":       realUnreadInput,
		"terminal":                      realTerminal,
		"control-c":                     realControlC,
		"hang-up ends the command":      realHangUp,
		"hang-up kills what ignores it": realStubbornHangUp,
		"unknown command":               realUnknownCommand,
		"children hold the output":      realChildren,
	}
	for _, name := range []string{"docker", "process"} {
		t.Run(name, func(t *testing.T) {
			newBench := runtimes[name](t)
			for name, test := range tests {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, newBench(t))
				})
			}
		})
	}
}

func realStreams(t *testing.T, b *bench) {
	k := attach(t, t.Context(), b, b.run(polite), nil, "sh", "-c", "echo out; echo err >&2; exit 3")
	want := map[model.OutputStream]string{model.Stdout: "out\n", model.Stderr: "err\n"}
	if diff := cmp.Diff(want, k.ends(t, 3)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func realOutput(t *testing.T, b *bench) {
	const size = 10 << 20
	got := 0
	code, err := b.ExecAttached(t.Context(), b.run(polite), container.ExecOptions{
		Command: []string{"head", "-c", "10485760", "/dev/zero"},
		Output: func(_ model.OutputStream, p []byte) error {
			got += len(p)
			return nil
		},
	})
	if code != 0 || err != nil || got != size {
		t.Errorf("code %d, %v, %d bytes, want %d", code, err, got, size)
	}
}

func realUnreadInput(t *testing.T, b *bench) {
	k := attach(t, t.Context(), b, b.run(polite), nil, "sh", "-c", "echo ready; exec sleep 0.2")
	for {
		select {
		case k.input <- container.ExecInput{Data: make([]byte, 64<<10)}:
			continue
		case <-k.done:
		}
		break
	}
	k.ends(t, 0)
}

func realTerminal(t *testing.T, b *bench) {
	script := `
		await() { until [ "$(stty size)" = "$1" ]; do sleep 0.02; done; }
		[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo "a $TERM" || echo no terminal
		await "24 80"; echo first size
		await "50 132"; echo second size
		read line; echo "read $line" >&2
		exit 4`
	k := attach(t, t.Context(), b, b.run(polite), &model.TerminalSize{Rows: 24, Columns: 80}, "sh", "-c", script)
	k.await(t, "a vt220\r\n")
	k.await(t, "first size\r\n")
	k.send(t, container.ExecInput{Resize: &model.TerminalSize{Rows: 50, Columns: 132}})
	k.await(t, "second size\r\n")
	k.say(t, "text\n")
	k.await(t, "read text\r\n")
	if said := k.ends(t, 4); said[model.Stderr] != "" {
		t.Errorf("beside the terminal it said %q", said[model.Stderr])
	}
}

func realControlC(t *testing.T, b *bench) {
	k := attach(t, t.Context(), b, b.run(polite), &model.TerminalSize{Rows: 24, Columns: 80},
		"sh", "-c", "trap 'exit 42' INT; echo ready; while :; do sleep 0.05; done")
	k.await(t, "ready")
	k.say(t, "\x03")
	k.ends(t, 42)
}

// realHangUp ends the context of a command that notes how it was ended.
func realHangUp(t *testing.T, b *bench) {
	hangUp(t, b, "trap 'exit 0' HUP")
}

func realStubbornHangUp(t *testing.T, b *bench) {
	hangUp(t, b, "trap '' HUP")
}

func hangUp(t *testing.T, b *bench, trap string) {
	for _, terminal := range []*model.TerminalSize{nil, {Rows: 24, Columns: 80}} {
		id := b.run(polite)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		k := attach(t, ctx, b, id, terminal, "sh", "-c", trap+"; echo pid $$.; while :; do sleep 0.05; done")
		k.await(t, ".")
		k.mu.Lock()
		_, pid, _ := strings.Cut(k.said[model.Stdout], "pid ")
		k.mu.Unlock()
		pid, _, _ = strings.Cut(pid, ".")
		cancel()
		if <-k.done; !errors.Is(k.err, context.Canceled) {
			t.Errorf("it ended with %d, %v", k.code, k.err)
		}
		code, err := b.Exec(t.Context(), id, []string{"sh", "-c", "n=0; while kill -0 " + pid + "; do n=$((n+1)); [ $n = 200 ] && exit 1; sleep 0.05; done"})
		if code != 0 || err != nil {
			t.Errorf("with the terminal %v, process %s goes on: %d, %v", terminal, pid, code, err)
		}
	}
}

func realUnknownCommand(t *testing.T, b *bench) {
	id := b.run(polite)
	for _, terminal := range []*model.TerminalSize{nil, {Rows: 24, Columns: 80}} {
		for _, command := range []string{"no-such-command", "/no/such/command"} {
			k := attach(t, t.Context(), b, id, terminal, command)
			if <-k.done; !errors.Is(k.err, container.ErrNoCommand) || !strings.Contains(k.err.Error(), command) {
				t.Errorf("%s: %d, %v, %q", command, k.code, k.err, k.said)
			}
		}
	}
}

func realChildren(t *testing.T, b *bench) {
	k := attach(t, t.Context(), b, b.run(polite), nil, "sh", "-c", "sleep 3600 & echo parent ends")
	if said := k.ends(t, 0); said[model.Stdout] != "parent ends\n" {
		t.Errorf("it said %q", said)
	}
}
