package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/heliosctl/heliosctl/model"
)

// commandVersion is the version of the command envelope. A higher one was written by a newer master.
const commandVersion = 1

// MaxCommandSize is the most bytes a command may have, encoded. What a command stores must stay below the value threshold.
const MaxCommandSize = 200 << 10

// CommandType names a command in the log.
type CommandType string

// Body is what a command does. Every implementation is a struct of this package.
type Body interface{ commandType() CommandType }

// repeatable is a body whose request id is remembered, so that a repetition takes effect once. Its subject says what it changes.
type repeatable interface {
	Body
	subject() string
}

// header is the first line of an encoded command; its body is the second.
type header struct {
	Version   int             `json:"v"`
	Type      CommandType     `json:"type"`
	Time      model.Timestamp `json:"time"`
	User      string          `json:"user,omitempty"`
	RequestID string          `json:"request,omitempty"`

	reason model.EventReason // of the events, set by handlers of what masters do by themselves
}

// Encode returns the log entry that does body at the given time for req. A command without a request id is not remembered.
func Encode(at model.Timestamp, req model.Request, body Body) ([]byte, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return encodeCommand(header{Type: body.commandType(), Time: at, User: req.User, RequestID: req.ID}, encoded)
}

// commandGroup is the type of an entry that holds several commands.
const commandGroup CommandType = "group"

// groupOverhead is an upper bound of what a group adds to each of its commands, and to all of them.
const groupOverhead = 64

// GroupSize is an upper bound of what a command takes in a group. A group may take MaxCommandSize.
func GroupSize(command []byte) int { return len(command) + groupOverhead }

// EncodeGroup returns the log entry that does several encoded commands in order, each as if it were alone: writers that come together
// share the way to disk. Its Result has one in Group for each. Groups do not nest.
func EncodeGroup(commands [][]byte) ([]byte, error) {
	var body []byte
	for _, command := range commands {
		body = appendBytes(body, command)
	}
	return encodeCommand(header{Type: commandGroup}, body)
}

func encodeCommand(h header, body []byte) ([]byte, error) {
	h.Version = commandVersion
	line, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	command := make([]byte, 0, len(line)+1+len(body))
	command = append(append(command, line...), '\n')
	return append(command, body...), nil
}

// decodeHeader splits a command. A command that a newer master wrote is ErrUnknownCommand.
func decodeHeader(command []byte) (header, []byte, error) {
	line, body, found := bytes.Cut(command, []byte{'\n'})
	var h header
	if !found {
		return h, nil, model.Errorf(model.CodeInvalid, "a log entry of %d bytes is not a command", len(command))
	}
	if err := json.Unmarshal(line, &h); err != nil {
		return h, nil, model.Errorf(model.CodeInvalid, "a log entry is not a command: %v", err)
	}
	if h.Version > commandVersion {
		return h, nil, unknownCommand(fmt.Sprintf("%s of version %d", h.Type, h.Version))
	}
	return h, body, nil
}

func decodeBody(h header, body []byte, target any) error {
	if err := json.Unmarshal(body, target); err != nil {
		return model.Errorf(model.CodeInvalid, "cannot read the %s command: %v", h.Type, err)
	}
	return nil
}

func unknownCommand(what string) *model.Error {
	return model.Errorf(model.CodeUnknownCommand, "the command %s is not known to this version of heliosctl; upgrade this master", what)
}

// Result is what applying a command came to.
type Result struct {
	// Index is that of the log entry that had the effect: for a repeated request, of the first one.
	Index uint64
	Err   *model.Error

	Registered model.Registered // of RegisterAgent
	Acks       []Ack            // of a statuses command, one for each of its batches
	Removed    []model.JobID    // of ExpireJobs and ReapJobs
	Histories  int              // of ReapHistory: how many jobs' history was removed
	Status     model.Code       // of CreateGroup and SetSelectors
	Rollout    uint64           // of StartRollout, RollBack and ConvergeGroup: the id of what was started
	Stale      []string         // of StepRollout: hosts whose move came too late
	Group      []Result         // of a group, one for each of its commands
}

// Ack answers one host's batch of statuses.
type Ack struct {
	Seq uint64
	Err *model.Error
}

// handler applies one type of command.
type handler func(b *batch, h header, body []byte) Result

// handlers returns the function for each type of command.
func handlers() map[CommandType]handler {
	return map[CommandType]handler{
		commandTerm:           handle((*batch).term),
		commandClusterID:      handle((*batch).clusterID),
		commandRemovePeer:     handle((*batch).removePeer),
		commandRestored:       handle((*batch).restored),
		commandCreateJob:      handle((*batch).createJob),
		commandRemoveJob:      handle((*batch).removeJob),
		commandRegisterHost:   handle((*batch).registerHost),
		commandRegisterAgent:  handle((*batch).registerAgent),
		commandDeregisterHost: handle((*batch).deregisterHost),
		commandHostLiveness:   handle((*batch).hostLiveness),
		commandDeploy:         handle((*batch).deploy),
		commandSetGoal:        handle((*batch).setGoal),
		commandUndeploy:       handle((*batch).undeploy),
		commandRecordStatuses: handle((*batch).recordStatuses),
		commandExpireJobs:     handle((*batch).expireJobs),
		commandReapHost:       handle((*batch).reapHost),
		commandReapJobs:       handle((*batch).reapJobs),
		commandReapHistory:    handle((*batch).reapHistory),
		commandDrainHost:      handle((*batch).drainHost),
		commandUndrainHost:    handle((*batch).undrainHost),
		commandCreateGroup:    handle((*batch).createGroup),
		commandRemoveGroup:    handle((*batch).removeGroup),
		commandSetSelectors:   handle((*batch).setSelectors),
		commandStartRollout:   handle((*batch).startRollout),
		commandRollBack:       handle((*batch).rollBack),
		commandPauseRollout:   handle((*batch).pauseRollout),
		commandResumeRollout:  handle((*batch).resumeRollout),
		commandStopRollout:    handle((*batch).stopRollout),
		commandConvergeGroup:  handle((*batch).convergeGroup),
		commandStepRollout:    handle((*batch).stepRollout),
		commandHoldRollout:    handle((*batch).holdRollout),
		commandFinishRollout:  handle((*batch).finishRollout),
	}
}

// handle adds decoding and the memory of request ids to the function of one command.
func handle[B Body](apply func(*batch, header, B) Result) handler {
	return func(b *batch, h header, encoded []byte) Result {
		var body B
		if err := decodeBody(h, encoded, &body); err != nil {
			return Result{Err: asError(err)}
		}
		named, ok := Body(body).(repeatable)
		if !ok || h.RequestID == "" {
			return apply(b, h, body)
		}
		subject := string(h.Type) + " " + named.subject()
		if result, known := b.state.requests.lookup(h.RequestID, subject); known {
			return result
		}
		result := apply(b, h, body)
		result.Index = b.index
		b.rememberRequest(h.RequestID, subject, result)
		return result
	}
}

func asError(err error) *model.Error {
	var coded *model.Error
	if errors.As(err, &coded) {
		return coded
	}
	return model.Errorf(model.CodeInternal, "%v", err)
}
