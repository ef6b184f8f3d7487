package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/cmd/heliosctl/config"
)

const handWritten = `# Our clusters.
# Ask ann before you add one.

current: eu # until the move

contexts:
  # the big one
  - name: eu
    masters: ["http://m1:5801", "http://m2:5801"] # any will do
    environment: production

  - name: "lab"
    domain: lab.example.com

# how it looks
console:
  theme: light

  keys:
    quit: [Q]
`

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEditKeepsWhatIsWrittenByHand(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*config.Document) error
		want   func(string) string
	}{
		"use": {
			func(d *config.Document) error { d.Use("lab"); return nil },
			func(s string) string { return strings.Replace(s, "current: eu", "current: lab", 1) },
		},
		"add": {
			func(d *config.Document) error {
				return d.Add(config.Context{Name: "us", Masters: []string{"http://u1:5801"}, ReadOnly: true})
			},
			func(s string) string {
				return strings.Replace(s, "lab.example.com\n", "lab.example.com\n  - name: us\n    masters:\n      - http://u1:5801\n    readOnly: true\n", 1)
			},
		},
		"rename": {
			func(d *config.Document) error { d.Rename("eu", "europe"); return nil },
			func(s string) string {
				return strings.NewReplacer("current: eu", "current: europe", "name: eu", "name: europe").Replace(s)
			},
		},
		"remove": {
			func(d *config.Document) error { d.Remove("lab"); return nil },
			func(s string) string {
				return strings.Replace(s, "\n  - name: \"lab\"\n    domain: lab.example.com\n", "", 1)
			},
		},
		"remove the one in use": {
			func(d *config.Document) error { d.Remove("eu"); return nil },
			func(s string) string {
				s = strings.Replace(s, "current: eu # until the move\n", "", 1)
				before, after, _ := strings.Cut(s, "  # the big one")
				_, after, _ = strings.Cut(after, "production\n")
				return before + after
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config.yaml")
			write(t, path, handWritten)
			if err := config.Edit(path, test.change); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want(handWritten), read(t, path)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestEditMakesAFile(t *testing.T) {
	for name, before := range map[string]string{"none": "-", "empty": "", "a comment": "# mine\n", "null": "---\n"} {
		path := filepath.Join(t.TempDir(), "deep", "config.yaml")
		if before != "-" {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, path, before)
		}
		err := config.Edit(path, func(d *config.Document) error {
			d.Use("123")
			return d.Add(config.Context{Name: "123", Domain: "a.example"})
		})
		if err != nil {
			t.Fatal(err)
		}
		f, err := config.Load(path)
		if c, ok := f.Context("123"); err != nil || !ok || c.Domain != "a.example" || f.Current != "123" {
			t.Errorf("%s: %v, %v", name, f, err)
		}
		if text := read(t, path); strings.Contains(before, "mine") && !strings.Contains(text, "# mine\n") {
			t.Errorf("the comment is lost: %s", text)
		}
		mode := os.FileMode(0o644) // as it was
		if before == "-" {
			mode = 0o600
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
}

func TestEditFollowsLinks(t *testing.T) {
	for _, exists := range []bool{true, false} {
		dir := t.TempDir()
		real, link := filepath.Join(dir, "real.yaml"), filepath.Join(dir, "config.yaml")
		if exists {
			write(t, real, handWritten)
		}
		if err := os.Symlink("real.yaml", link); err != nil {
			t.Fatal(err)
		}
		if err := config.Edit(link, func(d *config.Document) error { return d.Add(config.Context{Name: "x", Domain: "y"}) }); err != nil {
			t.Fatal(err)
		}
		if to, err := os.Readlink(link); err != nil || to != "real.yaml" {
			t.Errorf("the link is %q, %v", to, err)
		}
		if text := read(t, real); !strings.Contains(text, "name: x\n") {
			t.Errorf("the file behind the link says %s", text)
		}
	}
	loop := filepath.Join(t.TempDir(), "loop")
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	if err := config.Edit(loop, func(*config.Document) error { return nil }); err == nil {
		t.Error("a loop of links is no error")
	}
}

func TestEditWritesNothingWhenSomethingIsWrong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	refused := errors.New("refused")
	for _, test := range []struct {
		before string
		change func(*config.Document) error
		want   string
	}{
		{handWritten, func(d *config.Document) error { d.Use("lab"); return refused }, "refused"},
		{handWritten, func(d *config.Document) error { d.Use("nowhere"); return nil }, `current is "nowhere"`},
		{handWritten, func(d *config.Document) error { return d.Add(config.Context{Name: "a b", Domain: "y"}) }, "neither blanks nor commas"},
		{"contexts: [", func(d *config.Document) error { d.Use("lab"); return nil }, path + ": line 1"},
	} {
		write(t, path, test.before)
		if err := config.Edit(path, test.change); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v, want %q", err, test.want)
		}
		if got := read(t, path); got != test.before {
			t.Errorf("the file is now %s", got)
		}
	}
	if err := config.Edit("", nil); err == nil || !strings.Contains(err.Error(), "XDG_CONFIG_HOME") {
		t.Errorf("no path: %v", err)
	}
}

// A text of several lines is no place for comments.
func TestEditKeepsTextsOfSeveralLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	text := "console:\n  theme: |-\n    a\n\n    b\n"
	write(t, path, text)
	if err := config.Edit(path, func(d *config.Document) error { return d.Add(config.Context{Name: "x", Domain: "y"}) }); err != nil {
		t.Fatal(err)
	}
	if f, err := config.Load(path); err != nil || f.Console.Theme != "a\n\nb" {
		t.Errorf("%q, %v", f.Console.Theme, err)
	}
}

func TestEditsTakeTurns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	var writers sync.WaitGroup
	for i := range 20 {
		writers.Go(func() {
			err := config.Edit(path, func(d *config.Document) error { return d.Add(config.Context{Name: fmt.Sprint("c", i), Domain: "y"}) })
			if err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	if f, err := config.Load(path); err != nil || len(f.Contexts) != 20 {
		t.Errorf("%d contexts, %v", len(f.Contexts), err)
	}
}
