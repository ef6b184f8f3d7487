package container

import (
	"github.com/heliosctl/heliosctl/model"
)

// The kinds of failures a caller can act on; test with errors.Is. Each one unwraps to a *model.Error, so that model.CodeOf works on
// whatever the runtimes return.
var (
	ErrNotFound      = newKind(model.CodeNotFound, "no such container")
	ErrImageNotFound = newKind(model.CodeNotFound, "no such image")
	ErrPullTimeout   = newKind(model.CodeTimeout, "the registry stopped sending")
	ErrUnavailable   = newKind(model.CodeRuntimeUnavailable, "the container engine does not answer")
	ErrNameInUse     = newKind(model.CodeInvalid, "the container name is in use")
	ErrRunning       = newKind(model.CodeInvalid, "the container is running")
	ErrNotRunning    = newKind(model.CodeInvalid, "the container is not running")
	ErrTimeout       = newKind(model.CodeTimeout, "the container engine took too long")
)

// kind is a sentinel. It is compared by identity, so two kinds of the same code stay apart.
type kind struct{ err *model.Error }

func newKind(code model.Code, message string) error {
	return &kind{err: &model.Error{Code: code, Message: message}}
}

func (k *kind) Error() string { return k.err.Message }
func (k *kind) Unwrap() error { return k.err }

// failure is a kind with the message for one case and what caused it.
type failure struct {
	kind  error
	err   *model.Error
	cause error
}

func (f *failure) Error() string { return f.err.Message }

// Unwrap gives the message first, so that errors.As finds this case's *model.Error before the kind's.
func (f *failure) Unwrap() []error {
	if f.cause == nil {
		return []error{f.err, f.kind}
	}
	return []error{f.err, f.kind, f.cause}
}

// fail makes an error of a kind. cause may be nil; its text is not added to the message.
func fail(of error, cause error, format string, args ...any) error {
	return &failure{kind: of, err: model.Errorf(model.CodeOf(of), format, args...), cause: cause}
}
