package tui

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// node is a value of a document, with its members or elements in their order.
type node struct {
	path   string // as jq writes it
	key    string // of a member, as JSON
	scalar string // as JSON, "" of an object or a list
	list   bool
	parts  []*node
}

// parseDocument makes a tree of anything that can be JSON.
func parseDocument(v any) (*node, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return readNode(decoder, "")
}

func readNode(d *json.Decoder, path string) (*node, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	n := &node{path: path}
	delim, ok := token.(json.Delim)
	if !ok {
		n.scalar, err = scalarText(token)
		return n, err
	}
	n.list = delim == '['
	for d.More() {
		part := fmt.Sprintf("%s[%d]", path, len(n.parts))
		key := ""
		if !n.list {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			text, ok := name.(string)
			if !ok {
				return nil, errors.New("a member of an object has no name")
			}
			if key, err = scalarText(text); err != nil {
				return nil, err
			}
			part = path + "." + key
			if jqWord.MatchString(text) {
				part = path + "." + text
			}
		}
		inner, err := readNode(d, part)
		if err != nil {
			return nil, err
		}
		inner.key = key
		n.parts = append(n.parts, inner)
	}
	_, err = d.Token()
	return n, err
}

// jqWord is a name that jq takes without quotes.
var jqWord = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// scalarText writes a value as JSON, without the escapes that are for HTML.
func scalarText(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// line is one line of a document as it is shown.
type line struct {
	text string
	path string
	fold bool // something can be folded there
}

// documentLines writes a tree as JSON or YAML. What is at a folded path is one line.
func documentLines(n *node, yaml bool, folded map[string]bool) []line {
	w := &documentWriter{folded: folded}
	if yaml {
		w.yaml(n, 0, "")
	} else {
		w.json(n, 0, "")
	}
	return w.lines
}

type documentWriter struct {
	folded map[string]bool
	lines  []line
}

func (w *documentWriter) add(n *node, depth int, text string, fold bool) {
	path := n.path
	if path == "" {
		path = "."
	}
	w.lines = append(w.lines, line{strings.Repeat("  ", depth) + text, path, fold})
}

// brackets are what an object or a list stands between.
func (n *node) brackets() (open, shut string) {
	if n.list {
		return "[", "]"
	}
	return "{", "}"
}

func (w *documentWriter) json(n *node, depth int, comma string) {
	name := ""
	if n.key != "" {
		name = n.key + ": "
	}
	open, shut := n.brackets()
	switch {
	case n.scalar != "":
		w.add(n, depth, name+n.scalar+comma, false)
	case len(n.parts) == 0:
		w.add(n, depth, name+open+shut+comma, false)
	case w.folded[n.path]:
		w.add(n, depth, fmt.Sprintf("%s%s … %d %s%s", name, open, len(n.parts), shut, comma), true)
	default:
		w.add(n, depth, name+open, true)
		for i, part := range n.parts {
			w.json(part, depth+1, map[bool]string{true: "", false: ","}[i == len(n.parts)-1])
		}
		w.add(n, depth, shut+comma, false)
	}
}

// yaml writes a node behind what its line begins with: the dash of an element.
func (w *documentWriter) yaml(n *node, depth int, dash string) {
	name := dash
	if n.key != "" {
		name += yamlScalar(n.key) + ":"
	}
	open, shut := n.brackets()
	gap := ""
	if n.key != "" {
		gap = " "
	}
	switch {
	case n.scalar != "":
		w.add(n, depth, name+gap+yamlScalar(n.scalar), false)
	case len(n.parts) == 0:
		w.add(n, depth, name+gap+open+shut, false)
	case w.folded[n.path]:
		w.add(n, depth, fmt.Sprintf("%s%s# %d folded", name, gap, len(n.parts)), true)
	default:
		w.yamlParts(n, depth, name)
	}
}

func (w *documentWriter) yamlParts(n *node, depth int, name string) {
	inner := depth + 1
	switch {
	case n.path == "":
		inner = depth
	case n.key == "": // an element that is an object or a list itself
		w.add(n, depth, strings.TrimRight(name, " "), true)
	default:
		w.add(n, depth, name, true)
	}
	for _, part := range n.parts {
		if n.list {
			w.yaml(part, inner, "- ")
		} else {
			w.yaml(part, inner, "")
		}
	}
}

// yamlPlain is what YAML reads as a string without quotes.
var yamlPlain = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9 _./@+-]*[A-Za-z0-9_./@+-]$`)

// yamlWords are read as something else than a string.
var yamlWords = regexp.MustCompile(`(?i)^(true|false|yes|no|on|off|null|y|n|~)$`)

// yamlScalar writes a JSON scalar as YAML. JSON is YAML, so quotes are left out only where that is safe.
func yamlScalar(text string) string {
	var s string
	if json.Unmarshal([]byte(text), &s) != nil {
		return text
	}
	if yamlPlain.MatchString(s) && !yamlWords.MatchString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range text {
		if r >= 0x7f && r <= 0x9f || r == 0xfeff || r == 0xfffe || r == 0xffff { // which YAML wants escaped, and JSON does not
			fmt.Fprintf(&b, "\\u%04x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
