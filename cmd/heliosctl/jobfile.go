package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/heliosctl/heliosctl/model"
)

// maxJobFile bounds what is read as a job definition, in bytes.
const maxJobFile = 16 << 20

// readJob reads a job definition in JSON or YAML. Keys that mean nothing are named on warnings, because they are mostly misspelt.
func readJob(r io.Reader, source string, warnings io.Writer) (model.Job, error) {
	data, err := readAll(r)
	if err != nil {
		return model.Job{}, err
	}
	if len(data) > maxJobFile {
		return model.Job{}, model.Errorf(model.CodeTooLarge, "%s is larger than %d bytes; is it a job?", source, maxJobFile)
	}
	job, keys, err := decodeJob(data)
	if err != nil {
		return model.Job{}, model.Errorf(model.CodeInvalid, "%s is not a job: %s", source, oneLine(err.Error()))
	}
	unknown, err := unknownKeys(keys)
	if err != nil {
		return model.Job{}, err
	}
	if len(unknown) > 0 {
		fmt.Fprintf(warnings, "heliosctl: warning: %s: ignoring %s, which jobs do not have\n", oneLine(source), oneLine(strings.Join(unknown, ", ")))
	}
	return job, nil
}

// readAll reads a job's definition, and somewhat more of what is too large for one.
func readAll(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxJobFile+1))
	if err != nil {
		return nil, model.Errorf(model.CodeInvalid, "cannot read the job: %v", err)
	}
	return data, nil
}

// decodeJob returns a job and the keys of its definition. What does not begin like a JSON object is YAML. Zero bytes at the end, with
// which some tools pad files, do not count.
func decodeJob(data []byte) (job model.Job, keys map[string]json.RawMessage, err error) {
	data = bytes.TrimRight(data, " \t\r\n\x00")
	if len(data) == 0 {
		return job, nil, errors.New("it is empty")
	}
	if !bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) {
		if data, err = jobOfYAML(data); err != nil {
			return job, nil, err
		}
	}
	if err = json.Unmarshal(data, &job); err == nil {
		err = json.Unmarshal(data, &keys)
	}
	if err == nil && keys == nil {
		err = errors.New("it is null")
	}
	return job, keys, err
}

// jobOfYAML returns a job's definition in JSON.
func jobOfYAML(data []byte) ([]byte, error) {
	if documents := yamlDocuments(data); documents > 1 {
		return nil, fmt.Errorf("it has %d documents; give one", documents)
	}
	data, err := yaml.YAMLToJSONStrict(data)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "error converting YAML to JSON: "))
	}
	var fields map[string]any
	if json.Unmarshal(data, &fields) == nil {
		err = checkTexts(fields)
	}
	return data, err
}

// yamlDocuments counts the documents that say something.
func yamlDocuments(data []byte) int {
	n, empty := 0, true
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, " \t\r\n")
		text, comment := strings.TrimLeft(line, " \t"), false
		switch {
		case line == "---" || strings.HasPrefix(line, "--- "):
			empty = true
			text = strings.TrimPrefix(line, "---")
		case strings.HasPrefix(text, "#"), strings.HasPrefix(line, "%"), line == "...":
			comment = true
		}
		if empty && !comment && strings.TrimSpace(text) != "" {
			n, empty = n+1, false
		}
	}
	return n
}

// textFields are the fields of a job whose values, or whose entries, are texts.
func textFields() []string {
	return []string{
		"id", "image", "hostname", "command", "env", "metadata", "labels", "volumes", "ramdisks", "token", "networkMode", "runtime",
		"registrationDomain", "securityOpt", "addCapabilities", "dropCapabilities",
	}
}

// checkTexts refuses what YAML takes for another kind of value than the text that it is meant to be: yes becomes true, and 1.10 becomes
// 1.1.
func checkTexts(fields map[string]any) error {
	for _, field := range textFields() {
		switch value := fields[field].(type) {
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(value)) {
				if err := checkText(field+"."+key, value[key]); err != nil {
					return err
				}
			}
		case []any:
			for i, entry := range value {
				if err := checkText(fmt.Sprintf("%s[%d]", field, i), entry); err != nil {
					return err
				}
			}
		default:
			if err := checkText(field, value); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkText(path string, value any) error {
	switch value.(type) {
	case bool:
		return fmt.Errorf("%s: YAML takes the value for %v; put it in quotes", path, value)
	case float64:
		return fmt.Errorf("%s: YAML takes the value for the number %v; put it in quotes", path, value)
	}
	return nil
}

func unknownKeys(keys map[string]json.RawMessage) ([]string, error) {
	encoded, err := json.Marshal(model.Job{ID: model.JobID{Name: "any", Version: "any"}})
	if err != nil {
		return nil, err
	}
	var known map[string]json.RawMessage
	if err := json.NewDecoder(bytes.NewReader(encoded)).Decode(&known); err != nil {
		return nil, err
	}
	return slices.Collect(func(yield func(string) bool) {
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			if _, ok := known[key]; !ok && !yield(key) {
				return
			}
		}
	}), nil
}
