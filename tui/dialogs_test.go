package tui_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// cluster is a small one with something for every action.
func cluster() *fixed {
	f := newFixed()
	for i, name := range []string{"a1", "a2", "a3"} {
		f.store.SetHost(tui.Host{Name: name, Status: model.Up, Labels: map[string]string{"role": "web", "zone": fmt.Sprintf("z%d", i)}})
	}
	f.store.SetHost(tui.Host{Name: "down1", Status: model.Down, Labels: map[string]string{"role": "db"}})
	port := 8080
	for _, version := range []string{"1", "2"} {
		f.store.SetJob(&model.Job{
			ID: model.JobID{Name: "web", Version: version, Hash: strings.Repeat(version, 40)}, Image: "web:" + version,
			Ports: map[string]model.PortMapping{"http": {InternalPort: 80, ExternalPort: &port, Protocol: "tcp"}},
		})
	}
	f.store.SetJob(&model.Job{ID: model.JobID{Name: "pay", Version: "1", Hash: strings.Repeat("9", 40)}, Image: "pay:1", Token: "s3cret"})
	for _, name := range []string{"a1", "a2"} {
		f.store.SetTask(&tui.Task{Host: name, Job: web("1"), Goal: model.GoalStart, State: model.StateRunning, Since: now.Add(-time.Hour)})
	}
	f.store.SetGroup(&tui.Group{
		Spec:  model.DeploymentGroup{Name: "front", JobID: web("1"), HostSelectors: []model.HostSelector{{Label: "role", Operator: model.SelectorEquals, Operand: "web"}}},
		Hosts: []string{"a1", "a2", "a3"},
		Rollout: &tui.Rollout{
			ID: "1", Group: "front", From: model.JobID{Name: "web", Version: "0", Hash: strings.Repeat("0", 40)}, To: web("1"), State: tui.RolloutRunning,
			Started: now.Add(-time.Minute), Options: tui.RolloutOptions{Parallelism: 1, Timeout: time.Minute},
			Hosts: []tui.RolloutHost{{Host: "a1", Phase: tui.PhaseDone}, {Host: "a2", Phase: tui.PhaseFailed, Reason: "it exits"}, {Host: "a3"}},
		},
	})
	return f
}

func web(version string) model.JobID {
	return model.JobID{Name: "web", Version: version, Hash: strings.Repeat(version, 40)}
}

func mustContain(t *testing.T, frame string, words ...string) {
	t.Helper()
	for _, want := range words {
		if !strings.Contains(frame, want) {
			t.Errorf("the frame lacks %q:\n%s", want, frame)
		}
	}
}

