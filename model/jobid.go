package model

import (
	"cmp"
	"strings"
)

// JobID names a job: name:version:hash, the hash being 40 hexadecimal digits once the job is complete (see Job.WithID).
// An empty Version together with an empty Hash is the original's null version. JobID is comparable and is a JSON string and map key.
type JobID struct {
	Name    string
	Version string
	Hash    string
}

const (
	hashLength      = 40
	shortHashLength = 7
)

// ParseJobID reads what people type and what request paths carry: name, name:version or name:version:hash. Empty parts at the end
// are dropped; characters are not checked (Job.Validate does that). The error has CodeInvalidID.
func ParseJobID(s string) (JobID, error) {
	return parseJobID(s, 1)
}

// parseJobID splits s into at least fewest and at most three parts.
func parseJobID(s string, fewest int) (JobID, error) {
	trimmed := strings.TrimRight(s, ":")
	if trimmed == "" {
		return JobID{}, Errorf(CodeInvalidID, "job id %q has no name: want name:version or name:version:hash", s)
	}
	parts := 1 + strings.Count(trimmed, ":")
	if parts < fewest {
		return JobID{}, Errorf(CodeInvalidID, "job id %q has no version: want name:version or name:version:hash", s)
	}
	if parts > 3 {
		return JobID{}, Errorf(CodeInvalidID, "job id %q has %d parts: want name:version or name:version:hash", s, parts)
	}
	name, rest, _ := strings.Cut(trimmed, ":")
	version, hash, _ := strings.Cut(rest, ":")
	return JobID{Name: name, Version: version, Hash: hash}, nil
}

// String returns name:version:hash, without the hash when there is none. A missing version prints as the word null.
func (id JobID) String() string {
	if id.Hash != "" {
		return id.Name + ":" + id.Version + ":" + id.Hash
	}
	return id.Name + ":" + id.versionText()
}

// Short returns the id for people: name:version and the first seven digits of the hash.
func (id JobID) Short() string {
	if len(id.Hash) <= shortHashLength {
		return id.String()
	}
	return id.Name + ":" + id.Version + ":" + id.Hash[:shortHashLength]
}

func (id JobID) versionText() string {
	if id.Version == "" {
		return "null"
	}
	return id.Version
}

// IsZero reports whether the id is unset.
func (id JobID) IsZero() bool {
	return id == JobID{}
}

// FullyQualified reports whether the id names one exact job: a name, a version and a hash of exactly 40 characters.
func (id JobID) FullyQualified() bool {
	return id.Name != "" && id.Version != "" && len(id.Hash) == hashLength
}

// Compare orders ids by name, then version, then hash, missing ones first.
func (id JobID) Compare(other JobID) int {
	return cmp.Or(
		strings.Compare(id.Name, other.Name),
		strings.Compare(id.Version, other.Version),
		strings.Compare(id.Hash, other.Hash),
	)
}

// MarshalText returns String. An unset id has no text and is an error.
func (id JobID) MarshalText() ([]byte, error) {
	if id.IsZero() {
		return nil, Errorf(CodeInvalidID, "job id is empty: it needs a name and a version")
	}
	return []byte(id.String()), nil
}

// UnmarshalText reads the form used in JSON, where the version must be there. The error has CodeInvalidID.
func (id *JobID) UnmarshalText(text []byte) error {
	parsed, err := parseJobID(string(text), 2)
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}
