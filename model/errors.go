package model

import (
	"errors"
	"fmt"
)

// Code names one kind of failure. It is the original API's status word where that has one.
type Code string

// The codes of every failure that crosses a package or the wire.
const (
	CodeInvalid                 Code = "INVALID_REQUEST"        // malformed input; the message says what and where
	CodeTooLarge                Code = "REQUEST_TOO_LARGE"      // a body or a command above its limit
	CodeInvalidID               Code = "INVALID_ID"             // a job id that is not fully qualified, or an empty host id
	CodeInvalidJob              Code = "INVALID_JOB_DEFINITION" // see Error.Details for one message per fault
	CodeIDMismatch              Code = "ID_MISMATCH"
	CodeJobNotFound             Code = "JOB_NOT_FOUND"
	CodeJobNotDeployed          Code = "JOB_NOT_DEPLOYED"
	CodeHostNotFound            Code = "HOST_NOT_FOUND"
	CodeJobAlreadyExists        Code = "JOB_ALREADY_EXISTS"
	CodeJobAlreadyDeployed      Code = "JOB_ALREADY_DEPLOYED"
	CodeJobStillInUse           Code = "STILL_IN_USE"
	CodeJobsStillDeployed       Code = "JOBS_STILL_DEPLOYED"
	CodeAmbiguousJobReference   Code = "AMBIGUOUS_JOB_REFERENCE"
	CodePortConflict            Code = "PORT_CONFLICT"
	CodeHostConflict            Code = "HOST_CONFLICT" // the host name belongs to another agent
	CodeHostDrained             Code = "HOST_DRAINED"  // it takes no new deployments
	CodeUnsafe                  Code = "UNSAFE"        // it would leave the cluster without a majority, or replace what is there; it can be forced
	CodeForbidden               Code = "FORBIDDEN"
	CodeUnavailable             Code = "UNAVAILABLE"     // no leader, not reachable, shutting down: try another master
	CodeStorageFull             Code = "STORAGE_FULL"    // the disk under the state folder is nearly full
	CodeOutcomeUnknown          Code = "OUTCOME_UNKNOWN" // the write may or may not have happened; retry with the same request id
	CodeTimeout                 Code = "TIMEOUT"
	CodeUnknownCommand          Code = "UNKNOWN_COMMAND" // a newer version wrote it
	CodeInternal                Code = "INTERNAL"
	CodeGroupNotFound           Code = "DEPLOYMENT_GROUP_NOT_FOUND"
	CodeRolloutChanged          Code = "ROLLOUT_CHANGED" // it has ended, was replaced, or went on since it was looked at
	CodeNotRollingOut           Code = "NOT_ROLLING_OUT" // the group has no rollout for this
	CodeNotFound                Code = "NOT_FOUND"
	CodeRuntimeUnavailable      Code = "RUNTIME_UNAVAILABLE" // the container engine does not answer
	CodeTaskFailed              Code = "TASK_FAILED"         // a job that was waited for will not run as it is
	CodeAgentUnreachable        Code = "AGENT_UNREACHABLE"   // the host is down, or its agent is not connected or does not answer
	CodeTooManySessions         Code = "TOO_MANY_SESSIONS"   // of logs and commands at the same time
	CodeNoContainer             Code = "NO_CONTAINER"        // the task has none that could serve
	CodeCommandNotFound         Code = "COMMAND_NOT_FOUND"   // in the container
	CodeVersionIncompatible     Code = "INCOMPATIBLE"
	CodeVersionHeaderUnreadable Code = "INVALID"
)

// Class groups codes by what a caller can do about them. HTTP statuses and exit codes are derived from it.
type Class string

// The classes of failures.
const (
	ClassInvalid     Class = "invalid"
	ClassNotFound    Class = "not found"
	ClassConflict    Class = "conflict"
	ClassForbidden   Class = "forbidden"
	ClassUnavailable Class = "unavailable"
	ClassTimeout     Class = "timeout"
	ClassInternal    Class = "internal"
)

