package store

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestApplyLooksAtNothingButItsInput reads the sources: what masters apply must not depend on where or when they do it. The agent's
// records, the raft log and the files of saved states are not replicated state.
func TestApplyLooksAtNothingButItsInput(t *testing.T) {
	notApplied := func(name string) bool {
		return strings.HasPrefix(name, "agent") || slices.Contains([]string{"log.go", "disk.go", "database.go", "badgerlog.go", "archive.go", "incoming.go"}, name)
	}
	forbiddenImports := []string{"math/rand", "math/rand/v2", "crypto/rand", "time", "os", "net", "runtime", "github.com/google/uuid"}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, file := range files {
		name := file.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || notApplied(name) {
			continue
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		checked++
		for _, spec := range parsed.Imports {
			if path, _ := strconv.Unquote(spec.Path.Value); slices.Contains(forbiddenImports, path) {
				t.Errorf("%s imports %s", set.Position(spec.Pos()), path)
			}
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if g, ok := n.(*ast.GoStmt); ok {
				t.Errorf("%s starts a goroutine", set.Position(g.Pos()))
			}
			return true
		})
	}
	if checked < 10 {
		t.Errorf("only %d files were checked", checked)
	}
}
