package agent

import (
	"context"
	"errors"
	"fmt"

	"github.com/distribution/reference"

	"github.com/heliosctl/heliosctl/daemon/container"
)

// imageError says that there is no image to start from. cause is what the pull said.
type imageError struct {
	image string
	cause error
}

func (e *imageError) Error() string {
	if errors.Is(e.cause, container.ErrPullTimeout) {
		return fmt.Sprintf("image %s: the registry stopped answering and no copy is present", e.image)
	}
	return fmt.Sprintf("image %s cannot be pulled and no copy is present: %v", e.image, e.cause)
}

func (e *imageError) Unwrap() error { return e.cause }

// floats reports whether a reference names whatever is newest: the tag "latest", or neither tag nor digest.
func floats(image string) bool {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return false
	}
	if _, digested := named.(reference.Digested); digested {
		return false
	}
	tagged, ok := named.(reference.Tagged)
	return !ok || tagged.Tag() == "latest"
}

// fetchImage pulls an image. When that fails, an image that is present will do.
func fetchImage(ctx context.Context, runtime Runtime, image string, present bool) error {
	err := runtime.Pull(ctx, image)
	if err == nil || present {
		return ctx.Err()
	}
	if ctx.Err() != nil || errors.Is(err, container.ErrUnavailable) {
		return err
	}
	if _, inspectErr := runtime.Image(ctx, image); inspectErr == nil {
		return nil
	}
	return &imageError{image: image, cause: err}
}
