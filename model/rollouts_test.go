package model

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func fullRolloutOptions() *RolloutOptions {
	return &RolloutOptions{
		Timeout: ptr(int64(300)), Parallelism: ptr(2), Migrate: ptr(true), Overlap: ptr(true), Token: ptr("secret"), IgnoreFailures: ptr(true),
		Canary: ptr(1), MaxFailures: "10%", MinHealthy: ptr(int64(30)), OnFailure: OnFailureRollback,
	}
}

// TestMergeRolloutOptions follows the original's ZooKeeperMasterModelTest, and sets our own options too.
func TestMergeRolloutOptions(t *testing.T) {
	defaults := RolloutOptions{
		Timeout: ptr(int64(300)), Parallelism: ptr(1), Migrate: ptr(false), Overlap: ptr(false), Token: ptr(""), IgnoreFailures: ptr(false),
	}
	for name, test := range map[string]struct {
		request, job *RolloutOptions
		want         func(*RolloutOptions)
	}{
		"nothing":     {nil, nil, func(*RolloutOptions) {}},
		"nothing set": {&RolloutOptions{}, &RolloutOptions{}, func(*RolloutOptions) {}},
		"the original's": {
			&RolloutOptions{Timeout: ptr(int64(123)), Parallelism: ptr(2)},
			&RolloutOptions{Parallelism: ptr(9), Overlap: ptr(true), Token: ptr("bar")},
			func(o *RolloutOptions) {
				o.Timeout, o.Parallelism, o.Overlap, o.Token = ptr(int64(123)), ptr(2), ptr(true), ptr("bar")
			},
		},
		"an empty token is one": {
			&RolloutOptions{Token: ptr("")}, &RolloutOptions{Token: ptr("bar")}, func(*RolloutOptions) {},
		},
		"ours of the job": {
			nil, &RolloutOptions{Canary: ptr(2), MaxFailures: "3", MinHealthy: ptr(int64(4)), OnFailure: OnFailurePause},
			func(o *RolloutOptions) {
				o.Canary, o.MaxFailures, o.MinHealthy, o.OnFailure = ptr(2), "3", ptr(int64(4)), OnFailurePause
			},
		},
		"ours of the request": {
			&RolloutOptions{Canary: ptr(0), MaxFailures: "0", OnFailure: OnFailureStop},
			&RolloutOptions{Canary: ptr(2), MaxFailures: "3", MinHealthy: ptr(int64(4)), OnFailure: OnFailurePause},
			func(o *RolloutOptions) {
				o.Canary, o.MaxFailures, o.MinHealthy, o.OnFailure = ptr(0), "0", ptr(int64(4)), OnFailureStop
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := *defaults.clone()
			test.want(&want)
			if diff := cmp.Diff(want, MergeRolloutOptions(test.request, test.job)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRolloutSettings(t *testing.T) {
	got, err := fullRolloutOptions().Settings()
	want := RolloutSettings{
		Timeout: 300 * time.Second, Parallelism: 2, Migrate: true, Overlap: true, Token: "secret", IgnoreFailures: true,
		Canary: 1, MaxFailures: "10%", MinHealthy: 30 * time.Second, OnFailure: OnFailureRollback,
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	var none *RolloutOptions
	if got, err := none.Settings(); err != nil || got != (RolloutSettings{Timeout: 300 * time.Second, Parallelism: 1}) {
		t.Errorf("nothing set: %+v, %v", got, err)
	}
	for name, bad := range map[string]RolloutOptions{
		"no parallelism":    {Parallelism: ptr(0)},
		"no timeout":        {Timeout: ptr(int64(0))},
		"a timeout of ages": {Timeout: ptr(int64(1) << 40)},
		"negative canary":   {Canary: ptr(-1)},
		"negative health":   {MinHealthy: ptr(int64(-1))},
		"health of ages":    {MinHealthy: ptr(int64(1) << 40)},
		"limit of words":    {MaxFailures: "some"},
		"negative limit":    {MaxFailures: "-1"},
		"more than all":     {MaxFailures: "101%"},
		"only a sign":       {MaxFailures: "%"},
		"unknown reaction":  {OnFailure: "EXPLODE"},
	} {
		if _, err := bad.Settings(); CodeOf(err) != CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFailureLimit(t *testing.T) {
	for limit, want := range map[FailureLimit]int{"": 0, "0": 0, "3": 3, "30": 30, "0%": 0, "9%": 0, "10%": 1, "25%": 2, "100%": 10} {
		if got, err := limit.Of(10); got != want || err != nil {
			t.Errorf("%q of 10 hosts is %d, %v; want %d", limit, got, err, want)
		}
	}
}

func TestRolloutOptionsAreReadLeniently(t *testing.T) {
	var got RolloutOptions
	if err := json.Unmarshal([]byte(`{"maxFailures":3,"canary":"2","minHealthy":"10","onFailure":"rollback"}`), &got); err != nil {
		t.Fatal(err)
	}
	want := RolloutOptions{MaxFailures: "3", Canary: ptr(2), MinHealthy: ptr(int64(10)), OnFailure: OnFailureRollback}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := json.Unmarshal([]byte(`{"onFailure":"explode"}`), &got); CodeOf(err) != CodeInvalid || !strings.Contains(err.Error(), "ROLLBACK") {
		t.Errorf("an unknown reaction: %v", err)
	}
}

func TestRolloutRefusal(t *testing.T) {
	job := func(name, token string, ports ...int) *Job {
		j := Job{ID: JobID{Name: name, Version: "1"}, Token: token, Ports: map[string]PortMapping{}}
		for _, port := range ports {
			j.Ports["p"+string(rune('0'+len(j.Ports)))] = PortMapping{InternalPort: 1, ExternalPort: &port}
		}
		j = j.WithID()
		return &j
	}
	old, next, others := job("old", "t", 80), job("next", "t", 80, 81), job("others", "x", 81)
	stranger := job("stranger", "x", 90)
	jobs := map[JobID]*Job{}
	for _, j := range []*Job{old, next, others, stranger} {
		jobs[j.ID] = j
	}
	ours := Deployment{Goal: GoalStart, DeploymentGroupName: "g"}
	byHand := Deployment{Goal: GoalStart}
	for name, test := range map[string]struct {
		token       string
		overlap     bool
		migrate     bool
		deployments map[JobID]Deployment
		wanted      *Job
		want        Code
	}{
		"empty host":                       {"t", false, false, nil, next, ""},
		"no such job":                      {"t", false, false, nil, job("none", "t"), CodeJobNotFound},
		"wrong token":                      {"", false, false, nil, next, CodeTokenVerification},
		"a token for a job without":        {"t", false, false, nil, job("none", ""), CodeJobNotFound},
		"wrong token but there":            {"", false, false, map[JobID]Deployment{next.ID: ours}, next, ""},
		"wrong token of the old":           {"t", false, false, map[JobID]Deployment{stranger.ID: ours}, next, CodeTokenVerification},
		"wrong token of another's":         {"t", false, false, map[JobID]Deployment{stranger.ID: byHand}, next, ""},
		"port of the old":                  {"t", false, false, map[JobID]Deployment{old.ID: ours}, next, ""},
		"port of the old, overlapping":     {"t", true, false, map[JobID]Deployment{old.ID: ours}, next, CodePortConflict},
		"port of another's":                {"t", false, false, map[JobID]Deployment{others.ID: byHand}, next, CodePortConflict},
		"port of the old of another group": {"t", false, false, map[JobID]Deployment{old.ID: {DeploymentGroupName: "h"}}, next, CodePortConflict},
		"by hand":                          {"t", false, false, map[JobID]Deployment{next.ID: byHand}, next, CodeJobAlreadyDeployed},
		"by hand, migrating":               {"t", false, true, map[JobID]Deployment{next.ID: byHand}, next, ""},
		"by hand, migrating, wrong token":  {"", false, true, map[JobID]Deployment{next.ID: byHand}, next, CodeTokenVerification},
		"stopped by hand":                  {"t", false, false, map[JobID]Deployment{next.ID: {Goal: GoalStop, DeploymentGroupName: "g"}}, next, ""},
	} {
		t.Run(name, func(t *testing.T) {
			check := RolloutCheck{
				Group: "g", Host: "h", Settings: RolloutSettings{Token: test.token, Overlap: test.overlap}, Migrate: test.migrate,
				Deployments: test.deployments, Jobs: func(id JobID) *Job { return jobs[id] },
			}
			err := check.Refusal([]JobID{test.wanted.ID})
			if test.want == "" && err == nil {
				return
			}
			if err == nil || err.Code != test.want {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestStatusResponse(t *testing.T) {
	group := DeploymentGroup{Name: "g"}
	for name, test := range map[string]struct {
		status *DeploymentGroupStatus
		word   DeploymentGroupStatusWord
		err    *string
	}{
		"idle":        {nil, GroupStatusIdle, ptr("")},
		"rolling out": {&DeploymentGroupStatus{State: GroupRollingOut}, GroupStatusRollingOut, nil},
		"done":        {&DeploymentGroupStatus{State: GroupDone}, GroupStatusActive, nil},
		"failed":      {&DeploymentGroupStatus{State: GroupFailed, Error: "h: bad"}, GroupStatusFailed, ptr("h: bad")},
	} {
		got := group.StatusResponse(test.status, nil)
		want := DeploymentGroupStatusResponse{DeploymentGroup: group, Status: test.word, Error: test.err, DeploymentGroupStatus: test.status}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestJobBefore(t *testing.T) {
	one, two := JobID{Name: "web", Version: "1"}, JobID{Name: "web", Version: "2"}
	var none JobID
	for _, test := range []struct {
		name  string
		moves [][2]JobID // from and to, the oldest first
		want  JobID
	}{
		{"no rollout", nil, none},
		{"the first", [][2]JobID{{none, one}}, none},
		{"the first, twice", [][2]JobID{{none, one}, {one, one}}, none},
		{"another", [][2]JobID{{none, one}, {one, two}}, one},
		{"another, three times", [][2]JobID{{none, one}, {one, two}, {two, two}, {two, two}}, one},
		{"back again", [][2]JobID{{none, one}, {one, two}, {two, two}, {two, one}}, two},
		{"back to nothing", [][2]JobID{{none, one}, {one, none}}, one},
		{"after nothing", [][2]JobID{{none, one}, {one, none}, {none, two}, {two, two}}, none},
		{"no more is kept", [][2]JobID{{two, two}, {two, two}}, none},
	} {
		var rollouts []Rollout
		for _, move := range test.moves {
			rollouts = append([]Rollout{{From: move[0], To: move[1]}}, rollouts...)
		}
		if got := JobBefore(rollouts); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}
