package manifest

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/heliosctl/heliosctl/model"
)

// faultsOf returns the lines of an error.
func faultsOf(err error) []string {
	if err == nil {
		return nil
	}
	if details := err.(*model.Error).Details; len(details) > 0 {
		return details
	}
	return []string{err.Error()}
}

func TestFaultsNameFileAndLine(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"not YAML", "kind: Job\n  name: x\n", "f:2: neither YAML nor JSON: mapping values are not allowed in this context"},
		{"not JSON", `{"kind": "Job",`, "f:1: neither YAML nor JSON: did not find expected node content"},
		{"no mapping", "- 1\n", `f:1: a document is "1", want a mapping with a kind`},
		{"no kind", "name: x\n", "f:1: a document without a kind: want Job, DeploymentGroup or Deployment"},
		{"unknown kind", "---\nkind: Jobs\n", `f:2: kind is "Jobs", want Job, DeploymentGroup or Deployment`},
		{"unknown key", "kind: Job\nname: a:1\nspec: {}\njob: {image: a}\n", "f:3: unknown key spec; there are absent, job, kind, name, rolloutTokenFrom, tokenFrom"},
		{"misspelt key", "kind: Job\nname: a:1\njob: {image: a, grace_period: 3}\n", "f:3: unknown key job.grace_period; did you mean gracePeriod?"},
		{"deep key", "kind: Job\nname: a:1\njob:\n  image: a\n  ports:\n    http: {internal: 80}\n",
			"f:6: unknown key job.ports.http.internal; there are externalPort, internalPort, ip, protocol"},
		{"duplicate key", "kind: Job\nname: a:1\njob:\n  image: a\n  env: {A: x}\n  env: {B: x}\n", "f:6: job.env is there twice: it is in line 5 already"},
		{"duplicate entry", `{"kind":"Job","name":"a:1","job":{"image":"a","env":{"A":"x","A":"y"}}}`, "f:1: job.env.A is there twice: it is in line 1 already"},
		{"number for a string", "kind: Job\nname: a:1\njob: {image: a, env: {PORT: 80}}\n", `f:3: job.env.PORT is "80", want a string: put it into quotes`},
		{"string for a number", "kind: Job\nname: a:1\njob: {image: a, gracePeriod: '3'}\n", `f:3: job.gracePeriod is "3", want a whole number`},
		{"fraction", "kind: Job\nname: a:1\njob: {image: a, gracePeriod: 3.5}\n", `f:3: job.gracePeriod is "3.5", want a whole number`},
		{"huge number", "kind: Job\nname: a:1\njob: {image: a, resources: {memory: 99999999999999999999}}\n",
			`f:3: job.resources.memory is "99999999999999999999", want a whole number`},
		{"string for a list", "kind: Job\nname: a:1\njob: {image: a, command: run}\n", `f:3: job.command is "run", want a list`},
		{"list for a mapping", "kind: Job\nname: a:1\njob: {image: a, env: [A]}\n", `f:3: job.env is a list, want a mapping`},
		{"null in a map", "kind: Job\nname: a:1\njob: {image: a, env: {A: }}\n", `f:3: job.env.A is null, want a string`},
		{"string for a bool", "kind: Job\nname: a:1\nabsent: yes\n", `f:3: absent is "yes", want true or false`},
		{"merge key", "kind: Job\nname: a:1\njob:\n  image: a\n  env: &e {A: x}\n  labels: {<<: *e}\n",
			"f:6: job.labels: merge keys (<<) are not supported: write the members out"},
		{"a list in a list", "kind: Job\nname: a:1\njob: {image: a, command: [[a]]}\n", `f:3: job.command[0] is a list, want a string`},
		{"a health check of no type", "kind: Job\nname: a:1\njob: {image: a, healthCheck: {path: /}}\n", `f:1: healthCheck.type: "" is not a health check: want exec, http or tcp`},
		{"a bad port", "kind: Job\nname: a:1\njob: {image: a, ports: {http: {ip: nope, internalPort: 1}}}\n", "nope"},
		{"no name", "kind: Job\njob: {image: a}\n", "f:1: a job needs a name: give NAME:VERSION"},
		{"no version", "kind: Job\nname: a\njob: {image: a}\n", "f:1: a job needs a name: give NAME:VERSION"},
		{"two names", "kind: Job\nname: a:1\njob: {id: 'a:2', image: a}\n", "f:1: the name is a:1, but the job's id is a:2: leave one of them out"},
		{"no definition", "kind: Job\nname: a:1\n", "f:1: job a:1 has no definition: give it under job"},
		{"absent with a definition", "kind: Job\nname: a:1\nabsent: true\njob: {image: a}\n", "f:1: job a:1 is to be absent: leave its definition out"},
		{"two tokens", "kind: Job\nname: a:1\ntokenFrom: {env: T}\njob: {image: a, token: x}\n", "f:1: job a:1 has both token and tokenFrom: leave one of them out"},
		{"two rollout tokens", "kind: Job\nname: a:1\nrolloutTokenFrom: {env: T}\njob: {image: a, rolloutOptions: {token: x}}\n",
			"f:1: job a:1 has both rolloutOptions.token and rolloutTokenFrom: leave one of them out"},
		{"no variable", "kind: Job\nname: a:1\ntokenFrom: {}\njob: {image: a}\n", "f:1: tokenFrom names no variable: give tokenFrom: {env: NAME}"},
		{"a group of no name", "kind: DeploymentGroup\nhostSelectors: [a=b]\n", "f:1: deployment group has no name"},
		{"a group of no hosts", "kind: DeploymentGroup\nname: g\n", "f:1: deployment group g has no hostSelectors: it would have no hosts"},
		{"a bad selector", "kind: DeploymentGroup\nname: g\nhostSelectors:\n  - a=b\n  - =b\n", `f:5: hostSelectors[1]: bad host selector "=b"`},
		{"a selector without operand", "kind: DeploymentGroup\nname: g\nhostSelectors:\n  - {label: a, operator: EQUALS}\n", "f:1: operand: is required"},
		{"options without a job", "kind: DeploymentGroup\nname: g\nhostSelectors: [a=b]\nrolloutOptions: {parallelism: 1}\n",
			"f:1: deployment group g has options of a rollout, but no job"},
		{"a job without a version", "kind: DeploymentGroup\nname: g\nhostSelectors: [a=b]\njob: web\n", `f:1: job is "web": give NAME:VERSION, or a full id`},
		{"a short id", "kind: DeploymentGroup\nname: g\nhostSelectors: [a=b]\njob: web:1:abc\n", `f:1: job is "web:1:abc": give NAME:VERSION, or a full id`},
		{"a group both ways", "kind: DeploymentGroup\nname: g\nabsent: true\njob: web:1\n", "f:1: deployment group g is to be absent: give its name alone"},
		{"a deployment of nothing", "kind: Deployment\nhosts: [h]\n", `f:1: job is "": give NAME:VERSION, or a full id`},
		{"a deployment nowhere", "kind: Deployment\njob: a:1\n", "f:1: the deployment of a:1 has no hosts: give hosts or hostSelectors"},
		{"a deployment both ways", "kind: Deployment\njob: a:1\nhosts: [h]\nhostSelectors: [a=b]\n",
			"f:1: the deployment of a:1 has both hosts and hostSelectors: leave one of them out"},
		{"a goal of no use", "kind: Deployment\njob: a:1\nhosts: [h]\ngoal: UNDEPLOY\n", `f:1: goal is "UNDEPLOY", want START or STOP`},
		{"a job twice", "kind: Job\nname: a:1\njob: {image: a}\n---\nkind: Job\njob: {id: 'a:1', image: b}\n", "f:5: Job a:1 is in f:1 already"},
		{"a host twice", "kind: Deployment\njob: a:1\nhosts: [h]\n---\nkind: Deployment\njob: a:1\nhosts: [h]\ngoal: STOP\n",
			"f:5: Deployment a:1 on h is in f:1 already"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var m Manifests
			faults := faultsOf(m.Add("f", []byte(test.text)))
			if len(faults) != 1 || !strings.Contains(faults[0], test.want) {
				t.Errorf("got %q, want %q", faults, test.want)
			}
		})
	}
}

