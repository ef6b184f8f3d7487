package agent_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/agent"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

// fullDisk is an agent's memory on a disk that can be full.
type fullDisk struct {
	*store.AgentRecords
	full   atomic.Bool
	filled atomic.Int64 // when above zero, the write after so many more fills it
}

func (d *fullDisk) CheckSpace() error {
	if d.full.Load() {
		return model.Errorf(model.CodeStorageFull, "no space left")
	}
	return nil
}

func (d *fullDisk) write() error {
	if d.filled.Load() > 0 && d.filled.Add(-1) == 0 {
		d.full.Store(true)
	}
	return d.CheckSpace()
}

func (d *fullDisk) SaveDesired(update model.TaskUpdate) error {
	if err := d.write(); err != nil {
		return err
	}
	return d.AgentRecords.SaveDesired(update)
}

func (d *fullDisk) SaveRegistered(registered model.Registered) error {
	if err := d.write(); err != nil {
		return err
	}
	return d.AgentRecords.SaveRegistered(registered)
}

func (d *fullDisk) Ack(seq uint64) error {
	if err := d.write(); err != nil {
		return err
	}
	return d.AgentRecords.Ack(seq)
}

func (d *fullDisk) SaveTask(record model.TaskRecord) error {
	if err := d.write(); err != nil {
		return err
	}
	return d.AgentRecords.SaveTask(record)
}

func (d *fullDisk) ReportTask(record model.TaskRecord, at model.Timestamp) error {
	if err := d.write(); err != nil {
		return err
	}
	return d.AgentRecords.ReportTask(record, at)
}

func (d *fullDisk) RemoveTask(id model.JobID, at model.Timestamp) error {
	if err := d.write(); err != nil {
		return err
	}
	return d.AgentRecords.RemoveTask(id, at)
}

// onFullDisk has the agents that are started from now on keep their records on a disk that can be full.
func (h *host) onFullDisk() *fullDisk {
	disk := &fullDisk{}
	h.change = func(c *agent.Config) {
		disk.AgentRecords = c.Records.(*store.AgentRecords)
		c.Records = disk
	}
	return disk
}

func TestFullDisk(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		disk := h.onFullDisk()
		h.start()
		stays, exits, goes, comes := testJob("stays"), testJob("exits"), testJob("goes"), testJob("comes")
		for _, job := range []model.Job{stays, exits, goes} {
			h.master.deploy(job, model.GoalStart)
		}
		settle(time.Second)
		stayID := h.wantState(stays.ID, model.StateRunning).ContainerID
		goID := h.wantState(goes.ID, model.StateRunning).ContainerID

		disk.full.Store(true)
		h.sim.Exit(h.wantState(exits.ID, model.StateRunning).ContainerID, 1)
		h.master.undeploy(goes.ID)
		h.master.deploy(comes, model.GoalStart)
		settle(5 * time.Minute)
		h.master.setDown(true)
		settle(time.Second)
		h.master.setDown(false)
		settle(time.Minute)
		h.wantRunning(stayID, goID)
		if err := h.agent.Health()[agent.HealthMasters]; err != nil {
			t.Errorf("a full disk keeps the agent from its masters: %v", err)
		}
		if model.CodeOf(h.agent.Health()[agent.HealthDisk]) != model.CodeStorageFull {
			t.Errorf("health of the disk: %v, want that it is full", h.agent.Health()[agent.HealthDisk])
		}

		disk.full.Store(false)
		settle(time.Minute)
		h.wantStates(stays.ID, started...)
		h.wantStates(exits.ID, states(started, "EXITED", started)...)
		h.wantStates(goes.ID, states(started, "STOPPING", "STOPPED", "REMOVED")...)
		h.wantStates(comes.ID, started...)
		if err := h.agent.Health()[agent.HealthDisk]; err != nil {
			t.Errorf("health of the disk: %v", err)
		}
	})
}
