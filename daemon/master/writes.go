package master

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

func (m *Master) now() model.Timestamp { return model.TimestampOf(time.Now()) }

// write proposes a change in the name of req and returns what applying it came to. A change that is refused is an error.
func (m *Master) write(ctx context.Context, req model.Request, body store.Body) (store.Result, error) {
	command, err := store.Encode(m.now(), req, body)
	if err != nil {
		return store.Result{}, encodeError(err)
	}
	return m.writeCommand(ctx, command)
}

// encodeError keeps a code in err's chain: an incomplete job id cannot be encoded.
func encodeError(err error) error {
	var coded *model.Error
	if errors.As(err, &coded) {
		return coded
	}
	return model.Errorf(model.CodeInternal, "cannot encode the change: %v", err)
}

func (m *Master) writeCommand(ctx context.Context, command []byte) (store.Result, error) {
	if len(command) > store.MaxCommandSize {
		return store.Result{}, model.Errorf(model.CodeTooLarge,
			"the change takes %d bytes, more than the %d that are allowed; make it smaller", len(command), store.MaxCommandSize)
	}
	if err := m.disk.check(); err != nil {
		if m.yields() {
			return store.Result{}, model.Errorf(model.CodeUnavailable, "%v; another master takes over: try again", err)
		}
		return store.Result{}, err
	}
	return m.propose(ctx, command)
}

// proposal is a command on its way into the log, and where its answer goes.
type proposal struct {
	command []byte
	answer  chan<- outcome // capacity for the answer
}

type outcome struct {
	result store.Result
	err    error
}

func newProposalQueue() *queue[proposal] {
	return newQueue(store.MaxCommandSize, func(p proposal) int { return store.GroupSize(p.command) })
}

// propose has raft commit and apply a command, together with whatever else is waiting. It does not end early when ctx does: a leader
// without a majority steps down within the lease, so the outcome is soon known.
func (m *Master) propose(ctx context.Context, command []byte) (store.Result, error) {
	if err := m.awaitLeading(ctx, func(v leaderView) bool { return v.self }); err != nil {
		return store.Result{}, err
	}
	answer := make(chan outcome, 1)
	if !m.proposals.put(proposal{command: command, answer: answer}) {
		return store.Result{}, errStopping()
	}
	o := <-answer
	if o.err == nil && o.result.Err != nil {
		o.err = o.result.Err
	}
	return o.result, o.err
}

func (m *Master) runProposals(ctx context.Context) {
	m.proposals.run(ctx, m.commit, func(p proposal) { p.answer <- outcome{err: errStopping()} })
}

// commit puts the proposals into one log entry and answers each when it is applied.
func (m *Master) commit(_ context.Context, proposals []proposal) {
	results, err := m.commitTogether(proposals)
	for i, p := range proposals {
		if err != nil {
			p.answer <- outcome{err: err}
			continue
		}
		p.answer <- outcome{result: results[i]}
	}
}

func (m *Master) commitTogether(proposals []proposal) ([]store.Result, error) {
	entry := proposals[0].command
	if len(proposals) > 1 {
		commands := make([][]byte, len(proposals))
		for i, p := range proposals {
			commands[i] = p.command
		}
		var err error
		if entry, err = store.EncodeGroup(commands); err != nil {
			return nil, encodeError(err)
		}
	}
	n := m.node.Load()
	if n == nil {
		return nil, errNoLeader()
	}
	future := n.Apply(entry, leaderWait)
	if err := future.Error(); err != nil {
		return nil, proposeError(err)
	}
	result, ok := future.Response().(store.Result)
	switch {
	case !ok:
		return nil, model.Errorf(model.CodeInternal, "the state answered with a %T", future.Response())
	case len(proposals) == 1:
		return []store.Result{result}, nil
	case result.Err != nil:
		return nil, result.Err
	case len(result.Group) != len(proposals):
		return nil, model.Errorf(model.CodeInternal, "the state answered %d of %d commands", len(result.Group), len(proposals))
	}
	return result.Group, nil
}

// proposeError tells changes that certainly did not happen from those that may have.
func proposeError(err error) error {
	for _, notApplied := range []error{raft.ErrNotLeader, raft.ErrEnqueueTimeout, raft.ErrLeadershipTransferInProgress} {
		if errors.Is(err, notApplied) {
			return model.Errorf(model.CodeUnavailable, "the change was not made: %v; try again", err)
		}
	}
	return model.Errorf(model.CodeOutcomeUnknown, "the change may or may not have been made: %v; try again with the same request id", err)
}
