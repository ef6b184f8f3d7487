package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/cmd/heliosctl/manifest"
	"github.com/heliosctl/heliosctl/model"
)

const webManifests = `kind: Job
name: web:1
job: {image: "nginx:1"}
---
kind: DeploymentGroup
name: old
hostSelectors: ["zone in (a, b)"]
job: web:1
rolloutOptions: {parallelism: 2}
---
kind: DeploymentGroup
name: fresh
hostSelectors: [zone=c]
job: web:1
---
kind: Job
name: other:1
job: {image: "nginx:1"}
`

// writeManifests writes a file and returns its name.
func writeManifests(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "manifests.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// What somebody else does between the plan and its execution is not overwritten; the rest is done, and the next run goes on.
func TestApplyOverwritesNothing(t *testing.T) {
	ctx := t.Context()
	master := newFakeMaster(t)
	api := clientOf(t, master.server.URL)
	zero, err := api.CreateJob(ctx, model.Job{ID: model.JobID{Name: "web", Version: "0"}, Image: "nginx:0"})
	if err != nil {
		t.Fatal(err)
	}
	zone := func(zone string) []model.HostSelector {
		return []model.HostSelector{{Label: "zone", Operator: model.SelectorEquals, Operand: zone}}
	}
	group := func(name, in string) {
		t.Helper()
		if _, err := api.CreateGroup(ctx, model.DeploymentGroup{Name: name, HostSelectors: zone(in)}); err != nil {
			t.Fatal(err)
		}
	}
	group("old", "a")
	var out, warnings strings.Builder
	env := &environment{
		streams: streams{in: strings.NewReader(""), out: &out, err: &warnings}, getenv: func(string) string { return "" },
		now: time.Now,
	}
	opts := applyOptions{manifestOptions: manifestOptions{Files: []string{writeManifests(t, webManifests)}}, Yes: true}
	plan := func() manifest.Plan {
		t.Helper()
		m, err := opts.read(env)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := opts.plan(ctx, api, m)
		if err != nil {
			t.Fatal(err)
		}
		return plan
	}
	planned := plan()

	group("fresh", "z")
	if _, err := api.CreateJob(ctx, model.Job{ID: model.JobID{Name: "other", Version: "1"}, Image: "nginx:9"}); err != nil {
		t.Fatal(err)
	}
	if err := api.SetSelectors(ctx, "old", zone("x"), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := api.RollingUpdate(ctx, "old", zero, model.RolloutOptions{}); err != nil {
		t.Fatal(err)
	}

	err = runApply(ctx, env, api, planned, opts)
	var outcome *outcomeError
	if !errors.As(err, &outcome) || outcome.class != model.ClassConflict || !strings.Contains(outcome.message, "DeploymentGroup fresh") {
		t.Errorf("%v", err)
	}
	for _, want := range []string{
		"Job web:1: created", "Job other:1: failed: ", "(JOB_ALREADY_EXISTS)", "DeploymentGroup old: failed: the selectors of deployment group old are not what they were",
		"DeploymentGroup fresh: failed: deployment group fresh exists with other selectors", "DeploymentGroup old: failed: not tried: DeploymentGroup old failed (NOT_TRIED)",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	for name, want := range map[string]string{"old": "x", "fresh": "z"} {
		if got, err := api.Group(ctx, name); err != nil || !got.SameSelectors(model.DeploymentGroup{HostSelectors: zone(want)}) || got.JobID.Name == "web" && got.JobID != zero {
			t.Errorf("group %s: %+v, %v", name, got, err)
		}
	}

	// A rollout that came in between is not replaced either.
	if err := api.SetSelectors(ctx, "fresh", zone("c"), nil); err != nil {
		t.Fatal(err)
	}
	opts.Files = []string{writeManifests(t, strings.Split(webManifests, "---\nkind: Job\nname: other")[0])}
	planned = plan()
	if _, err := api.RollingUpdate(ctx, "fresh", zero, model.RolloutOptions{}); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	err = runApply(ctx, env, api, planned, opts)
	if exitCode(err) != 4 || !strings.Contains(out.String(), "DeploymentGroup fresh: failed: somebody else has rolled out") ||
		!strings.Contains(out.String(), "DeploymentGroup old: rolling out web:1") {
		t.Errorf("%v\n%s", err, out.String())
	}
	if got, err := api.Group(ctx, "fresh"); err != nil || got.JobID != zero {
		t.Errorf("%+v, %v", got, err)
	}
	out.Reset()
	if err := runApply(ctx, env, api, plan(), opts); err != nil || !strings.Contains(out.String(), "DeploymentGroup fresh: rolling out web:1") {
		t.Errorf("%v\n%s", err, out.String())
	}
	if plan := plan(); plan.Pending() {
		t.Errorf("%+v", plan)
	}
}

func TestPlansInColour(t *testing.T) {
	var m manifest.Manifests
	if err := m.Add("f", []byte("kind: Job\nname: a:1\njob: {image: \"x\\e[31m\"}\n")); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	printPlan(&out, m.Plan(manifest.Cluster{}, false), true)
	want := "\x1b[1mJob a:1\x1b[0m: \x1b[32mcreate\x1b[0m\x1b[2m  (f:1)\x1b[0m\n" +
		"\x1b[32m  +kind: Job\x1b[0m\n\x1b[32m  +name: a:1\x1b[0m\n\x1b[32m  +job:\x1b[0m\n\x1b[32m  +  image: \"x\\e[31m\"\x1b[0m\n\nPlan: 1 to create.\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

// What a cluster exports is what it has, and gives another cluster the same.
func TestApplyOnRealClusters(t *testing.T) {
	t.Parallel()
	_, first := startDev(t, t.TempDir(), "--runtime", "sim", "--agents", "3")
	_, second := startDev(t, t.TempDir(), "--runtime", "sim", "--agents", "3")
	api := clientOf(t, first)
	for _, host := range []string{"dev-1", "dev-2", "dev-3"} {
		awaitHost(t, api, host, model.Up)
		awaitHost(t, clientOf(t, second), host, model.Up)
	}
	apply := func(url, text string, want int, args ...string) string {
		t.Helper()
		args = append([]string{"apply", "-f", "-", "--yes", "--master", url}, args...)
		out, stderr, code := runInput(t, strings.NewReader(text), args...)
		if code != want {
			t.Fatalf("exit code %d, want %d:\n%s%s", code, want, out, stderr)
		}
		return out
	}
	text := webManifests + "---\nkind: Deployment\njob: other:1\nhosts: [dev-3]\n"
	if out := apply(first, text, 0, "--wait"); strings.Count(out, "Done.") != 2 {
		t.Errorf("it was applied with\n%s", out)
	}
	runsOn(t, api, "web", "dev-1", "dev-2", "dev-3")
	if out := apply(first, text, 0); !strings.HasPrefix(out, "Nothing to do: 5 unchanged.") {
		t.Errorf("a second time it was applied with\n%s", out)
	}

	// Other selectors: hosts leave and come without a rollout that anybody asked for.
	moved := strings.Replace(text, `"zone in (a, b)"`, "zone=b", 1)
	apply(first, moved, 0, "--wait")
	runsOn(t, api, "web", "dev-2", "dev-3")

	// After a rollback the manifests are not what there is any more.
	newer := strings.ReplaceAll(moved, "web:1", "web:2")
	apply(first, newer, 0, "--wait")
	must(t, "rollback", "old", "--master", first)
	if out, _, code := runInput(t, strings.NewReader(newer), "diff", "-f", "-", "--master", first); code != exitPending || !contains(out, "DeploymentGroup old: roll: web:1") {
		t.Errorf("after a rollback: %d\n%s", code, out)
	}

	exported := must(t, "export", "--deployments", "--master", first)
	if out := apply(first, exported, 0); !strings.HasPrefix(out, "Nothing to do: 6 unchanged.") {
		t.Errorf("what was exported is not what there is:\n%s", out)
	}
	apply(second, exported, 0, "--wait")
	if again := must(t, "export", "--deployments", "--master", second); again != exported {
		t.Errorf("the second cluster has\n%s\nthe first\n%s", again, exported)
	}
	if a, b := must(t, "jobs", "-q", "--master", first), must(t, "jobs", "-q", "--master", second); a != b {
		t.Errorf("the jobs are\n%s\nand\n%s", a, b)
	}
}

// runsOn waits until a job runs on these hosts and on no other, whichever version it is.
func runsOn(t *testing.T, api *client.Client, job string, hosts ...string) {
	t.Helper()
	want := strings.Join(hosts, " ")
	eventually(t, func() error {
		jobs, err := api.Jobs(context.Background(), job, "")
		if err != nil {
			return err
		}
		running := map[string]bool{}
		for id := range jobs {
			status, err := api.JobStatus(context.Background(), id)
			if err != nil {
				return err
			}
			for host, task := range status.TaskStatuses {
				running[host] = running[host] || task.State == model.StateRunning
			}
		}
		var names []string
		for _, host := range []string{"dev-1", "dev-2", "dev-3"} {
			if running[host] {
				names = append(names, host)
			}
		}
		if got := strings.Join(names, " "); got != want {
			return errors.New("it runs on " + got + ", want " + want)
		}
		return nil
	})
}

func TestApplyEndsWhenInterrupted(t *testing.T) {
	master := newFakeMaster(t)
	var m manifest.Manifests
	if err := m.Add("f", []byte("kind: Job\nname: a:1\njob: {image: a}\n---\nkind: Job\nname: a:2\njob: {image: a}\n")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out strings.Builder
	env := &environment{streams: streams{out: &out}, getenv: func(string) string { return "" }, now: time.Now}
	err := runApply(ctx, env, clientOf(t, master.server.URL), m.Plan(manifest.Cluster{}, false), applyOptions{Yes: true})
	if exitCode(err) != exitInterrupted || strings.Contains(out.String(), "failed") {
		t.Errorf("%v\n%s", err, out.String())
	}
	if written := master.takeWritten(); len(written) != 0 {
		t.Errorf("%q", written)
	}
}

// A master that does not tell of rollouts cannot be asked on condition: nothing is planned for its groups.
func TestGroupsOfOriginalMastersAreLeftAlone(t *testing.T) {
	answers := map[string]string{
		"/jobs": "{}", "/deployment-group/old/status": `{"deploymentGroup":{"name":"old","hostSelectors":[]},"status":"IDLE","error":"","hostStatuses":[]}`,
	}
	original := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, known := answers[strings.TrimSuffix(r.URL.Path, "/")]
		if !known {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte(answer))
	}))
	defer original.Close()
	var m manifest.Manifests
	if err := m.Add("f", []byte(webManifests)); err != nil {
		t.Fatal(err)
	}
	_, err := readCluster(t.Context(), clientOf(t, original.URL), &m, false)
	if model.CodeOf(err) != model.CodeNotFound || !strings.Contains(err.Error(), "it is too old for manifests of groups") {
		t.Errorf("%v", err)
	}
}