// Each way leads to a dialog; do is what is to be typed until it is done.
var actions = []struct {
	name string
	open []string
	do   []string
	twin string
	want []tui.Action
}{
	{
		"deploy", []string{"3", "/web:2", "enter", "D", "a3", "enter"}, []string{"tab", "enter"}, "heliosctl deploy web:2 a3",
		[]tui.Action{{Verb: tui.VerbDeploy, Job: web("2"), Host: "a3", Goal: model.GoalStart}},
	},
	{
		"undeploy marked hosts", []string{"2", "/role=web", "enter", "V", "U", "enter"}, []string{"2", "tab", "tab", "enter"}, "heliosctl undeploy web:1 a1 a2",
		[]tui.Action{{Verb: tui.VerbUndeploy, Job: web("1"), Host: "a1", Goal: model.GoalStart}, {Verb: tui.VerbUndeploy, Job: web("1"), Host: "a2", Goal: model.GoalStart}},
	},
	{
		"stop one task", []string{"2", "/a1", "enter", "enter", "X"}, []string{"tab", "enter"}, "heliosctl stop web:1 a1",
		[]tui.Action{{Verb: tui.VerbStop, Job: web("1"), Host: "a1", Goal: model.GoalStart}},
	},
	{
		"start from the hosts", []string{"2", "/a2", "enter", "R", "enter"}, []string{"tab", "enter"}, "heliosctl start web:1 a2",
		[]tui.Action{{Verb: tui.VerbStart, Job: web("1"), Host: "a2", Goal: model.GoalStart}},
	},
	{
		"remove", []string{"3", "/pay", "enter", "E"}, []string{"pay", "tab", "s3cret", "tab", "tab", "enter"}, `heliosctl remove pay:1 --yes --token "$TOKEN"`,
		[]tui.Action{{Verb: tui.VerbRemove, Job: model.JobID{Name: "pay", Version: "1", Hash: strings.Repeat("9", 40)}, Token: "s3cret"}},
	},
	{
		"drain marked hosts", []string{"2", "/role=web", "enter", "V", "W"}, []string{"3", "tab", "tab", "enter"}, `for x in a1 a2 a3; do heliosctl drain "$x"; done`,
		[]tui.Action{{Verb: tui.VerbDrain, Host: "a1"}, {Verb: tui.VerbDrain, Host: "a2"}, {Verb: tui.VerbDrain, Host: "a3"}},
	},
	{
		"deregister", []string{"2", "/down1", "enter", "E"}, []string{"down1", "tab", "tab", "enter"}, "heliosctl deregister down1 --yes",
		[]tui.Action{{Verb: tui.VerbDeregister, Host: "down1"}},
	},
	{
		"pause", []string{"4", "P"}, []string{"tab", "enter"}, "heliosctl pause front", []tui.Action{{Verb: tui.VerbPause, Group: "front"}},
	},
	{
		"stop the rollout", []string{"4", "enter", "K"}, []string{"tab", "enter"}, "heliosctl stop-deployment-group front",
		[]tui.Action{{Verb: tui.VerbRollStop, Group: "front"}},
	},
	{
		"remove the group", []string{"4", "E"}, []string{"front", "tab", "tab", "enter"}, "heliosctl remove-deployment-group front",
		[]tui.Action{{Verb: tui.VerbGroupDrop, Group: "front"}},
	},
	{
		"rolling update", []string{"4", "O", "web:2", "enter", "backspace", "2", "tab", "backspace", "backspace", "backspace", "1m", "ctrl+s"},
		[]string{"front", "tab", "tab", "enter"}, "heliosctl rolling-update web:2 front --parallelism 2 --timeout 60",
		[]tui.Action{{Verb: tui.VerbRoll, Group: "front", Job: web("2"), Options: &tui.RolloutOptions{Parallelism: 2, Timeout: time.Minute}}},
	},
	{
		"retry", []string{"4", "enter", "!", "R"}, []string{"tab", "enter"}, "heliosctl rolling-update web:1 front --timeout 60",
		[]tui.Action{{Verb: tui.VerbRetry, Group: "front", Host: "a2", Job: web("1"), Options: &tui.RolloutOptions{Parallelism: 1, Timeout: time.Minute}}},
	},
	{
		"roll back", []string{"4", "B"}, []string{"front", "tab", "tab", "enter"}, "heliosctl rollback front",
		[]tui.Action{{
			Verb: tui.VerbRollBack, Group: "front", Options: &tui.RolloutOptions{Parallelism: 1, Timeout: time.Minute},
		}},
	},
	{
		"create a group", []string{"4", "N", "back", "tab", "zone in (z1, z2)", "tab", "role!=db", "ctrl+s"}, []string{"tab", "enter"},
		"heliosctl create-deployment-group back 'zone in (z1, z2)' 'role!=db'",
		[]tui.Action{{Verb: tui.VerbGroupMake, Group: "back", Selectors: []model.HostSelector{
			{Label: "zone", Operator: model.SelectorIn, Operands: []string{"z1", "z2"}}, {Label: "role", Operator: model.SelectorNotEquals, Operand: "db"},
		}}},
	},
	{
		"create a job", []string{"3", "/web:2", "enter", "N", "enter", "ctrl+s"}, []string{"tab", "enter"}, "heliosctl create -t web:2 web:3",
		[]tui.Action{{Verb: tui.VerbCreate, Spec: &model.Job{
			ID: model.JobID{Name: "web", Version: "3"}, Image: "web:2",
			Ports: map[string]model.PortMapping{"http": {InternalPort: 80, ExternalPort: func() *int { n := 8080; return &n }(), Protocol: "tcp"}},
		}}},
	},
}

func TestEveryActionDoesWhatItsDialogSays(t *testing.T) {
	for _, test := range actions {
		t.Run(test.name, func(t *testing.T) {
			f := cluster()
			s := stage(options(f), 120, 36, test.open)
			if got := s.Twin(); got != test.twin {
				t.Errorf("the command line is %s, want %s", got, test.twin)
			}
			frame := s.Plain()
			mustContain(t, frame, "same as", "PROD test")
			if !strings.Contains(frame, "▸  Cancel") && !strings.Contains(frame, "▸  Back") {
				t.Errorf("the focus is not on Cancel:\n%s", frame)
			}
			s.Press("ctrl+t")
			mustContain(t, s.Plain(), "Dry run: ", "nothing is sent")
			s.Press("esc")
			if len(f.done) != 0 {
				t.Fatalf("before anybody agreed, %+v was sent", f.done)
			}
			s.Press(test.do...)
			slices.SortFunc(f.done, func(a, b tui.Action) int { return strings.Compare(a.Host, b.Host) })
			if diff := cmp.Diff(test.want, f.done); diff != "" {
				t.Errorf("sent (-want +got):\n%s\n%s", diff, s.Plain())
			}
			mustContain(t, s.Plain(), fmt.Sprintf("✓ %d done", len(test.want)))
		})
	}
}