var classes = map[Code]Class{
	CodeInvalid:                 ClassInvalid,
	CodeTooLarge:                ClassInvalid,
	CodeInvalidID:               ClassInvalid,
	CodeInvalidJob:              ClassInvalid,
	CodeIDMismatch:              ClassInvalid,
	CodeAmbiguousJobReference:   ClassInvalid,
	CodeVersionIncompatible:     ClassInvalid,
	CodeVersionHeaderUnreadable: ClassInvalid,
	CodeJobNotFound:             ClassNotFound,
	CodeJobNotDeployed:          ClassNotFound,
	CodeHostNotFound:            ClassNotFound,
	CodeGroupNotFound:           ClassNotFound,
	CodeGroupConflict:           ClassConflict,
	CodeRolloutChanged:          ClassConflict,
	CodeNotRollingOut:           ClassConflict,
	CodeNotFound:                ClassNotFound,
	CodeJobAlreadyExists:        ClassConflict,
	CodeJobAlreadyDeployed:      ClassConflict,
	CodeJobStillInUse:           ClassConflict,
	CodeJobsStillDeployed:       ClassConflict,
	CodePortConflict:            ClassConflict,
	CodeHostConflict:            ClassConflict,
	CodeHostDrained:             ClassConflict,
	CodeUnsafe:                  ClassConflict,
	CodeForbidden:               ClassForbidden,
	CodeUnavailable:             ClassUnavailable,
	CodeStorageFull:             ClassUnavailable,
	CodeRuntimeUnavailable:      ClassUnavailable,
	CodeOutcomeUnknown:          ClassTimeout,
	CodeTimeout:                 ClassTimeout,
	CodeTaskFailed:              ClassConflict,
	CodeAgentUnreachable:        ClassUnavailable,
	CodeTooManySessions:         ClassUnavailable,
	CodeNoContainer:             ClassNotFound,
	CodeCommandNotFound:         ClassNotFound,
	CodeUnknownCommand:          ClassInternal,
	CodeInternal:                ClassInternal,
}

// Class returns the class of the code; an unknown code is internal.
func (c Code) Class() Class {
	if class, ok := classes[c]; ok {
		return class
	}
	return ClassInternal
}

// Error is the one error type that crosses packages and the wire. Message is lower case, names the object, and says what to do
// next. Details carries one line per fault where there can be several (job validation).
type Error struct {
	Code    Code     `json:"code"`
	Message string   `json:"message"`
	Details []string `json:"details,omitempty"`
}

// Errorf makes an Error.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error returns the message.
func (e *Error) Error() string {
	if e.Message == "" {
		return string(e.Code)
	}
	return e.Message
}

// Is reports whether target is an Error of the same code, so that errors.Is(err, ErrJobNotFound) works on both sides of the wire.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// CodeOf returns the code of the first Error in err's chain, CodeInternal where there is none, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// Targets for errors.Is.
var (
	ErrJobNotFound        = &Error{Code: CodeJobNotFound}
	ErrJobNotDeployed     = &Error{Code: CodeJobNotDeployed}
	ErrHostNotFound       = &Error{Code: CodeHostNotFound}
	ErrJobAlreadyExists   = &Error{Code: CodeJobAlreadyExists}
	ErrJobAlreadyDeployed = &Error{Code: CodeJobAlreadyDeployed}
	ErrJobStillInUse      = &Error{Code: CodeJobStillInUse}
	ErrPortConflict       = &Error{Code: CodePortConflict}
	ErrHostConflict       = &Error{Code: CodeHostConflict}
	ErrHostDrained        = &Error{Code: CodeHostDrained}
	ErrForbidden          = &Error{Code: CodeForbidden}
	ErrUnavailable        = &Error{Code: CodeUnavailable}
	ErrStorageFull        = &Error{Code: CodeStorageFull}
	ErrOutcomeUnknown     = &Error{Code: CodeOutcomeUnknown}
	ErrUnknownCommand     = &Error{Code: CodeUnknownCommand}
	ErrInvalid            = &Error{Code: CodeInvalid}
	ErrInvalidJob         = &Error{Code: CodeInvalidJob}
	ErrNotFound           = &Error{Code: CodeNotFound}
	ErrGroupNotFound      = &Error{Code: CodeGroupNotFound}
	ErrGroupConflict      = &Error{Code: CodeGroupConflict}
	ErrRolloutChanged     = &Error{Code: CodeRolloutChanged}
	ErrNotRollingOut      = &Error{Code: CodeNotRollingOut}
	ErrTaskFailed         = &Error{Code: CodeTaskFailed}
	ErrTimeout            = &Error{Code: CodeTimeout}
)
