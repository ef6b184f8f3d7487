package master

import (
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

func TestLivenessAndGauges(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	m.mustRegister("h1", "a1")
	index := m.Index()
	wantCode(t, m.PostGauges("h9", model.Gauges{AgentID: "a1"}), model.CodeHostNotFound)
	wantCode(t, m.PostGauges("h1", model.Gauges{AgentID: "a2"}), model.CodeHostConflict)
	wantCode(t, m.PostGauges("h1", model.Gauges{AgentID: "a1", LoadAvg: 3, MemoryFreeBytes: 5, SwapFreeBytes: 6, Uptime: 77_000}), "")

	m.members.set("h1", "a1")
	if got := awaitEvent(t, m, index, model.EventHostUp); got.Host != "h1" {
		t.Errorf("event %+v", got)
	}
	host, err := m.Host("h1")
	if err != nil || host.Status != model.Up || host.HostInfo.LoadAvg != 3 || host.HostInfo.MemoryFreeBytes != 5 || host.HostInfo.SwapFreeBytes != 6 {
		t.Errorf("host %+v, %v", host, err)
	}
	if host.AgentInfo.Uptime < 77_000 || host.AgentInfo.Uptime > 137_000 {
		t.Errorf("uptime %d", host.AgentInfo.Uptime)
	}
	before := m.now()
	m.members.set("h1", "")
	down := awaitEvent(t, m, index, model.EventHostDown)
	host, err = m.Host("h1")
	if err != nil || host.Status != model.Down || host.HostInfo.LoadAvg != 3 {
		t.Errorf("host %+v, %v", host, err)
	}
	if seen := host.AgentInfo.StartTime + model.Timestamp(host.AgentInfo.Uptime); seen < before || seen != down.Time {
		t.Errorf("last seen at %d, the host went down at %d", seen, down.Time)
	}
	// The name alone is not enough: it must be the registered agent.
	m.members.set("h1", "a2")
	if host, err := m.Host("h1"); err != nil || host.Status != model.Down {
		t.Errorf("another agent makes the host %+v, %v", host.Status, err)
	}
}

func TestNewLeaderDoesNotBelieveInAbsence(t *testing.T) {
	dir := t.TempDir()
	m := start(t, dir, nil)
	m.mustRegister("h1", "a1")
	m.mustRegister("h2", "a2")
	m.members.set("h1", "a1")
	awaitEvent(t, m, 0, model.EventHostUp)
	m.stop()

	// The new leader's gossip has found nobody yet, and then one of two.
	m = start(t, dir, func(c *Config) { c.LivenessGrace = time.Hour })
	index := m.Index()
	m.members.set("h2", "a2")
	awaitEvent(t, m, index, model.EventHostUp)
	events, _, _ := m.Events(index)
	for _, event := range events {
		if event.Type == model.EventHostDown {
			t.Errorf("the host %s was recorded as down", event.Host)
		}
	}
	index = m.Index()
	m.stop()

	// What it sees go it believes at once.
	m = start(t, dir, func(c *Config) { c.LivenessGrace = time.Hour })
	m.members.set("h2", "a2")
	m.members.set("h2", "")
	if got := awaitEvent(t, m, index, model.EventHostDown); got.Host != "h2" {
		t.Errorf("%s was recorded as down", got.Host)
	}
	m.members.set("h2", "a2")
	m.awaitRecorded("h2", true)
	index = m.Index()
	m.stop()

	members := newFleet()
	members.set("h2", "a2")
	m = startAmong(t, dir, members, nil)
	if got := awaitEvent(t, m, index, model.EventHostDown); got.Host != "h1" {
		t.Errorf("%s was recorded as down", got.Host)
	}
}
