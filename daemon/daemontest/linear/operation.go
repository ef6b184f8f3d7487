package linear

import (
	"fmt"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// Kind is what an operation does.
type Kind string

// The kinds of operations.
const (
	Read     Kind = "read"
	Deploy   Kind = "deploy"
	SetGoal  Kind = "goal"
	Undeploy Kind = "undeploy"
)

// State is what a register holds. The zero value is no deployment.
type State struct {
	Deployer string
	Goal     model.Goal
}

func (s State) String() string {
	if s == (State{}) {
		return "absent"
	}
	return fmt.Sprintf("%s by %s", s.Goal, s.Deployer)
}

// Outcome is how an operation ended.
type Outcome string

// The outcomes.
const (
	Done     Outcome = "done"    // it took effect, or the read was answered
	Refused  Outcome = "refused" // its condition did not hold
	Unknown  Outcome = "unknown" // it may have taken effect, may still do so, or never will
	NoEffect Outcome = "none"    // it certainly had and will have none
)

// Operation is one call of a client, and how it ended.
type Operation struct {
	Client int
	Host   string // the register
	Kind   Kind
	User   string     // the deployer, of Deploy
	Goal   model.Goal // of Deploy and SetGoal
	Stale  bool       // a Read that is content with what the master knows

	Outcome Outcome
	Seen    State // by a Read that was Done

	Call, Return time.Duration // since the history began; Return does not count where the outcome is Unknown
}

func (o Operation) String() string {
	text := string(o.Kind)
	switch {
	case o.Kind == Deploy:
		text += fmt.Sprintf(" %s by %s", o.Goal, o.User)
	case o.Kind == SetGoal:
		text += " " + string(o.Goal)
	case o.Kind == Read && o.Outcome == Done:
		return text + " → " + o.Seen.String()
	}
	return text + " → " + string(o.Outcome)
}

// step tells whether a register in state s can give this answer, and what it holds afterwards.
//
// A write of unknown outcome can be put anywhere after its call: where its condition holds it takes effect there, elsewhere it does not.
// One that never takes effect is put at the very end, after which nobody looks.
func (o Operation) step(s State) (bool, State) {
	absent := s == State{}
	if o.Kind == Read {
		return o.Seen == s, s
	}
	fits := absent == (o.Kind == Deploy)
	switch {
	case o.Outcome == Refused:
		return !fits, s
	case o.Outcome == Unknown && !fits:
		return true, s
	case !fits:
		return false, s
	}
	switch o.Kind {
	case Deploy:
		return true, State{Deployer: o.User, Goal: o.Goal}
	case SetGoal:
		return true, State{Deployer: s.Deployer, Goal: o.Goal}
	default:
		return true, State{}
	}
}
