package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/heliosctl/heliosctl/model"
)

// maxJobFile bounds what is read as a job definition, in bytes.
const maxJobFile = 16 << 20

// readJob reads a job definition in JSON. Keys that mean nothing are named on warnings, because they are mostly misspelt.
func readJob(r io.Reader, source string, warnings io.Writer) (model.Job, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxJobFile+1))
	if err != nil {
		return model.Job{}, model.Errorf(model.CodeInvalid, "cannot read the job: %v", err)
	}
	if len(data) > maxJobFile {
		return model.Job{}, model.Errorf(model.CodeTooLarge, "%s is larger than %d bytes; is it a job?", source, maxJobFile)
	}
	var job model.Job
	var keys map[string]json.RawMessage
	if err = json.Unmarshal(data, &job); err == nil {
		err = json.Unmarshal(data, &keys)
	}
	switch {
	case err != nil:
		return model.Job{}, model.Errorf(model.CodeInvalid, "%s is not a job: %v", source, err)
	case keys == nil:
		return model.Job{}, model.Errorf(model.CodeInvalid, "%s is not a job: it is null", source)
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
