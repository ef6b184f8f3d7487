package tui

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/heliosctl/heliosctl/model"
)

func TestTheBusiestAreThoseThatSortingFinds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, 59, 60, 61, 500} {
		hosts := make([]*Host, size)
		for i := range hosts {
			hosts[i] = &Host{Name: fmt.Sprint("host-", i), Info: &model.HostInfo{CPUs: 4}, Load: float64(random.IntN(30)) / 10}
		}
		want := slices.Clone(hosts)
		slices.SortFunc(want, func(x, y *Host) int { return cmp.Or(cmp.Compare(y.Load, x.Load), strings.Compare(x.Name, y.Name)) })
		if got := busiestOf(hosts, 60); !slices.Equal(got, want[:min(size, 60)]) {
			t.Errorf("of %d hosts others are the busiest", size)
		}
	}
}
