package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTableOnATerminal(t *testing.T) {
	hosts := func() *table {
		t := newTable("HOST", "STATUS", "DEPLOYED", "OS", "LABELS")
		t.add("web-1.example.com", "Up 2 days", "12", "Debian GNU/Linux 13", "role=web, zone=a")
		t.add("db-1", "Down 1 day", "0", "Alpine", "")
		return t
	}
	tests := []struct {
		name    string
		columns int
		want    string
	}{
		{"a pipe cuts nothing", 0,
			"HOST                 STATUS        DEPLOYED    OS                     LABELS\n" +
				"web-1.example.com    Up 2 days     12          Debian GNU/Linux 13    role=web, zone=a\n" +
				"db-1                 Down 1 day    0           Alpine\n"},
		{"the gaps go first", 80,
			"HOST               STATUS      DEPLOYED  OS                   LABELS\n" +
				"web-1.example.com  Up 2 days   12        Debian GNU/Linux 13  role=web, zone=a\n" +
				"db-1               Down 1 day  0         Alpine\n"},
		{"then the longest columns are shortened", 70,
			"HOST               STATUS      DEPLOYED  OS              LABELS\n" +
				"web-1.example.com  Up 2 days   12        Debian GNU/Li…  role=web, zo…\n" +
				"db-1               Down 1 day  0         Alpine\n"},
		{"then the last ones are left out", 40,
			"HOST             STATUS      DEPLOYED  …\n" +
				"web-1.example.…  Up 2 days   12\n" +
				"db-1             Down 1 day  0\n"},
		{"one column is always left", 5, "H…  …\nw…\nd…\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var b strings.Builder
			hosts().write(&output{Writer: &b, page: page{columns: test.columns}})
			if diff := cmp.Diff(test.want, b.String()); diff != "" {
				t.Errorf("the table differs (-want +got):\n%s", diff)
			}
			for line := range strings.Lines(b.String()) {
				if width := textWidth(strings.TrimSuffix(line, "\n")); test.columns > 7 && width > test.columns {
					t.Errorf("a line of %d columns: %q", width, line)
				}
			}
		})
	}
}

func TestTableAlignsWideAndCombiningCharacters(t *testing.T) {
	table := newTable("NAME", "STATE")
	table.add("ホスト", "UP")
	table.add("cafe\u0301", "UP")
	table.add("👩‍🚀", "UP")
	var b strings.Builder
	table.write(&b)
	want := "NAME      STATE\nホスト    UP\ncafe\u0301      UP\n👩‍🚀        UP\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("the table differs (-want +got):\n%s", diff)
	}
	b.Reset()
	table.write(&output{Writer: &b, page: page{columns: 12}})
	if got, _, _ := strings.Cut(strings.Split(b.String(), "\n")[1], " "); got != "ホスト" {
		t.Errorf("the name is %q", got)
	}
	if got := cutText("ホスト", 4); got != "ホ…" {
		t.Errorf("cut to four columns it is %q", got)
	}
	if got := cutText("cafe\u0301 au lait", 6); got != "cafe\u0301 …" {
		t.Errorf("cut to six columns it is %q", got)
	}
}

func TestTableColoursStates(t *testing.T) {
	table := newTable("JOB", "STATE", "GOAL")
	table.add("RUNNING:1", "RUNNING", "START")
	table.add("b:1", "RUNNING (unhealthy)", "START")
	table.add("c:1", "Up 2 days (drained)", "START")
	var b strings.Builder
	table.write(&output{Writer: &b, page: page{colour: true}})
	want := "\x1b[1mJOB\x1b[0m          \x1b[1mSTATE\x1b[0m                  \x1b[1mGOAL\x1b[0m\n" +
		"RUNNING:1    \x1b[32mRUNNING\x1b[0m                START\n" +
		"b:1          \x1b[31mRUNNING (unhealthy)\x1b[0m    START\n" +
		"c:1          \x1b[33mUp 2 days (drained)\x1b[0m    START\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("the table differs (-want +got):\n%s", diff)
	}
}

func TestStyleOfState(t *testing.T) {
	tests := map[string]style{
		"RUNNING": styleGood, "Up 2 days": styleGood, "alive": styleGood, "leader": styleGood,
		"FAILED (exit code 1)": styleBad, "Down 1 day": styleBad, "failed": styleBad, "voter, down": styleBad, "RUNNING (FLAPPING)": styleBad,
		"PULLING_IMAGE (12 %)": styleActive, "PAUSED": styleActive, "STOPPED": styleFaint, "": styleNone, "something new": styleNone,
	}
	for text, want := range tests {
		if got := styleOfState(text); got != want {
			t.Errorf("%q has style %q, want %q", text, got, want)
		}
	}
}

func TestColour(t *testing.T) {
	tests := []struct {
		name     string
		flag     string
		env      map[string]string
		terminal bool
		want     bool
	}{
		{"a terminal", "auto", nil, true, true},
		{"a pipe", "auto", nil, false, false},
		{"NO_COLOR", "auto", map[string]string{"NO_COLOR": "1"}, true, false},
		{"an empty NO_COLOR says nothing", "auto", map[string]string{"NO_COLOR": ""}, true, true},
		{"NO_COLOR is stronger than CLICOLOR_FORCE", "auto", map[string]string{"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, true, false},
		{"CLICOLOR_FORCE in a pipe", "auto", map[string]string{"CLICOLOR_FORCE": "1"}, false, true},
		{"CLICOLOR_FORCE=0", "auto", map[string]string{"CLICOLOR_FORCE": "0"}, false, false},
		{"CLICOLOR=0", "auto", map[string]string{"CLICOLOR": "0"}, true, false},
		{"a dumb terminal", "auto", map[string]string{"TERM": "dumb"}, true, false},
		{"a terminal of no kind", "auto", map[string]string{"TERM": ""}, true, false},
		{"the flag wins: always", "always", map[string]string{"NO_COLOR": "1"}, false, true},
		{"the flag wins: never", "never", map[string]string{"CLICOLOR_FORCE": "1"}, true, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			variables := map[string]string{"TERM": "xterm"}
			for name, value := range test.env {
				variables[name] = value
			}
			env := &environment{color: test.flag, getenv: func(name string) string { return variables[name] }}
			if got := env.coloured(test.terminal); got != test.want {
				t.Errorf("coloured: %t, want %t", got, test.want)
			}
		})
	}
}

// FuzzTable checks that no cell can make a line longer than the terminal, break it, or drive it.
func FuzzTable(f *testing.F) {
	f.Add("web-1", "RUNNING", 40)
	f.Add("ホスト\x1b[2J", "a\nb\u202e\u2028", 9)
	f.Add("\xff\xfe", "👩‍🚀👩‍🚀👩‍🚀👩‍🚀👩‍🚀", 12)
	f.Fuzz(func(t *testing.T, first, second string, columns int) {
		if columns < 16 || columns > 300 {
			return
		}
		table := newTable("NAME", "STATE", "MORE")
		table.add(first, second, first+second)
		var b strings.Builder
		table.write(&output{Writer: &b, page: page{columns: columns}})
		lines := strings.Split(b.String(), "\n")
		if len(lines) != 3 {
			t.Fatalf("%d lines: %q", len(lines), lines)
		}
		for _, line := range lines {
			if width := textWidth(line); width > columns {
				t.Errorf("a line of %d columns on a terminal of %d: %q", width, columns, line)
			}
			if strings.IndexFunc(line, disturbs) >= 0 {
				t.Errorf("a line drives the terminal: %q", line)
			}
		}
	})
}