func TestAllFaultsAreTold(t *testing.T) {
	var m Manifests
	err := m.Add("f", []byte("kind: Job\nname: a:1\njob: {imag: a, env: 7}\n---\nkind: Nothing\n"))
	want := []string{
		"f:3: unknown key job.imag", `f:3: job.env is "7", want a mapping`, `f:5: kind is "Nothing", want Job, DeploymentGroup or Deployment`,
	}
	if diff := cmp.Diff(want, faultsOf(err)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if model.CodeOf(err) != model.CodeInvalid || !m.Empty() {
		t.Errorf("%v; %+v", err, m)
	}
}

func TestAliases(t *testing.T) {
	var m Manifests
	text := "kind: Job\nname: a:1\njob: {image: a, labels: &l {k: v}, env: *l, command: &x [b]}\n"
	if err := m.Add("f", []byte(text)); err != nil || m.Jobs[0].Job.Env["k"] != "v" {
		t.Errorf("%v; %+v", err, m.Jobs)
	}
	if err := new(Manifests).Add("f", []byte("kind: Job\nname: a:1\njob: {image: a, command: &x [*x]}\n")); err == nil {
		t.Error("a list of itself is fine")
	}
	// Few bytes that stand for many documents, or for many values.
	same := "- &a {kind: Job, name: 'a:1', job: {image: a}}\n" + strings.Repeat("- *a\n", 400)
	faults := faultsOf(new(Manifests).Add("f", []byte(same)))
	if want := "f:1: Job a:1 is in f:1 already"; len(faults) != maxFaults+1 || faults[0] != want || faults[maxFaults] != "f: there are more faults" {
		t.Errorf("%d faults: %.200q", len(faults), faults)
	}
	var large strings.Builder
	large.WriteString("- {kind: Job, name: 'a:0', job: {image: a, command: &x [" + strings.Repeat("x,", 30_000) + "]}}\n")
	for i := range maxNodes / 30_000 {
		fmt.Fprintf(&large, "- {kind: Job, name: 'b:%d', job: {image: a, command: *x}}\n", i)
	}
	faults = faultsOf(new(Manifests).Add("f", []byte(large.String())))
	if len(faults) != 1 || !strings.HasSuffix(faults[0], ": there is too much in it: more than 1000000 values") {
		t.Errorf("%d faults: %.200q", len(faults), faults)
	}
}

func TestSameNamesInTwoFiles(t *testing.T) {
	var m Manifests
	if err := m.Add("a.yaml", []byte("\n\nkind: Job\nname: a:1\njob: {image: a}\n")); err != nil {
		t.Fatal(err)
	}
	if got := faultsOf(m.Add("b.yaml", []byte("kind: Job\nname: a:1\njob: {image: a}\n"))); !slices.Equal(got, []string{"b.yaml:1: Job a:1 is in a.yaml:3 already"}) {
		t.Errorf("%q", got)
	}
	// Another version, and a group of the same name, are something else.
	if err := m.Add("c.yaml", []byte("kind: Job\nname: a:2\njob: {image: a}\n---\nkind: DeploymentGroup\nname: a:1\nhostSelectors: [a=b]\n")); err != nil {
		t.Error(err)
	}
}

func TestFormsOfTheSame(t *testing.T) {
	for _, text := range []string{
		"kind: Job\nname: a:1\njob:\n  image: é😀\n  gracePeriod: 0x10\n  env: {ON: 'on', D: 2026-01-02, N: '1_000'}\n",
		`[{"kind":"Job","job":{"id":"a:1","image":"\u00e9\ud83d\ude00","gracePeriod":16,"env":{"ON":"on","D":"2026-01-02","N":"1_000"},"token":null}}]`,
		"---\n---\nkind: Job\njob: {id: 'a:1', created: 5, creatingUser: bob, image: 'é😀', gracePeriod: 16, env: {ON: on, D: '2026-01-02', N: \"1_000\"}}\n---\n",
		"{\n\t\"kind\": \"Job\",\n\t\"name\":\t\"a:1\",\n\t\"job\": {\"image\": \"é😀\", \"gracePeriod\": 16,\n\t\"env\": {\"ON\":\"on\",\"D\":\"2026-01-02\",\"N\":\"1_000\"}\n\t}\n}\n",
		"\ufeffkind: Job\r\nname: a:1\r\njob:\r\n  image: é😀\r\n  gracePeriod: 16\r\n  env: {ON: 'on', D: 2026-01-02, N: '1_000'}\r\n",
	} {
		var m Manifests
		if err := m.Add("f", []byte(text)); err != nil || len(m.Jobs) != 1 {
			t.Errorf("%s: %v", text, err)
			continue
		}
		want := model.Job{
			ID: model.JobID{Name: "a", Version: "1"}, Image: "é😀", GracePeriod: new(int),
			Env: map[string]string{"ON": "on", "D": "2026-01-02", "N": "1_000"},
		}
		*want.GracePeriod = 16
		if diff := cmp.Diff(want, m.Jobs[0].Job); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	escaped := []byte(`"\\ud83d\ude00 \\\ud83d\ude00"`)
	if got := string(readable(escaped)); got != `"\\ud83d\ude00 \\😀"` {
		t.Errorf("got %s", got)
	}
}

// vectors are the jobs of the original whose ids are known.
func vectors(t testing.TB) []model.Job {
	t.Helper()
	data, err := os.ReadFile("../../../model/testdata/jobid-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Name, Version string
		Job           model.Job
	}
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	var jobs []model.Job
	for _, v := range all {
		v.Job.ID = model.JobID{Name: v.Name, Version: v.Version}
		jobs = append(jobs, v.Job.WithID())
	}
	return jobs
}

// Every job that the original's ids are known of comes back with its id, whatever form it was exported in.
func TestExportedJobsKeepTheirIDs(t *testing.T) {
	jobs := vectors(t)
	if len(jobs) < 100 {
		t.Fatalf("only %d jobs", len(jobs))
	}
	for _, job := range jobs {
		for _, form := range []func(Document) string{Document.YAML, func(d Document) string { return string(d.JSON()) }} {
			text := form(Export([]model.Job{job}, nil, ExportOptions{Tokens: true}).Documents[0])
			var m Manifests
			if err := m.Add("f", []byte(text)); err != nil {
				t.Errorf("%s: %v\n%s", job.ID, err, text)
			} else if got := m.Jobs[0].Job.ComputeID(); got != job.ID {
				t.Errorf("%s came back as %s:\n%s", job.ID, got, text)
			}
		}
	}
}

// Whatever a string is, it comes back.
func TestStringsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.OneOf(rapid.String(), rapid.StringMatching(`[ \t\n:#'"|>\-\?,\[\]{}&*!%@a1y\\]{0,12}`),
			rapid.SampledFrom([]string{"yes", "No", "~", "null", "22:30", "0o7", "1e3", "2026-01-01", "<<", "=", ".inf", "\u2028", "\u0085", "\u007f", "\ufeff", "\ufffe"})), 1, 4).Draw(t, "texts")
		job := model.Job{ID: model.JobID{Name: "a", Version: "1"}, Image: "i", Command: texts, Env: map[string]string{}}
		for _, text := range texts {
			job.Env[text] = text
		}
		text := Export([]model.Job{job}, nil, ExportOptions{}).Documents[0].YAML()
		var m Manifests
		if err := m.Add("f", []byte(text)); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if diff := cmp.Diff(job.Command, m.Jobs[0].Job.Command) + cmp.Diff(job.Env, m.Jobs[0].Job.Env); diff != "" {
			t.Fatalf("(-want +got):\n%s\n%s", diff, text)
		}
	})
}

