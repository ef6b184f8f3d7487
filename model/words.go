package model

import (
	"strings"
	"unicode"
)

// This file reads the words of enumerations: blanks are dropped, hyphens count as underscores, and case does not matter.

// The legal words of each enumeration, in the order in which messages list them.
var (
	goals             = []Goal{GoalStart, GoalStop, GoalUndeploy}
	livenessWords     = []Liveness{Up, Down}
	selectorOperators = []SelectorOperator{SelectorEquals, SelectorNotEquals, SelectorIn, SelectorNotIn}
	throttles         = []Throttle{ThrottleNo, ThrottleFlapping, ThrottleImageMissing, ThrottleImagePullFailed}
	states            = []State{
		StatePullingImage, StateCreating, StateStarting, StateHealthchecking, StateRunning,
		StateExited, StateStopping, StateStopped, StateFailed, StateUnknown,
	}
	rollingUpdateReasons  = []RollingUpdateReason{ReasonManual, ReasonHostsChanged}
	deploymentGroupStates = []DeploymentGroupState{GroupRollingOut, GroupFailed, GroupDone}
	rolloutActions        = []RolloutAction{
		ActionUndeployOldJobs, ActionDeployNewJob, ActionAwaitRunning,
		ActionForceUndeployJobs, ActionAwaitUndeployed, ActionMarkUndeployed,
	}
	onFailureWords   = []OnFailure{OnFailureStop, OnFailurePause, OnFailureRollback}
	groupStatusWords = []DeploymentGroupStatusWord{GroupStatusRollingOut, GroupStatusActive, GroupStatusFailed, GroupStatusIdle}
	versionWords     = []VersionCompatibility{
		VersionEqual, VersionCompatible, VersionMaybe, VersionIncompatible, VersionInvalid, VersionMissing,
	}
)

// parseWord finds the word that text means. The error has CodeInvalid.
func parseWord[W ~string](text string, kind string, words []W) (W, error) {
	for _, word := range words {
		if text == string(word) {
			return word, nil
		}
	}
	normal := strings.ToUpper(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return -1
		case r == '-':
			return '_'
		default:
			return r
		}
	}, text))
	for _, word := range words {
		if normal == string(word) {
			return word, nil
		}
	}
	return "", Errorf(CodeInvalid, "%q is not a %s: want %s", text, kind, alternatives(words))
}

// alternatives lists words as "A, B or C".
func alternatives[W ~string](words []W) string {
	var list strings.Builder
	for i, word := range words {
		switch {
		case i == 0:
		case i == len(words)-1:
			list.WriteString(" or ")
		default:
			list.WriteString(", ")
		}
		list.WriteString(string(word))
	}
	return list.String()
}

// readWord reads one of the words. Null is "".
func readWord[W ~string](r *reader, into *W, kind string, words []W) error {
	*into = ""
	if r.null() {
		return nil
	}
	if r.peek() != '"' {
		return r.mismatch("one of " + alternatives(words))
	}
	text, err := r.text()
	if err != nil {
		return err
	}
	*into, err = parseWord(string(text), kind, words)
	return err
}

func readGoal(r *reader, g *Goal) error         { return readWord(r, g, "goal", goals) }
func readState(r *reader, s *State) error       { return readWord(r, s, "task state", states) }
func readThrottle(r *reader, t *Throttle) error { return readWord(r, t, "throttle state", throttles) }
func readLiveness(r *reader, l *Liveness) error { return readWord(r, l, "host status", livenessWords) }

// UnmarshalJSON reads a goal. The error has CodeInvalid.
func (g *Goal) UnmarshalJSON(data []byte) error { return decode(data, g, readGoal) }

// UnmarshalJSON reads a task state. The error has CodeInvalid.
func (s *State) UnmarshalJSON(data []byte) error { return decode(data, s, readState) }

// UnmarshalJSON reads a throttle state. The error has CodeInvalid.
func (t *Throttle) UnmarshalJSON(data []byte) error { return decode(data, t, readThrottle) }

// UnmarshalJSON reads UP or DOWN. The error has CodeInvalid.
func (l *Liveness) UnmarshalJSON(data []byte) error { return decode(data, l, readLiveness) }
