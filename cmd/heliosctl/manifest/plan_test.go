package manifest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

// read returns the manifests of a text, resolved.
func read(t testing.TB, text string) *Manifests {
	t.Helper()
	m := &Manifests{}
	if err := m.Add("f", []byte(text)); err != nil {
		t.Fatal(faultsOf(err))
	}
	if err := m.Resolve(environment("T=token"), 1); err != nil {
		t.Fatal(faultsOf(err))
	}
	return m
}

func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for _, pair := range pairs {
			if key, value, _ := strings.Cut(pair, "="); key == name {
				return value
			}
		}
		return ""
	}
}

func image(version, image string) model.Job {
	return model.Job{ID: model.JobID{Name: "web", Version: version}, Image: image}.WithID()
}

// outline is a plan without its documents.
func outline(plan Plan) []string {
	var lines []string
	for _, c := range plan {
		line := fmt.Sprintf("%s %s", c.Kind, c.Name)
		if c.Host != "" {
			line += " on " + c.Host
		}
		lines = append(lines, strings.TrimSuffix(fmt.Sprintf("%s: %s: %s", line, c.Action, c.Note), ": "))
	}
	return lines
}

const (
	web1  = "kind: Job\nname: web:1\njob: {image: one}\n---\n"
	web2  = "kind: Job\nname: web:2\njob: {image: two}\n---\n"
	group = "kind: DeploymentGroup\nname: g\nhostSelectors: [role=web]\n"
)

