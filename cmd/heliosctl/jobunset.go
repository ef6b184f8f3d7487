package main

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/heliosctl/heliosctl/model"
)

// unsetFields takes away from a job: "token" a field, "env.DEBUG" an entry of one. What is not there is an error, and changes nothing.
func unsetFields(job *model.Job, specs []string) error {
	if len(specs) == 0 {
		return nil
	}
	text, err := json.Marshal(job)
	if err != nil {
		return err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	for _, spec := range specs {
		if err := unsetField(fields, spec); err != nil {
			return err
		}
	}
	if text, err = json.Marshal(fields); err != nil {
		return err
	}
	var rest model.Job
	if err := json.Unmarshal(text, &rest); err != nil {
		return err
	}
	*job = rest
	return nil
}

func unsetField(fields map[string]json.RawMessage, spec string) error {
	field, key, isEntry := strings.Cut(spec, ".")
	value, known := fields[field]
	switch {
	case !known || field == "id":
		return model.Errorf(model.CodeInvalid, "--unset %q: there is no such field to take away; give one as in 'heliosctl inspect --json', such as token or env.NAME", spec)
	case isUnset(value):
		return model.Errorf(model.CodeInvalid, "--unset %q: the job has no %s", spec, field)
	case !isEntry:
		fields[field] = json.RawMessage("null")
		return nil
	}
	var entries map[string]json.RawMessage
	if json.Unmarshal(value, &entries) != nil {
		return model.Errorf(model.CodeInvalid, "--unset %q: %s has no entries; give %s alone", spec, field, field)
	}
	if entry, ok := entries[key]; !ok || string(entry) == "null" {
		return model.Errorf(model.CodeInvalid, "--unset %q: the job has no such entry in %s", spec, field)
	}
	delete(entries, key)
	rest, err := json.Marshal(entries)
	fields[field] = rest
	return err
}

// isUnset tells whether a field of a job's JSON says nothing.
func isUnset(value json.RawMessage) bool {
	return slices.Contains([]string{"null", `""`, "{}", "[]"}, string(value))
}
