package master

import (
	"context"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// Reads on any master are linearizable: the leader tells an index that has everything acknowledged so far, and the reader waits until
// its own state has that. Readers that come together share the question. One that comes while a question is under way shares the next:
// what the leader confirms must be later than the read began.

// askPause is how long a question waits that got no answer, unless the leader changes first.
const askPause = 50 * time.Millisecond

// question asks for the index that reads must reflect.
type question struct {
	here   bool             // only this master's own word counts
	answer chan<- confirmed // capacity for the answer
}

type confirmed struct {
	index uint64
	err   error
}

// questionsAtOnce is more than ever come together.
const questionsAtOnce = 1 << 30

func newQuestionQueue() *queue[question] {
	return newQueue(questionsAtOnce, func(question) int { return 1 })
}

// ReadIndex returns when reads reflect every write that was acknowledged before the call. It fails with CodeUnavailable when there is
// no leader for two seconds, or this master is that far behind.
func (m *Master) ReadIndex(ctx context.Context) error {
	index, err := m.confirm(ctx, false)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, leaderWait)
	defer cancel()
	if err := m.folders.state.WaitIndex(ctx, index); err != nil {
		return model.Errorf(model.CodeUnavailable, "index %d was not applied in time: %v; try another master", index, err)
	}
	return nil
}

// ConfirmedIndex returns the index that reads anywhere must reflect to be current now. It fails with CodeUnavailable where this master
// does not lead.
func (m *Master) ConfirmedIndex(ctx context.Context) (uint64, error) {
	if err := m.awaitLeading(ctx, func(v leaderView) bool { return v.self && v.ready }); err != nil {
		return 0, err
	}
	return m.confirm(ctx, true)
}

// confirm asks together with whoever else does.
func (m *Master) confirm(ctx context.Context, here bool) (uint64, error) {
	if err := m.membershipError(); err != nil {
		return 0, err
	}
	answer := make(chan confirmed, 1)
	if !m.questions.put(question{here: here, answer: answer}) {
		return 0, errStopping()
	}
	timeout := time.NewTimer(leaderWait)
	defer timeout.Stop()
	select {
	case c := <-answer:
		return c.index, c.err
	case <-timeout.C:
		return 0, errNoLeader()
	case <-ctx.Done():
		return 0, model.Errorf(model.CodeUnavailable, "there was no leader until the request ended: %v", context.Cause(ctx))
	}
}

func (m *Master) runQuestions(ctx context.Context) {
	m.questions.run(ctx, m.answer, func(q question) { q.answer <- confirmed{err: errStopping()} })
}

// answer answers questions that came together.
func (m *Master) answer(ctx context.Context, questions []question) {
	view, _ := m.leading.get()
	var open []question
	for _, q := range questions {
		if q.here && !view.self {
			q.answer <- confirmed{err: view.notLeader()}
			continue
		}
		open = append(open, q)
	}
	if len(open) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, leaderWait)
	defer cancel()
	index, err := m.ask(ctx)
	for _, q := range open {
		q.answer <- confirmed{index: index, err: err}
	}
}

// ask asks the leader, whoever that is, again and again until ctx ends.
func (m *Master) ask(ctx context.Context) (uint64, error) {
	var last error = errNoLeader()
	for {
		view, changed := m.leading.get()
		index, err := m.askOnce(ctx, view, changed)
		if err == nil {
			return index, nil
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-changed:
		case <-time.After(askPause):
		case <-ctx.Done():
			return 0, last
		}
	}
}

// askOnce asks the leader of the view until that changes.
func (m *Master) askOnce(ctx context.Context, view leaderView, changed <-chan struct{}) (uint64, error) {
	if view.self && view.ready {
		return m.confirmedIndex()
	}
	if view.self || view.id == "" {
		return 0, errNoLeader()
	}
	api := m.apiOf(view.id)
	if api == "" || m.remote == nil {
		return 0, model.Errorf(model.CodeUnavailable, "the leader at %s is not in the gossip pool; try another master", view.other)
	}
	ctx, stop := untilClosed(ctx, changed)
	defer stop()
	index, err := m.remote.ConfirmedIndex(ctx, api)
	if err != nil {
		return 0, model.Errorf(model.CodeUnavailable, "the leader at %s does not confirm that it is: %v; try again", api, err)
	}
	return index, nil
}

// untilClosed returns a context that ends also when the channel is closed, and what frees its goroutine.
func untilClosed(ctx context.Context, closed <-chan struct{}) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-closed:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel()
		<-done
	}
}

// confirmedIndex is the leader's own answer. The commit index counts only in a term whose first command this leader has applied:
// before, it may be behind what earlier leaders acknowledged. It is taken before the others confirm the leader, and holds if the term
// is still the same then.
func (m *Master) confirmedIndex() (uint64, error) {
	m.asking.RLock()
	defer m.asking.RUnlock()
	n := m.node.Load()
	if n == nil {
		return 0, errNoLeader()
	}
	term := n.CurrentTerm()
	if m.folders.state.Term() != term {
		return 0, model.Errorf(model.CodeUnavailable, "the leader is changing; try again")
	}
	index := n.CommitIndex()
	if err := n.VerifyLeader().Error(); err != nil {
		return 0, model.Errorf(model.CodeUnavailable, "this master no longer leads: %v; try again", err)
	}
	if n.CurrentTerm() != term {
		return 0, model.Errorf(model.CodeUnavailable, "the leader is changing; try again")
	}
	return index, nil
}
