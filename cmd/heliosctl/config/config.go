// Package config owns what a person has set up once and does not want to say again: which clusters there are and how the console
// behaves. It knows files and their syntax; it must not know flags, masters or the screen.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// File is the content of the configuration file.
type File struct {
	Current  string    `yaml:"current,omitempty"` // the name of a context
	Contexts []Context `yaml:"contexts,omitempty"`
	Console  Console   `yaml:"console,omitempty"`
}

// Context is a cluster and how to speak to it. It has masters or a domain, never both.
type Context struct {
	Name        string      `yaml:"name"`
	Masters     []string    `yaml:"masters,omitempty"` // URLs of masters of this one cluster; any that answers will do
	Domain      string      `yaml:"domain,omitempty"`  // whose SRV records name the masters
	SRVName     string      `yaml:"srvName,omitempty"`
	Username    string      `yaml:"username,omitempty"`
	Environment Environment `yaml:"environment,omitempty"`
	ReadOnly    bool        `yaml:"readOnly,omitempty"` // the console changes nothing here
}

// Environment says what a cluster is for. The console marks production and staging by a stripe.
type Environment string

// The environments.
const (
	Production  Environment = "production"
	Staging     Environment = "staging"
	Development Environment = "development"
)

// Console is how the console looks and behaves. Flags win over it; what is empty is as without it.
type Console struct {
	Theme    string              `yaml:"theme,omitempty"`
	Color    string              `yaml:"color,omitempty"`
	ASCII    bool                `yaml:"ascii,omitempty"`
	Mouse    bool                `yaml:"mouse,omitempty"`
	ReadOnly bool                `yaml:"readOnly,omitempty"`
	Keys     map[string][]string `yaml:"keys,omitempty"` // by command, instead of its usual keys
}

// Path is where the configuration file is: $HELIOSCTL_CONFIG, else heliosctl/config.yaml in $XDG_CONFIG_HOME or ~/.config. It is empty
// when there is neither that nor a home folder.
func Path(getenv func(string) string) string {
	if path := getenv("HELIOSCTL_CONFIG"); path != "" {
		return path
	}
	return within(getenv, "XDG_CONFIG_HOME", ".config", "config.yaml")
}

// StatePath is where the console keeps what it remembers from one run to the next: heliosctl/console.yaml in $XDG_STATE_HOME or
// ~/.local/state. It is empty when there is no such folder.
func StatePath(getenv func(string) string) string {
	return within(getenv, "XDG_STATE_HOME", ".local/state", "console.yaml")
}

// within returns the path of a file in our folder of an XDG base folder. The specification says to ignore relative ones.
func within(getenv func(string) string, variable, fallback, name string) string {
	base := getenv(variable)
	if !filepath.IsAbs(base) {
		home := getenv("HOME")
		if home == "" {
			return ""
		}
		base = filepath.Join(home, fallback)
	}
	return filepath.Join(base, "heliosctl", name)
}

// Load reads a configuration file. A path that is empty or names no file gives an empty configuration. Errors name the file and, where
// there is one, the line.
func Load(path string) (File, error) {
	if path == "" {
		return File{}, nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return File{}, nil
	}
	if err != nil {
		return File{}, err
	}
	f, err := Parse(data)
	if err != nil {
		return File{}, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Parse reads the text of a configuration file and checks it. Keys that mean nothing are faults: they are mostly misspelt.
func Parse(data []byte) (File, error) {
	var f File
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return File{}, plain(err)
	}
	return f, f.check()
}

// goType is how yaml names what a key is missing from.
var goType = regexp.MustCompile(` in type config\.\w+`)

// plain words an error of yaml on one line.
func plain(err error) error {
	text := strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\n", " "), "yaml: ")
	var faults *yaml.TypeError
	if errors.As(err, &faults) {
		text = strings.Join(faults.Errors, "; ")
	}
	return errors.New(goType.ReplaceAllString(text, ""))
}

// Context returns the context of a name.
func (f File) Context(name string) (Context, bool) {
	for _, c := range f.Contexts {
		if c.Name == name {
			return c, true
		}
	}
	return Context{}, false
}

func (f File) check() error {
	seen := map[string]bool{}
	for i, c := range f.Contexts {
		if c.Name == "" {
			return fmt.Errorf("the context at place %d has no name", i+1)
		}
		if seen[c.Name] {
			return fmt.Errorf("there are two contexts called %q", c.Name)
		}
		if err := c.Check(); err != nil {
			return err
		}
		seen[c.Name] = true
	}
	if f.Current != "" && !seen[f.Current] {
		return fmt.Errorf("current is %q, which is no context", f.Current)
	}
	return nil
}

// Check says what is wrong with a context.
func (c Context) Check() error {
	switch {
	case c.Name == "":
		return errors.New("the name of the context is empty")
	case strings.ContainsFunc(c.Name, func(r rune) bool { return r == ',' || unicode.IsSpace(r) || !unicode.IsPrint(r) }):
		return fmt.Errorf("context %q: a name has neither blanks nor commas", c.Name)
	case len(c.Masters) == 0 && c.Domain == "":
		return fmt.Errorf("context %q has neither masters nor a domain", c.Name)
	case len(c.Masters) > 0 && c.Domain != "":
		return fmt.Errorf("context %q has both masters and a domain; give one of them", c.Name)
	case c.Environment != "" && c.Environment != Production && c.Environment != Staging && c.Environment != Development:
		return fmt.Errorf("context %q: environment is %q; it is production, staging or development", c.Name, c.Environment)
	}
	return nil
}
