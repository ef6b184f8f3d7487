//go:build unix

package daemontest_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/daemontest"
	"github.com/heliosctl/heliosctl/model"
)

// fast are the flags of daemons that notice failures within seconds.
var fast = []string{"--gossip-profile=fast"}

// startCluster starts three masters and some agents.
func startCluster(t *testing.T, agents int) *daemontest.Fleet {
	t.Helper()
	daemontest.RequireNetns(t)
	return daemontest.StartFleet(t, clusterOf(agents))
}

func clusterOf(agents int) daemontest.FleetConfig {
	return daemontest.FleetConfig{Masters: 3, Agents: agents, MasterArgs: fast, AgentArgs: fast}
}

// others are the masters but one.
func others(f *daemontest.Fleet, one *daemontest.Daemon) []*daemontest.Daemon {
	var rest []*daemontest.Daemon
	for _, m := range f.Masters {
		if m != one {
			rest = append(rest, m)
		}
	}
	return rest
}

func follower(f *daemontest.Fleet) *daemontest.Daemon { return others(f, f.AwaitLeader())[0] }

// clusterIDs are what the masters say that their cluster is called.
func clusterIDs(t *testing.T, masters ...*daemontest.Daemon) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	for _, m := range masters {
		var about struct{ ClusterID string }
		if err := m.Get("/v1/version", &about); err != nil {
			t.Fatal(err)
		}
		ids[about.ClusterID] = true
	}
	return ids
}

// picture is everything that a master tells of jobs, deployments, statuses and history. What is measured and not replicated is left out.
func picture(master *daemontest.Daemon) (map[string]any, error) {
	all := map[string]any{}
	var jobs map[string]any
	var hosts []string
	if err := master.Get("/jobs", &jobs); err != nil {
		return nil, err
	}
	if err := master.Get("/hosts", &hosts); err != nil {
		return nil, err
	}
	all["/jobs"] = jobs
	for id := range jobs {
		path := "/history/jobs/" + url.PathEscape(id)
		var history any
		if err := master.Get(path, &history); err != nil {
			return nil, err
		}
		all[path] = history
	}
	for _, host := range hosts {
		path := "/hosts/" + url.PathEscape(host) + "/status"
		var status model.HostStatus
		if err := master.Get(path, &status); err != nil {
			return nil, err
		}
		status.HostInfo, status.AgentInfo = nil, nil
		text, err := json.Marshal(status)
		if err != nil {
			return nil, err
		}
		all[path] = string(text)
	}
	return all, nil
}

// awaitAgreement waits until all masters tell the same.
func awaitAgreement(t *testing.T, f *daemontest.Fleet) {
	t.Helper()
	daemontest.Await(t, "the masters to agree", func() error {
		first, err := picture(f.Masters[0])
		if err != nil {
			return err
		}
		for _, m := range f.Masters[1:] {
			other, err := picture(m)
			if err != nil {
				return err
			}
			if diff := cmp.Diff(first, other); diff != "" {
				return fmt.Errorf("%s and %s differ: %s", f.Masters[0].Name(), m.Name(), diff)
			}
		}
		return nil
	})
}
