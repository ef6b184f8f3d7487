package model

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// The original's defaults of rollout options.
const (
	DefaultRolloutTimeout     = 300 // seconds
	DefaultRolloutParallelism = 1
)

// OnFailure is what a rollout does when more hosts failed than may.
type OnFailure string

// The reactions. A rollout without one stops.
const (
	OnFailureStop     OnFailure = "STOP"     // end where it is
	OnFailurePause    OnFailure = "PAUSE"    // wait for a resume, which accepts the failures so far
	OnFailureRollback OnFailure = "ROLLBACK" // bring every host back to what ran there before
)

// FailureLimit is how many hosts may fail: "3", or a share of all hosts, rounded down, such as "10%". Unset is none.
type FailureLimit string

// Of returns how many of that many hosts may fail. The error has CodeInvalid.
func (l FailureLimit) Of(hosts int) (int, error) {
	if l == "" {
		return 0, nil
	}
	digits, share := strings.CutSuffix(string(l), "%")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 || share && n > 100 {
		return 0, Errorf(CodeInvalid, "%q is not a limit of failures: want a number of hosts, or a share such as 10%%", string(l))
	}
	if share {
		return hosts * n / 100, nil
	}
	return n, nil
}

// MergeRolloutOptions returns the options of a rolling update, field by field: those of the request, else of the job, else the
// defaults. Either may be nil. The original's options are all set afterwards; ours stay unset where nobody set them.
func MergeRolloutOptions(request, job *RolloutOptions) RolloutOptions {
	fallback := RolloutOptions{
		Timeout: pointer(int64(DefaultRolloutTimeout)), Parallelism: pointer(DefaultRolloutParallelism),
		Migrate: new(bool), Overlap: new(bool), Token: new(string), IgnoreFailures: new(bool),
	}
	merged := RolloutOptions{}
	for _, options := range []*RolloutOptions{request, job, &fallback} {
		if options != nil {
			merged.fill(options)
		}
	}
	return merged
}

// fill sets what is unset.
func (o *RolloutOptions) fill(from *RolloutOptions) {
	fillPointer(&o.Timeout, from.Timeout)
	fillPointer(&o.Parallelism, from.Parallelism)
	fillPointer(&o.Migrate, from.Migrate)
	fillPointer(&o.Overlap, from.Overlap)
	fillPointer(&o.Token, from.Token)
	fillPointer(&o.IgnoreFailures, from.IgnoreFailures)
	fillPointer(&o.Canary, from.Canary)
	fillPointer(&o.MinHealthy, from.MinHealthy)
	if o.MaxFailures == "" {
		o.MaxFailures = from.MaxFailures
	}
	if o.OnFailure == "" {
		o.OnFailure = from.OnFailure
	}
}

func fillPointer[T any](p **T, from *T) {
	if *p == nil {
		*p = clonePointer(from)
	}
}

func pointer[T any](v T) *T { return &v }

// RolloutSettings are merged options as plain values.
type RolloutSettings struct {
	Timeout        time.Duration // for one host to run the job
	Parallelism    int
	Migrate        bool
	Overlap        bool
	Token          string
	IgnoreFailures bool
	Canary         int
	MaxFailures    FailureLimit
	MinHealthy     time.Duration
	OnFailure      OnFailure
}

// maxRolloutSeconds keeps durations within their type.
const maxRolloutSeconds = 1 << 31

// Settings checks the options and returns them as values, with the defaults where they are unset. The error has CodeInvalid.
func (o *RolloutOptions) Settings() (RolloutSettings, error) {
	merged := MergeRolloutOptions(o, nil)
	minHealthy := int64(0)
	if merged.MinHealthy != nil {
		minHealthy = *merged.MinHealthy
	}
	canary := 0
	if merged.Canary != nil {
		canary = *merged.Canary
	}
	_, err := merged.MaxFailures.Of(1)
	switch {
	case *merged.Parallelism < 1:
		return RolloutSettings{}, Errorf(CodeInvalid, "a rollout's parallelism must be at least 1, not %d", *merged.Parallelism)
	case *merged.Timeout < 1 || *merged.Timeout > maxRolloutSeconds:
		return RolloutSettings{}, Errorf(CodeInvalid, "a rollout's timeout must be at least a second, not %d", *merged.Timeout)
	case minHealthy < 0 || minHealthy > maxRolloutSeconds:
		return RolloutSettings{}, Errorf(CodeInvalid, "the seconds that hosts have to be healthy must not be %d", minHealthy)
	case canary < 0:
		return RolloutSettings{}, Errorf(CodeInvalid, "a rollout cannot have %d canaries; use 0 for none", canary)
	case merged.OnFailure != "" && !slices.Contains(onFailureWords, merged.OnFailure):
		return RolloutSettings{}, Errorf(CodeInvalid, "%q is not a reaction to failures: want %s", string(merged.OnFailure), alternatives(onFailureWords))
	case err != nil:
		return RolloutSettings{}, err
	}
	return RolloutSettings{
		Timeout: time.Duration(*merged.Timeout) * time.Second, Parallelism: *merged.Parallelism, Migrate: *merged.Migrate,
		Overlap: *merged.Overlap, Token: *merged.Token, IgnoreFailures: *merged.IgnoreFailures, Canary: canary,
		MaxFailures: merged.MaxFailures, MinHealthy: time.Duration(minHealthy) * time.Second, OnFailure: merged.OnFailure,
	}, nil
}
