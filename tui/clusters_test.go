package tui_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/heliosctl/heliosctl/tui"
	"github.com/heliosctl/heliosctl/tui/demo"
	"github.com/heliosctl/heliosctl/tui/theme"
)

// named is a source under another name.
type named struct {
	tui.Source
	cluster tui.Cluster
}

func (f named) Snapshot() *tui.Snapshot {
	s := *f.Source.Snapshot()
	s.Cluster = f.cluster
	return &s
}

// clusters are three to choose from, of which the last one cannot be switched to.
var clusters = []tui.ClusterChoice{
	{Cluster: tui.Cluster{Name: "eu", Environment: tui.EnvironmentProduction, ReadOnly: true}, Masters: "m1:5801, m2:5801"},
	{Cluster: tui.Cluster{Name: "lab", Environment: tui.EnvironmentStaging, Flags: "--context lab"}, Masters: "SRV of lab.example.com"},
	{Cluster: tui.Cluster{Name: "gone", Environment: tui.EnvironmentDevelop}, Masters: "http://gone:5801"},
}

func withClusters(o tui.Options) tui.Options {
	small := demo.New(demo.Options{Seed: 2, Hosts: 30, Start: began})
	o.Source = named{shared(), clusters[0].Cluster}
	o.Clusters = clusters
	o.Switch = func(_ context.Context, name string) (tui.Source, error) {
		switch name {
		case "eu":
			return named{shared(), clusters[0].Cluster}, nil
		case "lab":
			return named{small, clusters[1].Cluster}, nil
		}
		return nil, errors.New("gone:5801 is no address")
	}
	o.Probe = func(_ context.Context, name string) tui.Probed {
		return tui.Probed{OK: name == "lab", Text: map[string]string{"lab": "3 masters, 2 ms", "gone": "no answer"}[name]}
	}
	return o
}

func TestSwitchShowsAnotherClusterOnTheSameScreen(t *testing.T) {
	s := stage(withClusters(options(nil)), 120, 36, []string{"2", "/role=pay", "enter", "enter", "@", "lab", "enter"})
	frame := s.Plain()
	for _, want := range []string{" STAGE  lab ▾", "hosts 28▲", "looking at STAGE lab", "  rw  "} {
		if !strings.Contains(frame, want) {
			t.Errorf("%q is missing:\n%s", want, frame)
		}
	}
	for _, key := range []string{"esc", "<", ">", "-"} {
		s.Press(key)
		if frame := s.Plain(); !strings.Contains(frame, "28 hosts") {
			t.Fatalf("%s leads to a page of the cluster before:\n%s", key, frame)
		}
	}
	s.Press("2", "g", "W")
	if got, want := s.Twin(), "heliosctl --context lab drain "; !strings.HasPrefix(got, want) {
		t.Errorf("the command line is %s, want one that goes to the cluster that is shown: %s…", got, want)
	}
	s.Press("esc")
	s.Press("@", "eu", "enter")
	if frame := s.Plain(); !strings.Contains(frame, " PROD  eu ▾") || !strings.Contains(frame, "  ro  ") || !strings.Contains(frame, "hosts 394▲") {
		t.Errorf("it does not come back:\n%s", frame)
	}
	s.Press("U")
	if frame := s.Plain(); !strings.Contains(frame, "read-only: eu is configured so") {
		t.Errorf("a write key works on a read-only cluster:\n%s", frame)
	}
}

func TestSwitchThatFailsChangesNothing(t *testing.T) {
	s := stage(withClusters(options(nil)), 120, 36, []string{"2", "/role=pay", "enter", "@", "gone", "enter"})
	if frame := s.Plain(); !strings.Contains(frame, "cannot switch: gone:5801 is no address") || !strings.Contains(frame, " PROD  eu ▾") {
		t.Errorf("the failure is not told:\n%s", frame)
	}
	s.Press("down")
	if frame := s.Plain(); !strings.Contains(frame, "52 of 400") {
		t.Errorf("the filter is gone:\n%s", frame)
	}
}

func TestStripesWithoutColoursAreWords(t *testing.T) {
	o := withClusters(options(nil))
	var err error
	if o.Theme, err = theme.New("dark", theme.NoColor); err != nil {
		t.Fatal(err)
	}
	s := stage(o, 120, 36, nil)
	if frame := s.Plain(); !strings.HasPrefix(frame, "[PROD] eu ▾") {
		t.Errorf("the first line is %q", strings.SplitN(frame, "\n", 2)[0])
	}
	s.Press("@", "lab", "enter")
	if frame := s.Plain(); !strings.HasPrefix(frame, "[STAGE] lab ▾") {
		t.Errorf("the first line is %q", strings.SplitN(frame, "\n", 2)[0])
	}
}

// asking are pages over the others, drawn at every size.
var asking = []struct {
	name    string
	keys    []string
	options func(tui.Options) tui.Options
}{
	{"clusters", []string{"2", "@"}, withClusters},
	{"views", []string{"2", "/role=pay", "enter", "b", "f"}, withState},
	{"views-none", []string{"b"}, func(o tui.Options) tui.Options { return o }},
	{"marks", []string{"2", "'"}, withState},
	{"mark-set", []string{"2", "m"}, withState},
	{"welcome", []string{"tab", "elsewhere", "enter"}, withWelcome},
	{"keep-cluster", []string{"enter"}, withWelcome},
	{"ssh", []string{"2", "x"}, func(o tui.Options) tui.Options { return o }},
}

func TestQuestionFrames(t *testing.T) {
	for _, q := range asking {
		t.Run(q.name, func(t *testing.T) {
			for _, size := range sizes[:2] {
				s := stage(q.options(options(shared())), size[0], size[1], q.keys)
				checkWidths(t, s.Frame(), size[0], size[1])
				golden(t, "ask-"+q.name+map[int]string{80: "-80x24", 120: "-120x36"}[size[0]], s.Plain())
			}
			s := stage(q.options(options(shared())), 120, 36, q.keys)
			for w := 1; w <= 210; w += 13 {
				for _, h := range []int{1, 5, 8, 16, 17, 24, 30, 61} {
					s.Resize(w, h)
					checkWidths(t, s.Frame(), w, h)
				}
			}
		})
	}
}
