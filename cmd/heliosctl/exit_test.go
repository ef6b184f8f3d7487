package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

func TestExitCodes(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want int
	}{
		{"done", nil, 0},
		{"an error of nobody's", errors.New("boom"), 1},
		{"an internal error", model.Errorf(model.CodeInternal, "boom"), 1},
		{"an unknown code", model.Errorf("NEVER_HEARD_OF", "boom"), 1},
		{"wrong usage", usagef("boom"), 2},
		{"an invalid job", model.Errorf(model.CodeInvalidJob, "boom"), 2},
		{"an ambiguous reference", model.Errorf(model.CodeAmbiguousJobReference, "boom"), 2},
		{"not found", fmt.Errorf("wrapped: %w", model.ErrJobNotFound), 3},
		{"a conflict", model.ErrJobAlreadyDeployed, 4},
		{"a failed task", model.Errorf(model.CodeTaskFailed, "boom"), 4},
		{"forbidden", model.ErrForbidden, 5},
		{"unavailable", model.ErrUnavailable, 6},
		{"a timeout", model.Errorf(model.CodeTimeout, "boom"), 7},
		{"an unknown outcome", model.ErrOutcomeUnknown, 7},
		{"a deadline", context.DeadlineExceeded, 7},
		{"told already", &outcomeError{class: model.ClassNotFound}, 3},
		{"interrupted", fmt.Errorf("%w: %w", model.ErrUnavailable, context.Canceled), 130},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := exitCode(test.err); got != test.want {
				t.Errorf("exit code %d, want %d", got, test.want)
			}
		})
	}
}

func TestEveryClassHasAnExitCode(t *testing.T) {
	seen := map[int]model.Class{}
	for _, entry := range classExits() {
		if other, ok := seen[entry.code]; ok {
			t.Errorf("classes %q and %q share exit code %d", other, entry.class, entry.code)
		}
		seen[entry.code] = entry.class
	}
	for _, class := range []model.Class{
		model.ClassInvalid, model.ClassNotFound, model.ClassConflict, model.ClassForbidden, model.ClassUnavailable, model.ClassTimeout, model.ClassInternal,
	} {
		if code := exitCode(&outcomeError{class: class}); seen[code] != class {
			t.Errorf("class %q has exit code %d, which the table does not give it", class, code)
		}
	}
}

func TestReport(t *testing.T) {
	faulty := model.Errorf(model.CodeInvalidJob, "the job is not valid")
	faulty.Details = []string{"one", "two\nlines"}
	tests := []struct {
		name    string
		err     error
		json    bool
		written bool
		wantErr string
		wantOut string
	}{
		{name: "one line", err: errors.New("a\nb"), wantErr: "heliosctl: a\\nb\n"},
		{name: "faults", err: faulty, wantErr: "heliosctl: the job is not valid\n  - one\n  - two\\nlines\n"},
		{name: "usage", err: &usageError{message: "x", command: "heliosctl jobs"}, json: true, wantErr: "heliosctl: x\nRun 'heliosctl jobs --help' for usage.\n",
			wantOut: "{\n  \"status\": \"INVALID_REQUEST\",\n  \"message\": \"x\"\n}\n"},
		{name: "told already", err: &outcomeError{class: model.ClassNotFound}},
		{name: "a document", err: model.Errorf(model.CodeForbidden, "no"), json: true, wantErr: "heliosctl: no\n",
			wantOut: "{\n  \"status\": \"FORBIDDEN\",\n  \"message\": \"no\"\n}\n"},
		{name: "never two documents", err: model.Errorf(model.CodeForbidden, "no"), json: true, written: true, wantErr: "heliosctl: no\n"},
		{name: "interrupted", err: context.Canceled, json: true, wantErr: "heliosctl: interrupted\n",
			wantOut: "{\n  \"status\": \"INTERRUPTED\",\n  \"message\": \"context canceled\"\n}\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var outText, errText strings.Builder
			out := &output{Writer: &outText, written: test.written}
			env := &environment{streams: streams{out: out, err: &errText}, options: globalOptions{json: test.json}}
			report(env, out, test.err)
			if diff := cmp.Diff(test.wantErr, errText.String()); diff != "" {
				t.Errorf("stderr differs (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.wantOut, outText.String()); diff != "" {
				t.Errorf("stdout differs (-want +got):\n%s", diff)
			}
		})
	}
}

// A reader that has gone away ends the command by the signal for it, without a word, as other tools do.
func TestBrokenPipe(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	reader.Close()
	master := newFakeMaster(t)
	cmd := exec.CommandContext(t.Context(), "heliosctl", "-z", master.server.URL, "jobs")
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = writer, &stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGPIPE {
		t.Errorf("ended with %v, want the signal for a broken pipe", err)
	}
	if stderr.Len() > 0 {
		t.Errorf("stderr is %q, want nothing", stderr.String())
	}
}
