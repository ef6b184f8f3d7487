package container

import (
	"github.com/heliosctl/heliosctl/model"
)

// The kinds of failures a caller can act on; test with errors.Is. Each one unwraps to a *model.Error, so that model.CodeOf works on
// whatever the runtimes return. A call ended by its own context returns that context's error.
var (
	ErrNotFound      = newKind(model.CodeNotFound, "no such container")
	ErrImageNotFound = newKind(model.CodeNotFound, "no such image")
	ErrPullTimeout   = newKind(model.CodeTimeout, "the registry stopped sending")
	ErrUnavailable   = newKind(model.CodeRuntimeUnavailable, "the container engine does not answer")
	ErrNameInUse     = newKind(model.CodeInvalid, "the container name is in use")
	ErrRunning       = newKind(model.CodeInvalid, "the container is running")
	ErrNotRunning    = newKind(model.CodeInvalid, "the container is not running")
	ErrNoCommand     = newKind(model.CodeCommandNotFound, "no such command")
	ErrStopTimeout   = newKind(model.CodeTimeout, "the container was killed and did not end")
)

// kind is a sentinel. It is compared by identity, so two kinds of the same code stay apart.
type kind struct{ err *model.Error }

func newKind(code model.Code, message string) error {
	return &kind{err: &model.Error{Code: code, Message: message}}
}

func (k *kind) Error() string { return k.err.Message }
func (k *kind) Unwrap() error { return k.err }

// failure is one case: its message, the kind it is of (nil for none), and what caused it (may be nil).
type failure struct {
	err   *model.Error
	kind  error
	cause error
}

func (f *failure) Error() string { return f.err.Message }

// Unwrap gives the message first, so that errors.As finds this case's *model.Error before the kind's.
func (f *failure) Unwrap() []error {
	chain := []error{f.err}
	if f.kind != nil {
		chain = append(chain, f.kind)
	}
	if f.cause != nil {
		chain = append(chain, f.cause)
	}
	return chain
}

// fail makes an error of a kind. cause may be nil; its text is not added to the message.
func fail(of, cause error, format string, args ...any) error {
	return &failure{err: model.Errorf(model.CodeOf(of), format, args...), kind: of, cause: cause}
}

// invalid makes an error for a request that can never work.
func invalid(format string, args ...any) error {
	return model.Errorf(model.CodeInvalid, format, args...)
}

func notFound(idOrName string, cause error) error {
	return fail(ErrNotFound, cause, "no container %q", idOrName)
}

func imageNotFound(image string, cause error) error {
	return fail(ErrImageNotFound, cause, "image %s is not present", image)
}
