package tui_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/heliosctl/heliosctl/tui"
)

func TestConfiguredKeysWorkAndAreShown(t *testing.T) {
	o := options(shared())
	o.Keys = map[string][]string{
		"hosts.undeploy": {"Z"}, "help": {"f1"}, "palette": {";"}, "screen.hosts": {"H"}, "host.next": {"ctrl+n"}, "list.filter": {"F"}, "hosts.inspect": {},
	}
	s := stage(o, 120, 36, []string{"H"})
	frame := s.Plain()
	for _, want := range []string{"H Hosts", "Z undeploy…", "F filter", "f1 help"} {
		if !strings.Contains(frame, want) {
			t.Errorf("the frame does not show %q:\n%s", want, frame)
		}
	}
	for _, gone := range []string{"U undeploy", "2 Hosts", "y inspect"} {
		if strings.Contains(frame, gone) {
			t.Errorf("the frame still shows %q", gone)
		}
	}
	s.Press("Z")
	if frame := s.Plain(); !strings.Contains(frame, "Undeploy which job?") {
		t.Errorf("Z does not undeploy:\n%s", frame)
	}
	s.Press("esc", "U")
	if frame := s.Plain(); strings.Contains(frame, "Undeploy which job?") {
		t.Error("U still undeploys")
	}
	s.Press("f1", "undeploy")
	if frame := s.Plain(); !strings.Contains(frame, "Z             undeploy…") {
		t.Errorf("the help does not tell the configured key:\n%s", frame)
	}
}

// The table of a job's hosts is not the first view of its page, yet its keys are configured like any.
func TestConfiguredKeysWorkInEveryView(t *testing.T) {
	o := options(shared())
	o.Keys = map[string][]string{"list.filter": {"F"}}
	s := stage(o, 120, 36, []string{"3", "F", "pay-worker:8", "enter", "enter", "tab", "F", "pay-34"})
	if frame := s.Plain(); !strings.Contains(frame, "10 of 48") {
		t.Errorf("F does not filter the hosts of a job:\n%s", frame)
	}
}

func TestCheckKeysNamesTheFault(t *testing.T) {
	for _, tc := range []struct {
		keys map[string][]string
		want string
	}{
		{map[string][]string{"undeploy": {"Z"}}, `there is no command "undeploy" (there is host.undeploy, hosts.undeploy, job.undeploy, jobs.undeploy); dashboard --list-keys`},
		{map[string][]string{"dance": {"Z"}}, `there is no command "dance"; dashboard --list-keys`},
		{map[string][]string{"hosts.undeploy": {"D"}}, "D is both hosts.undeploy and hosts.deploy on Hosts"},
		{map[string][]string{"quit": {"l"}}, "l is both hosts.logs and quit on Hosts"},
		{map[string][]string{"quit": {"?"}}, "? is both help and quit on every screen"},
		{map[string][]string{"list.sort": {"tab"}}, "tab is both host.view and list.sort on Hosts › HOST"},
		{map[string][]string{"quit": {"ctrl-q"}}, `quit: "ctrl-q" is no key; write it ctrl+q`},
		{map[string][]string{"quit": {"quit"}}, `quit: "quit" is no key; keys are single characters`},
		{map[string][]string{"quit": {"ctrl+i"}}, "quit: terminals cannot tell ctrl+i from tab"},
		{map[string][]string{"quit": {"ctrl+c"}}, "ctrl+c always ends the console"},
		{map[string][]string{"quit": {" "}}, `quit: " " is no key`},
	} {
		if err := tui.CheckKeys(tc.keys); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("CheckKeys(%v) = %v, want %q", tc.keys, err, tc.want)
		}
	}
}

func TestCheckKeysAcceptsWhatWorks(t *testing.T) {
	for _, keys := range []map[string][]string{
		nil, {"quit": {"Q", "ctrl+q", "alt+q", "f10"}}, {"quit": {}}, {"list.mark": {"space", "insert"}}, {"help": {"ä"}},
		{"hosts.undeploy": {"D"}, "hosts.deploy": {"U"}}, // they change places
	} {
		if err := tui.CheckKeys(keys); err != nil {
			t.Errorf("CheckKeys(%v) = %v", keys, err)
		}
	}
}

func TestKeyMapHasEveryCommandOnce(t *testing.T) {
	lines := tui.KeyMap(map[string][]string{"quit": {"Q"}})
	seen := map[string]tui.KeyLine{}
	for _, l := range lines {
		if _, twice := seen[l.ID]; twice {
			t.Errorf("%s is there twice", l.ID)
		}
		seen[l.ID] = l
		if l.Meaning == "" {
			t.Errorf("%s has no meaning", l.ID)
		}
	}
	if l := seen["quit"]; !slices.Equal(l.Keys, []string{"Q"}) {
		t.Errorf("quit is on %v", l.Keys)
	}
	if l := seen["hosts.undeploy"]; !l.Writes || l.Meaning != "undeploy…" {
		t.Errorf("undeploy is %+v", l)
	}
	for _, id := range []string{"screen.masters", "views", "mark.set", "mark.go", "cluster", "list.filter", "timeline.left", "rollout.freeze", "logs.follow"} {
		if _, ok := seen[id]; !ok {
			t.Errorf("%s is missing", id)
		}
	}
}

