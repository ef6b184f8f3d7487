package master

import (
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