// The button names the keys that press it, from wherever the focus is.
func TestTheKeysOnTheButtonPressIt(t *testing.T) {
	for _, test := range []struct {
		name  string
		typed []string
		hint  string
	}{
		{"from the number", []string{"2"}, "Undeploy  tab tab ⏎"},
		{"from cancel, after the number", []string{"2", "tab"}, "Undeploy  tab ⏎"},
		{"from the button", []string{"2", "tab", "tab"}, "Undeploy  ⏎"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := cluster()
			s := stage(options(f), 120, 36, []string{"2", "/role=web", "enter", "V", "U", "enter"})
			s.Press(test.typed...)
			mustContain(t, s.Plain(), test.hint)
			for range strings.Count(test.hint, "tab") {
				s.Press("tab")
			}
			s.Press("enter")
			if len(f.done) != 2 {
				t.Errorf("%d requests were sent, want 2:\n%s", len(f.done), s.Plain())
			}
		})
	}
}

func TestEveryActionIsRefusedWhenNothingMayBeChanged(t *testing.T) {
	for _, test := range actions {
		open := test.open[:slices.IndexFunc(test.open, func(k string) bool { return len(k) == 1 && k >= "A" && k <= "Z" && k != "V" })+1]
		f := cluster()
		o := options(f)
		o.ReadOnly = true
		s := stage(o, 120, 36, open)
		mustContain(t, s.Plain(), "read-only")
		f = cluster()
		s = stage(options(f), 120, 36, test.open)
		f.store.SetFreshness(tui.Freshness{State: tui.Stale, Master: "m1", AsOf: now.Add(-time.Minute), Error: "gone"})
		s.Refresh()
		s.Press(test.do...)
		mustContain(t, s.Plain(), "no master answers")
		if len(f.done) != 0 {
			t.Errorf("%s: with old data, %+v was sent", test.name, f.done)
		}
	}
}

// A job that is removed while a dialog is open for it is told of in the dialog, and is never taken for another of its name and version.
func TestStoppingARolloutWarnsOfHostsThatAreLeftWithoutAJob(t *testing.T) {
	for _, test := range []struct {
		phase   tui.RolloutPhase
		overlap bool
		want    bool
	}{
		{tui.PhaseWaiting, false, false},
		{tui.PhaseAwaitUndeployed, false, true},
		{tui.PhaseAwaitUndeployed, true, false}, // the new job came first
		{tui.PhaseAwaitRunning, false, false},
		{tui.PhaseDone, false, false},
	} {
		f := cluster()
		f.store.SetGroup(&tui.Group{Spec: model.DeploymentGroup{Name: "front"}, Hosts: []string{"a1"}, Rollout: &tui.Rollout{
			ID: "1", Group: "front", From: web("1"), To: web("2"), State: tui.RolloutRunning, Started: now.Add(-time.Minute),
			Options: tui.RolloutOptions{Parallelism: 1, Timeout: time.Minute, Overlap: test.overlap},
			Hosts:   []tui.RolloutHost{{Host: "a1", Phase: test.phase}},
		}})
		frame := stage(options(f), 120, 36, []string{"4", "K"}).Plain()
		mustContain(t, frame, "Hosts keep what they have")
		if got := strings.Contains(frame, "left without either: 1 host of front"); got != test.want {
			t.Errorf("phase %d, overlap %t: warned %t, want %t:\n%s", test.phase, test.overlap, got, test.want, frame)
		}
	}
}

func TestADialogTellsThatItsJobHasGone(t *testing.T) {
	for _, keys := range [][]string{{"3", "/web:1", "enter", "E"}, {"3", "/web:1", "enter", "D", "space", "enter"}} {
		f := newFixed()
		f.host("a1", model.Up)
		f.store.SetJob(&model.Job{ID: id("web"), Image: "web:1"})
		s := stage(options(f), 120, 36, keys)
		if strings.Contains(s.Plain(), "not there any more") {
			t.Errorf("keys %q: before it has gone the dialog says so:\n%s", keys, s.Plain())
		}
		mustContain(t, s.Twin(), "web:1")
		f.store.RemoveJob(id("web"))
		other := id("web")
		other.Hash = strings.Repeat("b", 40)
		f.store.SetJob(&model.Job{ID: other, Image: "web:other"})
		s.Refresh()
		mustContain(t, s.Plain(), "is not there any more")
		mustContain(t, s.Twin(), "web:1:aaaa")
	}
}

