package agent_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/agent"
	"github.com/heliosctl/heliosctl/model"
)

// failover is what moving to another master may take.
const failover = time.Second

func TestBrokenStreamGoesOnWithoutALeader(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.start()
		job, next := testJob("web"), testJob("next")
		h.master.deploy(job, model.GoalStart)
		settle(time.Second)
		for range 3 {
			h.master.edit(func() { h.master.noLeader = true })
			h.master.cut()
			settle(failover)
			if err := h.agent.Health()[agent.HealthMasters]; err != nil {
				t.Fatalf("no stream: %v", err)
			}
			h.master.edit(func() { h.master.noLeader = false })
			settle(20 * time.Second)
		}
		h.master.edit(func() { h.master.noLeader = true })
		h.master.cut()
		h.master.deploy(next, model.GoalStart)
		settle(failover)
		if len(h.running()) != 2 {
			t.Error("what was deployed meanwhile does not run")
		}
		if n := h.master.registrations(); n != 1 {
			t.Errorf("%d registrations, want one: nothing has changed", n)
		}
		h.master.edit(func() { h.master.noLeader = false })
		settle(time.Minute)
		h.wantStates(next.ID, started...)
	})
}

// The reports that waited for a leader are sent when the stream goes on, not when their pause ends.
func TestReportsAreSentWhenTheStreamGoesOn(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.start()
		settle(time.Second)
		job := testJob("web")
		h.master.edit(func() { h.master.refuse = 8 })
		h.master.deploy(job, model.GoalStart)
		settle(20 * time.Second)
		h.master.edit(func() { h.master.refuse = 0 })
		h.master.cut()
		settle(failover)
		h.wantStates(job.ID, started...)
	})
}

func TestFactsThatCouldNotBeSentAreRegisteredWithTheNextMaster(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.sim.SetUnavailable(true)
		h.change = func(c *agent.Config) { c.FactsInterval = time.Hour }
		h.start()
		settle(time.Second)
		h.master.edit(func() { h.master.noLeader = true })
		h.sim.SetUnavailable(false)
		settle(time.Minute)
		h.master.edit(func() { h.master.noLeader = false })
		if n := h.master.registrations(); n != 1 {
			t.Fatalf("%d registrations before the stream is cut", n)
		}
		h.master.cut()
		settle(failover)
		if n := h.master.registrations(); n != 2 {
			t.Errorf("%d registrations, want one more for the changed facts", n)
		}
	})
}

func TestClusterRestoredFromAnOlderState(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.start()
		kept, lost := testJob("kept"), testJob("lost")
		h.master.deploy(kept, model.GoalStart)
		settle(time.Second)
		h.wantStates(kept.ID, started...)
		backup := struct {
			index, acked uint64
			reports      []model.StatusReport
		}{h.master.index, h.master.acked, slices.Clone(h.master.reports)}
		h.master.deploy(lost, model.GoalStart)
		first := h.wantState(kept.ID, model.StateRunning).ContainerID
		h.sim.Exit(first, 1)
		settle(time.Minute)
		second := h.wantState(kept.ID, model.StateRunning).ContainerID

		h.master.edit(func() {
			h.master.cuts++
			h.master.index, h.master.acked, h.master.reports = backup.index, backup.acked, backup.reports
			delete(h.master.tasks, lost.ID)
		})
		settle(time.Minute)
		h.wantRunning(second) // what the masters do not know any more is taken down
		if got := h.wantState(kept.ID, model.StateRunning).ContainerID; got != second {
			t.Errorf("the masters believe that container %s runs, it is %s", got, second)
		}
		h.master.deploy(lost, model.GoalStart)
		settle(time.Minute)
		h.wantState(lost.ID, model.StateRunning)
	})
}

// The masters go on from an older state under an open stream, and their index does not go back: only the registration tells.
func TestClusterRestoredUnderAnOpenStream(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.change = func(c *agent.Config) { c.FactsInterval = time.Hour }
		job, first := h.startWithJob("web")
		acked, reports := h.master.acked, slices.Clone(h.master.reports)
		h.sim.Exit(first, 1)
		settle(time.Minute)
		second := h.wantState(job.ID, model.StateRunning).ContainerID

		h.master.edit(func() {
			h.master.epoch++
			h.master.index++
			h.master.acked, h.master.reports = acked, reports
		})
		settle(time.Minute)
		h.wantRunning(second)
		if got := h.wantState(job.ID, model.StateRunning).ContainerID; got != second {
			t.Errorf("the masters believe that container %s runs, it is %s", got, second)
		}
		if n := h.master.registrations(); n != 2 {
			t.Errorf("%d registrations, want one more", n)
		}
	})
}

