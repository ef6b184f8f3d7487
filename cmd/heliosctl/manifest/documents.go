package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/heliosctl/heliosctl/model"
)

// Kind says what a document is about.
type Kind string

// The kinds.
const (
	KindJob        Kind = "Job"
	KindGroup      Kind = "DeploymentGroup"
	KindDeployment Kind = "Deployment"
)

// Origin is where a document begins.
type Origin struct {
	Source string // the file, as it was named
	Line   int
}

// String returns file:line.
func (o Origin) String() string { return o.Source + ":" + strconv.Itoa(o.Line) }

// TokenFrom says where a token is that is not in the document.
type TokenFrom struct {
	Env string `json:"env"` // a variable of the environment
}

// jobDocument is a document of the kind Job.
type jobDocument struct {
	Kind      Kind       `json:"kind"`
	Name      string     `json:"name,omitempty"` // name:version; may be left out where the job has its id
	Absent    bool       `json:"absent,omitempty"`
	TokenFrom *TokenFrom `json:"tokenFrom,omitempty"`
	Job       *model.Job `json:"job,omitempty"`

	RolloutTokenFrom *TokenFrom `json:"rolloutTokenFrom,omitempty"` // of the job's rollout options
}

// groupDocument is a document of the kind DeploymentGroup.
type groupDocument struct {
	Kind           Kind                  `json:"kind"`
	Name           string                `json:"name"`
	Absent         bool                  `json:"absent,omitempty"`
	HostSelectors  []selector            `json:"hostSelectors,omitempty"`
	Job            string                `json:"job,omitempty"`
	TokenFrom      *TokenFrom            `json:"tokenFrom,omitempty"`
	RolloutOptions *model.RolloutOptions `json:"rolloutOptions,omitempty"`
}

// deploymentDocument is a document of the kind Deployment.
type deploymentDocument struct {
	Kind          Kind       `json:"kind"`
	Job           string     `json:"job"`
	Hosts         []string   `json:"hosts,omitempty"`
	HostSelectors []selector `json:"hostSelectors,omitempty"`
	Goal          model.Goal `json:"goal,omitempty"`
	Token         string     `json:"token,omitempty"`
	TokenFrom     *TokenFrom `json:"tokenFrom,omitempty"`
}

// selector is a host selector, whose members are those of the JSON.
type selector struct {
	Label    string                 `json:"label"`
	Operator model.SelectorOperator `json:"operator"`
	Operand  operand                `json:"operand"`

	parsed model.HostSelector
}

type operand []string

// UnmarshalJSON reads what the shaper made.
func (s *selector) UnmarshalJSON(data []byte) error { return s.parsed.UnmarshalJSON(data) }

// MarshalJSON writes the selector as people do where that means the same, else its members.
func (s selector) MarshalJSON() ([]byte, error) {
	text := strings.NewReplacer("[", "(", "]", ")").Replace(s.parsed.String())
	text = strings.NewReplacer(" = ", "=", " != ", "!=").Replace(text)
	if again, err := model.ParseHostSelector(text); err == nil && again.Equal(s.parsed) {
		return json.Marshal(text)
	}
	return s.parsed.MarshalJSON()
}

func selectorsOf(parsed []model.HostSelector) []selector {
	var selectors []selector
	for _, p := range parsed {
		selectors = append(selectors, selector{parsed: p})
	}
	return selectors
}

func parsedOf(selectors []selector) []model.HostSelector {
	parsed := []model.HostSelector{}
	for _, s := range selectors {
		parsed = append(parsed, s.parsed)
	}
	return parsed
}

// decode reads the documents of a file: YAML, several of them separated by lines of ---, or JSON, several of them as a list.
func (m *Manifests) decode(source string, data []byte) []string {
	s := &shaper{source: source}
	decoder := yaml.NewDecoder(bytes.NewReader(readable(data)))
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return s.faults
		}
		if err != nil {
			return append(s.faults, syntaxFault(source, err))
		}
		root := document.Content[0]
		switch {
		case isNull(root):
		case root.Kind == yaml.SequenceNode:
			for _, element := range root.Content {
				m.take(s, element)
			}
		default:
			m.take(s, root)
		}
	}
}