func TestTheDryRunSaysWhatWouldBecomeOfEachTarget(t *testing.T) {
	f := cluster()
	f.store.SetHost(tui.Host{Name: "d1", Status: model.Up, Drain: &model.Drain{}, Labels: map[string]string{"role": "web"}})
	for _, test := range []struct {
		keys []string
		want []string
	}{
		{[]string{"2", "V", "D", "web:2", "enter", "ctrl+t"}, []string{
			"✓ 1 would change", "◌ 1 later", "✗ 3 refused", "✗ port 8080 is taken by web:1", "✗ the host is drained", "✓ pull web:2 and start it",
			"◌ when its agent is back: pull web:2",
		}},
		{[]string{"2", "/a1", "enter", "R", "enter", "ctrl+t"}, []string{"· it is to run already: running"}},
		{[]string{"3", "/web:1", "enter", "E", "ctrl+t"}, []string{"✗ it is deployed to 2 hosts: undeploy it first"}},
		{[]string{"3", "/web:2", "enter", "E", "ctrl+t"}, []string{"✓ forgotten, with its history"}},
		{[]string{"2", "/a1", "enter", "E", "ctrl+t"}, []string{"✓ forgotten; its agent registers it anew and stops its 1 task"}},
		{[]string{"4", "K", "ctrl+t"}, []string{"✓ ends: 1 done keep the new job, 0 under way stay, 1 keep the old"}},
	} {
		mustContain(t, stage(options(f), 120, 36, test.keys).Plain(), test.want...)
	}
	if len(f.done) != 0 {
		t.Errorf("%+v was sent", f.done)
	}
}

// A job whose containers are still being stopped can be removed.
func TestATaskThatIsBeingUndeployedIsNoDeployment(t *testing.T) {
	f := cluster()
	for _, name := range []string{"a1", "a2"} {
		f.store.SetTask(&tui.Task{Host: name, Job: web("1"), Goal: model.GoalUndeploy, State: model.StateStopping, Since: now})
	}
	f.store.SetHost(tui.Host{Name: "a1", Status: model.Down})
	frame := stage(options(f), 120, 36, []string{"3", "/web:1", "enter", "E", "ctrl+t"}).Plain()
	mustContain(t, frame, "✓ forgotten, with its history")
	if got, want := stage(options(f), 120, 36, []string{"2", "/a1", "enter", "E"}).Twin(), "heliosctl deregister a1 --yes"; got != want {
		t.Errorf("the command line is %s, want %s", got, want)
	}
}

func TestTheDryRunOfARollingUpdateIsTheMasters(t *testing.T) {
	f := cluster()
	f.preview = model.RolloutPreview{Hosts: []model.RolloutVisit{
		{Host: "a1", Canary: true, Undeploy: []model.JobID{web("1")}, Deploy: []model.JobID{web("2")}}, {Host: "a2", UpToDate: true},
		{Host: "a3", Skipped: "the host is drained"}, {Host: "down1", Code: model.CodePortConflict, Failure: "port 80 is taken"},
	}}
	s := stage(options(f), 120, 36, []string{"4", "O", "pay:1", "enter", "backspace", "3", "up", "up", "s3cret", "ctrl+t"})
	mustContain(t, s.Plain(), "✓ undeploy web:1, then deploy web:2 (canary)", "◌ wait for a resume (P)", "· it is up to date", "◌ skip: the host is drained", "✗ port 80 is taken")
	if len(f.previewed) != 1 || f.previewed[0].Token != "s3cret" || f.previewed[0].Options.Parallelism != 3 || f.previewed[0].Group != "front" {
		t.Errorf("asked for %+v", f.previewed)
	}
	f.refuse["front"] = errors.New("no leader")
	s.Press("esc", "ctrl+t")
	mustContain(t, s.Plain(), "the masters refuse it: no leader")
	s.Press("esc", "ctrl+s")
	mustContain(t, s.Plain(), "Rolling update of group front to pay:1", "••••••", "∥3")
	if len(f.done) != 0 {
		t.Errorf("%+v was sent", f.done)
	}
}

func TestTheFormOfARollingUpdateBeginsWithTheJobsOwnOptions(t *testing.T) {
	f := cluster()
	parallel, canary := 7, 2
	f.store.SetJob(&model.Job{ID: web("2"), Image: "web:2", RolloutOptions: &model.RolloutOptions{
		Parallelism: &parallel, Canary: &canary, MaxFailures: "10%", OnFailure: model.OnFailureRollback,
	}})
	s := stage(options(f), 120, 36, []string{"4", "O", "web:2", "enter"})
	mustContain(t, s.Plain(), "parallelism     7", "canary          2", "max failures    10%", "[rollback]")
	if got, want := s.Twin(), "heliosctl rolling-update web:2 front"; got != want {
		t.Errorf("the command line is %s, want %s", got, want)
	}
	s.Press("tab", "tab", "tab", "tab", "backspace", "0", "ctrl+s", "front", "tab", "tab", "enter")
	if len(f.done) != 1 || f.done[0].Options.Canary != 0 || f.done[0].Options.MaxFailures != "10%" || f.done[0].Options.Parallelism != 7 {
		t.Errorf("sent %+v", f.done)
	}
}

