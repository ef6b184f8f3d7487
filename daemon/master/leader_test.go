package master

import (
	"context"
	"strings"
	"testing"

	"github.com/heliosctl/heliosctl/model"
)

func TestWithoutLeader(t *testing.T) {
	m, err := New(Config{Name: "m1", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantCode(t, m.ReadIndex(ctx), model.CodeUnavailable)
	_, err = m.CreateJob(ctx, by("u"), testJob("web", "1"))
	wantCode(t, err, model.CodeUnavailable)
	if health := m.Health(); health["raft"] == nil || health["storage"] != nil {
		t.Errorf("health %v", health)
	}
	if got := m.Jobs(model.JobFilter{}); len(got) != 0 {
		t.Errorf("jobs %v", got)
	}
}

func TestAnotherMasterLeads(t *testing.T) {
	m, err := New(Config{Name: "m1", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	m.leading.setOther("10.0.0.2:5806", "id2")
	_, err = m.ConfirmedIndex(t.Context())
	for _, err := range []error{err, m.RemoveJob(t.Context(), by("u"), testJob("web", "1").ID, "")} {
		wantCode(t, err, model.CodeUnavailable)
		if !strings.Contains(err.Error(), "10.0.0.2:5806") {
			t.Errorf("the error does not name the leader: %v", err)
		}
	}
	if health := m.Health(); health["raft"] != nil {
		t.Errorf("health %v", health)
	}
}
