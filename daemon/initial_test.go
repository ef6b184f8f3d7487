package daemon

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

func TestInitialMastersFindEachOther(t *testing.T) {
	for name, tt := range map[string]struct {
		entries, join []string
		want          []string // addresses that m1 joins
	}{
		"by name":                 {entries: []string{"m1", "m2", "m3"}, want: []string{"m2", "m3"}},
		"by address":              {entries: []string{"m1=10.0.0.1", "m2=10.0.0.2:7000", "m3=[::1]:5805"}, want: []string{"10.0.0.2:7000", "[::1]:5805"}},
		"through others":          {entries: []string{"m1", "m2", "m3"}, join: []string{"10.0.0.9"}, want: []string{"10.0.0.9"}},
		"through others too":      {entries: []string{"m1", "m2=10.0.0.2", "m3"}, join: []string{"10.0.0.9"}, want: []string{"10.0.0.9", "10.0.0.2"}},
		"alone, as a list of one": {entries: []string{"m1"}},
		"none":                    {join: []string{"10.0.0.9"}, want: []string{"10.0.0.9"}},
	} {
		t.Run(name, func(t *testing.T) {
			initial, err := ParseInitialMasters(tt.entries)
			if err != nil {
				t.Fatal(err)
			}
			m := Master{Name: "m1", Initial: initial, Join: tt.join}
			if diff := cmp.Diff(tt.want, m.joinAddresses(), cmp.Transformer("empty", func(s []string) []string { return slices.Clip(append([]string{}, s...)) })); diff != "" {
				t.Errorf("addresses to join (-want +got):\n%s", diff)
			}
			if faults := m.initialFaults(); len(faults) > 0 {
				t.Errorf("refused: %v", faults)
			}
		})
	}
}

func TestInitialMastersAreChecked(t *testing.T) {
	for name, tt := range map[string]struct {
		entries []string
		want    string
	}{
		"empty name":   {[]string{"m1", ""}, `"" is no name`},
		"only address": {[]string{"=10.0.0.1"}, `"=10.0.0.1" is no name`},
		"no address":   {[]string{"m1="}, `"m1=" has no address`},
		"a slash":      {[]string{"a/b"}, `"a/b" is no name`},
		"twice":        {[]string{"m1=10.0.0.1", "m1=10.0.0.2"}, "m1 twice"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseInitialMasters(tt.entries)
			if model.CodeOf(err) != model.CodeInvalid || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %v, want one with %q", err, tt.want)
			}
		})
	}
	config := Config{StateDir: "x", Master: &Master{Name: "m4", HTTP: ":0", Initial: []InitialMaster{{Name: "m1"}, {Name: "m2"}}}}
	if err := config.Validate(); err == nil || !strings.Contains(err.Error(), "--masters names m1, m2, but this master is m4") {
		t.Errorf("a master that is not in the list: %v", err)
	}
}
