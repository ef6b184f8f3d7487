package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/daemon/api/apitest"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
	"github.com/heliosctl/heliosctl/tui/live"
)

// recorder is a master in memory that writes down what it is asked to change.
type recorder struct {
	*apitest.Backend
	url string

	mu    sync.Mutex
	wrote []string
}

const jobToken = "s3cret"

// newRecorder serves a small cluster: hosts a1 to a3, of which the first two run web:1 for the group "front fleet", which rolls out.
func newRecorder(t *testing.T) *recorder {
	t.Helper()
	r := &recorder{Backend: apitest.New()}
	server := api.New(api.Config{Backend: r.Backend})
	handler := server.Handler()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			t.Error(err)
		}
		request.Body = io.NopCloser(bytes.NewReader(body))
		if request.Method != http.MethodGet && !strings.HasSuffix(request.URL.Path, "/preview") && request.URL.Path != "/hosts/statuses" {
			r.record(t, request, body)
		}
		handler.ServeHTTP(w, request)
	}))
	t.Cleanup(func() {
		_ = server.Close()
		web.Close()
	})
	r.url = web.URL
	r.fill(t)
	return r
}

func (r *recorder) fill(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	fail := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a1", "a2", "a3"} {
		_, err := r.RegisterAgent(ctx, model.Registration{Host: name, AgentID: name, Labels: map[string]string{"role": "web"}})
		fail(err)
	}
	r.SetAlive("a3", false)
	ids := map[string]model.JobID{}
	port, parallelism := 8080, 3
	for _, job := range []model.Job{
		{ID: model.JobID{Name: "web", Version: "1"}, Image: "web:1", Env: map[string]string{"A": "it's $HOME", "B": "2"}, Command: []string{"sh", "-c", "echo  'x' | cat"}},
		{
			ID: model.JobID{Name: "web", Version: "2"}, Image: "web:2", RolloutOptions: &model.RolloutOptions{Parallelism: &parallelism},
			Ports:       map[string]model.PortMapping{"http": {InternalPort: 80, ExternalPort: &port, Protocol: "tcp"}},
			HealthCheck: &model.HealthCheck{Type: "exec", Command: []string{"test", "-e", "a b"}},
		},
		{ID: model.JobID{Name: "pay", Version: "1"}, Image: "pay:1", Token: jobToken},
	} {
		id, err := r.CreateJob(ctx, model.Request{}, job.WithID())
		fail(err)
		ids[job.ID.Name+":"+job.ID.Version] = id
	}
	_, err := r.CreateGroup(ctx, model.Request{}, model.DeploymentGroup{
		Name: "front fleet", HostSelectors: []model.HostSelector{{Label: "role", Operator: model.SelectorEquals, Operand: "web"}},
	})
	fail(err)
	_, err = r.RollingUpdate(ctx, model.Request{}, "front fleet", ids["web:1"], nil)
	fail(err)
	r.RollNext("front fleet")
	_, err = r.RollingUpdate(ctx, model.Request{}, "front fleet", ids["web:2"], nil)
	fail(err)
	for _, host := range []string{"a1", "a2"} {
		fail(r.Deploy(ctx, model.Request{}, host, model.Deployment{JobID: ids["pay:1"], Goal: model.GoalStart}, jobToken))
	}
}

// record writes a change down in words that are the same for the same change.
func (r *recorder) record(t *testing.T, request *http.Request, body []byte) {
	query := request.URL.Query()
	query.Del("user")
	text := fmt.Sprintf("%s %s %s ", request.Method, strings.TrimSuffix(request.URL.Path, "/"), query.Encode())
	switch {
	case strings.HasPrefix(request.URL.Path, "/jobs") && request.Method == http.MethodPost:
		var job model.Job
		if err := json.Unmarshal(body, &job); err != nil {
			t.Error(err)
		}
		job.ID.Hash = ""
		text += job.WithID().ID.String() + " token " + job.Token
	case strings.HasSuffix(request.URL.Path, "/roll"):
		var roll model.RollingUpdateRequest
		if err := json.Unmarshal(body, &roll); err != nil {
			t.Error(err)
		}
		job, err := r.Job(roll.JobID)
		if err != nil {
			t.Error(err)
		}
		merged := model.MergeRolloutOptions(roll.RolloutOptions, job.RolloutOptions)
		settings, err := merged.Settings()
		if err != nil {
			t.Error(err)
		}
		if settings.MaxFailures == "0" {
			settings.MaxFailures = "" // which is the same
		}
		text += fmt.Sprintf("%s %+v", roll.JobID, settings)
	default:
		text += string(body)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wrote = append(r.wrote, text)
}

func (r *recorder) written() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.Sort(r.wrote)
	return slices.Clone(r.wrote)
}