func TestATokenFromElsewhereIsNotAskedFor(t *testing.T) {
	f := cluster()
	o := options(f)
	reads := 0
	o.Token = &tui.TokenSource{Name: "the variable DEPLOY", Shell: "$DEPLOY", Read: func() (string, error) { reads++; return "s3cret", nil }}
	s := stage(o, 120, 36, []string{"3", "/pay", "enter", "E", "pay"})
	mustContain(t, s.Plain(), "Token of the job: the variable DEPLOY")
	if got, want := s.Twin(), `heliosctl remove pay:1 --yes --token "$DEPLOY"`; got != want || reads != 0 {
		t.Errorf("the command line is %s, want %s; the token was read %d times", got, want, reads)
	}
	s.Press("tab", "tab", "enter")
	if len(f.done) != 1 || f.done[0].Token != "s3cret" {
		t.Errorf("sent %+v", f.done)
	}
	o.Token.Read = func() (string, error) { return "", errors.New("the variable DEPLOY is not set") }
	s = stage(o, 120, 36, []string{"3", "/pay", "enter", "E", "pay", "tab", "tab", "enter"})
	mustContain(t, s.Plain(), "the variable DEPLOY is not set")
	if len(f.done) != 1 {
		t.Errorf("without a token, %+v was sent", f.done[1:])
	}
}

// The token goes only to those of several jobs that have one.
func TestTokensGoToTheirJobsOnly(t *testing.T) {
	f := cluster()
	f.store.SetTask(&tui.Task{Host: "a3", Job: model.JobID{Name: "pay", Version: "1", Hash: strings.Repeat("9", 40)}, Goal: model.GoalStart, State: model.StateRunning})
	s := stage(options(f), 120, 36, []string{"3", "V", "X", "3", "tab", "s3cret", "tab", "tab", "enter"})
	if len(f.done) != 3 {
		t.Fatalf("sent %+v\n%s", f.done, s.Plain())
	}
	for _, a := range f.done {
		if (a.Token != "") != (a.Job.Name == "pay") {
			t.Errorf("the token of %s is %q", a.Job.Short(), a.Token)
		}
	}
}

func TestAFormSaysWhatIsWrongBesideTheField(t *testing.T) {
	f := newFixed()
	s := stage(options(f), 120, 60, []string{"3", "N"})
	for _, step := range []struct{ keys []string }{
		{[]string{"a b", "tab", "1", "tab", "UPPER/x", "tab", "tab", "X", "tab", "tab", "p=1:2", "tab", "q=1:2", "tab", "tab", "rel", "tab", "tab", "vpn", "tab"}},
		{[]string{"Host", "tab", "right", "tab", "nope", "tab", "tab", "x", "tab", "2", "tab", "web=zzz", "tab", "tab", "tab", "5"}},
	} {
		s.Press(step.keys...)
	}
	s.Press("ctrl+s")
	mustContain(t, s.Plain(), `✗ job name "a b" is not legal`, `✗ image "UPPER/x" has component`, "✗ want NAME=VALUE", `✗ ports "p" and "q" both have external port tcp 2`,
		`✗ bad volume "rel"`, `✗ network mode "vpn" is not legal`, `✗ hostname "Host" is not legal`, `✗ http health check refers to port "nope"`,
		`✗ "x" is not a number`, "✗ health check has unhealthyAfter 2 but no interval", `✗ registration "web/http" refers to port "zzz"`,
		"✗ grace period 5 cannot be combined with a fixed external port", "name: job name")
	if len(f.done) != 0 {
		t.Errorf("sent %+v", f.done)
	}
}

func TestEscDropsWhatWasTypedTheSecondTime(t *testing.T) {
	f := cluster()
	s := stage(options(f), 120, 36, []string{"4", "N", "front-two", "esc"})
	mustContain(t, s.Plain(), "esc once more", "front-two")
	s.Press("tab", "esc")
	mustContain(t, s.Plain(), "esc once more")
	s.Press("esc")
	if strings.Contains(s.Plain(), "New deployment group") {
		t.Error("the form is still there")
	}
	s.Press("N", "esc")
	if strings.Contains(s.Plain(), "New deployment group") {
		t.Error("a form in which nothing was typed does not go at once")
	}
}

