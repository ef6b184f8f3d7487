package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

// maxDepth is how deep objects and lists may lie in each other.
const maxDepth = 100

// hocon reads the part of HOCON that configuration files are mostly made of: JSON; comments by # and //; = instead of a colon, or nothing
// before an object; new lines instead of commas; keys and texts without quotes; paths such as a.b as keys; an outermost object without
// braces. The rest is refused with the line where it stands, since a guess would speak to the wrong cluster.
//
// Values are map[string]any, []any, string (also for numbers and truth values, as they are written) and nil.
type hocon struct {
	text string
	at   int
}

// hoconFault is what is wrong with a text, and where.
type hoconFault struct {
	line    int
	message string
}

func (f *hoconFault) Error() string { return fmt.Sprintf("line %d: %s", f.line, f.message) }

func parseHOCON(text string) (keys map[string]any, err error) {
	p := &hocon{text: strings.TrimPrefix(text, "\ufeff")}
	defer func() {
		switch thrown := recover().(type) {
		case nil:
		case *hoconFault:
			keys, err = nil, thrown
		default:
			panic(thrown)
		}
	}()
	p.skip(true)
	if p.next() == '[' {
		p.fail("a list; the file is an object of keys and values")
	}
	if p.next() == '{' {
		keys = p.object(0)
	} else {
		keys = map[string]any{}
		p.fields(keys, 0)
	}
	p.skip(true)
	if p.at < len(p.text) {
		p.fail("unexpected %q", p.next())
	}
	return keys, nil
}

// fail ends parsing; parseHOCON returns the fault.
func (p *hocon) fail(format string, args ...any) {
	line := 1 + strings.Count(p.text[:min(p.at, len(p.text))], "\n")
	panic(&hoconFault{line, fmt.Sprintf(format, args...)})
}

// next is the next byte, 0 at the end.
func (p *hocon) next() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *hocon) has(word string) bool { return strings.HasPrefix(p.text[p.at:], word) }

// skip goes over blanks and comments, and over new lines if told to. It tells whether there was a new line.
func (p *hocon) skip(lines bool) (newLine bool) {
	for p.at < len(p.text) {
		switch c := p.next(); {
		case c == '\n':
			if !lines {
				return true
			}
			newLine = true
			p.at++
		case c == ' ' || c == '\t' || c == '\r':
			p.at++
		case c == '#' || p.has("//"):
			if end := strings.IndexByte(p.text[p.at:], '\n'); end >= 0 {
				p.at += end
			} else {
				p.at = len(p.text)
			}
		default:
			return newLine
		}
	}
	return newLine
}

// object reads from one brace to the other.
func (p *hocon) object(depth int) map[string]any {
	if depth > maxDepth {
		p.fail("objects lie more than %d deep in each other", maxDepth)
	}
	p.at++
	keys := map[string]any{}
	p.fields(keys, depth)
	if p.next() != '}' {
		p.fail(`a "}" is missing`)
	}
	p.at++
	return keys
}

// fields reads keys and values up to a closing brace or the end.
func (p *hocon) fields(keys map[string]any, depth int) {
	for p.skip(true); p.at < len(p.text) && p.next() != '}'; {
		path := p.path()
		p.skip(false)
		switch {
		case p.has("+="):
			p.fail("+= is not supported: write the whole list")
		case p.next() == '=' || p.next() == ':':
			p.at++
		case p.next() != '{':
			p.fail(`%q is followed by neither "=" nor ":"`, strings.Join(path, "."))
		}
		p.skip(true)
		put(keys, path, p.value(depth))
		if !p.separator('}') {
			return
		}
	}
}

// separator goes over what is between elements: a comma or a new line. It tells whether there may be another element.
func (p *hocon) separator(end byte) bool {
	newLine := p.skip(true)
	if p.next() == ',' {
		p.at++
		p.skip(true)
		if p.next() == ',' {
			p.fail("two commas")
		}
		return true
	}
	if p.at < len(p.text) && p.next() != end && !newLine {
		p.fail("unexpected %q: a value is one word, text, list or object; put quotes around anything else", p.next())
	}
	return newLine && p.next() != end
}

