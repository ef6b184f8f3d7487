package model

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompareHosts(t *testing.T) {
	for _, test := range []struct{ first, second string }{
		{"a2", "a10"},
		{"a2", "a02"},
		{"host1", "host1.x"},
		{"weba1", "web-b1"},
		{"ab", "a-b"},
		{"ab", "a-c"},
		{"a_b", "ab"},
		{"a.b", "ab"},
		{"a_b", "a-b"},
		{"a.b", "a-b"},
		{"a_b", "a.b"},
		{"h1.a", "h1-a"},
		{"h1-a", "h1b"},
		{"a1", "A1"},
		{"a2", "A1"},
		{"a", "B"},
		{"a1", "a_1"},
		{"a1", "a.1"},
		{"a1", "a-1"},
		{"9", "a"},
		{"a~", "aa"},
		{"host2b", "host10a"},
		{"a02b2", "a2b02"},
		{"a99999999999999999998", "a99999999999999999999"},
		{"", "a"},
	} {
		if CompareHosts(test.first, test.second) >= 0 || CompareHosts(test.second, test.first) <= 0 {
			t.Errorf("%q does not come before %q", test.first, test.second)
		}
	}
}

func TestSortHosts(t *testing.T) {
	sorted := strings.Fields("1host bar_a1 bar.a1 bara1 bar-a1 db1 db2 db-1 db-2 db_1 db.1 foo-a1 foo-a2 foo-a10 Foo-a3 foo-b1 " +
		"host host-1 hosta host-b web9.ny web09.ny web10.ny")
	for range 20 {
		hosts := slices.Clone(sorted)
		rand.Shuffle(len(hosts), func(i, k int) { hosts[i], hosts[k] = hosts[k], hosts[i] })
		SortHosts(hosts)
		if diff := cmp.Diff(sorted, hosts); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	}
}