// What nobody touches stays as it is, even what could not be typed.
func TestAClonedJobKeepsWhatNobodyTouches(t *testing.T) {
	f := newFixed()
	kill, memory := 7, int64(1<<29)
	from := model.Job{
		ID: model.JobID{Name: "odd", Version: "1.9", Hash: strings.Repeat("b", 40)}, Image: "odd:1", Command: []string{"sh", "-c", "echo  'a'\n"},
		Env: map[string]string{"A": " x\ny", "B": ""}, Ports: map[string]model.PortMapping{"p": {IP: "::1", InternalPort: 1, Protocol: "udp"}},
		Registration: map[model.ServiceEndpoint]model.ServicePorts{{Name: "a-b", Protocol: "x"}: {Ports: map[string]model.ServicePortParameters{"p": {Tags: []string{"t"}}}}},
		Ramdisks:     map[string]string{"/tmp": "size=1m"}, SecondsToWaitBeforeKill: &kill, Resources: &model.Resources{Memory: &memory}, Token: "s3cret",
		Volumes: map[string]string{"/data:ro": "/srv"},
	}
	f.store.SetJob(&from)
	s := stage(options(f), 120, 36, []string{"3", "N", "enter", "ctrl+s"})
	if got, want := s.Twin(), "heliosctl create -t odd:1.9 odd:1.10"; got != want {
		t.Errorf("the command line is %s, want %s", got, want)
	}
	s.Press("tab", "enter")
	want := from.Clone()
	want.ID = model.JobID{Name: "odd", Version: "1.10"}
	if len(f.done) != 1 {
		t.Fatalf("sent %+v\n%s", f.done, s.Plain())
	}
	if diff := cmp.Diff(&want, f.done[0].Spec); diff != "" {
		t.Errorf("the job (-want +got):\n%s", diff)
	}
}

func TestLinesThatArePastedAreEntries(t *testing.T) {
	f := newFixed()
	s := stage(options(f), 120, 36, []string{"3", "N", "web", "tab", "1", "tab", "web:1", "tab", "tab"})
	s.Paste("A=1\nB=two words\r\nC=\x1b[31m3\n")
	s.Press("ctrl+s", "tab", "enter")
	if len(f.done) != 1 {
		t.Fatalf("sent %+v\n%s", f.done, s.Plain())
	}
	if diff := cmp.Diff(map[string]string{"A": "1", "B": "two words", "C": "[31m3"}, f.done[0].Spec.Env); diff != "" {
		t.Errorf("the environment (-want +got):\n%s", diff)
	}
}

func TestTheGroupFormCountsTheHostsThatMatch(t *testing.T) {
	f := cluster()
	s := stage(options(f), 120, 36, []string{"4", "N", "x", "tab", "role=web"})
	mustContain(t, s.Plain(), "matches 3 of 4 hosts, 3 up", "▲ a1", "▲ a3")
	s.Press("tab", "zone=z1")
	mustContain(t, s.Plain(), "matches 1 of 4 hosts")
	f.store.SetHost(tui.Host{Name: "new1", Status: model.Down, Labels: map[string]string{"role": "web", "zone": "z1"}})
	s.Refresh()
	mustContain(t, s.Plain(), "matches 2 of 5 hosts, 1 up", "▼ new1")
}

func TestEveryRolloutStateHasItsOwnWordAndGlyph(t *testing.T) {
	seen := map[string]tui.RolloutState{}
	for _, state := range everyRolloutState {
		f := cluster()
		g := *f.store.Snapshot().Group("front")
		r := *g.Rollout
		r.State, r.Error, r.Finished = state, "because of a2", now
		g.Rollout = &r
		f.store.SetGroup(&g)
		frame := stage(options(f), 120, 36, []string{"4"}).Plain()
		mustContain(t, frame, string(state))
		line := frame[strings.Index(frame, "▌"):]
		glyph := strings.Fields(line)[1]
		if other, taken := seen[glyph]; taken {
			t.Errorf("%s and %s have the glyph %s", state, other, glyph)
		}
		seen[glyph] = state
		if state != tui.RolloutRunning && state != tui.RolloutDone {
			mustContain(t, stage(options(f), 120, 36, []string{"4", "enter"}).Plain(), "because of a2")
		}
	}
}

