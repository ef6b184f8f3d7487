package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/heliosctl/heliosctl/model"
)

const (
	maxNodes  = 1_000_000 // of a file, those that aliases repeat included
	maxFaults = 50        // of a file, that are told
)

// shaper checks YAML nodes against the Go types that they are to become, and turns them into what encoding/json knows. It goes on after a
// fault, so that all of them can be mended at once.
type shaper struct {
	source string
	faults []string
	nodes  int
}

// fault notes what is wrong with a node.
func (s *shaper) fault(line int, format string, args ...any) {
	switch n := len(s.faults); {
	case n < maxFaults:
		s.faults = append(s.faults, Origin{s.source, line}.String()+": "+fmt.Sprintf(format, args...))
	case n == maxFaults:
		s.faults = append(s.faults, s.source+": there are more faults")
	}
}

// value returns what a node means as a t: nil, a bool, a string, a json.Number, a []any or a map[string]any. What is wrong is noted, and
// what is returned then is of no use.
func (s *shaper) value(n *yaml.Node, t reflect.Type, at string) any {
	if n = s.enter(n); n == nil {
		return nil
	}
	// What is written in another way than its Go type says.
	switch t {
	case reflect.TypeFor[model.JobID]():
		return s.text(n, at)
	case reflect.TypeFor[model.FailureLimit](), reflect.TypeFor[model.Timestamp]():
		return s.textOrNumber(n, at)
	case reflect.TypeFor[selector]():
		return s.selector(n, at)
	case reflect.TypeFor[operand]():
		return s.operand(n, at)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.value(n, t.Elem(), at)
	case reflect.Struct:
		return s.members(n, t, at)
	case reflect.Map:
		return s.entries(n, t.Elem(), at)
	case reflect.Slice:
		return s.elements(n, t.Elem(), at)
	case reflect.Bool:
		return s.boolean(n, at)
	case reflect.Int, reflect.Int64:
		return s.integer(n, at)
	default:
		return s.text(n, at)
	}
}

// enter follows aliases, and is nil where there is too much.
func (s *shaper) enter(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if s.nodes++; s.nodes <= maxNodes {
		return n
	}
	if s.nodes == maxNodes+1 {
		s.fault(n.Line, "there is too much in it: more than %d values", maxNodes)
	}
	return nil
}

// shortPath keeps a message readable.
func shortPath(at string) string {
	if len(at) <= 60 {
		return at
	}
	return at[:60] + "…"
}

func (s *shaper) mismatch(n *yaml.Node, at, wanted string) any {
	got := map[yaml.Kind]string{yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list"}[n.Kind]
	if n.Kind == yaml.ScalarNode {
		got = strconv.Quote(shortPath(n.Value))
		if isNull(n) {
			got = "null"
		}
	}
	hint := ""
	if wanted == "a string" && n.Kind == yaml.ScalarNode && !isNull(n) {
		hint = ": put it into quotes"
	}
	s.fault(n.Line, "%s is %s, want %s%s", shortPath(at), got, wanted, hint)
	return nil
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// pairs calls use for each key of a mapping that is not there twice, and reports whether it is one.
func (s *shaper) pairs(n *yaml.Node, at string, use func(key string, k, v *yaml.Node)) bool {
	if n.Kind != yaml.MappingNode {
		s.mismatch(n, at, "a mapping")
		return false
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.ShortTag() == "!!merge" {
			s.fault(k.Line, "%s: merge keys (<<) are not supported: write the members out", shortPath(at))
			continue
		}
		if k = s.enter(k); k == nil {
			return false
		}
		if k.Kind != yaml.ScalarNode {
			s.fault(k.Line, "%s: a key has to be a word", shortPath(at))
			continue
		}
		if before, twice := lines[k.Value]; twice {
			s.fault(k.Line, "%s is there twice: it is in line %d already", join(at, k.Value), before)
			continue
		}
		lines[k.Value] = k.Line
		use(k.Value, k, v)
	}
	return true
}

func join(at, key string) string {
	if at == "" {
		return key
	}
	return at + "." + key
}

// members reads a struct by the names that its JSON has. Null is as good as absent.
func (s *shaper) members(n *yaml.Node, t reflect.Type, at string) any {
	fields := fieldsOf(t)
	members := map[string]any{}
	ok := s.pairs(n, at, func(key string, k, v *yaml.Node) {
		field, known := fields[key]
		switch {
		case !known:
			s.fault(k.Line, "unknown key %s%s", join(at, key), suggestion(key, fields))
		case isNull(v):
			members[key] = nil
		default:
			members[key] = s.value(v, field, join(at, key))
		}
	})
	if !ok {
		return nil
	}
	return members
}

func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "-" {
			fields[name] = t.Field(i).Type
		}
	}
	return fields
}

