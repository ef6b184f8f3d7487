package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"
	"go.yaml.in/yaml/v3"
)

// lockPatience is how long to wait for another process that changes the file.
const lockPatience = 10 * time.Second

// maxLinks is how many symbolic links may follow each other.
const maxLinks = 40

// Document is the text of a configuration file that is being changed. Its comments, its order and its blank lines stay.
type Document struct {
	root *yaml.Node // a mapping
	file File
}

// Edit changes the configuration file of a path, which need not exist yet. Two processes that do so at a time take turns. The file is
// replaced in one step and keeps its permissions, a new one is for its owner alone, and where path is a symbolic link, it is the file
// behind it. When change fails, or what it leaves is no valid configuration, nothing is written.
func Edit(path string, change func(*Document) error) error {
	if path == "" {
		return errors.New("there is no place for a configuration file: set HOME, XDG_CONFIG_HOME or HELIOSCTL_CONFIG")
	}
	path, err := linked(path)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	unlock, err := lock(path + ".lock")
	if err != nil {
		return err
	}
	defer unlock()
	before, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var refused error
	after, err := edited(before, func(d *Document) error {
		refused = change(d)
		return refused
	})
	switch {
	case refused != nil:
		return refused
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	}
	if bytes.Equal(before, after) {
		return nil
	}
	return renameio.WriteFile(path, after, 0o600)
}

// linked follows symbolic links, also to a file that does not exist yet.
func linked(path string) (string, error) {
	for range maxLinks {
		to, err := os.Readlink(path)
		if err != nil {
			return path, nil // no link
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return "", fmt.Errorf("%s: too many symbolic links", path)
}

func lock(path string) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	held := flock.New(path, flock.SetPermissions(0o600))
	switch _, err := held.TryLockContext(ctx, 20*time.Millisecond); {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("%s is held by another heliosctl that changes the configuration; try again", path)
	case err != nil:
		return nil, err
	}
	return func() { _ = held.Unlock() }, nil
}

// edited returns the text of a file after a change. The parser drops blank lines; they are handed through as comments, unless that
// would change what the file says, as within a text of several lines.
func edited(before []byte, change func(*Document) error) ([]byte, error) {
	file, err := Parse(before)
	if err != nil {
		return nil, err
	}
	marked := markBlanks(before)
	if said, err := Parse(marked); err != nil || !said.equal(file) {
		marked = before
	}
	d := &Document{file: file}
	var document yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(marked)).Decode(&document); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if document.Kind == 0 {
		document = yaml.Node{Kind: yaml.DocumentNode, HeadComment: strings.TrimSpace(string(marked))}
	}
	if len(document.Content) == 0 || document.Content[0].Kind != yaml.MappingNode {
		document.Content = []*yaml.Node{{Kind: yaml.MappingNode}} // there was nothing, or null
	}
	d.root = document.Content[0]
	if err := change(d); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := errors.Join(encoder.Encode(&document), encoder.Close()); err != nil {
		return nil, err
	}
	after := unmarkBlanks(text.Bytes())
	_, err = Parse(after)
	return after, err
}

// blank stands for a blank line.
const blank = "#-blank-line-"

// markBlanks makes comments of blank lines, indented as what follows them, to which they then belong.
func markBlanks(text []byte) []byte {
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	indent := ""
	for i, line := range slices.Backward(lines) {
		content := strings.TrimLeft(line, " ")
		if strings.TrimSpace(content) == "" {
			lines[i] = indent + blank
			continue
		}
		indent = line[:len(line)-len(content)]
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}

func unmarkBlanks(text []byte) []byte {
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if strings.TrimSpace(line) == blank {
			lines[i] = ""
		}
	}
	return []byte(strings.TrimLeft(strings.Join(lines, "\n"), "\n"))
}

// equal tells whether two files say the same.
func (f File) equal(other File) bool {
	a, errA := yaml.Marshal(f)
	b, errB := yaml.Marshal(other)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// File is what the document said before it was changed.
func (d *Document) File() File { return d.file }

// Use makes a context the one that commands speak to when nothing else is said.
func (d *Document) Use(name string) {
	d.set("current", scalar(name))
}

// Add adds a context after the others.
func (d *Document) Add(c Context) error {
	var node yaml.Node
	if err := node.Encode(c); err != nil {
		return err
	}
	contexts := d.value("contexts")
	if contexts == nil || contexts.Kind != yaml.SequenceNode {
		contexts = &yaml.Node{Kind: yaml.SequenceNode}
		d.set("contexts", contexts)
	}
	contexts.Content = append(contexts.Content, &node)
	return nil
}

// Remove removes a context. Where it was the one in use, none is.
func (d *Document) Remove(name string) {
	if contexts := d.value("contexts"); contexts != nil {
		contexts.Content = slices.DeleteFunc(contexts.Content, func(c *yaml.Node) bool { return nameOf(c) == name })
	}
	if d.file.Current == name {
		d.remove("current")
	}
}

// Rename gives a context another name.
func (d *Document) Rename(from, to string) {
	if contexts := d.value("contexts"); contexts != nil {
		for _, c := range contexts.Content {
			if nameOf(c) == from {
				field(c, "name").Value = to
			}
		}
	}
	if d.file.Current == from {
		d.Use(to)
	}
}

func nameOf(context *yaml.Node) string {
	if name := field(context, "name"); name != nil {
		return name.Value
	}
	return ""
}

// field returns the value of a key of a mapping, nil when it has none such.
func field(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

func (d *Document) value(key string) *yaml.Node { return field(d.root, key) }

// set gives a key a value, in its place where there is one: "current" comes first, others last.
func (d *Document) set(key string, value *yaml.Node) {
	if old := d.value(key); old != nil {
		value.LineComment = old.LineComment
		*old = *value
		return
	}
	pair := []*yaml.Node{scalar(key), value}
	if key != "current" {
		d.root.Content = append(d.root.Content, pair...)
		return
	}
	if len(d.root.Content) > 0 { // what is said at the top of the file stays there
		pair[0].HeadComment, d.root.Content[0].HeadComment = d.root.Content[0].HeadComment, ""
	}
	d.root.Content = append(pair, d.root.Content...)
}

// remove removes a key and its value.
func (d *Document) remove(key string) {
	for i := 0; i+1 < len(d.root.Content); i += 2 {
		if d.root.Content[i].Value != key {
			continue
		}
		head := d.root.Content[i].HeadComment
		d.root.Content = slices.Delete(d.root.Content, i, i+2)
		if i < len(d.root.Content) && head != "" {
			next := d.root.Content[i]
			next.HeadComment = strings.TrimSuffix(head+"\n"+next.HeadComment, "\n")
		}
		return
	}
}

func scalar(value string) *yaml.Node {
	node := &yaml.Node{}
	node.SetString(value)
	return node
}
