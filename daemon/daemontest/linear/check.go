package linear

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// registers is the model: every host's register by itself.
var registers = porcupine.Model{
	Init: func() any { return State{} },
	Step: func(state, input, _ any) (bool, any) {
		ok, next := input.(Operation).step(state.(State))
		return ok, next
	},
	DescribeOperation: func(input, _ any) string { return input.(Operation).String() },
	DescribeState:     func(state any) string { return state.(State).String() },
}

// Verdict is what a history came to.
type Verdict struct {
	Operations, Unknown int
	Illegal             []string // registers for which there is no order that explains the answers
	Undecided           []string // registers for which none was found in time
	Pictures            []string // files that show the illegal ones, to be opened in a browser
}

// OK tells that the history is linearizable.
func (v Verdict) OK() bool { return len(v.Illegal) == 0 && len(v.Undecided) == 0 }

// String is the verdict in words.
func (v Verdict) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d operations, %d of unknown outcome: ", v.Operations, v.Unknown)
	switch {
	case v.OK():
		b.WriteString("linearizable")
	case len(v.Illegal) > 0:
		fmt.Fprintf(&b, "NOT LINEARIZABLE at %s", strings.Join(v.Illegal, ", "))
	default:
		fmt.Fprintf(&b, "undecided at %s", strings.Join(v.Undecided, ", "))
	}
	for _, picture := range v.Pictures {
		b.WriteString("; see " + picture)
	}
	return b.String()
}

// enough is how many registers that are not in order are looked for: finding out takes long.
const enough = 3

// Check judges a history, taking up to patience for each register, twice that where nothing is found. Pictures of what is illegal go into the folder, which is made when
// it is needed.
func Check(history []Operation, patience time.Duration, folder string) (Verdict, error) {
	verdict := Verdict{Operations: len(history)}
	byHost := map[string][]Operation{}
	for _, op := range history {
		if op.Outcome == Unknown {
			verdict.Unknown++
		}
		if op.Outcome != NoEffect && (op.Kind != Read || op.Outcome == Done) {
			byHost[op.Host] = append(byHost[op.Host], op)
		}
	}
	for _, host := range sortedKeys(byHost) {
		if len(verdict.Illegal)+len(verdict.Undecided) == enough {
			break
		}
		result, info := checkRegister(byHost[host], patience)
		switch result {
		case porcupine.Ok:
			continue
		case porcupine.Unknown:
			verdict.Undecided = append(verdict.Undecided, host)
			continue
		}
		verdict.Illegal = append(verdict.Illegal, host)
		picture, err := draw(info, folder, host)
		if err != nil {
			return verdict, err
		}
		verdict.Pictures = append(verdict.Pictures, picture)
	}
	return verdict, nil
}

// checkRegister judges the operations of one register.
//
// Operations without an end make the search long, so those are left out at first that need not have happened: deployments that nobody saw. If
// the rest is in order, all of it is: they can be put at the end, without effect. If not, one of them may be the explanation.
func checkRegister(ops []Operation, patience time.Duration) (porcupine.CheckResult, porcupine.LinearizationInfo) {
	seen := map[string]bool{}
	for _, op := range ops {
		seen[op.Seen.Deployer] = true
	}
	likely := slices.DeleteFunc(slices.Clone(ops), func(op Operation) bool {
		return op.Outcome == Unknown && op.Kind == Deploy && !seen[op.User]
	})
	result, info := porcupine.CheckOperationsVerbose(registers, events(likely), patience)
	if result == porcupine.Ok || len(likely) == len(ops) {
		return result, info
	}
	return porcupine.CheckOperationsVerbose(registers, events(ops), patience)
}

// events are operations as porcupine takes them.
func events(ops []Operation) []porcupine.Operation {
	var last time.Duration
	for _, op := range ops {
		last = max(last, op.Call, op.Return)
	}
	converted := make([]porcupine.Operation, 0, len(ops))
	for _, op := range ops {
		end := op.Return
		if op.Outcome == Unknown {
			end = last + 1
		}
		converted = append(converted, porcupine.Operation{ClientId: op.Client, Input: op, Call: int64(op.Call), Return: int64(end)})
	}
	return converted
}
