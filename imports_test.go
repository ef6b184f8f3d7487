package heliosctl_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/heliosctl/heliosctl"

// allowed says which of our packages each of our packages may import outside its tests. A package that is not listed may not
// exist: whoever adds one decides here what it may know.
var allowed = map[string][]string{
	"model":                          {},
	"healthcheck":                    {"model"},
	"store/archive":                  {"model"},
	"store":                          {"model", "store/archive"},
	"session":                        {"model"},
	"client":                         {"model", "session", "store/archive"},
	"daemon/gossip":                  {"model"},
	"daemon/container":               {"model"},
	"daemon/container/containertest": {"daemon/container", "model"},
	"daemon/registrar":               {"model"},
	"daemon/rollout":                 {"model"},
	"daemon/api":                     {"model", "session"},
	"daemon/api/apitest":             {"daemon/api", "model", "store/archive"},
	"daemon/agent":                   {"model", "healthcheck", "session", "daemon/container"},
	"daemon/master":                  {"model", "store", "daemon/gossip", "daemon/rollout"},
	"daemon/daemontest/ports":        {},
	"daemon/daemontest":              {"model", "client", "daemon/daemontest/ports"},
	"daemon/daemontest/fleet":        {"model", "client", "daemon/daemontest"},
	"daemon/daemontest/linear":       {"model"},
	"daemon": {
		"model", "client", "store", "daemon/api", "daemon/agent", "daemon/container", "daemon/gossip", "daemon/master", "daemon/registrar",
	},
	"tui/silence":            {},
	"tui/theme":              {},
	"tui/widget":             {"tui/theme"},
	"tui":                    {"model", "tui/silence", "tui/theme", "tui/widget"},
	"tui/demo":               {"model", "tui"},
	"tui/live":               {"model", "client", "tui"},
	"screenshots":            {"model", "tui", "tui/demo", "tui/theme"},
	"cmd/heliosctl/config":   {},
	"cmd/heliosctl/manifest": {"model"},
	"cmd/heliosctl": {
		"model", "client", "daemon", "daemon/container", "tui", "tui/demo", "tui/live", "tui/theme", "cmd/heliosctl/config",
		"cmd/heliosctl/manifest",
	},
}

func TestImportDirections(t *testing.T) {
	for pkg, imports := range ourImports(t) {
		may, listed := allowed[pkg]
		if !listed {
			t.Errorf("package %s is not in the table of import directions", pkg)
			continue
		}
		for _, imported := range imports {
			if !slices.Contains(may, imported) {
				t.Errorf("%s imports %s, which it must not know", pkg, imported)
			}
		}
	}
}

func TestModelImportsOnlyTheStandardLibrary(t *testing.T) {
	for _, file := range goFiles(t, "model") {
		for _, imported := range fileImports(t, file) {
			if strings.Contains(strings.Split(imported, "/")[0], ".") {
				t.Errorf("%s imports %s", file, imported)
			}
		}
	}
}

// ourImports lists, for each of our packages, which of ours it imports outside its tests.
func ourImports(t *testing.T) map[string][]string {
	t.Helper()
	imports := map[string][]string{}
	for _, file := range goFiles(t, ".") {
		pkg := filepath.ToSlash(filepath.Dir(file))
		if _, seen := imports[pkg]; !seen {
			imports[pkg] = nil
		}
		for _, imported := range fileImports(t, file) {
			if ours, ok := strings.CutPrefix(imported, module+"/"); ok {
				imports[pkg] = append(imports[pkg], ours)
			}
		}
	}
	return imports
}

func goFiles(t *testing.T, root string) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(os.DirFS("."), path.Clean(root), func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".") && entry.Name() != ".") {
			return fs.SkipDir
		}
		if strings.HasSuffix(file, ".go") && !strings.HasSuffix(file, "_test.go") {
			files = append(files, file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("no Go files under %s", root)
	}
	return files
}

func fileImports(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var imports []string
	for _, spec := range parsed.Imports {
		imports = append(imports, strings.Trim(spec.Path.Value, `"`))
	}
	return imports
}
