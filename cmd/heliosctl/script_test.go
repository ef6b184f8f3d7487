package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/heliosctl/heliosctl/model"
)

// TestMain makes this test binary act as heliosctl when a script runs it under that name.
func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){"heliosctl": main, buggyProgram: buggyMain})
}

// leakChecked fails tests that leave goroutines behind.
type leakChecked struct{ *testing.M }

// Run runs the tests and returns the exit code.
func (m leakChecked) Run() int {
	code := m.M.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

// TestScripts runs the scripts of testdata/script, each against a master of its own. With UPDATE_SCRIPTS in the environment, the
// expected outputs in them are rewritten. Beside the usual commands they have:
//
//	exits CODE heliosctl ARGS...                        run a command and check its exit code
//	host NAME UP|DOWN [runtime=KIND] [LABEL=VALUE...]   add a host
//	job ID IMAGE [TOKEN]                                create a job, giving NAME and VERSION
//	jobs N NAME HOST                                    create N jobs NAME-0:1 and so on, every tenth of them deployed to a host
//	report HOST JOB STATE [key=value...]                report a task; keys are goal, throttled, container, error, port, exit, signal, oom,
//	                                                    restarts, since (ms) and unhealthy
//	gone HOST JOB                                       report that a task is gone
//	seen                                                wait until a command that waits or watches has read the last report or deployment
//	[!] deployed HOST JOB                               wait until a job is (not) deployed to a host
//	streaming N                                         wait until N event streams have been opened
//	rolling GROUP N [STATE]                             wait until a group has N rollouts, the last one in a state
//	phase GROUP HOST PHASE [key=value...]               bring a host of the last rollout to a phase; keys are code, reason and attempt
//	rollout GROUP STATE [RESULT]                        bring the last rollout to a state
//	reads N                                             wait until a command has read N hosts or rollouts more
//	leaderless N                                        let the next N reads of rollouts fail
//	encrypted [MEMBER REASON...]                        make the gossip pool an encrypted one, of which members fail to change keys
//	savable                                             make snapshots hold a state, of a cluster without jobs
//	cut                                                 cut all connections
//	peer ID NAME [voter] [alive] [index=N]              add a master beside master1
//	[!] alone                                           there is no leader any more, or again
//	another VARIABLE [CLUSTER]                          start another master, of a cluster of its own or of that one, and set the variable to
//	                                                    its URL
//	at VARIABLE                                         let the lines that follow be about that master
//	envsubst FROM TO                                    copy a file, with the values of variables in it
//	written [REQUEST...]                                check what was to be changed since the last such line; any forgets it
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			master := startFakeMaster(env.Defer)
			env.Values["master"] = &masters{now: master, others: map[string]*fakeMaster{"HELIOS_MASTER": master}}
			env.Setenv("HELIOS_MASTER", master.server.URL)
			env.Setenv("TZ", "UTC")
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else every command under the race detector takes a second to end
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": scriptExits, "host": scriptHost, "job": scriptJob, "jobs": scriptJobs, "report": scriptReport, "gone": scriptGone, "seen": scriptSeen, "streaming": scriptStreaming,
			"deployed": scriptDeployed,
			"rolling":  scriptRolling, "phase": scriptPhase, "rollout": scriptRollout, "leaderless": scriptLeaderless,
			"reads": scriptReads,
			"cut":   scriptCut, "written": scriptWritten, "savable": scriptSavable, "encrypted": scriptEncrypted,
			"peer": scriptPeer, "alone": scriptAlone,
			"another": scriptAnother, "at": scriptAt, "envsubst": scriptEnvsubst,
		},
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

func masterOf(ts *testscript.TestScript) *fakeMaster {
	return ts.Value("master").(*masters).now
}

func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGS...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
	ts.Check(checkDocumented(args[1:], got))
}

// checkDocumented fails when a command ended with an exit code that its help does not list.
func checkDocumented(args []string, code int) error {
	if args[0] != "heliosctl" {
		return nil // a shell that runs it
	}
	root := newRootCommand(processEnvironment())
	spelt, err := spellOut(root, args[1:])
	if err != nil {
		return nil // it cannot be read
	}
	cmd, _, err := root.Find(spelt)
	if err != nil {
		return nil // there is no such command
	}
	if c, ok := contractOf(cmd); ok && !slices.Contains(c.exits, code) {
		return fmt.Errorf("%s ends with %d, which its help does not list", cmd.CommandPath(), code)
	}
	return nil
}

func scriptHost(ts *testscript.TestScript, _ bool, args []string) {
	labels, runtime := map[string]string{}, "docker"
	for _, arg := range args[2:] {
		key, value, _ := strings.Cut(arg, "=")
		if key == "runtime" {
			runtime = value
		} else {
			labels[key] = value
		}
	}
	ts.Check(masterOf(ts).addHost(args[0], model.Liveness(args[1]), runtime, labels))
}