func TestPlan(t *testing.T) {
	one, two := image("1", "one"), image("2", "two")
	options := model.MergeRolloutOptions(nil, nil)
	selectors := func(text string) []model.HostSelector {
		selector, err := model.ParseHostSelector(text)
		if err != nil {
			t.Fatal(err)
		}
		return []model.HostSelector{selector}
	}
	running := func(job model.Job, status model.DeploymentGroupState) map[string]ClusterGroup {
		return map[string]ClusterGroup{"g": {DeploymentGroup: model.DeploymentGroup{
			Name: "g", HostSelectors: selectors("role=web"), JobID: job.ID, RolloutOptions: &options,
		}, Status: status, Last: 7, Rollout: 8}}
	}
	idle := map[string]ClusterGroup{"g": {DeploymentGroup: model.DeploymentGroup{Name: "g", HostSelectors: selectors("role=web")}}}
	hosts := map[string]map[string]string{"h1": {"role": "web"}, "h2": {"role": "web"}, "h3": nil}
	byHand := func(goal model.Goal) model.Deployment { return model.Deployment{JobID: one.ID, Goal: goal} }
	for _, test := range []struct {
		name, text string
		cluster    Cluster
		prune      bool
		want       []string
	}{
		{"nothing is there", group + "job: web:1\n---\n" + web1, Cluster{}, false, []string{
			"Job web:1: create", "DeploymentGroup g: create", "DeploymentGroup g: roll: to " + one.ID.Short(),
		}},
		{"all is there", group + "job: web:1\n---\n" + web1, Cluster{Jobs: byID([]model.Job{one}), Groups: running(one, model.GroupDone)}, false, []string{
			"Job web:1: unchanged", "DeploymentGroup g: unchanged",
		}},
		{"it is rolling out", group + "job: web:1\n", Cluster{Jobs: byID([]model.Job{one}), Groups: running(one, model.GroupRollingOut)}, false, []string{
			"DeploymentGroup g: unchanged: it is rolling out",
		}},
		{"it failed", group + "job: web:1\n", Cluster{Jobs: byID([]model.Job{one}), Groups: running(one, model.GroupFailed)}, false, []string{
			"DeploymentGroup g: roll: the last rollout failed or was stopped",
		}},
		{"another version", group + "job: web:2\n---\n" + web2, Cluster{Jobs: byID([]model.Job{one}), Groups: running(one, model.GroupDone)}, false, []string{
			"Job web:2: create", "DeploymentGroup g: roll: " + one.ID.Short() + " to " + two.ID.Short(),
		}},
		{"other options", group + "job: web:1\nrolloutOptions: {parallelism: 2}\n", Cluster{Jobs: byID([]model.Job{one}), Groups: running(one, model.GroupDone)},
			false, []string{"DeploymentGroup g: roll: other options"}},
		{"the default options in words", group + "job: web:1\nrolloutOptions: {parallelism: 1, canary: 0}\n",
			Cluster{Jobs: byID([]model.Job{one}), Groups: running(one, model.GroupDone)}, false, []string{"DeploymentGroup g: unchanged"}},
		{"another token", group + "job: web:1\ntokenFrom: {env: T}\n", Cluster{Jobs: byID([]model.Job{one}), Groups: running(one, model.GroupDone)},
			false, []string{"DeploymentGroup g: roll: other options, another token"}},
		{"other selectors", strings.Replace(group, "web", "db", 1) + "job: web:1\n", Cluster{Jobs: byID([]model.Job{one}), Groups: running(one, model.GroupDone)},
			false, []string{"DeploymentGroup g: update: other hosts"}},
		{"no job", group, Cluster{Groups: running(one, model.GroupFailed)}, false, []string{"DeploymentGroup g: unchanged"}},
		{"the first job", group + "job: web:1\n", Cluster{Jobs: byID([]model.Job{one}), Groups: idle}, false,
			[]string{"DeploymentGroup g: roll: to " + one.ID.Short()}},
		{"a job that is nowhere", group + "job: web:9\n", Cluster{}, false, []string{
			"DeploymentGroup g: create", "DeploymentGroup g: conflict: job web:9 is neither in the manifests nor in the cluster",
		}},
		{"a job of another hash", group + "job: " + two.ID.String() + "\n", Cluster{Jobs: byID([]model.Job{one}), Groups: idle}, false, []string{
			"DeploymentGroup g: conflict: job " + two.ID.Short() + " is neither in the manifests nor in the cluster",
		}},
		{"a changed job", web1, Cluster{Jobs: byID([]model.Job{image("1", "other")})}, false, []string{
			"Job web:1: conflict: a job cannot be changed: raise its version (the cluster has " + image("1", "other").ID.Short() + ", this is " + one.ID.Short() + ")",
		}},
		{"what is not named", web2, Cluster{Jobs: byID([]model.Job{one, two}), Groups: idle}, false, []string{"Job web:2: unchanged"}},

		{"old versions", web2, Cluster{Jobs: byID([]model.Job{one, two, {ID: model.JobID{Name: "other", Version: "1"}}})}, true, []string{
			"Job web:2: unchanged", "Job web:1: remove: not in the manifests any more, and not used",
		}},
		{"an old version that a group runs", web2, Cluster{Jobs: byID([]model.Job{one, two}), Groups: running(one, model.GroupDone)}, true,
			[]string{"Job web:2: unchanged"}},
		{"an old version to roll back to", web2, Cluster{Jobs: byID([]model.Job{one, two}), Groups: map[string]ClusterGroup{"g": {Back: one.ID}}}, true,
			[]string{"Job web:2: unchanged"}},
		{"an old version that is deployed", web2, Cluster{
			Jobs: byID([]model.Job{one, two}), Deployed: map[model.JobID]map[string]model.Deployment{one.ID: {"h1": byHand(model.GoalStop)}},
		}, true, []string{"Job web:2: unchanged"}},
		{"an old version that a group is to run", web2 + group + "job: web:1\n", Cluster{Jobs: byID([]model.Job{one, two}), Groups: idle}, true,
			[]string{"Job web:2: unchanged", "DeploymentGroup g: roll: to " + one.ID.Short()}},
		{"absent, but not pruned", "kind: Job\nname: web:1\nabsent: true\n---\nkind: DeploymentGroup\nname: g\nabsent: true\n",
			Cluster{Jobs: byID([]model.Job{one}), Groups: running(one, model.GroupDone)}, false, []string{
				"DeploymentGroup g: keep: it is to be absent, and is removed with --prune", "Job web:1: keep: it is to be absent, and is removed with --prune",
			}},
		{"absent", "kind: Job\nname: web:1\nabsent: true\n---\nkind: DeploymentGroup\nname: g\nabsent: true\n",
			Cluster{Jobs: byID([]model.Job{one}), Groups: running(one, model.GroupDone)}, true, []string{
				"DeploymentGroup g: remove: it is to be absent; what it deployed stays deployed", "Job web:1: remove: it is to be absent",
			}},
		{"absent already", "kind: Job\nname: web:1\nabsent: true\n---\nkind: DeploymentGroup\nname: g\nabsent: true\n", Cluster{}, true,
			[]string{"DeploymentGroup g: unchanged: it is absent", "Job web:1: unchanged: it is absent"}},
		{"absent and used", "kind: Job\nname: web:1\nabsent: true\n", Cluster{Jobs: byID([]model.Job{one}), Groups: running(one, model.GroupDone)}, true,
			[]string{"Job web:1: conflict: it is to be absent, but deployment group g runs it"}},
		{"absent and wanted", "kind: Job\nname: web:1\nabsent: true\n---\n" + group + "job: web:1\n", Cluster{Jobs: byID([]model.Job{one}), Groups: idle}, false,
			[]string{"DeploymentGroup g: conflict: job web:1 is to be absent (f:1)", "Job web:1: keep: it is to be absent, and is removed with --prune"}},

		{"deployments", web1 + "kind: Deployment\njob: web:1\nhosts: [h3, h2, h1, h9]\n", Cluster{
			Jobs: byID([]model.Job{one}), Hosts: hosts, Deployed: map[model.JobID]map[string]model.Deployment{one.ID: {
				"h1": byHand(model.GoalStart), "h2": byHand(model.GoalStop), "h4": byHand(model.GoalStart),
			}},
		}, false, []string{
			"Job web:1: unchanged", "Deployment web:1 on h1: unchanged", "Deployment web:1 on h2: update: STOP to START", "Deployment web:1 on h3: create",
			"Deployment web:1 on h9: conflict: host h9 is not registered",
		}},
		{"deployments by labels", "kind: Deployment\njob: web:1\nhostSelectors: [role=web]\ngoal: STOP\n", Cluster{Jobs: byID([]model.Job{one}), Hosts: hosts}, false,
			[]string{"Deployment web:1 on h1: create", "Deployment web:1 on h2: create"}},
		{"deployments nowhere", "kind: Deployment\njob: web:1\nhostSelectors: [role=db]\n", Cluster{Jobs: byID([]model.Job{one}), Hosts: hosts}, false,
			[]string{"Deployment web:1: unchanged: no host has such labels"}},
		{"a deployment with two goals", "kind: Deployment\njob: web:1\nhostSelectors: [role=web]\n---\nkind: Deployment\njob: web:1\nhosts: [h1]\ngoal: STOP\n",
			Cluster{Jobs: byID([]model.Job{one}), Hosts: hosts}, false, []string{
				"Deployment web:1 on h1: create", "Deployment web:1 on h2: create", "Deployment web:1 on h1: conflict: it is in f:1 already, with another goal",
			}},
		{"deployments of a group and by hand", "kind: Deployment\njob: web:1\nhosts: [h1]\n", Cluster{
			Jobs: byID([]model.Job{one}), Hosts: hosts, Deployed: map[model.JobID]map[string]model.Deployment{one.ID: {
				"h1": {JobID: one.ID, Goal: model.GoalStart, DeploymentGroupName: "g"}, "h2": {JobID: one.ID, Goal: model.GoalStart, DeploymentGroupName: "g"},
				"h3": byHand(model.GoalStart),
			}},
		}, true, []string{
			"Deployment web:1 on h1: conflict: deployment group g has deployed it there", "Deployment web:1 on h3: remove: no document names the host",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			plan := read(t, test.text).Plan(test.cluster, test.prune)
			if diff := cmp.Diff(test.want, outline(plan)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, c := range plan {
				if changes := len(c.Diff()) > 0; c.Pending() && c.Note == "" && !changes {
					t.Errorf("%s %s: %s, and nothing to show", c.Kind, c.Name, c.Action)
				}
			}
		})
	}
}

func TestPlanKnowsWhatItWasMadeFor(t *testing.T) {
	one := image("1", "one")
	m := read(t, strings.Replace(group, "role=web", "role=db", 1)+"job: web:2\n---\n"+web2)
	was := []model.HostSelector{{Label: "role", Operator: model.SelectorEquals, Operand: "web"}}
	plan := m.Plan(Cluster{Jobs: byID([]model.Job{one}), Groups: map[string]ClusterGroup{"g": {
		DeploymentGroup: model.DeploymentGroup{Name: "g", HostSelectors: was, JobID: one.ID}, Status: model.GroupDone, Last: 7, Rollout: 9,
	}}}, false)
	if len(plan) != 3 || !cmp.Equal(plan[1].Was, was) || plan[2].Last != 7 || plan[2].JobID != image("2", "two").ID {
		t.Errorf("%+v", plan)
	}
	want := []string{"@@ -1,4 +1,4 @@", " kind: DeploymentGroup", " name: g", " hostSelectors:", "-  - role=web", "+  - role=db"}
	if diff := cmp.Diff(want, plan[1].Diff()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTokens(t *testing.T) {
	text := "kind: Job\nname: web:1\ntokenFrom: {env: T}\njob: {image: one}\n---\n" + group + "job: web:1\n---\nkind: Deployment\njob: web:1\nhosts: [h]\n"
	var m Manifests
	if err := m.Add("f", []byte(text)); err != nil {
		t.Fatal(err)
	}
	unset := m
	if got := faultsOf(unset.Resolve(environment(), 1)); len(got) != 1 || got[0] != "f:1: the token of job web:1 is in the variable T, which is not set" {
		t.Errorf("%q", got)
	}
	plan := read(t, text).Plan(Cluster{Hosts: map[string]map[string]string{"h": nil}}, false)
	if plan[0].Job.Token != "token" || *plan[2].Options.Token != "token" || plan[3].Token != "token" {
		t.Errorf("%+v", plan)
	}
	for _, c := range plan {
		if strings.Contains(c.After, "token: token") {
			t.Errorf("a token is shown:\n%s", c.After)
		}
	}
	// With a token a job is another one; that is said, and neither is shown.
	other := model.Job{ID: model.JobID{Name: "web", Version: "1"}, Image: "one", Token: "other"}.WithID()
	plan = read(t, text).Plan(Cluster{Jobs: byID([]model.Job{other}), Hosts: map[string]map[string]string{"h": nil}}, false)
	if plan[0].Action != ActionConflict || !strings.HasSuffix(plan[0].Note, "; the tokens differ") || strings.Contains(plan[0].Before, "other") {
		t.Errorf("%+v", plan[0])
	}
}

func TestResolveChecksJobs(t *testing.T) {
	for text, want := range map[string]string{
		"kind: Job\nname: web:1\njob: {image: 'a b'}\n":                                 "f:1: job web:1: ",
		"kind: Job\nname: web:1\njob: {image: a, expires: 2020-01-01T00:00:00Z}\n":      "f:1: job web:1: expires ",
		"kind: Job\njob: {id: 'web:1:" + strings.Repeat("0", 40) + "', image: a}\n":     "raise the version and leave the hash out",
		group + "job: web:1\nrolloutOptions: {parallelism: 0}\n":                        "f:1: deployment group g: a rollout's parallelism",
		"kind: Deployment\njob: web:1\nhosts: [h]\ntokenFrom: {env: NONE}\n":            "f:1: the token of the deployment of web:1 is in the variable NONE",
		group + "job: web:1\ntokenFrom: {env: NONE}\nrolloutOptions: {overlap: true}\n": "f:1: the token of deployment group g is in the variable NONE",
	} {
		var m Manifests
		if err := m.Add("f", []byte(text)); err != nil {
			t.Fatal(faultsOf(err))
		}
		if got := faultsOf(m.Resolve(environment(), 1_700_000_000_000)); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	read(t, "kind: Job\njob: {id: '"+image("1", "one").ID.String()+"', image: one}\n")
}

func TestExportLeavesTokensOut(t *testing.T) {
	token := "secret"
	jobs := []model.Job{
		{ID: model.JobID{Name: "web", Version: "1"}, Image: "one", Token: token}, {ID: model.JobID{Name: "web", Version: "2"}, Image: "two", Token: "other"},
		{ID: model.JobID{Name: "web", Version: "3"}, Image: "three", RolloutOptions: &model.RolloutOptions{Token: &token}},
	}
	for i := range jobs {
		jobs[i] = jobs[i].WithID()
	}
	groups := []model.DeploymentGroup{{
		Name: "a b:c", HostSelectors: []model.HostSelector{{Label: "role", Operator: model.SelectorIn, Operands: []string{"x", "y z"}}},
		JobID: jobs[0].ID, RolloutOptions: &model.RolloutOptions{Token: &token},
	}}
	deployed := map[model.JobID]map[string]model.Deployment{jobs[1].ID: {
		"h2": {Goal: model.GoalStart}, "h1": {Goal: model.GoalStart}, "h3": {Goal: model.GoalStop}, "h4": {Goal: model.GoalStart, DeploymentGroupName: "g"},
	}}
	exported := Export(jobs, groups, ExportOptions{Deployments: deployed})
	if diff := cmp.Diff([]string{"HELIOS_TOKEN_WEB", "HELIOS_TOKEN_WEB_2"}, exported.Variables); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var m Manifests
	var files []string
	for _, d := range exported.Documents {
		if strings.Contains(d.YAML(), token) || strings.Contains(d.YAML(), "other") {
			t.Errorf("a token is there:\n%s", d.YAML())
		}
		if err := m.Add("f", []byte(d.YAML())); err != nil {
			t.Error(faultsOf(err))
		}
		files = append(files, d.FileName())
	}
	want := []string{"job-web@1", "job-web@2", "job-web@3", "group-a+b%3Ac", "deployment-web@2-START", "deployment-web@2-STOP"}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := m.Resolve(environment("HELIOS_TOKEN_WEB=secret", "HELIOS_TOKEN_WEB_2=other"), 1); err != nil {
		t.Fatal(faultsOf(err))
	}
	group := ClusterGroup{DeploymentGroup: groups[0], Status: model.GroupDone}
	plan := m.Plan(Cluster{
		Jobs: byID(jobs), Groups: map[string]ClusterGroup{"a b:c": group}, Deployed: deployed,
		Hosts: map[string]map[string]string{"h1": nil, "h2": nil, "h3": nil},
	}, true)
	if plan.Pending() || len(plan.Conflicts()) > 0 || len(plan) != 7 {
		t.Errorf("%q", outline(plan))
	}
}
