package api_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/daemon/api/apitest"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store/archive"
)

// twoMasters serves a cluster of two; the first leads.
func twoMasters(t *testing.T) (leader, follower *world) {
	t.Helper()
	backends := apitest.NewCluster(2, 2*time.Second)
	worlds := make([]*world, 2)
	for i, backend := range backends {
		worlds[i] = newWorldOf(t, backend, api.Config{RequestTimeout: time.Nanosecond})
		backend.SetURL(worlds[i].http.URL)
	}
	return worlds[0], worlds[1]
}

func TestSnapshotGoesThroughAnyMaster(t *testing.T) {
	leader, follower := twoMasters(t)
	leader.job("web", "")
	for _, w := range []*world{leader, follower} {
		resp, body := w.send("GET", "/v1/snapshot", "")
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/octet-stream" || resp.Header.Get("Content-Encoding") != "" {
			t.Fatalf("status %d, %v", resp.StatusCode, resp.Header)
		}
		info, err := archive.Copy(io.Discard, strings.NewReader(body))
		if err != nil || info.ClusterID != "cluster1" || info.Index != leader.backend.Index() {
			t.Fatalf("%+v, %v", info, err)
		}
		leader.job("later-"+map[bool]string{true: "1", false: "2"}[w == leader], "")

		resp, refused := w.send("PUT", "/v1/snapshot", body)
		if resp.StatusCode != 409 || !strings.Contains(refused, `"UNSAFE"`) || len(leader.backend.Jobs(model.JobFilter{})) < 2 {
			t.Errorf("not forced: %d %s", resp.StatusCode, refused)
		}
		resp, restored := w.send("PUT", "/v1/snapshot?force=true", body)
		got := decoded[model.SnapshotInfo](t, restored)
		if resp.StatusCode != 200 || got != info || len(leader.backend.Jobs(model.JobFilter{})) != 1 {
			t.Errorf("forced: %d %s, want %+v", resp.StatusCode, restored, info)
		}
	}
	if resp, body := follower.send("HEAD", "/v1/snapshot", ""); resp.StatusCode != 200 || body != "" {
		t.Errorf("HEAD: %d %q", resp.StatusCode, body)
	}
	leader.backend.LoseLeader()
	if resp, body := follower.send("GET", "/v1/snapshot", ""); resp.StatusCode != 502 || !strings.Contains(body, `"UNAVAILABLE"`) {
		t.Errorf("no leader: %d %s", resp.StatusCode, body)
	}
}

func TestSnapshotThatFailsInTheMiddleDoesNotLookWhole(t *testing.T) {
	leader, follower := twoMasters(t)
	leader.backend.SaveWith(func(w io.Writer) error {
		if _, err := io.CopyN(w, rand.Reader, 3<<20); err != nil {
			return err
		}
		return errors.New("the disk failed")
	})
	for _, w := range []*world{leader, follower} {
		resp, err := w.http.Client().Get(w.http.URL + "/v1/snapshot")
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if n < 2<<20 || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes came, and then %v", n, err)
		}
	}
}

func TestRestoreRefusesWhatIsNoSnapshot(t *testing.T) {
	leader, follower := twoMasters(t)
	_, saved := leader.send("GET", "/v1/snapshot", "")
	for name, test := range map[string]struct {
		body    string
		headers []string
		status  int
		want    string
	}{
		"nothing":    {"", nil, 400, "not a snapshot"},
		"text":       {"hello", nil, 400, "not a snapshot"},
		"cut off":    {saved[:len(saved)-1], nil, 400, "damaged"},
		"compressed": {saved, []string{"Content-Encoding", "gzip"}, 415, "content encoding"},
	} {
		for _, w := range []*world{leader, follower} {
			if resp, body := w.send("PUT", "/v1/snapshot", test.body, test.headers...); resp.StatusCode != test.status || !strings.Contains(body, test.want) {
				t.Errorf("%s: %d %s", name, resp.StatusCode, body)
			}
		}
	}
}

// TestRefusedRestoreIsToldAtOnce sends a body without an end: only an answer that does not wait for it can come.
func TestRefusedRestoreIsToldAtOnce(t *testing.T) {
	leader, follower := twoMasters(t)
	leader.job("web", "")
	for _, w := range []*world{leader, follower} {
		req, err := http.NewRequest("PUT", w.http.URL+"/v1/snapshot", io.MultiReader(bytes.NewReader([]byte("begin")), rand.Reader))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Expect", "100-continue")
		transport := &http.Transport{ExpectContinueTimeout: time.Minute}
		resp, err := (&http.Client{Transport: transport}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		transport.CloseIdleConnections()
		if err != nil || resp.StatusCode != 409 || !strings.Contains(string(body), `"UNSAFE"`) {
			t.Errorf("%d %s, %v", resp.StatusCode, body, err)
		}
	}
}
