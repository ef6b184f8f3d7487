package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

// Results come in the order of the hosts, however long each takes, and never too many are under way.
func TestOnHosts(t *testing.T) {
	var hosts []hostReference
	for i := range 50 {
		hosts = append(hosts, hostReference{name: fmt.Sprintf("host%02d", i)})
	}
	hosts[3].err = model.ErrHostNotFound
	var running, most, others atomic.Int64
	release := make(chan struct{})
	var reported []string
	action := func(_ context.Context, host string) error {
		n := running.Add(1)
		defer running.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		switch {
		case host == "host00":
			<-release // by the last of the others, which the first must not hold up
		case others.Add(1) == int64(len(hosts)-2): // nor is the one that could not be resolved among them
			close(release)
		}
		if host == "host49" {
			return model.ErrForbidden
		}
		return nil
	}
	results := onHosts(t.Context(), hosts, model.JobID{Name: "web", Version: "1"}, action, func(r hostResult) {
		reported = append(reported, r.Host)
	})
	if diff := cmp.Diff(hostNames(hosts), reported); diff != "" {
		t.Errorf("reported hosts differ (-want +got):\n%s", diff)
	}
	if most.Load() > maxConcurrentHosts {
		t.Errorf("%d hosts at a time, want at most %d", most.Load(), maxConcurrentHosts)
	}
	var failed []string
	for _, r := range results {
		if r.err != nil {
			failed = append(failed, r.Host+" "+string(r.Status))
		}
	}
	if diff := cmp.Diff([]string{"host03 HOST_NOT_FOUND", "host49 FORBIDDEN"}, failed); diff != "" {
		t.Errorf("failures differ (-want +got):\n%s", diff)
	}
}

func TestFailureOfHosts(t *testing.T) {
	result := func(err error) hostResult {
		r := hostResult{Host: "web-1"}
		if err != nil {
			r.fail(err)
		}
		return r
	}
	tests := []struct {
		name    string
		results []hostResult
		exit    int
		message string
	}{
		{"none failed", []hostResult{result(nil)}, 0, ""},
		{"one failed", []hostResult{result(nil), result(model.Errorf(model.CodeForbidden, "no"))}, 5, "web-1: no"},
		{"two failed alike", []hostResult{result(model.ErrPortConflict), result(model.ErrJobAlreadyDeployed)}, 4, "failed on 2 of 2 hosts"},
		{"two failed differently", []hostResult{result(model.ErrPortConflict), result(nil), result(model.ErrHostNotFound)}, 1, "failed on 2 of 3 hosts"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := failureOfHosts(test.results)
			if got := exitCode(err); got != test.exit {
				t.Errorf("exit code %d, want %d", got, test.exit)
			}
			if err != nil && err.Error() != test.message {
				t.Errorf("message %q, want %q", err, test.message)
			}
		})
	}
}

func TestConfirm(t *testing.T) {
	tests := []struct {
		name   string
		answer string
		want   model.Code
	}{
		{"yes", "yes\n", ""},
		{"a capital", "Y\n", ""},
		{"blanks around", "  y \n", ""},
		{"no", "no\n", model.CodeInternal},
		{"nothing", "\n", model.CodeInternal},
		{"the end of the input", "", model.CodeInternal},
		{"something else", "sure\n", model.CodeInternal},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out, errs strings.Builder
			err := confirm(t.Context(), streams{in: strings.NewReader(test.answer), out: &out, err: &errs, interactive: true}, "Remove it?")
			if got := model.CodeOf(err); got != test.want {
				t.Errorf("got %v, want code %q", err, test.want)
			}
			if out.Len() > 0 || errs.String() != "Remove it? [y/N] " {
				t.Errorf("asked %q on stdout and %q on stderr", out.String(), errs.String())
			}
		})
	}
	var usage *usageError
	if err := confirm(t.Context(), streams{in: strings.NewReader("y\n"), err: &strings.Builder{}}, "Remove it?"); !errors.As(err, &usage) {
		t.Errorf("without a terminal got %v, want a usage error", err)
	}
}