// FuzzAdd checks that nothing breaks the reader, and that what it accepts is the same after it was written and read again.
func FuzzAdd(f *testing.F) {
	for _, job := range vectors(f)[:20] {
		for _, d := range Export([]model.Job{job}, nil, ExportOptions{}).Documents {
			f.Add([]byte(d.YAML()))
			f.Add([]byte(d.JSON()))
		}
	}
	f.Add([]byte("kind: DeploymentGroup\nname: g\nhostSelectors: [a=b, {label: x, operator: IN, operand: [a, b]}]\njob: a:1\ntokenFrom: {env: T}\nrolloutOptions: {maxFailures: 10%}\n"))
	f.Add([]byte("[{kind: Deployment, job: a:1, hosts: [b, a], goal: STOP}, {kind: DeploymentGroup, name: x, absent: true}]"))
	f.Add([]byte("a: &a [*a]\n---\n? {}\n: <<\n--- !!binary x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var m Manifests
		if err := m.Add("f", data); err != nil {
			return
		}
		var jobs []model.Job
		for _, j := range m.Jobs {
			if !j.Absent {
				jobs = append(jobs, j.Job.WithID())
			}
		}
		var groups []model.DeploymentGroup
		for _, g := range m.Groups {
			if !g.Absent {
				groups = append(groups, model.DeploymentGroup{Name: g.Name, HostSelectors: g.Selectors})
			}
		}
		var again Manifests
		for _, d := range Export(jobs, groups, ExportOptions{Tokens: true}).Documents {
			if err := again.Add(d.FileName(), []byte(d.YAML())); err != nil {
				t.Fatalf("%v\n%s", err, d.YAML())
			}
		}
		for i := range again.Jobs {
			again.Jobs[i].Job = again.Jobs[i].Job.WithID()
		}
		plan := again.Plan(Cluster{Groups: clusterGroups(groups), Jobs: byID(jobs)}, false)
		if plan.Pending() || len(plan.Conflicts()) > 0 || len(plan) != len(jobs)+len(groups) {
			t.Fatalf("what was exported is not what there is: %+v", plan)
		}
	})
}

func byID(jobs []model.Job) map[model.JobID]model.Job {
	all := map[model.JobID]model.Job{}
	for _, job := range jobs {
		all[job.ID] = job
	}
	return all
}

func clusterGroups(groups []model.DeploymentGroup) map[string]ClusterGroup {
	all := map[string]ClusterGroup{}
	for _, group := range groups {
		all[group.Name] = ClusterGroup{DeploymentGroup: group}
	}
	return all
}
