package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store/archive"
)

// restoreTimeout is how long the masters may take to restore a snapshot that they have received.
const restoreTimeout = 15 * time.Minute

// SaveSnapshot writes a snapshot of the cluster's state to w and checks on the way that it is whole: what was written is only when there
// is no error. It takes as long as something arrives; silence for longer than StreamTimeout ends it.
func (c *Client) SaveSnapshot(ctx context.Context, w io.Writer) (model.SnapshotInfo, error) {
	r := request{method: http.MethodGet, path: path("v1", "snapshot"), stream: true}
	a, err := c.send(ctx, &r)
	if err != nil {
		return model.SnapshotInfo{}, err
	}
	if a.lines == nil {
		return model.SnapshotInfo{}, notAStream(&r, a)
	}
	defer a.lines.Close()
	arriving := &arrival{r: a.lines}
	info, err := archive.Copy(w, arriving)
	switch {
	case err == nil:
		return info, nil
	case arriving.err != nil || ctx.Err() != nil:
		return info, interrupted(ctx, c.ended(a, arriving.err))
	}
	return info, err
}

// arrival remembers how reading ended, where that is not the end.
type arrival struct {
	r   io.Reader
	err error
}

func (a *arrival) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	if err != nil && err != io.EOF {
		a.err = err
	}
	return n, err
}

// RestoreSnapshot replaces the state of the whole cluster by the snapshot that r has, which is sent once and from one Read to the next.
// It fails with CodeInvalid for what is none, with CodeUnsafe where the cluster has jobs or hosts unless forced, and with
// CodeOutcomeUnknown when the connection broke. Sending takes as long as the master takes something every StreamTimeout.
func (c *Client) RestoreSnapshot(ctx context.Context, r io.Reader, force bool) (model.SnapshotInfo, error) {
	up := &upload{r: r, pause: c.config.StreamTimeout}
	defer up.stop()
	req := request{method: http.MethodPut, path: path("v1", "snapshot"), query: forced(force), upload: up}
	a, err := c.send(ctx, &req)
	if read := up.stop(); read != nil {
		return model.SnapshotInfo{}, interrupted(ctx, model.Errorf(model.CodeInternal, "cannot read the snapshot: %v", read))
	}
	if err != nil {
		return model.SnapshotInfo{}, err
	}
	if a.status != http.StatusOK {
		return model.SnapshotInfo{}, req.failure(a)
	}
	var info model.SnapshotInfo
	if err := json.Unmarshal(a.body, &info); err != nil {
		return info, model.Errorf(model.CodeInternal, "cannot read the answer of %s to %s %s: %s", a.endpoint.label, req.method, req.path, err)
	}
	return info, nil
}

// upload is a body of any size. It can be sent once: as soon as anything of it was read, no other endpoint is tried.
type upload struct {
	r     io.Reader
	pause time.Duration // how long a master may take nothing

	mu      sync.Mutex
	silence *time.Timer // of the exchange it is sent in
	begun   bool
	stopped bool
	err     error // of reading, where it was not the end
}

var errUploadStopped = errors.New("the answer came before the snapshot was sent")

// Read restarts the silence timer of the exchange. After the last piece the master has work to do before it answers.
func (u *upload) Read(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.stopped {
		return 0, errUploadStopped
	}
	u.begun = true
	u.silence.Stop() // how long the source takes is not for the master to answer for
	n, err := u.r.Read(p)
	switch {
	case err == nil:
		u.silence.Reset(u.pause)
	case errors.Is(err, io.EOF):
		u.silence.Reset(restoreTimeout)
	default:
		u.err = err
	}
	return n, err
}

// sendWith makes the body count for an exchange.
func (u *upload) sendWith(silence *time.Timer) io.Reader {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.silence = silence
	return io.NopCloser(u)
}

func (u *upload) sent() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.begun
}

// stop makes sure that the source is no longer read, and returns why it could not be.
func (u *upload) stop() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stopped = true
	return u.err
}
