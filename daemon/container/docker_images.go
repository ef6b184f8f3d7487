package container

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"

	"github.com/heliosctl/heliosctl/model"
)

// Pull brings an image in from its registry, with the credentials that Docker's config.json has for it. It may take as long as bytes keep coming; ErrPullTimeout when they stop.
// ErrImageNotFound when the registry says it does not have the image. See WithPullProgress.
func (d *Docker) Pull(ctx context.Context, ref string) error {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return invalid("pull image %s: %v", ref, err)
	}
	if err := d.ready(ctx); err != nil {
		return err
	}
	auth, err := d.registryAuth(ctx, reference.Domain(named))
	if err != nil {
		return err
	}
	pulling, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := fail(ErrPullTimeout, nil, "pull image %s: the registry sent nothing for %s", ref, d.config.PullIdleTimeout)
	idle := time.AfterFunc(d.config.PullIdleTimeout, func() { cancel(stalled) })
	defer idle.Stop()

	body, err := d.client.ImagePull(pulling, ref, image.PullOptions{RegistryAuth: auth})
	if err == nil {
		layers := newPullLayers(pullProgressOf(ctx))
		err = d.progress(&touchingReader{reader: body, touch: func() { idle.Reset(d.config.PullIdleTimeout) }}, layers.note)
		_ = body.Close() // read to its end, or failed already
	}
	switch {
	case err == nil:
		return nil
	case errdefs.IsNotFound(err):
		return fail(ErrImageNotFound, err, "pull image %s: the registry does not have it, or wants a login", ref)
	}
	return d.refused(d.explain(pulling, err), "pull image %s", ref)
}

// touchingReader reports every read that brought something.
type touchingReader struct {
	reader io.Reader
	touch  func()
}

func (r *touchingReader) Read(p []byte) (int, error) {
	n, err := r.reader.Read(p)
	if n > 0 {
		r.touch()
	}
	return n, err
}

// engineMessage is one line of what the engine says during a pull or an import.
type engineMessage struct {
	ID       string `json:"id"` // of a layer
	Status   string `json:"status"`
	Progress struct {
		Current int64 `json:"current"`
		Total   int64 `json:"total"`
	} `json:"progressDetail"`

	Error  string `json:"error"`
	Detail *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"errorDetail"`
}

// progress reads the engine's messages on a pull or an import to their end and hands each to note. A failure that comes after the first byte is one of
// the messages: the HTTP status was 200 by then.
func (d *Docker) progress(body io.Reader, note func(engineMessage)) error {
	messages := json.NewDecoder(body)
	for {
		var message engineMessage
		err := messages.Decode(&message)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fail(ErrUnavailable, err, "the docker engine at %s broke off: %s", d.endpoint, reason(err))
		case message.Detail != nil && message.Detail.Message != "":
			return errors.New(message.Detail.Message)
		case message.Error != "":
			return errors.New(message.Error)
		}
		note(message)
	}
}

// Image returns an image that is present; ErrImageNotFound when it is not. It does not ask a registry.
func (d *Docker) Image(ctx context.Context, ref string) (Image, error) {
	var found image.InspectResponse
	err := d.call(ctx, d.config.CallTimeout, func(ctx context.Context) (err error) {
		found, err = d.client.ImageInspect(ctx, ref)
		return named(found.ID, err)
	})
	switch {
	case errdefs.IsNotFound(err):
		return Image{}, imageNotFound(ref, err)
	case err != nil:
		return Image{}, d.refused(err, "inspect image %s", ref)
	}
	result := Image{ID: found.ID, Tags: found.RepoTags}
	if found.Config != nil {
		result.Entrypoint, result.Command = found.Config.Entrypoint, found.Config.Cmd
	}
	return result, nil
}

// Import makes an image of one layer from a tar of its file system and names it ref ("name[:tag]"). A name in use moves to the new
// image. It may take as long as ctx lets it.
func (d *Docker) Import(ctx context.Context, ref string, tar io.Reader, options ImportOptions) error {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return invalid("import image %s: %v", ref, err)
	}
	tagged, ok := reference.TagNameOnly(named).(reference.Tagged)
	if !ok {
		return invalid("import image %s: give it a name and a tag, not a digest", ref)
	}
	changes, err := options.changes()
	if err != nil {
		return err
	}
	if err := d.ready(ctx); err != nil {
		return err
	}
	body, err := d.client.ImageImport(ctx, image.ImportSource{Source: tar, SourceName: "-"}, reference.FamiliarName(named),
		image.ImportOptions{Tag: tagged.Tag(), Changes: changes})
	if err == nil {
		err = d.progress(body, func(engineMessage) {})
		_ = body.Close() // read to its end, or failed already
	}
	if err != nil {
		return d.refused(d.explain(ctx, err), "import image %s", ref)
	}
	return nil
}

// RemoveImage takes the name off an image and deletes the image when it was the last one. Nil when it is gone.
func (d *Docker) RemoveImage(ctx context.Context, ref string) error {
	err := d.call(ctx, d.config.CallTimeout, func(ctx context.Context) error {
		_, err := d.client.ImageRemove(ctx, ref, image.RemoveOptions{PruneChildren: true})
		return err
	})
	if err == nil || errdefs.IsNotFound(err) {
		return nil
	}
	return d.refused(err, "remove image %s", ref)
}

// changes writes the options as the Dockerfile instructions that the engine takes.
func (o ImportOptions) changes() ([]string, error) {
	var changes []string
	for _, line := range []struct {
		instruction string
		words       []string
	}{{"ENTRYPOINT", o.Entrypoint}, {"CMD", o.Command}} {
		if len(line.words) == 0 {
			continue
		}
		words, err := json.Marshal(line.words)
		if err != nil {
			return nil, model.Errorf(model.CodeInternal, "encode %s: %v", line.instruction, err)
		}
		changes = append(changes, line.instruction+" "+string(words))
	}
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`)
	for key, value := range o.Env {
		if strings.ContainsAny(key+value, "\r\n") {
			return nil, invalid("import image: the environment variable %s holds a line break", key)
		}
		changes = append(changes, "ENV "+key+`="`+quote.Replace(value)+`"`)
	}
	if o.WorkingDir != "" {
		changes = append(changes, "WORKDIR "+o.WorkingDir)
	}
	slices.Sort(changes)
	return changes, nil
}
