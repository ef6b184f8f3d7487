package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

func newTestClient(t *testing.T, master *fakeMaster) *client.Client {
	t.Helper()
	api, err := client.New(client.Config{Endpoints: []string{master.server.URL}, User: "tester"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = api.Close() })
	return api
}

// All flags together, on top of a file, as the original's own test of them does.
func TestCreateMergesFlagsIntoAFile(t *testing.T) {
	master := newFakeMaster(t)
	var out, errs strings.Builder
	opts := createOptions{
		File: "-", ID: "foo:123", Image: "spotify/busybox:latest", Quiet: true, Now: time.Now(),
		Flags: jobFlags{
			ExecCheck: "touch /this", SecurityOpt: []string{"label:user:dxia", "apparmor:foo"}, NetworkMode: "host",
			Metadata: []string{"a=1", "b=2"}, Labels: []string{"a=b", "c=d=e"}, Runtime: "nvidia",
			RolloutOptions: []string{"overlap=true", "parallelism=2", "token="},
		},
	}
	file := strings.NewReader(`{"env": {"JVM_ARGS": "-Ddw.feature=true"}, "gracePeriod": 100, "created": 12, "creatingUser": "x", "labels": {"z": "0"}}`)
	if err := runCreate(t.Context(), streams{in: file, out: &out, err: &errs}, newTestClient(t, master), &opts); err != nil {
		t.Fatal(err)
	}
	job, err := master.job("foo:123")
	if err != nil {
		t.Fatal(err)
	}
	period, parallelism, overlap, token := 100, 2, true, ""
	want := model.Job{
		ID: job.ID, Image: "spotify/busybox:latest", Created: job.Created, CreatingUser: "tester", GracePeriod: &period,
		Env:         map[string]string{"JVM_ARGS": "-Ddw.feature=true"},
		HealthCheck: &model.HealthCheck{Type: model.HealthCheckExec, Command: []string{"touch", "/this"}},
		SecurityOpt: []string{"label:user:dxia", "apparmor:foo"}, NetworkMode: "host", Runtime: "nvidia",
		Metadata: map[string]string{"a": "1", "b": "2"}, Labels: map[string]string{"a": "b", "c": "d=e", "z": "0"},
		RolloutOptions: &model.RolloutOptions{Overlap: &overlap, Parallelism: &parallelism, Token: &token},
	}
	if diff := cmp.Diff(want.WithID(), job.WithID(), cmp.Transformer("unset", unsetEmpty)); diff != "" {
		t.Errorf("job differs (-want +got):\n%s", diff)
	}
	if got := out.String(); got != job.ID.String()+"\n" {
		t.Errorf("printed %q, want the id %s alone", got, job.ID)
	}
}

// unsetEmpty makes nothing of empty maps, which the wire does not tell from absent ones.
func unsetEmpty(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	return m
}

func TestParseLocalTime(t *testing.T) {
	local := func(y int, m time.Month, d, h, min int) model.Timestamp {
		return model.TimestampOf(time.Date(y, m, d, h, min, 0, 0, time.Local))
	}
	tests := map[string]model.Timestamp{
		"2030-06-01":                local(2030, 6, 1, 0, 0),
		"2030-06-01T12:30":          local(2030, 6, 1, 12, 30),
		"2030-06-01T12:30:00":       local(2030, 6, 1, 12, 30),
		"2030-06-01T12:30:00Z":      model.TimestampOf(time.Date(2030, 6, 1, 12, 30, 0, 0, time.UTC)),
		"2030-06-01T12:30:00+02:00": model.TimestampOf(time.Date(2030, 6, 1, 10, 30, 0, 0, time.UTC)),
	}
	for text, want := range tests {
		if got, err := parseLocalTime(text); err != nil || got != want {
			t.Errorf("parseLocalTime(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
}

// A command that goes to several clusters makes the same job in each, from one reading of standard input.
func TestCreateReadsStandardInputOnce(t *testing.T) {
	opts := createOptions{File: "-", ID: "foo:1", Quiet: true, Now: time.Now()}
	file := strings.NewReader("image: busybox:1\nenv: {A: b}\n")
	var ids []model.JobID
	for range 2 {
		master := newFakeMaster(t)
		var out, errs strings.Builder
		if err := runCreate(t.Context(), streams{in: file, out: &out, err: &errs}, newTestClient(t, master), &opts); err != nil {
			t.Fatal(err)
		}
		job, err := master.job("foo:1")
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, job.ID)
	}
	if ids[0] != ids[1] {
		t.Errorf("the jobs are %v", ids)
	}
}