// remapped gives every command a key of its own that no text on the screen has, and leaves the usual ones behind it.
func remapped() map[string][]string {
	keys := map[string][]string{}
	for i, line := range tui.KeyMap(nil) {
		keys[line.ID] = append([]string{string(rune('Ѐ' + i))}, line.Keys...)
	}
	return keys
}

// keysInTexts are words that can be nothing but keys where they stand alone.
var keysInTexts = regexp.MustCompile(`(?:^|[\s(])([A-HJ-Zb-z]|[!&/]|esc|tab|space|ctrl-[a-z]|⏎|enter)(?:[\s)]|$)`)

// notKeys are texts of the demo and headings that look like keys: a column of problems, its sign in rows, what filters were typed.
var notKeys = regexp.MustCompile(`TASKS +! |^ +! +JOB|^[ ▌✓]+[!?●] |step · time used / timeout|OPTIONS +LAST / ETA|^  / \S.*`)

// What a page says of its keys is what the configuration makes of them. Dialogs, which have keys of their own, are left out.
func TestTextsNameTheConfiguredKeys(t *testing.T) {
	keys := remapped()
	for _, screen := range append(slices.Clone(screens), []struct {
		name string
		keys []string
	}{
		{"no-rows", []string{"2", "/nothing like this", "enter"}},
		{"problems", []string{"2", "!"}},
		{"timeline-problems", []string{"3", "/web-api:42", "enter", "enter", "!"}},
		{"on-no-host", []string{"3", "/promo", "enter", "enter"}},
		{"nothing-searched", []string{"2", "/geo-36", "enter", "l", "geo-cache", "enter", "n"}},
		{"hits-only", []string{"2", "/geo-36", "enter", "l", "geo-cache", "enter", "/nothing like this", "enter", "&"}},
		{"never-rolled", []string{"4", "/canary", "enter", "enter"}},
		{"no-events", []string{"5", "/nothing like this", "enter"}},
		{"acknowledged", []string{"i"}},
		{"host-view", []string{"2", "/pay-34", "enter", "enter", "tab"}},
		{"no-mark", []string{"'", "a"}},
	}...) {
		t.Run(screen.name, func(t *testing.T) {
			o := options(fleetOf(screen.name))
			o.Keys = keys
			s := stage(o, 120, 36, screen.keys)
			if s.InDialog() {
				t.Skip("a dialog is open")
			}
			for line := range strings.Lines(s.Plain()) {
				for _, found := range keysInTexts.FindAllStringSubmatch(notKeys.ReplaceAllString(line, ""), -1) {
					t.Errorf("%q is the usual key: %s", found[1], line)
				}
			}
		})
	}
}

// The palette and the plan of a rollout name keys of the groups.
func TestDialogsNameTheConfiguredKeysOfPages(t *testing.T) {
	o := options(shared())
	o.Keys = remapped()
	palette := stage(o, 120, 36, []string{":", "edge"}).Plain()
	mustContain(t, palette, o.Keys["groups.roll"][0]+"  │", o.Keys["groups.stop"][0]+"  │")
	plan := stage(o, 120, 36, []string{"4", "/edge", "enter", "O", "api:41", "enter", "backspace", "5", "tab", "tab", "tab", "tab", "backspace", "2", "ctrl+t"}).Plain()
	mustContain(t, plan, "wait for a resume ("+o.Keys["groups.pause"][0]+")")
}

// A command without keys is not told of.
func TestTextsDoNotTellOfCommandsWithoutKeys(t *testing.T) {
	o := options(shared())
	o.Keys = map[string][]string{"rollout.stop": {}, "logs.open": {}, "hosts.logs": {"L"}, "back": {}, "palette": {}, "overview.regroup": {}}
	mustContain(t, stage(o, 120, 36, []string{"6"}).Plain(), "L on a host shows its output here, of marked rows together; l on a job or a rollout shows")
	if frame := stage(o, 120, 36, []string{"4", "/edge", "enter", "enter"}).Plain(); strings.Contains(frame, "stops after the step") {
		t.Errorf("it tells of what no key does:\n%s", frame)
	}
	if frame := stage(o, 120, 36, []string{"2", "/nothing like this", "enter"}).Plain(); strings.Contains(frame, "takes it back") {
		t.Errorf("it tells of what no key does:\n%s", frame)
	}
	if frame := stage(o, 120, 36, nil).Plain(); strings.Contains(frame, "any command") || strings.Contains(frame, "regroup") {
		t.Errorf("it tells of what no key does:\n%s", frame)
	}
}

// The keys that open the help and the palette close them, too.
func TestDialogsAreClosedByTheKeyThatOpensThem(t *testing.T) {
	o := options(shared())
	o.Keys = map[string][]string{"help": {"f1"}, "palette": {"ctrl+u"}}
	for key, title := range map[string]string{"f1": "Help: ", "ctrl+u": "Command palette"} {
		s := stage(o, 120, 36, []string{key})
		mustContain(t, s.Plain(), title)
		if s.Press(key); strings.Contains(s.Plain(), title) {
			t.Errorf("%s does not close it:\n%s", key, s.Plain())
		}
	}
}
