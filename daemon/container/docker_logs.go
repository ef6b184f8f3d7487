package container

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	mobycontainer "github.com/docker/docker/api/types/container"

	"github.com/heliosctl/heliosctl/model"
)

// Logs yields the output of a container of ours. It ends with an ErrUnavailable when the engine goes away.
func (d *Docker) Logs(ctx context.Context, id string, options LogOptions) iter.Seq2[LogLine, error] {
	return func(yield func(LogLine, error) bool) {
		if err := d.ready(ctx); err != nil {
			yield(LogLine{}, err)
			return
		}
		streamed, established, cancel := d.stream(ctx)
		defer cancel()
		body, err := d.openLog(streamed, id, options)
		established()
		if err != nil {
			yield(LogLine{}, err)
			return
		}
		defer body.Close()
		frames := &dockerFrames{body: body}
		yieldLines(options, func() (LogLine, error) {
			stream, payload, err := frames.next()
			switch {
			case err == nil:
				return parseDockerLine(stream, payload), nil
			case streamed.Err() == nil && (errors.Is(err, io.EOF) || isOurs(err)):
				return LogLine{}, err
			}
			return LogLine{}, d.streamEnd(streamed, err)
		}, yield)
	}
}

func (d *Docker) openLog(streamed context.Context, id string, options LogOptions) (io.ReadCloser, error) {
	request := mobycontainer.LogsOptions{ShowStdout: true, ShowStderr: true, Timestamps: true, Follow: options.Follow}
	if options.Tail != 0 {
		request.Tail = strconv.Itoa(max(0, options.Tail))
	}
	if !options.Since.IsZero() {
		request.Since = options.Since.Format(time.RFC3339Nano)
	}
	body, err := d.client.ContainerLogs(streamed, id, request)
	switch {
	case err == nil:
		return body, nil
	case errdefs.IsNotFound(err):
		return nil, notFound(id, err)
	}
	return nil, d.refused(d.explain(streamed, err), "read the log of container %s", id)
}

// parseDockerLine splits what the engine sends for one line into its time and its text.
func parseDockerLine(stream model.OutputStream, payload []byte) LogLine {
	whole := string(bytes.TrimSuffix(payload, []byte("\n")))
	at, text, _ := strings.Cut(whole, " ")
	when, err := time.Parse(time.RFC3339Nano, at)
	if err != nil {
		return LogLine{Stream: stream, Text: whole}
	}
	return LogLine{Time: when, Stream: stream, Text: text}
}

// dockerFrames reads the frames of the engine's streams: each is one byte for the kind of output, three of padding, four of length,
// and the payload. Of a log, each is a line; of a command, whatever came at once.
type dockerFrames struct {
	body    io.Reader
	payload []byte
}

// The kinds of frames.
const (
	frameStdout = 1
	frameStderr = 2
	frameError  = 3 // the engine reports that it cannot read on
)

// maxDockerFrame bounds a frame. The engine's own are below 64 KiB.
const maxDockerFrame = 16 << 20

// next returns a frame, which is valid until the next call. The end is io.EOF.
func (f *dockerFrames) next() (model.OutputStream, []byte, error) {
	var header [8]byte
	if _, err := io.ReadFull(f.body, header[:]); err != nil {
		return "", nil, err
	}
	size := int(binary.BigEndian.Uint32(header[4:]))
	if header[0] > frameError || size > maxDockerFrame {
		return "", nil, model.Errorf(model.CodeInternal, "the engine's stream cannot be understood")
	}
	if cap(f.payload) < size {
		f.payload = make([]byte, size)
	}
	f.payload = f.payload[:size]
	if _, err := io.ReadFull(f.body, f.payload); err == io.EOF {
		return "", nil, io.ErrUnexpectedEOF
	} else if err != nil {
		return "", nil, err
	}
	switch header[0] {
	case frameStderr:
		return model.Stderr, f.payload, nil
	case frameError:
		return "", nil, model.Errorf(model.CodeInternal, "the engine cannot read on: %s", bytes.ReplaceAll(bytes.TrimSpace(f.payload), []byte("\n"), []byte(" ")))
	}
	return model.Stdout, f.payload, nil
}

func isOurs(err error) bool {
	var coded *model.Error
	return errors.As(err, &coded)
}
