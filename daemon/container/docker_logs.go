package container

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/containerd/errdefs"
	mobycontainer "github.com/docker/docker/api/types/container"

	"github.com/heliosctl/heliosctl/model"
)

// Logs returns the output of a container of ours, standard output and error output as one stream. The caller closes it. It ends
// with io.EOF when the container has ended (or at once without Follow), and with ErrUnavailable when the engine goes away.
func (d *Docker) Logs(ctx context.Context, id string, options LogOptions) (io.ReadCloser, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	request := mobycontainer.LogsOptions{
		ShowStdout: true,
		ShowStderr: true,
		Follow:     options.Follow,
		Timestamps: options.Timestamps,
	}
	if options.Tail > 0 {
		request.Tail = strconv.Itoa(options.Tail)
	}
	if !options.Since.IsZero() {
		request.Since = options.Since.Format(time.RFC3339Nano)
	}
	streamed, established, cancel := d.stream(ctx)
	body, err := d.client.ContainerLogs(streamed, id, request)
	established()
	switch {
	case err == nil:
		return &dockerLog{
			body:   body,
			cancel: cancel,
			broken: func(err error) error {
				if errors.Is(err, io.EOF) && streamed.Err() == nil {
					return io.EOF
				}
				return d.streamEnd(streamed, err)
			},
		}, nil
	case errdefs.IsNotFound(err):
		err = notFound(id, err)
	default:
		err = d.refused(d.explain(streamed, err), "read the log of container %s", id)
	}
	cancel()
	return nil, err
}

// dockerLog takes the frames off the engine's stream: each is one byte for the kind of output, three of padding, four of length,
// and the payload.
type dockerLog struct {
	body   io.ReadCloser
	cancel context.CancelFunc    // of the request
	broken func(err error) error // what a failed read means to the caller
	left   uint32                // bytes of the current frame not yet read
}

// frameError is the kind of frame in which the engine reports that it cannot read on.
const frameError = 3

func (l *dockerLog) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for l.left == 0 {
		var header [8]byte
		if _, err := io.ReadFull(l.body, header[:]); err != nil {
			return 0, l.broken(err)
		}
		l.left = binary.BigEndian.Uint32(header[4:])
		if header[0] == frameError {
			return 0, l.engineError()
		}
	}
	n, err := l.body.Read(p[:min(len(p), int(l.left))])
	l.left -= uint32(n)
	if errors.Is(err, io.EOF) && l.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return n, l.broken(err)
	}
	return n, nil
}

func (l *dockerLog) engineError() error {
	text, err := io.ReadAll(io.LimitReader(l.body, int64(min(l.left, 4096))))
	if err != nil {
		return l.broken(err)
	}
	return model.Errorf(model.CodeInternal, "read the log: %s", text)
}

// Close ends the request.
func (l *dockerLog) Close() error {
	l.cancel()
	return l.body.Close()
}
