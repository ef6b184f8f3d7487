package master

import (
	"errors"
	"testing"

	"github.com/heliosctl/heliosctl/model"
)

// TestMinorityIsIsolated cuts the leader off: it must stop answering, and say that its streams tell of the past.
func TestMinorityIsIsolated(t *testing.T) {
	p := startThree(t, nil)
	p.mustCreate("before")
	old := p.awaitLeader()
	connected := old.Isolated()
	select {
	case <-connected:
		t.Fatal("the leader is isolated")
	default:
	}
	p.isolate(old.name, true)
	p.eventually(func() error {
		if now := p.leader(); now == nil || now == old {
			return errors.New("the others have no leader")
		}
		return nil
	})
	p.eventually(func() error {
		if view, _ := old.leading.get(); view.self {
			return errors.New("the old leader still counts itself")
		}
		return nil
	})
	wantCode(t, old.ReadIndex(t.Context()), model.CodeUnavailable)
	_, err := old.ConfirmedIndex(t.Context())
	wantCode(t, err, model.CodeUnavailable)
	_, _, err = old.Leader(t.Context())
	wantCode(t, err, model.CodeUnavailable)
	_, err = old.CreateJob(t.Context(), by("u"), testJob("lost", "1"))
	wantCode(t, err, model.CodeUnavailable)
	p.mustCreate("after")
	<-connected
	<-old.Isolated()

	p.isolate(old.name, false)
	p.eventually(func() error {
		select {
		case <-old.Isolated():
			return errors.New("it is still isolated")
		default:
			return old.ReadIndex(t.Context())
		}
	})
	p.awaitJobs("after", "before")
}
