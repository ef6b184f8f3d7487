package client_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/model"
)

func TestSnapshots(t *testing.T) {
	backend, master := newMaster(t, api.Config{})
	c := newClient(t, client.Config{Endpoints: []string{nobody(t), master.URL}})
	id := deployed(t, backend)
	var saved bytes.Buffer
	info, err := c.SaveSnapshot(t.Context(), &saved)
	if err != nil || info.ClusterID != "cluster1" || info.Index != backend.Index() || info.SHA256 == "" {
		t.Fatalf("%+v, %v", info, err)
	}
	if _, err := c.RestoreSnapshot(t.Context(), bytes.NewReader(saved.Bytes()), false); model.CodeOf(err) != model.CodeUnsafe {
		t.Errorf("not forced: %v", err)
	}
	if err := backend.Undeploy(t.Context(), model.Request{}, "host1", id, ""); err != nil {
		t.Fatal(err)
	}
	if err := backend.RemoveJob(t.Context(), model.Request{}, id, ""); err != nil {
		t.Fatal(err)
	}
	restored, err := c.RestoreSnapshot(t.Context(), bytes.NewReader(saved.Bytes()), true)
	if err != nil || restored != info {
		t.Errorf("restored %+v, %v, want %+v", restored, err, info)
	}
	if _, err := backend.Job(id); err != nil {
		t.Errorf("the job is not back: %v", err)
	}
	if _, err := c.RestoreSnapshot(t.Context(), strings.NewReader("hello"), true); model.CodeOf(err) != model.CodeInvalid {
		t.Errorf("no snapshot: %v", err)
	}
	broken := iotest.ErrReader(errors.New("the disk is broken"))
	if _, err := c.RestoreSnapshot(t.Context(), broken, true); err == nil || !strings.Contains(err.Error(), "cannot read the snapshot: the disk is broken") {
		t.Errorf("unreadable: %v", err)
	}
	if _, err := c.SaveSnapshot(t.Context(), failingWriter{}); err == nil || !strings.Contains(err.Error(), "no space") {
		t.Errorf("unwritable: %v", err)
	}
	backend.LoseLeader()
	if _, err := c.SaveSnapshot(t.Context(), io.Discard); model.CodeOf(err) != model.CodeUnavailable {
		t.Errorf("no leader: %v", err)
	}
	if _, err := c.RestoreSnapshot(t.Context(), &saved, true); model.CodeOf(err) != model.CodeUnavailable {
		t.Errorf("no leader: %v", err)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestSnapshotThatIsNotWholeIsAnError(t *testing.T) {
	backend, master := newMaster(t, api.Config{})
	c := newClient(t, client.Config{Endpoints: []string{master.URL}})
	var saved bytes.Buffer
	if _, err := c.SaveSnapshot(t.Context(), &saved); err != nil {
		t.Fatal(err)
	}
	backend.SaveWith(func(w io.Writer) error {
		if _, err := io.CopyN(w, rand.Reader, 3<<20); err != nil {
			return err
		}
		return errors.New("the disk failed")
	})
	if _, err := c.SaveSnapshot(t.Context(), io.Discard); model.CodeOf(err) != model.CodeUnavailable || !strings.Contains(err.Error(), "broke") {
		t.Errorf("broken off: %v", err)
	}
	// Proxies are not to be trusted either.
	for name, body := range map[string]string{
		"cut": saved.String()[:saved.Len()-5], "changed": strings.Replace(saved.String(), "cluster1", "cluster2", 1), "longer": saved.String() + "x",
	} {
		proxy := newFake(t, answer(http.StatusOK, body))
		c := newClient(t, client.Config{Endpoints: []string{proxy.URL}})
		if _, err := c.SaveSnapshot(t.Context(), io.Discard); model.CodeOf(err) != model.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// drip is a body that comes in pieces with pauses between them.
func drip(w io.Writer, pieces int, pause time.Duration) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for range pieces {
		<-tick.C
		if _, err := io.CopyN(w, rand.Reader, 300<<10); err != nil {
			return err
		}
	}
	return nil
}

func TestSlowSnapshotsTakeTheirTime(t *testing.T) {
	backend, master := newMaster(t, api.Config{WriteTimeout: 2 * time.Second, RequestTimeout: time.Millisecond})
	c := newClient(t, client.Config{Endpoints: []string{master.URL}, HTTPTimeout: 2 * time.Second, StreamTimeout: 2 * time.Second})
	backend.SaveWith(func(w io.Writer) error { return drip(w, 30, 100*time.Millisecond) })
	var saved bytes.Buffer
	if _, err := c.SaveSnapshot(t.Context(), &saved); err != nil {
		t.Errorf("saved: %v", err)
	}
	r, w := io.Pipe()
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for saved.Len() > 0 {
			<-tick.C
			if _, err := io.CopyN(w, &saved, min(300<<10, int64(saved.Len()))); err != nil {
				return
			}
		}
		w.Close()
	}()
	if _, err := c.RestoreSnapshot(t.Context(), r, true); err != nil {
		t.Errorf("restored: %v", err)
	}
	r.Close()
}

func TestStalledSnapshotsEnd(t *testing.T) {
	ended := make(chan struct{})
	stalled := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			fmt.Fprint(w, "heliosctl-snapshot 1\n")
			w.(http.Flusher).Flush()
		} else if _, err := io.ReadFull(r.Body, make([]byte, 10)); err != nil {
			t.Error(err)
		}
		<-ended // and takes no more, and says no more
	})
	defer close(ended)
	c := newClient(t, client.Config{Endpoints: []string{stalled.URL}, StreamTimeout: 300 * time.Millisecond})
	if _, err := c.SaveSnapshot(t.Context(), io.Discard); model.CodeOf(err) != model.CodeUnavailable || !strings.Contains(err.Error(), "silent") {
		t.Errorf("saving: %v", err)
	}
	if _, err := c.RestoreSnapshot(t.Context(), rand.Reader, true); model.CodeOf(err) != model.CodeOutcomeUnknown {
		t.Errorf("restoring: %v", err)
	}
	if n := len(stalled.seen()); n != 2 {
		t.Errorf("%d requests, want one for each call: a body can be sent once", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	patient := newClient(t, client.Config{Endpoints: []string{stalled.URL}})
	if _, err := patient.SaveSnapshot(ctx, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}
