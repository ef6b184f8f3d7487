package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

// A definition that can be read, in JSON or YAML, is read again from what is written of it.
func FuzzJobFile(f *testing.F) {
	for _, seed := range []string{
		`{"id": "a:1", "image": "b"}`, "id: a:1\nimage: b\n", "---\nid: a:1\n...\n", "{}", "null", "", "a", "- a", "id: [", "\x00",
		"env: {A: yes}", "env: {A: 1.10}", "a: &a\n- *a\n", "id: a:1\n---\nid: b:1\n", `{"ports": {"http": {"internalPort": 80}}}`, "? a\n",
		"volumes: {/a: ''}\nhealthCheck: {type: exec, command: [a, 'b c']}", "expires: 2030-01-01T00:00:00Z", "\xef\xbb\xbfid: a:1", "<<: {a: b}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		job, _, err := decodeJob(data)
		if err != nil || job.ID.IsZero() {
			return
		}
		text, err := json.Marshal(job)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, _, err := decodeJob(text)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, text)
		}
		if diff := cmp.Diff(job.WithID(), again.WithID(), cmp.Transformer("unset", unsetEmpty)); diff != "" {
			t.Errorf("read again (-first +second):\n%s", diff)
		}
	})
}

// Flags either make a job that can be written, or there is an error in one line that says which is wrong.
func FuzzJobFlags(f *testing.F) {
	for _, seed := range [][2]string{
		{"env", "A=b"}, {"env", "="}, {"port", "http=1.2.3.4:80:8080/udp"}, {"port", "=:/"}, {"register", "web/http=http"}, {"register", "w"},
		{"volume", "/a:/b:ro"}, {"volume", ":"}, {"expires", "2030-01-01"}, {"expires", "2030-01-01T00:00"}, {"exec-check", "a 'b c' \"d\\\"\""},
		{"http-check", "http:/x"}, {"http-check", ":"}, {"tcp-check", "http"}, {"rollout-options", "timeout=1"}, {"rollout-options", "maxFailures=%"},
		{"memory", "512m"}, {"memory", "b"}, {"memory", "9223372036854775807k"}, {"ramdisk", "/a=b"}, {"tag", "http=x"}, {"labels", "a=b=c"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, flag, value string) {
		var flags jobFlags
		job := model.Job{ID: model.JobID{Name: "a", Version: "1"}, Image: "b"}
		list := map[string]*[]string{
			"env": &flags.Env, "metadata": &flags.Metadata, "labels": &flags.Labels, "port": &flags.Ports, "register": &flags.Registrations,
			"volume": &flags.Volumes, "rollout-options": &flags.RolloutOptions, "ramdisk": &flags.Ramdisks, "tag": &flags.Tags,
		}[flag]
		word := map[string]*string{
			"expires": &flags.Expires, "exec-check": &flags.ExecCheck, "http-check": &flags.HTTPCheck, "tcp-check": &flags.TCPCheck, "memory": &flags.Memory,
		}[flag]
		switch {
		case list != nil:
			*list = []string{value}
		case word != nil:
			*word = value
		default:
			return
		}
		err := flags.apply(&job)
		if err != nil {
			if !strings.Contains(err.Error(), " ") || len(oneLine(err.Error())) == 0 {
				t.Errorf("%s %q: error %q does not say much", flag, value, err)
			}
			return
		}
		if _, err := json.Marshal(job); err != nil {
			t.Errorf("%s %q makes a job that cannot be written: %v", flag, value, err)
		}
		if resources := job.Resources; resources != nil && resources.Memory != nil && *resources.Memory <= 0 {
			t.Errorf("--memory %q is %d bytes", value, *resources.Memory)
		}
	})
}

// Words that are quoted are split again into the same words.
func FuzzSplitWords(f *testing.F) {
	for _, seed := range []string{"a b", "'a b' c", `"a b"`, `a\ b`, `'`, `\`, "", " ", "a\tb\n", `"a\"b"`, "''"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words, err := model.SplitWords(text)
		if err != nil {
			return
		}
		quoted := make([]string, len(words))
		for i, word := range words {
			quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		again, err := model.SplitWords(strings.Join(quoted, " "))
		if err != nil || !slices.Equal(words, again) {
			t.Errorf("%q is %q, and quoted and split again %q (%v)", text, words, again, err)
		}
	})
}

// What the parser of sizes takes.
func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "1b": 1, "512k": 512 << 10, "512K": 512 << 10, "3m": 3 << 20, "3MB": 3 << 20, "2g": 2 << 30, "10485760": 10485760,
	} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%q: got %d (%v), want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0", "-1", "+1", "b", "k", "1kk", "1bb", "1.5g", "1t", "9223372036854775808", "9007199254740992k", " 1"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("%q: got %d, want an error", text, got)
		}
	}
}

func TestYAMLDocuments(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "# a\n": 0, "---\n": 0, "a: b\n": 1, "---\na: b\n...\n": 1, "--- a: b\n": 1, "# x\n---\n# y\na: b\n": 1, "%YAML 1.2\n---\na: b\n": 1,
		"a: |\n  ---\n  x\n": 1, "a: b\n---\nc: d\n": 2, "a: b\n---\n": 1, "---\n---\na: b\n": 1,
	} {
		if got := yamlDocuments([]byte(text)); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}
