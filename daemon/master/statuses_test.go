package master

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/heliosctl/heliosctl/model"
)

func TestStatuses(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	ctx := t.Context()
	job := m.mustCreate(testJob("web", "1"))
	const hosts, each = 20, 30
	for i := range hosts {
		m.mustRegister(fmt.Sprint("h", i), "a")
		m.mustDeploy(fmt.Sprint("h", i), job, model.GoalStart)
	}
	index := m.Index()
	var wg sync.WaitGroup
	for i := range hosts {
		wg.Go(func() {
			for seq := uint64(1); seq <= each; seq++ {
				// Each is sent twice, as after a lost answer.
				for range 2 {
					batch := model.StatusBatch{AgentID: "a", Reports: []model.StatusReport{report(seq, job, model.StateRunning)}}
					if ack, err := m.PostStatuses(ctx, fmt.Sprint("h", i), batch); err != nil || ack.AckedSeq != seq {
						t.Errorf("ack %+v, %v", ack, err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	history, err := m.History(ctx, job.ID)
	if err != nil || len(history) != hosts*each {
		t.Errorf("%d rows of history, want %d: %v", len(history), hosts*each, err)
	}
	if entries := m.Index() - index; entries >= 2*hosts*each {
		t.Errorf("%d entries for %d posts: nothing was batched", entries, 2*hosts*each)
	}
	_, err = m.PostStatuses(ctx, "h0", model.StatusBatch{AgentID: "b"})
	wantCode(t, err, model.CodeHostConflict)
	_, err = m.PostStatuses(ctx, "h99", model.StatusBatch{AgentID: "a"})
	wantCode(t, err, model.CodeHostNotFound)
	_, err = m.PostStatuses(ctx, "h0", model.StatusBatch{AgentID: "a", Reports: []model.StatusReport{{Seq: 99, JobID: job.ID}}})
	wantCode(t, err, model.CodeInvalid)
}

func TestBigStatuses(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	ctx := t.Context()
	job := m.mustCreate(testJob("web", "1"))
	m.mustRegister("h1", "a1")
	var reports []model.StatusReport
	for seq := uint64(1); seq <= 10; seq++ {
		r := report(seq, job, model.StateRunning)
		r.Status.Env = map[string]string{"BIG": strings.Repeat("x", 90<<10)}
		reports = append(reports, r)
	}
	huge := report(11, job, model.StateFailed)
	huge.Status.Env = map[string]string{"BIG": strings.Repeat("x", 300<<10)}
	ack, err := m.PostStatuses(ctx, "h1", model.StatusBatch{AgentID: "a1", Reports: append(reports, huge)})
	if err != nil || ack.AckedSeq != 11 {
		t.Fatalf("ack %+v, %v", ack, err)
	}
	history, err := m.History(ctx, job.ID)
	if err != nil || len(history) != 11 {
		t.Fatalf("%d rows, %v", len(history), err)
	}
	if got := history[10].Status; got.State != model.StateFailed || len(got.Env) != 0 {
		t.Errorf("the last status is %s with %d variables", got.State, len(got.Env))
	}
	impossible := report(12, job, model.StateFailed)
	impossible.Status.ContainerError = strings.Repeat("x", 300<<10)
	_, err = m.PostStatuses(ctx, "h1", model.StatusBatch{AgentID: "a1", Reports: []model.StatusReport{impossible}})
	wantCode(t, err, model.CodeTooLarge)
}
