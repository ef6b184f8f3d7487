package linear_test

import (
	"os"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/daemontest/linear"
	"github.com/heliosctl/heliosctl/model"
)

const (
	start = model.GoalStart
	stop  = model.GoalStop
)

// at makes an operation of one client that was done between two moments.
func at(client int, call, end time.Duration, op linear.Operation) linear.Operation {
	op.Client, op.Call, op.Return = client, call, end
	if op.Host == "" {
		op.Host = "web-1"
	}
	if op.Outcome == "" {
		op.Outcome = linear.Done
	}
	return op
}

func deploy(user string) linear.Operation {
	return linear.Operation{Kind: linear.Deploy, User: user, Goal: start}
}

func goal(g model.Goal) linear.Operation { return linear.Operation{Kind: linear.SetGoal, Goal: g} }

func undeploy() linear.Operation { return linear.Operation{Kind: linear.Undeploy} }

func read(user string, g model.Goal) linear.Operation {
	return linear.Operation{Kind: linear.Read, Seen: linear.State{Deployer: user, Goal: g}}
}

func ended(op linear.Operation, outcome linear.Outcome) linear.Operation {
	op.Outcome = outcome
	return op
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		history []linear.Operation
		legal   bool
	}{
		"nothing": {nil, true},
		"one after the other": {[]linear.Operation{
			at(1, 1, 2, read("", "")), at(1, 3, 4, deploy("a")), at(2, 5, 6, read("a", start)), at(1, 7, 8, goal(stop)),
			at(2, 9, 10, read("a", stop)), at(2, 11, 12, ended(deploy("b"), linear.Refused)), at(1, 13, 14, undeploy()),
			at(2, 15, 16, ended(undeploy(), linear.Refused)), at(2, 17, 18, ended(goal(stop), linear.Refused)), at(1, 19, 20, read("", "")),
		}, true},
		"a read during a write sees either": {[]linear.Operation{
			at(1, 1, 10, deploy("a")), at(2, 2, 3, read("", "")), at(3, 4, 5, read("a", start)),
		}, true},
		"a read goes back in time": {[]linear.Operation{
			at(1, 1, 10, deploy("a")), at(2, 2, 3, read("a", start)), at(3, 4, 5, read("", "")),
		}, false},
		"a stale read": {[]linear.Operation{
			at(1, 1, 2, deploy("a")), at(1, 3, 4, undeploy()), at(1, 5, 6, deploy("b")), at(2, 7, 8, read("a", start)),
		}, false},
		"an acknowledged write is lost": {[]linear.Operation{
			at(1, 1, 2, deploy("a")), at(2, 3, 4, deploy("b")),
		}, false},
		"a goal is lost": {[]linear.Operation{
			at(1, 1, 2, deploy("a")), at(1, 3, 4, goal(stop)), at(2, 5, 6, read("a", start)),
		}, false},
		"a refused write had an effect": {[]linear.Operation{
			at(1, 1, 2, deploy("a")), at(2, 3, 4, ended(deploy("b"), linear.Refused)), at(2, 5, 6, read("b", start)),
		}, false},
		"a write without an effect had one": {[]linear.Operation{
			at(1, 1, 2, ended(deploy("a"), linear.NoEffect)), at(2, 3, 4, read("a", start)),
		}, false},
		"a refusal without a reason": {[]linear.Operation{
			at(1, 1, 2, ended(deploy("a"), linear.Refused)),
		}, false},
		"an unknown write took effect late": {[]linear.Operation{
			at(1, 1, 2, ended(deploy("a"), linear.Unknown)), at(2, 3, 4, read("", "")), at(2, 5, 6, read("a", start)),
		}, true},
		"an unknown write took no effect": {[]linear.Operation{
			at(1, 1, 2, ended(deploy("a"), linear.Unknown)), at(2, 3, 4, read("", "")), at(2, 5, 6, deploy("b")),
		}, true},
		"an unknown write that nobody saw explains a refusal": {[]linear.Operation{
			at(1, 1, 2, ended(deploy("a"), linear.Unknown)), at(2, 3, 4, ended(deploy("b"), linear.Refused)), at(2, 5, 6, undeploy()),
			at(2, 7, 8, read("", "")),
		}, true},
		"an unknown write took effect twice": {[]linear.Operation{
			at(1, 1, 2, ended(deploy("a"), linear.Unknown)), at(2, 3, 4, read("a", start)), at(2, 5, 6, undeploy()), at(2, 7, 8, read("a", start)),
		}, false},
		"an unknown write took effect before it was asked for": {[]linear.Operation{
			at(2, 1, 2, read("a", start)), at(1, 3, 4, ended(deploy("a"), linear.Unknown)),
		}, false},
		"registers do not matter to each other": {[]linear.Operation{
			at(1, 1, 2, deploy("a")), at(1, 3, 4, linear.Operation{Kind: linear.Read, Host: "web-2"}),
		}, true},
	} {
		folder := t.TempDir()
		verdict, err := linear.Check(tt.history, time.Minute, folder)
		if err != nil {
			t.Fatal(err)
		}
		if verdict.OK() != tt.legal || len(verdict.Undecided) > 0 {
			t.Errorf("%s: %s", name, verdict)
		}
		if !tt.legal {
			if len(verdict.Pictures) != 1 {
				t.Fatalf("%s: %d pictures", name, len(verdict.Pictures))
			}
			if picture, err := os.ReadFile(verdict.Pictures[0]); err != nil || len(picture) == 0 {
				t.Errorf("%s: the picture has %d bytes, %v", name, len(picture), err)
			}
		}
	}
}