func TestDeregisteredHostStopsItsJobs(t *testing.T) {
	for _, away := range []bool{false, true} {
		t.Run(fmt.Sprint("away ", away), func(t *testing.T) {
			simulated(t, func(t *testing.T, h *host) {
				job, id := h.startWithJob("web")
				if away {
					h.stop()
				}
				h.master.deregister()
				if away {
					settle(time.Hour)
					h.wantRunning(id)
					h.start()
				}
				settle(2 * time.Second)
				h.wantRunning()
				if h.sim.Calls("kill") != 0 {
					t.Error("the container was killed, want TERM")
				}
				h.master.edit(func() {
					if h.master.owner != myID {
						t.Errorf("the host is that of %q, want it registered anew", h.master.owner)
					}
					if since := h.master.since[len(h.master.since)-1]; since != 0 {
						t.Errorf("the stream was asked for as of %d, want as of now: a master that is behind knows the old tasks", since)
					}
				})
				settle(time.Minute)
				if got := h.master.states(job.ID); got[len(got)-1] != "REMOVED" {
					t.Errorf("states %v, want REMOVED at the end", got)
				}
			})
		})
	}
}

func TestAgentWhoseHostWasTakenOverIsFencedAtOnce(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		job, id := h.startWithJob("web")
		h.master.edit(func() { h.master.noLeader, h.master.cuts, h.master.owner = true, h.master.cuts+1, "ANOTHER" })
		h.master.undeploy(job.ID)
		settle(failover)
		if err := h.agent.Health()[agent.HealthRegistration]; !errors.Is(err, model.ErrHostConflict) {
			t.Errorf("health of the registration: %v, want the conflict although no leader answers", err)
		}
		h.wantRunning(id)
		settle(time.Hour)
		h.wantRunning(id)
	})
}

// TestOutagesLoseNothingAndDoubleNothing lets a job end again and again while reports do not get through.
func TestOutagesLoseNothingAndDoubleNothing(t *testing.T) {
	for name, trouble := range map[string]struct{ begin, end func(m *fakeMaster) }{
		"masters are away":          {func(m *fakeMaster) { m.down = true }, func(m *fakeMaster) { m.down = false }},
		"streams are cut too":       {func(m *fakeMaster) { m.down, m.cuts = true, m.cuts+1 }, func(m *fakeMaster) { m.down = false }},
		"there is no leader":        {func(m *fakeMaster) { m.noLeader = true }, func(m *fakeMaster) { m.noLeader = false }},
		"posts are refused":         {func(m *fakeMaster) { m.refuse = 1 << 30 }, func(m *fakeMaster) { m.refuse = 0 }},
		"some posts are refused":    {func(m *fakeMaster) { m.refuse = 2 }, func(*fakeMaster) {}},
		"answers get lost":          {func(m *fakeMaster) { m.loseAcks = 1 << 30 }, func(m *fakeMaster) { m.loseAcks = 0 }},
		"refused and answers lost":  {func(m *fakeMaster) { m.refuse, m.loseAcks, m.maxBatch = 1, 3, 2 }, func(*fakeMaster) {}},
		"cut after it was recorded": {func(m *fakeMaster) { m.loseAcks, m.cuts = 2, m.cuts+1 }, func(*fakeMaster) {}},
	} {
		t.Run(name, func(t *testing.T) {
			simulated(t, func(t *testing.T, h *host) {
				h.start()
				calm, restless := testJob("calm"), testJob("restless")
				h.master.deploy(calm, model.GoalStart)
				h.master.deploy(restless, model.GoalStart)
				settle(time.Second)
				container := h.wantState(calm.ID, model.StateRunning).ContainerID
				want := slices.Clone(started)
				h.master.edit(func() { trouble.begin(h.master) })
				for round := range 4 {
					settle(15 * time.Minute)
					if round == 2 { // nor does a restart of the agent in the middle change anything
						h.stop()
						h.start()
						settle(time.Minute)
					}
					for _, c := range h.running() {
						if c.ID != container {
							h.sim.Exit(c.ID, 1)
						}
					}
					want = states(want, "EXITED", started)
				}
				settle(15 * time.Minute)
				h.master.edit(func() { trouble.end(h.master) })
				settle(5 * time.Minute)

				h.wantStates(restless.ID, want...)
				h.wantStates(calm.ID, started...)
				if status := h.wantState(calm.ID, model.StateRunning); status.ContainerID != container {
					t.Error("the calm job's container was replaced")
				}
				history := h.master.history(restless.ID)
				if !slices.IsSortedFunc(history, func(a, b model.StatusReport) int { return int(a.Timestamp - b.Timestamp) }) {
					t.Error("the reports are not in the order of what happened")
				}
				if left, err := h.records.Outbox(10); err != nil || len(left) != 0 {
					t.Errorf("outbox: %v %v, want it empty", left, err)
				}
			})
		})
	}
}

func TestMastersAreToldWhenToTakeAHostOver(t *testing.T) {
	for name, test := range map[string]struct {
		ttl  *time.Duration
		want *int64
	}{
		"by default":           {nil, nil},
		"as it is by default":  {ptr(model.DefaultRegistrationTTL), nil},
		"at once":              {ptr(time.Duration(0)), ptr(int64(0))},
		"after an hour and so": {ptr(time.Hour), ptr(int64(3_600_000))},
	} {
		t.Run(name, func(t *testing.T) {
			simulated(t, func(t *testing.T, h *host) {
				h.change = func(c *agent.Config) { c.RegistrationTTL = test.ttl }
				h.start()
				settle(time.Second)
				h.master.mu.Lock()
				defer h.master.mu.Unlock()
				if diff := cmp.Diff(test.want, h.master.regs[0].TTL); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}
