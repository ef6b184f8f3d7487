package config_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/cmd/heliosctl/config"
)

func TestParseOriginalReadsJSONAndHOCON(t *testing.T) {
	want := config.Original{Masters: []string{"http://m1:5801", "http://m2:5801"}, Domains: []string{"lon.example.com"}, SRVName: "helios-lab"}
	for name, text := range map[string]string{
		"JSON": `{"masterEndpoints": ["http://m1:5801", "http://m2:5801"], "domains": ["lon.example.com"], "srvName": "helios-lab", "other": {"a": 1}}`,
		"HOCON": `
# masters
masterEndpoints = [
  "http://m1:5801"   // the first
  "http://m2:5801"
]
domains: [lon.example.com,]
srvName = helios-lab
other { a.b = 1, a.c = true, "d e" = null }
other.a.b = 2
`,
		"in braces":     "{ masterEndpoints : [\"http://m1:5801\"\n,\n\"http://m2:5801\" ]\n, domains=[\"lon.example.com\"] srvName2=x\n srvName = \"helios-lab\" }",
		"the last wins": "domains = [a]\nmasterEndpoints = [\"http://m1:5801\", \"\"\"http://m2:5801\"\"\"]\ndomains = [lon.example.com]\nsrvName = helios-lab",
	} {
		text = strings.Replace(text, "] srvName2=x", "]\nsrvName2=x", 1)
		got, err := config.ParseOriginal(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	for _, text := range []string{"", "\n# nothing\n", "{}", "masterEndpoints = null", "a=1"} {
		if got, err := config.ParseOriginal(text); err != nil || !cmp.Equal(got, config.Original{}) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestParseOriginalNamesTheFault(t *testing.T) {
	for text, want := range map[string]string{
		"masterEndpoints = [http://m1:5801]":         `line 1: put quotes around "http"`,
		"a = 1\nmasterEndpoints = ${masters}":        "line 2: substitutions",
		"include \"other.conf\"":                     "line 1: include is not supported",
		"domains += b":                               "line 1: +=",
		"masterEndpoints = \"http://m1:5801\"":       "masterEndpoints is not a list",
		"domains = [[a]]":                            "domains holds something that is not a text",
		"srvName = [a]":                              "srvName is not a text",
		"domains = [a":                               `line 1: a "]" is missing`,
		"{ domains = [a]":                            `a "}" is missing`,
		"domains = [a b]":                            `unexpected 'b'`,
		"domains":                                    `"domains" is followed by neither`,
		"domains = \"a":                              "a quote is not closed",
		"domains = \"\"\"a":                          "three quotes are not closed",
		"domains = [\"\\x\"]":                        "is no text",
		"domains =":                                  "the file ends",
		"domains = [a,,b]":                           "two commas",
		"[a]":                                        "line 1: a list",
		"{} }":                                       "unexpected '}'",
		strings.Repeat("[", 3):                       "a list",
		"a = " + strings.Repeat("[", 200):            "deep in each other",
		"a = " + strings.Repeat("{a=", 200):          "deep in each other",
		"masterEndpoints = [\"a\"] [\"b\"]":          "unexpected '['",
		"domains = [\"a\"\n\"b\"]\n\n\nsrvName = $x": "line 5: ",
	} {
		if got, err := config.ParseOriginal(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseOriginal(%.40q) = %v, %v, want %q", text, got, err, want)
		}
	}
}

func TestLoadOriginal(t *testing.T) {
	home := t.TempDir()
	path := config.OriginalPath(func(string) string { return home })
	if got, err := config.LoadOriginal(path); err != nil || !cmp.Equal(got, config.Original{}) {
		t.Errorf("no file: %v, %v", got, err)
	}
	if got, err := config.LoadOriginal(config.OriginalPath(func(string) string { return "" })); err != nil || !cmp.Equal(got, config.Original{}) {
		t.Errorf("no home: %v, %v", got, err)
	}
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("\ndomains = ["), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.LoadOriginal(path); err == nil || !strings.Contains(err.Error(), path+": line 2: ") {
		t.Errorf("error %v", err)
	}
}

// Whatever is valid JSON is read as JSON, and nothing makes the parser panic.
func FuzzParseOriginal(f *testing.F) {
	for _, text := range []string{
		`{"masterEndpoints": ["http://m1:5801"], "domains": ["a"], "srvName": "h"}`, "a.b { c = [1, x\n y] }", "a = \"\"\"x\"\"\"\"", "# c\na:1", "a=${b}",
		`{"domains": ["A\n\""], "domains": null}`, "include \"x\"", "a += 1", "{", "a = [", `"a"."b" = 1`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := config.ParseOriginal(text)
		var plain struct {
			Domains []string `json:"domains"`
		}
		if json.Valid([]byte(text)) && strings.HasPrefix(text, `{"domains":[`) && json.Unmarshal([]byte(text), &plain) == nil &&
			strings.Count(text, ":") == 1 && !strings.Contains(text, "null") {
			if err != nil || !cmp.Equal(got.Domains, plain.Domains) && len(plain.Domains) > 0 {
				t.Errorf("%q: %q, %v, want %q", text, got.Domains, err, plain.Domains)
			}
		}
	})
}