// suggestion names the key that was meant, where that is clear, or all where they are few.
func suggestion(key string, fields map[string]reflect.Type) string {
	names := slices.Sorted(maps.Keys(fields))
	for _, name := range names {
		if strings.EqualFold(strings.NewReplacer("_", "", "-", "").Replace(key), name) || key == name+"s" || key+"s" == name {
			return fmt.Sprintf("; did you mean %s?", name)
		}
	}
	if len(names) > 10 {
		return ""
	}
	return "; there are " + strings.Join(names, ", ")
}

// entries reads a map, whose values are there.
func (s *shaper) entries(n *yaml.Node, t reflect.Type, at string) any {
	entries := map[string]any{}
	ok := s.pairs(n, at, func(key string, _, v *yaml.Node) {
		if isNull(v) && t == reflect.TypeFor[model.ServicePortParameters]() {
			entries[key] = nil // a job with it has another id than one without
			return
		}
		entries[key] = s.value(v, t, join(at, key))
	})
	if !ok {
		return nil
	}
	return entries
}

func (s *shaper) elements(n *yaml.Node, t reflect.Type, at string) any {
	if n.Kind != yaml.SequenceNode {
		return s.mismatch(n, at, "a list")
	}
	elements := []any{}
	for i, element := range n.Content {
		elements = append(elements, s.value(element, t, at+"["+strconv.Itoa(i)+"]"))
	}
	return elements
}

func (s *shaper) boolean(n *yaml.Node, at string) any {
	var b bool
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" || n.Decode(&b) != nil {
		return s.mismatch(n, at, "true or false")
	}
	return b
}

func (s *shaper) integer(n *yaml.Node, at string) any {
	var i int64
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || n.Decode(&i) != nil {
		return s.mismatch(n, at, "a whole number")
	}
	return json.Number(strconv.FormatInt(i, 10))
}

// text reads a string. What looks like a date is one: JSON knows no dates.
func (s *shaper) text(n *yaml.Node, at string) any {
	if n.Kind == yaml.ScalarNode && (n.ShortTag() == "!!str" || n.ShortTag() == "!!timestamp") {
		return n.Value
	}
	return s.mismatch(n, at, "a string")
}

func (s *shaper) textOrNumber(n *yaml.Node, at string) any {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!int" {
		return s.integer(n, at)
	}
	return s.text(n, at)
}

// selector reads a selector as people write it on the command line, or as JSON has it.
func (s *shaper) selector(n *yaml.Node, at string) any {
	if n.Kind == yaml.ScalarNode {
		parsed, err := model.ParseHostSelector(n.Value)
		if err != nil {
			s.fault(n.Line, "%s: %v", at, err)
		}
		return parsed
	}
	return s.members(n, reflect.TypeFor[selector](), at)
}

// operand is a string or a list of them.
func (s *shaper) operand(n *yaml.Node, at string) any {
	if n.Kind == yaml.SequenceNode {
		return s.elements(n, reflect.TypeFor[string](), at)
	}
	return s.text(n, at)
}