var yamlLine = regexp.MustCompile(`^line (\d+): (.*)`)

// syntaxFault says in which line YAML cannot be read.
func syntaxFault(source string, err error) string {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if at := yamlLine.FindStringSubmatch(text); at != nil {
		return fmt.Sprintf("%s:%s: neither YAML nor JSON: %s", source, at[1], at[2])
	}
	return fmt.Sprintf("%s: neither YAML nor JSON: %s", source, text)
}

// take adds a document.
func (m *Manifests) take(s *shaper, n *yaml.Node) {
	if n = s.enter(n); n == nil {
		return
	}
	kind, ok := s.kindOf(n)
	if !ok {
		return
	}
	origin := Origin{s.source, n.Line}
	switch kind {
	case KindJob:
		shaped(s, n, func(d jobDocument) { m.takeJob(s, origin, d) })
	case KindGroup:
		shaped(s, n, func(d groupDocument) { m.takeGroup(s, origin, d) })
	case KindDeployment:
		shaped(s, n, func(d deploymentDocument) { m.takeDeployment(s, origin, d) })
	default:
		s.fault(n.Line, "kind is %q, want %s, %s or %s", shortPath(string(kind)), KindJob, KindGroup, KindDeployment)
	}
}

func (s *shaper) kindOf(n *yaml.Node) (Kind, bool) {
	if n.Kind != yaml.MappingNode {
		s.mismatch(n, "a document", "a mapping with a kind")
		return "", false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key, value := n.Content[i], n.Content[i+1]; key.Value == "kind" && value.Kind == yaml.ScalarNode {
			return Kind(value.Value), true
		}
	}
	s.fault(n.Line, "a document without a kind: want %s, %s or %s", KindJob, KindGroup, KindDeployment)
	return "", false
}

// shaped makes a document of a node and uses it unless something is wrong with it.
func shaped[D any](s *shaper, n *yaml.Node, use func(D)) {
	before := len(s.faults)
	value := s.value(n, reflect.TypeFor[D](), "")
	if len(s.faults) > before {
		return
	}
	var document D
	encoded, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(encoded, &document)
	}
	if err != nil {
		s.fault(n.Line, "%v", err)
		return
	}
	use(document)
}

var surrogates = regexp.MustCompile(`\\*\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}`)

// readable makes JSON readable for YAML, which knows neither the pairs of escapes with which some programs write what is beyond 16 bits,
// nor some characters that JSON may have in its strings as they are.
func readable(data []byte) []byte {
	if !json.Valid(data) {
		return data
	}
	data = surrogates.ReplaceAllFunc(data, joinSurrogates)
	if !bytes.ContainsFunc(data, unprintable) {
		return data
	}
	var escaped []byte
	for _, r := range string(data) {
		if unprintable(r) {
			escaped = fmt.Appendf(escaped, `\u%04x`, r)
		} else {
			escaped = utf8.AppendRune(escaped, r)
		}
	}
	return escaped
}

func unprintable(r rune) bool {
	return 0x7f <= r && r <= 0x9f && r != 0x85 || r == 0xfffe || r == 0xffff
}

func joinSurrogates(found []byte) []byte {
	slashes, escapes := found[:len(found)-12], found[len(found)-12:]
	if len(slashes)%2 == 1 {
		return found // the last one is escaped itself
	}
	high, _ := strconv.ParseUint(string(escapes[2:6]), 16, 16)
	low, _ := strconv.ParseUint(string(escapes[8:12]), 16, 16)
	return append(slices.Clone(slashes), string(utf16.DecodeRune(rune(high), rune(low)))...)
}