func TestFramesOfRolloutsThatWaitOrAreOver(t *testing.T) {
	for name, change := range map[string]func(g *tui.Group, r *tui.Rollout){
		"canary": func(_ *tui.Group, r *tui.Rollout) {
			r.State, r.Error, r.Options.Canary = tui.RolloutCanary, "the canaries are done; resume to go on", 1
		},
		"paused": func(_ *tui.Group, r *tui.Rollout) {
			r.State, r.Error, r.Options.OnFailure = tui.RolloutPaused, "1 host failed, none may", model.OnFailurePause
		},
		"rolled-back": func(g *tui.Group, r *tui.Rollout) {
			undone, replaced := *r, *r
			undone.State, undone.Error, undone.Finished = tui.RolloutRolledBack, "a2 failed: it exits", now.Add(-time.Minute)
			replaced.State, replaced.Finished = tui.RolloutReplaced, now.Add(-2*time.Minute)
			g.Past = []*tui.Rollout{&undone, &replaced}
			r.Back, r.Undoes, r.Cause, r.Options.OnFailure = true, "1", "a2: it exits", model.OnFailureRollback
		},
	} {
		f := cluster()
		g := *f.store.Snapshot().Group("front")
		r := *g.Rollout
		change(&g, &r)
		g.Rollout = &r
		f.store.SetGroup(&g)
		for _, size := range sizes {
			for page, keys := range map[string][]string{"group": {"4"}, "rollout": {"4", "enter"}} {
				s := stage(options(f), size[0], size[1], keys)
				checkWidths(t, s.Frame(), size[0], size[1])
				golden(t, fmt.Sprintf("%s-%s-%dx%d", page, name, size[0], size[1]), s.Plain())
			}
		}
	}
}

func TestACanaryThatWaitsNeedsSomebodyAndIsResumed(t *testing.T) {
	f := cluster()
	g := *f.store.Snapshot().Group("front")
	r := *g.Rollout
	r.State, r.Error = tui.RolloutCanary, "1 of 3 hosts done"
	g.Rollout = &r
	f.store.SetGroup(&g)
	mustContain(t, stage(options(f), 120, 36, nil).Plain(), "◆ CANARY", "1 of 3 hosts done")
	s := stage(options(f), 120, 36, []string{"4", "P"})
	mustContain(t, s.Plain(), "Resume the rollout of group front")
	s.Press("tab", "enter")
	if len(f.done) != 1 || f.done[0].Verb != tui.VerbResume {
		t.Errorf("sent %+v", f.done)
	}
}

func TestTheRolloutShowsItsOptions(t *testing.T) {
	f := cluster()
	g := *f.store.Snapshot().Group("front")
	r := *g.Rollout
	r.Options = tui.RolloutOptions{
		Parallelism: 4, Timeout: 90 * time.Second, Overlap: true, Migrate: true, Canary: 2, MinHealthy: 30 * time.Second, MaxFailures: "10%",
		OnFailure: model.OnFailureRollback,
	}
	r.Back, r.Cause = true, "a2: it exits"
	g.Rollout = &r
	f.store.SetGroup(&g)
	mustContain(t, stage(options(f), 120, 36, []string{"4", "enter"}).Plain(), "∥4", "timeout 1m30s", "overlap", "migrate", "canary 2", "healthy for 30s",
		"rolls back above 10% failed", "↶ since a2: it exits", "web:1 (back)")
}

func TestAgesStandStillWithTheData(t *testing.T) {
	f := newFixed()
	created := model.TimestampOf(now.Add(-30 * time.Second))
	f.store.SetJob(&model.Job{ID: id("web"), Image: "web:1", Created: &created})
	f.store.SetHost(tui.Host{Name: "h1", Status: model.Up, Info: &model.HostInfo{CPUs: 1}})
	f.store.SetGauges("h1", 1, 1, now.Add(-30*time.Second))
	f.store.AddEvent(tui.Event{Index: 1, At: now.Add(-30 * time.Second), Type: model.EventJobCreated, Job: id("web"), Detail: "was created"})
	clock := now
	o := options(f)
	o.Now = func() time.Time { return clock }
	f.store.SetFreshness(tui.Freshness{State: tui.Stale, Master: "m1", AsOf: now, Error: "gone"})
	clock = now.Add(time.Hour)
	for _, test := range []struct {
		keys []string
		want string
	}{
		{[]string{"3"}, " 30s "}, {[]string{"3", "/age<1m", "enter"}, "row 1/1"}, {[]string{"3", "/age>1m", "enter"}, "0 of 1"},
		{[]string{"2", "/seen<60s", "enter"}, "row 1/1"}, {[]string{"2", "/seen>60s", "enter"}, "0 of 1"}, {[]string{"5", "/age<1m", "enter"}, "was created"},
	} {
		mustContain(t, stage(o, 120, 36, test.keys).Plain(), test.want)
	}
}