func scriptJob(ts *testscript.TestScript, _ bool, args []string) {
	id, err := model.ParseJobID(args[0])
	ts.Check(err)
	job := model.Job{ID: id, Image: args[1]}
	if len(args) > 2 {
		job.Token = args[2]
	}
	_, err = masterOf(ts).CreateJob(context.Background(), model.Request{User: "tester"}, job)
	ts.Check(err)
}

func scriptJobs(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	jobs := make([]model.Job, n)
	for i := range jobs {
		jobs[i] = model.Job{ID: model.JobID{Name: fmt.Sprintf("%s-%d", args[1], i), Version: "1"}, Image: "busybox:1"}.WithID()
	}
	master := masterOf(ts)
	master.AddJobs(jobs)
	for i := 0; i < n; i += 10 {
		deployment := model.Deployment{JobID: jobs[i].ID, Goal: model.GoalStart}
		ts.Check(master.Deploy(context.Background(), model.Request{User: "tester"}, args[2], deployment, ""))
	}
}

func scriptReport(ts *testscript.TestScript, _ bool, args []string) {
	master := masterOf(ts)
	job, err := master.job(args[1])
	ts.Check(err)
	status := model.TaskStatus{Job: job, State: model.State(args[2]), Goal: model.GoalStart, Throttled: model.ThrottleNo}
	for _, arg := range args[3:] {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "goal":
			status.Goal = model.Goal(value)
		case "throttled":
			status.Throttled = model.Throttle(value)
		case "container":
			status.ContainerID = value
		case "error":
			status.ContainerError = value
		case "exit":
			code, err := strconv.Atoi(value)
			ts.Check(err)
			status.ExitCode = &code
		case "signal":
			status.Signal = value
		case "oom":
			status.OOMKilled = value == "true"
		case "restarts":
			var err error
			status.Restarts, err = strconv.Atoi(value)
			ts.Check(err)
		case "since":
			ms, err := strconv.ParseInt(value, 10, 64)
			ts.Check(err)
			status.Since = model.Timestamp(ms)
		case "unhealthy":
			status.Unhealthy, status.HealthError = true, value
		case "port":
			name, mapping, err := model.ParsePortMapping(value)
			ts.Check(err)
			put(&status.Ports, name, mapping)
		default:
			ts.Fatalf("unknown key %q", key)
		}
	}
	ts.Check(master.report(args[0], status, false))
}

func scriptGone(ts *testscript.TestScript, _ bool, args []string) {
	master := masterOf(ts)
	job, err := master.job(args[1])
	ts.Check(err)
	ts.Check(master.report(args[0], model.TaskStatus{Job: job}, true))
}

func scriptSeen(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(masterOf(ts).awaitSeen())
}

func scriptDeployed(ts *testscript.TestScript, neg bool, args []string) {
	master := masterOf(ts)
	job, err := master.job(args[1])
	ts.Check(err)
	ts.Check(master.awaitDeployed(args[0], job.ID, !neg))
}

func scriptStreaming(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	ts.Check(masterOf(ts).awaitStreams(want))
}

func scriptCut(ts *testscript.TestScript, _ bool, _ []string) {
	masterOf(ts).server.CloseClientConnections()
}

func scriptWritten(ts *testscript.TestScript, _ bool, args []string) {
	got := strings.Join(masterOf(ts).takeWritten(), "\n")
	if slices.Equal(args, []string{"any"}) {
		return
	}
	if want := strings.Join(args, "\n"); got != want {
		ts.Fatalf("changes asked for:\n%s\nwant:\n%s", got, want)
	}
}

func scriptRolling(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	state := model.RolloutState("")
	if len(args) > 2 {
		state = model.RolloutState(args[2])
	}
	ts.Check(masterOf(ts).groups.awaitRollout(args[0], n, state))
}

func scriptPhase(ts *testscript.TestScript, _ bool, args []string) {
	to := model.RolloutHost{Phase: model.RolloutPhase(args[2])}
	for _, arg := range args[3:] {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "code":
			to.Code = model.Code(value)
		case "reason":
			to.Reason = value
		case "attempt":
			n, err := strconv.Atoi(value)
			ts.Check(err)
			to.Attempt = n
		default:
			ts.Fatalf("unknown key %q", key)
		}
	}
	ts.Check(masterOf(ts).groups.enter(args[0], args[1], to))
}

func scriptRollout(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(masterOf(ts).groups.come(args[0], model.RolloutState(args[1]), strings.Join(args[2:], " ")))
}

func scriptLeaderless(ts *testscript.TestScript, _ bool, args []string) {
	groups := masterOf(ts).groups
	groups.mu.Lock()
	defer groups.mu.Unlock()
	var err error
	groups.faults, err = strconv.Atoi(args[0])
	ts.Check(err)
}

func scriptReads(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	ts.Check(masterOf(ts).awaitReads(n))
}