// look opens the console on the master.
func (r *recorder) look(t *testing.T) *tui.Stage {
	t.Helper()
	source, err := live.New(live.Options{Config: client.Config{Endpoints: []string{r.url}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { source.Run(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	deadline := time.After(time.Minute)
	for source.Snapshot().Freshness.State != tui.Live {
		select {
		case <-source.Changed():
		case <-deadline:
			t.Fatal("the console never got to the master")
		}
	}
	return tui.NewStage(tui.Options{Source: source}, 120, 60)
}

// The command line that a dialog shows asks the masters for the same as the dialog.
func TestDialogsAndTheirCommandLinesAreTheSame(t *testing.T) {
	t.Parallel()
	agree := []string{"tab", "enter"}
	gated := func(typed string) []string { return []string{typed, "tab", "tab", "enter"} }
	for name, test := range map[string]struct{ open, do []string }{
		"deploy":                {[]string{"3", "/web:2", "enter", "D", "a3", "enter"}, agree},
		"undeploy with a token": {[]string{"3", "/pay", "enter", "U"}, []string{"2", "tab", jobToken, "tab", "tab", "enter"}},
		"stop with a token":     {[]string{"2", "/a1", "enter", "X", "pay", "enter"}, []string{jobToken, "tab", "tab", "enter"}},
		"start":                 {[]string{"2", "/a1", "enter", "R", "pay", "enter"}, []string{jobToken, "tab", "tab", "enter"}},
		"drain":                 {[]string{"2", "V", "W"}, gated("3")},
		"deregister an UP host": {[]string{"2", "/a1", "enter", "E"}, gated("a1")},
		"deregister":            {[]string{"2", "/a3", "enter", "E"}, gated("a3")},
		"pause":                 {[]string{"4", "P"}, agree},
		"stop the rollout":      {[]string{"4", "K"}, agree},
		"remove the group":      {[]string{"4", "E"}, gated("front fleet")},
		"roll back":             {[]string{"4", "B"}, gated("front fleet")},
		"create a group":        {[]string{"4", "N", "it's", "tab", "role in (web, db)", "tab", "role!=db", "ctrl+s"}, agree},
		"rolling update":        {[]string{"4", "O", "web:2", "enter", "ctrl+s"}, gated("front fleet")},
		"rolling update with everything": {[]string{
			"4", "O", "web:2", "enter", "backspace", "2", "tab", "backspace", "backspace", "backspace", "1m", "tab", "right", "tab", "right", "tab", "backspace", "1",
			"tab", "backspace", "30", "tab", "backspace", "25%", "tab", "right", "right", "tab", "right", "ctrl+s",
		}, gated("front fleet")},
		"rolling update with a token": {[]string{"4", "O", "pay", "enter", "up", "up", jobToken, "ctrl+s"}, []string{"front fleet", "tab", "tab", "tab", "enter"}},
		"new version":                 {[]string{"3", "/web:1", "enter", "N", "enter", "ctrl+s"}, agree},
		"new version with less":       {[]string{"3", "/web:1", "enter", "N", "enter", "tab", "tab", "tab", "ctrl+u", "ctrl+s"}, agree},
		"new version with a token":    {[]string{"3", "/pay", "enter", "N", "enter", "ctrl+s"}, agree},
		"clone":                       {[]string{"3", "/web:2", "enter", "N", "down", "enter", "web-two", "tab", "tab", "tab", "tab", "X=a b", "ctrl+s"}, agree},
		"new job": {[]string{
			"3", "N", "down", "down", "enter", "full", "tab", "1", "tab", "busybox:1", "tab", "sh -c 'echo \"a  b\"; sleep 1'", "tab", "A=1", "tab", "B=it's", "tab", "tab",
			"http=80:8081", "tab", "dns=53/udp", "tab", "tab", "/data", "tab", "/srv:/in:ro", "tab", "tab", "bridge", "tab", "box", "tab", "right", "tab", "http", "tab", "/up",
			"tab", "10", "tab", "4", "tab", "web/grpc=http", "tab", "tab", "example.com", "tab", "tab", jobToken, "tab", "k=v", "tab", "tab", "m=n", "tab", "tab", "2099-01-01",
			"ctrl+s",
		}, agree},
		"new job with resources": {[]string{
			"3", "N", "down", "down", "enter", "big", "tab", "1", "tab", "busybox:1", "pgdown", "pgdown", "pgdown", "pgdown", jobToken, "pgdown", "512m", "tab", "1g", "tab", "7", "tab", "0-1", "ctrl+s",
		}, agree},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			byDialog := newRecorder(t)
			s := byDialog.look(t)
			s.Press(test.open...)
			twin := s.Twin()
			s.Press(test.do...)
			want := byDialog.written()
			if len(want) == 0 {
				t.Fatalf("the dialog did nothing:\n%s", s.Plain())
			}
			byHand := newRecorder(t)
			runTwin(t, byHand, twin)
			if diff := cmp.Diff(want, byHand.written()); diff != "" {
				t.Errorf("%s does something else (-dialog +command line):\n%s", twin, diff)
			}
			if strings.Contains(twin, jobToken) {
				t.Errorf("the token is in %s", twin)
			}
		})
	}
}

// runTwin runs a command line in a shell. What would follow a rollout to its end only starts it.
func runTwin(t *testing.T, master *recorder, twin string) {
	t.Helper()
	for _, verb := range []string{"rolling-update", "rollback", "resume"} {
		twin = strings.ReplaceAll(twin, "heliosctl "+verb+" ", "heliosctl "+verb+" --async ")
	}
	shell := exec.CommandContext(t.Context(), "sh", "-c", twin)
	shell.Env = []string{
		"PATH=" + filepath.Dir(program(t)) + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + t.TempDir(), "HELIOS_MASTER=" + master.url, "TOKEN=" + jobToken,
	}
	if out, err := shell.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", twin, err, out)
	}
}

func TestDashboardTokenFlags(t *testing.T) {
	getenv := func(name string) string { return map[string]string{"SET": "s3cret\n", "LINES": "a\nb"}[name] }
	file := filepath.Join(t.TempDir(), "it's")
	writeText(t, file, "from a file\r\n")
	for _, test := range []struct {
		flags        tokenFlags
		token, shell string
	}{
		{tokenFlags{variable: "SET"}, "s3cret", "$SET"},
		{tokenFlags{file: file}, "from a file", "$(cat " + model.QuoteWord(file) + ")"},
	} {
		source, err := test.flags.source(getenv)
		if err != nil {
			t.Fatal(err)
		}
		if token, err := source.Read(); err != nil || token != test.token || source.Shell != test.shell {
			t.Errorf("%+v holds %q, in a shell %s: %v", test.flags, token, source.Shell, err)
		}
	}
	if source, err := (&tokenFlags{}).source(getenv); source != nil || err != nil {
		t.Errorf("without flags there is %+v, %v", source, err)
	}
	for _, flags := range []tokenFlags{{variable: "SET", file: file}, {variable: "UNSET"}, {variable: "LINES"}, {file: filepath.Join(t.TempDir(), "none")}} {
		if source, err := flags.source(getenv); err == nil {
			t.Errorf("%+v is taken: %+v", flags, source)
		}
	}
}