func TestTheAgeOfANewJobIsInSeconds(t *testing.T) {
	for age, want := range map[time.Duration]string{
		0: " 0s ", 7*time.Second + 400*time.Millisecond: " 7s ", 59 * time.Second: " 59s ", 61 * time.Second: " 1m ", 26 * time.Hour: " 26h ",
	} {
		f := newFixed()
		created := model.TimestampOf(now.Add(-age))
		f.store.SetJob(&model.Job{ID: id("web"), Image: "web:1", Created: &created})
		mustContain(t, stage(options(f), 120, 36, []string{"3"}).Plain(), want)
	}
}

// A column of the chart is always half a minute, however few events there are.
func TestTheChartOfEventsHasAFixedScale(t *testing.T) {
	f := newFixed()
	for _, back := range []time.Duration{5 * time.Minute, 0} {
		f.store.AddEvent(tui.Event{At: now.Add(-back), Type: model.EventTaskStatus, Host: "a1", Job: id("web"), To: model.StateFailed})
	}
	var ticks []int
	for line := range strings.SplitSeq(stage(options(f), 120, 36, []string{"5"}).Plain(), "\n") {
		if cells := []rune(line); strings.HasPrefix(line, "│") && strings.Contains(line, "✗") {
			for x, r := range cells {
				if r == '✗' {
					ticks = append(ticks, x)
				}
			}
		}
	}
	if len(ticks) != 2 || ticks[1]-ticks[0] != 10 {
		t.Errorf("five minutes apart, the failures are in the columns %v", ticks)
	}
}

// Rollouts of the job that a group has already are no way back.
func TestRollBackPassesOverRolloutsOfTheSameJob(t *testing.T) {
	f := cluster()
	g := *f.store.Snapshot().Group("front")
	again, before := *g.Rollout, *g.Rollout
	again.From, again.To = web("2"), web("2")
	before.From, before.To = web("1"), web("2")
	g.Rollout, g.Past = &again, []*tui.Rollout{&before}
	f.store.SetGroup(&g)
	mustContain(t, stage(options(f), 120, 36, []string{"4", "B"}).Plain(), "Roll front back to web:1", "rollback front --to web:1")
}

func TestTheOverviewCountsTheGroups(t *testing.T) {
	mustContain(t, stage(options(newFixed()), 120, 36, nil).Plain(), "0 groups")
	mustContain(t, stage(options(cluster()), 120, 36, nil).Plain(), "1 group ")
}

// In the lane of a host that rolls, the job before is told from the new one, and what is dropped while both are there comes back.
func TestLanesShowTheJobBefore(t *testing.T) {
	f := cluster()
	at := func(s int) time.Time { return now.Add(time.Duration(s-600) * time.Second) }
	g := *f.store.Snapshot().Group("front")
	r := *g.Rollout
	r.From, r.To = web("1"), web("2")
	g.Rollout = &r
	f.store.SetGroup(&g)
	f.store.SetTask(&tui.Task{Host: "a1", Job: web("2"), Goal: model.GoalStart, State: model.StateRunning, Since: at(300)})
	f.history = []tui.Transition{
		{At: at(0), Host: "a1", Job: web("1"), State: model.StateRunning}, {At: at(240), Host: "a1", Job: web("2"), State: model.StatePullingImage},
		{At: at(300), Host: "a1", Job: web("2"), State: model.StateRunning}, {At: at(320), Host: "a1", Job: web("1"), State: model.StateStopped},
		{At: at(100), Host: "a2", Job: web("1"), State: model.StateRunning},
	}
	frame := stage(options(f), 120, 36, []string{"3", "/web:2", "enter", "enter", "+"}).Plain()
	mustContain(t, frame, "─ before: web:1", "┊", "kept since 11:54:31")
	for line := range strings.SplitSeq(frame, "\n") {
		if strings.Contains(line, "a1  ") && strings.Contains(line, "░") {
			if !strings.Contains(line, "──") || !strings.Contains(line, "━━") || strings.Contains(line, "╌") {
				t.Errorf("the lane is %s", line)
			}
			return
		}
	}
	t.Errorf("there is no lane of a1:\n%s", frame)
}

func TestTokensOfOptionsAreNotInDocuments(t *testing.T) {
	f := cluster()
	token := "s3cret"
	f.store.SetJob(&model.Job{ID: web("2"), Image: "web:2", RolloutOptions: &model.RolloutOptions{Token: &token}})
	g := *f.store.Snapshot().Group("front")
	g.Spec.RolloutOptions = &model.RolloutOptions{Token: &token}
	f.store.SetGroup(&g)
	for _, keys := range [][]string{{"3", "/web:2", "enter", "y"}, {"4", "y"}, {"4", "y", "tab"}} {
		frame := stage(options(f), 120, 60, keys).Plain()
		if strings.Contains(frame, token) || !strings.Contains(frame, "(hidden)") {
			t.Errorf("keys %q show the token:\n%s", keys, frame)
		}
	}
}
