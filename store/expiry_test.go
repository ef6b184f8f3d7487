package store

import (
	"bytes"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

// expiring is a job that expires at a time; a machine's n-th command has the time one million and n, counted from 0.
func expiring(name string, at model.Timestamp) model.Job {
	job := testJob(name, "1")
	job.Expires, job.Token, job.ID.Hash = &at, "secret", ""
	return job.WithID()
}

// names lists the names of jobs.
func names(ids []model.JobID) []string {
	var names []string
	for _, id := range ids {
		names = append(names, id.Name)
	}
	return names
}

func jobNames(s *State) []string {
	var ids []model.JobID
	for _, job := range s.Jobs(model.JobFilter{}) {
		ids = append(ids, job.ID)
	}
	return names(ids)
}

func TestExpireJobs(t *testing.T) {
	const never = 1 << 40
	for name, test := range map[string]struct {
		expires []model.Timestamp // of jobs a, b, c…, from the time of the command
		limit   int
		want    []string
		left    []string
	}{
		"none":                   {nil, 9, nil, nil},
		"never":                  {[]model.Timestamp{never}, 9, nil, []string{"a"}},
		"one later":              {[]model.Timestamp{1}, 9, nil, []string{"a"}},
		"one just now":           {[]model.Timestamp{0}, 9, []string{"a"}, nil},
		"earliest first":         {[]model.Timestamp{-10, -30, 5, -20, never}, 9, []string{"b", "d", "a"}, []string{"c", "e"}},
		"no more than the limit": {[]model.Timestamp{-10, -30, -20}, 2, []string{"b", "c"}, []string{"a"}},
		"together":               {[]model.Timestamp{-7, -7}, 9, []string{"a", "b"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, StateOptions{})
			at := model.Timestamp(1_000_000 + len(test.expires))
			for i, offset := range test.expires {
				name := string(rune('a' + i))
				job := testJob(name, "1")
				if offset != never {
					job = expiring(name, at+offset)
				}
				m.ok(CreateJob{Job: job})
			}
			result := m.ok(ExpireJobs{Limit: test.limit})
			if diff := cmp.Diff(test.want, names(result.Removed)); diff != "" {
				t.Errorf("removed (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.left, jobNames(m.state)); diff != "" {
				t.Errorf("left (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExpiryUndeploysEverywhere(t *testing.T) {
	m := newMachine(t, StateOptions{})
	job, other := expiring("brief", 1_000_000), testJob("other", "1")
	job.Ports = testJob("", "", 80).Ports
	job.ID.Hash = ""
	job = job.WithID()
	m.ok(CreateJob{Job: job})
	m.ok(CreateJob{Job: other})
	changed := map[string]<-chan struct{}{}
	for _, host := range []string{"h1", "h2", "h3"} {
		m.ok(RegisterAgent{Registration: registration(host, "a")})
		if host != "h3" {
			m.ok(Deploy{Host: host, Deployment: deployment(job, model.GoalStart), Token: "secret"})
		}
		m.ok(Deploy{Host: host, Deployment: deployment(other, model.GoalStart)})
		_, _, changed[host], _ = m.state.Tasks(host, "a")
	}
	m.statuses("h1", "a", report(1, job, model.StateRunning))
	before := m.state.Index()
	m.as(model.Request{}, ExpireJobs{Limit: 9})

	for host, channel := range changed {
		select {
		case <-channel:
			if host == "h3" {
				t.Error("the agent of h3 is told of a change that there is not")
			}
		default:
			if host != "h3" {
				t.Errorf("the agent of %s is not told", host)
			}
		}
		tasks, _, _, err := m.state.Tasks(host, "a")
		if err != nil || len(tasks) != 1 || tasks[0].Job.ID != other.ID {
			t.Errorf("tasks of %s: %+v, %v", host, tasks, err)
		}
	}
	if _, err := m.state.Job(job.ID); model.CodeOf(err) != model.CodeJobNotFound {
		t.Errorf("the job is there: %v", err)
	}
	// The task is there until its agent has stopped it, as after an undeploy; its port is free.
	host, err := m.state.Host("h1")
	if err != nil || host.Statuses[job.ID].State != model.StateRunning {
		t.Errorf("host %+v, %v", host.Statuses, err)
	}
	next := testJob("next", "1", 80)
	m.ok(CreateJob{Job: next})
	m.ok(Deploy{Host: "h1", Deployment: deployment(next, model.GoalStart)})

	events, _, _ := m.state.Events(before)
	var got []string
	for _, e := range events[:3] {
		if e.Index != before+1 || e.User != "" || e.Reason != model.ReasonExpired || *e.JobID != job.ID {
			t.Errorf("event %+v", e)
		}
		got = append(got, string(e.Type)+" "+e.Host)
	}
	if diff := cmp.Diff([]string{"deployment.removed h1", "deployment.removed h2", "job.removed "}, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestNextExpiry(t *testing.T) {
	m := newMachine(t, StateOptions{})
	late, early := expiring("late", 3_000_000), expiring("early", 2_000_000)
	want := func(at model.Timestamp, some bool) <-chan struct{} {
		t.Helper()
		got, any, changed := m.state.NextExpiry()
		if got != at || any != some {
			t.Errorf("next expiry %d, %v; want %d, %v", got, any, at, some)
		}
		return changed
	}
	changed := want(0, false)
	m.ok(CreateJob{Job: testJob("lasting", "1")})
	select {
	case <-changed:
		t.Error("a job that does not expire counts as a change")
	default:
	}
	m.ok(CreateJob{Job: late})
	<-changed
	changed = want(3_000_000, true)
	m.ok(CreateJob{Job: early})
	<-changed
	changed = want(2_000_000, true)
	m.ok(RemoveJob{ID: early.ID, Token: "secret"})
	<-changed
	want(3_000_000, true)
	m.reopen()
	changed = want(3_000_000, true)

	empty := newMachine(t, StateOptions{})
	empty.ok(Term{})
	if err := m.state.Restore(io.NopCloser(bytes.NewReader(takeSnapshot(t, empty.state)))); err != nil {
		t.Fatal(err)
	}
	<-changed
	want(0, false)
}