// put sets the value of a path. Objects are joined, anything else is replaced.
func put(keys map[string]any, path []string, value any) {
	for _, key := range path[:len(path)-1] {
		inner, ok := keys[key].(map[string]any)
		if !ok {
			inner = map[string]any{}
			keys[key] = inner
		}
		keys = inner
	}
	last := path[len(path)-1]
	old, both := keys[last].(map[string]any)
	if added, ok := value.(map[string]any); ok && both {
		join(old, added)
		return
	}
	keys[last] = value
}

func join(into, from map[string]any) {
	for key, value := range maps.All(from) {
		put(into, []string{key}, value)
	}
}

// path reads a key: words with or without quotes between dots.
func (p *hocon) path() []string {
	var path []string
	for {
		path = append(path, p.key())
		if p.next() != '.' {
			break
		}
		p.at++
	}
	if len(path) == 1 && path[0] == "include" && p.next() != '=' && p.next() != ':' {
		p.skip(false)
		if p.next() == '"' || p.has("file(") || p.has("url(") || p.has("classpath(") || p.has("required(") {
			p.fail("include is not supported: write what is in the other file here")
		}
	}
	return path
}

func (p *hocon) key() string {
	if p.next() == '"' {
		return p.quoted()
	}
	return p.unquoted(".")
}

func (p *hocon) value(depth int) any {
	switch c := p.next(); {
	case p.has(`"""`):
		return p.tripleQuoted()
	case c == '"':
		return p.quoted()
	case c == '{':
		return p.object(depth + 1)
	case c == '[':
		return p.list(depth + 1)
	case p.has("${"):
		p.fail("substitutions such as ${name} are not supported: write the value")
	}
	if word := p.unquoted(""); word != "null" {
		return word
	}
	return nil
}

func (p *hocon) list(depth int) []any {
	if depth > maxDepth {
		p.fail("lists lie more than %d deep in each other", maxDepth)
	}
	p.at++
	list := []any{}
	for p.skip(true); p.at < len(p.text) && p.next() != ']'; {
		list = append(list, p.value(depth))
		if !p.separator(']') {
			break
		}
	}
	if p.next() != ']' {
		p.fail(`a "]" is missing`)
	}
	p.at++
	return list
}

// unquoted reads a word. Which characters it may not hold is HOCON's rule; blanks are left out here because they put values together.
func (p *hocon) unquoted(ends string) string {
	start := p.at
	for p.at < len(p.text) && !strings.ContainsRune("$\"{}[]:=,+#`^?!@*&\\ \t\r\n"+ends, rune(p.next())) && !p.has("//") {
		p.at++
	}
	word := p.text[start:p.at]
	switch {
	case p.next() == ':' && p.has("://"):
		p.fail("put quotes around %q and what follows it: a URL has characters that mean something else without", word)
	case word == "" && p.at < len(p.text):
		p.fail("unexpected %q", p.next())
	case word == "":
		p.fail("the file ends where a key or a value is expected")
	}
	return word
}

// quoted reads a text in quotes, as JSON has it.
func (p *hocon) quoted() string {
	end := p.at + 1
	for end < len(p.text) && p.text[end] != '"' && p.text[end] != '\n' {
		if p.text[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(p.text) || p.text[end] != '"' {
		p.fail("a quote is not closed")
	}
	var text string
	if err := json.Unmarshal([]byte(p.text[p.at:end+1]), &text); err != nil {
		p.fail("%s is no text: %v", p.text[p.at:end+1], err)
	}
	p.at = end + 1
	return text
}

// tripleQuoted reads a text in which nothing is special. Quotes beyond the last three belong to it.
func (p *hocon) tripleQuoted() string {
	start := p.at + 3
	end := strings.Index(p.text[start:], `"""`)
	if end < 0 {
		p.fail("three quotes are not closed")
	}
	end += start
	for end+3 < len(p.text) && p.text[end+3] == '"' {
		end++
	}
	p.at = end + 3
	return p.text[start:end]
}
