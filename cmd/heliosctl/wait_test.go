package main

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

func TestJudge(t *testing.T) {
	on := func(state model.State, goal model.Goal, throttle model.Throttle) model.TaskStatus {
		return model.TaskStatus{Job: model.Job{Image: "web:1"}, State: state, Goal: goal, Throttled: throttle}
	}
	going := func(state model.State) progress { return progress{state: state} }
	done := func(state model.State) progress { return progress{state: state, ended: true} }
	failed := func(state model.State, message string) progress {
		return progress{state: state, ended: true, err: model.Errorf(model.CodeTaskFailed, "%s", message)}
	}
	withError := on(model.StateFailed, model.GoalStart, model.ThrottleNo)
	withError.ContainerError = "port is taken"
	ended := func(code int, signal, containerError string, oom bool) model.TaskStatus {
		task := on(model.StateExited, model.GoalStart, model.ThrottleNo)
		task.ExitCode, task.Signal, task.OOMKilled, task.ContainerError = &code, signal, oom, containerError
		return task
	}
	tests := []struct {
		name string
		goal model.Goal
		task model.TaskStatus
		want progress
	}{
		{"exited well", model.GoalStart, ended(0, "", "", false), failed(model.StateExited, "EXITED: the container exited: exit code 0")},
		{"out of memory", model.GoalStart, ended(137, "SIGKILL", "", true),
			failed(model.StateExited, "EXITED: the container exited: exit code 137, SIGKILL, out of memory")},
		{"exited with an explanation", model.GoalStart, ended(137, "SIGKILL", "exit code 137 (out of memory)", true),
			failed(model.StateExited, "EXITED: the container exited: exit code 137 (out of memory)")},
		{"pulling", model.GoalStart, on(model.StatePullingImage, model.GoalStart, model.ThrottleNo), going(model.StatePullingImage)},
		{"health checking", model.GoalStart, on(model.StateHealthchecking, model.GoalStart, model.ThrottleNo), going(model.StateHealthchecking)},
		{"running", model.GoalStart, on(model.StateRunning, model.GoalStart, model.ThrottleNo), done(model.StateRunning)},
		{"running after failed pulls", model.GoalStart, on(model.StateRunning, model.GoalStart, model.ThrottleImagePullFailed), done(model.StateRunning)},
		{"running but flapping", model.GoalStart, on(model.StateRunning, model.GoalStart, model.ThrottleFlapping),
			failed(model.StateRunning, "RUNNING: the container keeps exiting")},
		{"image missing", model.GoalStart, on(model.StateFailed, model.GoalStart, model.ThrottleImageMissing),
			failed(model.StateFailed, "FAILED: image web:1 is missing")},
		{"image not pulled", model.GoalStart, on(model.StateFailed, model.GoalStart, model.ThrottleImagePullFailed),
			failed(model.StateFailed, "FAILED: image web:1 could not be pulled")},
		{"failed", model.GoalStart, withError, failed(model.StateFailed, "FAILED: the container could not be run: port is taken")},
		{"exited", model.GoalStart, on(model.StateExited, model.GoalStart, model.ThrottleNo), failed(model.StateExited, "EXITED: the container exited")},
		{"stopped before it was started again", model.GoalStart, on(model.StateStopped, model.GoalStop, model.ThrottleNo), going(model.StateStopped)},
		{"failed before it was started again", model.GoalStart, on(model.StateFailed, model.GoalStop, model.ThrottleNo), going(model.StateFailed)},
		{"exited before it was started again", model.GoalStart, on(model.StateExited, model.GoalStop, model.ThrottleFlapping), going(model.StateExited)},
		{"unknown", model.GoalStart, on(model.StateUnknown, model.GoalStart, model.ThrottleNo), going(model.StateUnknown)},
		{"running, to be stopped", model.GoalStop, on(model.StateRunning, model.GoalStart, model.ThrottleNo), going(model.StateRunning)},
		{"stopping", model.GoalStop, on(model.StateStopping, model.GoalStop, model.ThrottleNo), going(model.StateStopping)},
		{"stopped", model.GoalStop, on(model.StateStopped, model.GoalStop, model.ThrottleNo), done(model.StateStopped)},
		{"exited before it was stopped", model.GoalStop, on(model.StateExited, model.GoalStart, model.ThrottleNo), going(model.StateExited)},
		{"exited when it was stopped", model.GoalStop, on(model.StateExited, model.GoalStop, model.ThrottleNo), done(model.StateExited)},
		{"failed when it was stopped", model.GoalStop, on(model.StateFailed, model.GoalStop, model.ThrottleNo), done(model.StateFailed)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := judge(test.goal, true, test.task)
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(progress{})); diff != "" {
				t.Errorf("progress differs (-want +got):\n%s", diff)
			}
		})
	}
	if got := judge(model.GoalStart, false, on(model.StateRunning, model.GoalStart, model.ThrottleNo)); !got.ended || model.CodeOf(got.err) != model.CodeJobNotDeployed {
		t.Errorf("a task that is no longer deployed gives %+v, want the end and JOB_NOT_DEPLOYED", got)
	}
}

func TestLeftover(t *testing.T) {
	id := model.JobID{Name: "web", Version: "1"}
	status := func(state model.State, container, message string) model.TaskStatus {
		return model.TaskStatus{State: state, ContainerID: container, ContainerError: message}
	}
	tests := []struct {
		name   string
		before map[model.JobID]model.TaskStatus
		now    model.TaskStatus
		want   bool
	}{
		{"nothing was left", nil, status(model.StateRunning, "a", ""), false},
		{"another job's", map[model.JobID]model.TaskStatus{{Name: "db"}: status(model.StateRunning, "a", "")}, status(model.StateRunning, "a", ""), false},
		{"the old container", map[model.JobID]model.TaskStatus{id: status(model.StateRunning, "a", "")}, status(model.StateStopped, "a", ""), true},
		{"a new container", map[model.JobID]model.TaskStatus{id: status(model.StateRunning, "a", "")}, status(model.StateRunning, "b", ""), false},
		{"before the new container", map[model.JobID]model.TaskStatus{id: status(model.StateRunning, "a", "")}, status(model.StatePullingImage, "", ""), false},
		{"the old failure", map[model.JobID]model.TaskStatus{id: status(model.StateFailed, "", "x")}, status(model.StateFailed, "", "x"), true},
		{"another failure", map[model.JobID]model.TaskStatus{id: status(model.StateFailed, "", "x")}, status(model.StateFailed, "", "y"), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := isLeftover(test.now, test.before, id); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}

func TestAWaitTellsOfAnOutage(t *testing.T) {
	m := startFakeMaster(t.Cleanup)
	var log bytes.Buffer
	looks := 0
	w := &waiter{
		api: clientOf(t, m.server.URL), timeout: time.Minute, log: &log,
		observe: func(context.Context, []string) (map[string]progress, error) {
			if looks++; looks == 1 {
				return nil, model.Errorf(model.CodeUnavailable, "no master answers")
			}
			return map[string]progress{"web-1": {state: model.StateRunning, ended: true}}, nil
		},
	}
	ended, err := w.run(t.Context(), []string{"web-1"})
	if err != nil || len(ended) != 1 {
		t.Errorf("ended %v, error %v", ended, err)
	}
	if want := "trying again until a master answers: no master answers\na master answers again\nweb-1: RUNNING\n"; log.String() != want {
		t.Errorf("log %q, want %q", log.String(), want)
	}
}
