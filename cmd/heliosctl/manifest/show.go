package manifest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/heliosctl/heliosctl/model"
)

// hiddenToken stands for a token: plans end up in the logs of builds.
const hiddenToken = "***"

// showJob is a job as a document for people to read.
func showJob(job model.Job) string {
	if job.Token != "" {
		job.Token = hiddenToken
	}
	if token := hiddenToken; rolloutToken(job) != "" {
		job = withRolloutToken(job, &token)
	}
	return mustYAML(jobText{Kind: KindJob, Name: nameOf(job.ID), Job: bodyOf(job)})
}

func hidden(options model.RolloutOptions) model.RolloutOptions {
	if options.Token != nil && *options.Token != "" {
		token := hiddenToken
		options.Token = &token
	}
	return options
}

func showGroup(group model.DeploymentGroup) string {
	return mustYAML(groupText{Kind: KindGroup, Name: group.Name, HostSelectors: selectorsOf(group.HostSelectors)})
}

func showRollout(group string, job model.JobID, options model.RolloutOptions) string {
	return mustYAML(groupText{Kind: KindGroup, Name: group, Job: job.String(), RolloutOptions: optionsOf(hidden(options))})
}

func showDeployment(job model.JobID, host string, goal model.Goal) string {
	return mustYAML(deploymentDocument{Kind: KindDeployment, Job: job.String(), Hosts: []string{host}, Goal: goal})
}

// jobText is a jobDocument that is written, without what is unset.
type jobText struct {
	Kind      Kind       `json:"kind"`
	Name      string     `json:"name"`
	TokenFrom *TokenFrom `json:"tokenFrom,omitempty"`

	RolloutTokenFrom *TokenFrom `json:"rolloutTokenFrom,omitempty"`

	Job json.RawMessage `json:"job"`
}

// groupText is a groupDocument that is written, without what is unset.
type groupText struct {
	Kind           Kind            `json:"kind"`
	Name           string          `json:"name"`
	HostSelectors  []selector      `json:"hostSelectors,omitempty"`
	Job            string          `json:"job,omitempty"`
	TokenFrom      *TokenFrom      `json:"tokenFrom,omitempty"`
	RolloutOptions json.RawMessage `json:"rolloutOptions,omitempty"`
}

// bodyOf is the definition of a job in the order of its JSON, without what the masters set and without members that say nothing. Reading
// it gives a job of the same id.
func bodyOf(job model.Job) json.RawMessage {
	job.ID, job.Created, job.CreatingUser = model.JobID{}, nil, ""
	return without(mustJSON(job), func(key string, value *yaml.Node) bool {
		switch key {
		case "resources", "rolloutOptions", "healthCheck":
			dropMembers(value, func(_ string, v *yaml.Node) bool { return isNull(v) })
		case "ports":
			for i := 1; i < len(value.Content); i += 2 {
				dropMembers(value.Content[i], func(_ string, v *yaml.Node) bool { return isNull(v) })
			}
		}
		empty := value.Kind != yaml.ScalarNode && len(value.Content) == 0
		return isNull(value) || empty && key != "resources" && key != "rolloutOptions" || value.Kind == yaml.ScalarNode && value.Value == ""
	})
}

func optionsOf(options model.RolloutOptions) json.RawMessage {
	return without(mustJSON(options), func(key string, value *yaml.Node) bool {
		return isNull(value) || key == "token" && value.Value == ""
	})
}

// without returns an object without the members that drop names.
func without(object []byte, drop func(key string, value *yaml.Node) bool) json.RawMessage {
	root := nodeOf(object)
	dropMembers(root, drop)
	return nodeJSON(nil, root)
}

func dropMembers(n *yaml.Node, drop func(key string, value *yaml.Node) bool) {
	if n.Kind != yaml.MappingNode {
		return
	}
	var kept []*yaml.Node
	for i := 0; i < len(n.Content); i += 2 {
		if !drop(n.Content[i].Value, n.Content[i+1]) {
			kept = append(kept, n.Content[i], n.Content[i+1])
		}
	}
	n.Content = kept
}

// nodeOf is JSON as a YAML node, which keeps the order of its members.
func nodeOf(text []byte) *yaml.Node {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return readNode(decoder)
}

func readNode(decoder *json.Decoder) *yaml.Node {
	token, err := decoder.Token()
	if err != nil {
		panic(err) // it is our own JSON
	}
	n := &yaml.Node{Kind: yaml.ScalarNode}
	switch v := token.(type) {
	case json.Delim:
		n.Kind = yaml.SequenceNode
		if v == '{' {
			n.Kind = yaml.MappingNode
		}
		for decoder.More() {
			n.Content = append(n.Content, readNode(decoder))
		}
		_, _ = decoder.Token() // the closing one
	case nil:
		n.Tag, n.Value = "!!null", "null"
	case bool:
		n.Tag, n.Value = "!!bool", map[bool]string{true: "true", false: "false"}[v]
	case json.Number:
		n.Tag, n.Value = "!!int", v.String()
	case string:
		n.Tag, n.Value, n.Style = "!!str", v, styleOf(v)
	}
	return n
}

// styleOf is how a string is written: over several lines where that is sure to keep every character, and in quotes where older readers of
// YAML would take it for something else.
func styleOf(s string) yaml.Style {
	odd := strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) })
	switch {
	case odd:
		return yaml.DoubleQuotedStyle
	case strings.Contains(s, "\n"):
		for line := range strings.SplitSeq(s, "\n") {
			if line != strings.TrimSpace(line) {
				return yaml.DoubleQuotedStyle
			}
		}
		if strings.HasPrefix(s, "\n") || strings.HasSuffix(s, "\n\n") {
			return yaml.DoubleQuotedStyle
		}
		return yaml.LiteralStyle
	case slices.Contains([]string{"y", "n", "yes", "no", "on", "off", "<<", "="}, strings.ToLower(s)), sexagesimal(s):
		return yaml.DoubleQuotedStyle
	}
	return 0
}

// sexagesimal reports whether old YAML takes a word such as 22:30 for a number.
func sexagesimal(s string) bool {
	return strings.Contains(s, ":") && !strings.ContainsFunc(s, func(r rune) bool { return r != ':' && r != '.' && !unicode.IsDigit(r) })
}

// nodeJSON writes a node that readNode made.
func nodeJSON(dst []byte, n *yaml.Node) []byte {
	switch n.Kind {
	case yaml.MappingNode:
		dst = append(dst, '{')
		for i := 0; i < len(n.Content); i += 2 {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(nodeJSON(dst, n.Content[i]), ':')
			dst = nodeJSON(dst, n.Content[i+1])
		}
		return append(dst, '}')
	case yaml.SequenceNode:
		dst = append(dst, '[')
		for i, element := range n.Content {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = nodeJSON(dst, element)
		}
		return append(dst, ']')
	}
	if n.Tag == "!!str" {
		return append(dst, mustJSON(n.Value)...)
	}
	return append(dst, n.Value...)
}

// mustJSON encodes what can always be encoded.
func mustJSON(v any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// mustYAML writes a document with its members in the order of its JSON.
func mustYAML(v any) string {
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(nodeOf(mustJSON(v))); err != nil {
		panic(err)
	}
	return b.String()
}
