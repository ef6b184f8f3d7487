package master

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/heliosctl/heliosctl/model"
)

// Writers that come together share log entries; each must hear what became of its own change.
func TestWritersThatComeTogetherGetTheirOwnAnswers(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	const writers = 64
	own, shared := make([]error, writers), make([]error, writers)
	ids := make([]model.JobID, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() { ids[i], own[i] = m.CreateJob(t.Context(), by("u"), testJob(fmt.Sprint("own-", i), "1")) })
		wg.Go(func() { _, shared[i] = m.CreateJob(t.Context(), by("u"), testJob("shared", "1")) })
	}
	wg.Wait()
	created := 0
	for i := range writers {
		if own[i] != nil || ids[i].Name != fmt.Sprint("own-", i) {
			t.Errorf("writer %d was told of job %s and %v", i, ids[i], own[i])
		}
		switch model.CodeOf(shared[i]) {
		case "":
			created++
		case model.CodeJobAlreadyExists:
		default:
			t.Errorf("writer %d of the shared job: %v", i, shared[i])
		}
	}
	if created != 1 {
		t.Errorf("%d writers were told that they created the shared job", created)
	}
	if jobs := m.Jobs(model.JobFilter{}); len(jobs) != writers+1 {
		t.Errorf("there are %d jobs, want %d", len(jobs), writers+1)
	}
}

func TestStoppedMasterAnswers(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	job := m.mustCreate(testJob("web", "1"))
	m.stop()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := m.PostStatuses(ctx, "h1", model.StatusBatch{AgentID: "a1"})
	wantCode(t, err, model.CodeUnavailable)
	wantCode(t, m.RemoveJob(ctx, by("u"), job.ID, ""), model.CodeUnavailable)
	_, err = m.History(ctx, job.ID)
	wantCode(t, err, model.CodeUnavailable)
	if _, err := m.Job(job.ID); err != nil {
		t.Error(err)
	}
	if err := m.Run(ctx); err == nil {
		t.Error("a stopped master ran again")
	}
}

// TestStopAmidRequests stops masters that are asked all the time: every request must end, and be answered truthfully.
func TestStopAmidRequests(t *testing.T) {
	for round := range 10 {
		dir := t.TempDir()
		m := start(t, dir, nil)
		var mu sync.Mutex
		var created []model.JobID
		under := make(chan struct{}, 1)
		var clients sync.WaitGroup
		for client := range 8 {
			clients.Go(func() {
				for i := 0; ; i++ {
					job := testJob("job", fmt.Sprintf("%d-%d", client, i))
					id, err := m.CreateJob(context.Background(), by("u"), job)
					if err != nil {
						return
					}
					mu.Lock()
					created = append(created, id)
					mu.Unlock()
					select {
					case under <- struct{}{}:
					default:
					}
				}
			})
			clients.Go(func() {
				for m.ReadIndex(context.Background()) == nil {
				}
			})
		}
		<-under
		m.stop()
		clients.Wait()
		for _, id := range created {
			if _, err := m.Job(id); err != nil {
				t.Errorf("round %d: an acknowledged job is lost: %v", round, err)
			}
		}
	}
}
