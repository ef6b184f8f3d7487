package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"

	"github.com/heliosctl/heliosctl/model"
)

// maxLine bounds one line of a stream, in bytes.
const maxLine = 64 << 20

// stream opens r and yields its lines. Finding a master is tried as for any call; once the stream is open it ends with the first
// error, which the end of a stream is too unless r is finite.
func stream[T any](ctx context.Context, c *Client, r request) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		r := r
		r.stream = true
		a, err := c.send(ctx, &r)
		if err != nil {
			yield(none, err)
			return
		}
		if a.lines == nil {
			yield(none, notAStream(&r, a))
			return
		}
		defer a.lines.Close()
		if r.opened != nil {
			r.opened(a.endpoint.url)
		}
		lines := bufio.NewScanner(a.lines)
		lines.Buffer(nil, maxLine)
		for lines.Scan() {
			if len(lines.Bytes()) == 0 {
				continue
			}
			var v T
			if err := decodeLine(lines.Bytes(), &v); err != nil {
				yield(none, model.Errorf(model.CodeUnavailable, "cannot read the stream of %s: %s", a.endpoint.label, err))
				return
			}
			if !yield(v, nil) {
				return
			}
		}
		if r.finite && lines.Err() == nil && ctx.Err() == nil {
			return
		}
		if ctx.Err() == nil {
			c.endpoints.mark(a.endpoint, false) // the next stream is better sought elsewhere
		}
		yield(none, interrupted(ctx, c.ended(a, lines.Err())))
	}
}

// decodeLine reads one line. What reads itself checks what it reads, so that nothing else has to go over the line before.
func decodeLine[T any](line []byte, into *T) error {
	if own, ok := any(into).(json.Unmarshaler); ok {
		return own.UnmarshalJSON(line)
	}
	return json.Unmarshal(line, into)
}

func notAStream(r *request, a *answer) error {
	if a.status == http.StatusOK {
		return model.Errorf(model.CodeInternal, "%s answered %s %s with no stream", a.endpoint.label, r.method, r.path)
	}
	return r.failure(a)
}

// ended words why a stream ended.
func (c *Client) ended(a *answer, err error) error {
	switch {
	case err == nil:
		return model.Errorf(model.CodeUnavailable, "%s ended the stream", a.endpoint.label)
	case errors.Is(err, errSilent):
		return model.Errorf(model.CodeUnavailable, "%s has been silent for %s: the connection is taken for lost", a.endpoint.label, c.config.StreamTimeout)
	}
	return model.Errorf(model.CodeUnavailable, "the stream of %s broke: %s", a.endpoint.label, reason(err))
}
