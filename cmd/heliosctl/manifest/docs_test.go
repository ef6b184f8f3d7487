package manifest

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/heliosctl/heliosctl/model"
)

// The page about manifests names every key of every document.
func TestEveryKeyIsDescribed(t *testing.T) {
	page, err := os.ReadFile("../../../docs/declarative.md")
	if err != nil {
		t.Fatal(err)
	}
	for kind, document := range map[Kind]reflect.Type{
		KindJob: reflect.TypeFor[jobDocument](), KindGroup: reflect.TypeFor[groupDocument](), KindDeployment: reflect.TypeFor[deploymentDocument](),
	} {
		_, section, found := strings.Cut(string(page), "### `kind: "+string(kind)+"`")
		if !found {
			t.Fatalf("%s has no section", kind)
		}
		section, _, _ = strings.Cut(section, "\n##")
		for key := range fieldsOf(document) {
			if key != "kind" && !strings.Contains(section, "`"+key+"`") {
				t.Errorf("%s: %s is not described", kind, key)
			}
		}
	}
	for key := range fieldsOf(reflect.TypeFor[model.RolloutOptions]()) {
		if !strings.Contains(string(page), "`"+key+"`") {
			t.Errorf("the option %s is not described", key)
		}
	}
}
