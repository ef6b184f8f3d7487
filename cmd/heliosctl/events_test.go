package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

// TestEventsOutliveTheirMaster kills the master that a follower reads from, and then all of them for a while.
func TestEventsOutliveTheirMaster(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	api := c.all()
	create := func(version string) {
		t.Helper()
		job := model.Job{ID: model.JobID{Name: "web", Version: version}, Image: "unused:1"}
		if _, err := api.CreateJob(context.Background(), job); err != nil {
			t.Fatal(err)
		}
	}
	create("1")
	create("2")
	context := []string{"context", "add", "three"}
	for _, name := range clusterNames {
		context = append(context, "--master", c.urls[name])
	}
	home := "HOME=" + t.TempDir()
	if code := startProcessEnv(t, []string{home}, context...).wait(); code != exitOK {
		t.Fatalf("no context: exit code %d", code)
	}
	text := startProcessEnv(t, []string{home}, "events", "-f", "-n", "1", "--type", "job.created", "--context", "three")
	json := startProcessEnv(t, []string{home}, "events", "-f", "-n", "1", "--type", "job.created", "--context", "three", "--json")
	for _, p := range []*process{text, json} {
		p.waitFor("web:2:")
	}
	for i, name := range clusterNames { // each in turn, whoever is read from
		c.masters[name].kill()
		version := string(rune('3' + i))
		create(version)
		for _, p := range []*process{text, json} {
			p.waitFor("web:" + version + ":")
		}
		c.start(name)
		c.masters[name].waitFor("msg=ready")
	}
	for _, p := range []*process{text, json} {
		p.signal(syscall.SIGINT)
		if code := p.wait(); code != exitInterrupted {
			t.Errorf("exit code %d", code)
		}
		printed, _ := p.out.read()
		var versions []string
		for _, found := range regexp.MustCompile(`web:(\d):[0-9a-f]{7}`).FindAllStringSubmatch(printed, -1) {
			versions = append(versions, found[1])
		}
		if got := strings.Join(versions, ""); got != "2345" {
			t.Errorf("it told of the versions %q:\n%s", got, printed)
		}
	}
}

func TestEventsOfAMasterThatHasNone(t *testing.T) {
	t.Parallel()
	for _, handler := range []http.HandlerFunc{http.NotFound, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }} {
		original := httptest.NewServer(handler)
		defer original.Close()
		for _, args := range [][]string{{"events"}, {"events", "-f"}} {
			stdout, stderr, code := runProgram(t, append(args, "-z", original.URL)...)
			want := "heliosctl: the master does not tell of events; those of the original Helios do not\n"
			if stdout != "" || stderr != want || code != exitNotFound {
				t.Errorf("%s: exit code %d, %q, %q", args, code, stdout, stderr)
			}
		}
	}
}

func TestEventsTellOfAGap(t *testing.T) {
	reset := model.Event{Type: model.EventReset, Index: 9, Time: 1}
	var out, log bytes.Buffer
	p := &eventPrinter{io: streams{out: &out, err: &log}}
	if err := p.gap(reset); err != nil || out.Len() > 0 || !strings.HasPrefix(log.String(), "events may be missing here: ") {
		t.Errorf("%v, %q, %q", err, out.String(), log.String())
	}
	p.json = true
	if err := p.gap(reset); err != nil || out.String() != `{"index":9,"type":"reset","time":1}`+"\n" {
		t.Errorf("%v, %q", err, out.String())
	}
}

// On a terminal a table fits, and what comes later stays in its columns.
func TestEventsFitTheTerminal(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.Local)
	id := model.Job{ID: model.JobID{Name: "web", Version: "1"}, Image: "nginx:1"}.WithID().ID
	event := func(kind model.EventType, at time.Time, host string) model.Event {
		return model.Event{Type: kind, Time: model.TimestampOf(at), Host: host, JobID: &id, User: "alice"}
	}
	var text bytes.Buffer
	p := &eventPrinter{io: streams{out: &output{Writer: &text, page: page{columns: 60}}}, now: func() time.Time { return now }}
	err := p.print([]model.Event{
		event(model.EventDeploymentRemoved, now.Add(-24*time.Hour), "web-1.example.com"), event(model.EventDeploymentRemoved, now, "web-2.example.com"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.print([]model.Event{event(model.EventJobRemoved, now, "")}); err != nil {
		t.Fatal(err)
	}
	const want = `TIME          HOST         JOB          CHANGE      DETAIL
Mar  1 12:00  web-1.exam…  web:1:9723…  undeployed  by alice
12:00:00.000  web-2.exam…  web:1:9723…  undeployed  by alice
12:00:00.000  -            web:1:9723…  job remov…  by alice
`
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for line := range strings.Lines(text.String()) {
		if textWidth(strings.TrimSuffix(line, "\n")) > 60 {
			t.Errorf("%q is too long", line)
		}
	}
}
