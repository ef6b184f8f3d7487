package store

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/model"
)

// BenchmarkMemory is the heap that 10,000 hosts with ten tasks each take, all reported three times: as they came in, and read from disk.
func BenchmarkMemory(b *testing.B) {
	const hosts, each, reports = 10_000, 10, 3
	dir := b.TempDir()
	s, err := OpenState(dir, StateOptions{})
	if err != nil {
		b.Fatal(err)
	}
	before := heap()
	var index uint64
	var queue []*raft.Log
	flush := func() {
		for _, r := range s.ApplyBatch(queue) {
			if err := r.(Result).Err; err != nil {
				b.Fatal(err)
			}
		}
		queue = nil
	}
	apply := func(command []byte, err error) {
		if err != nil {
			b.Fatal(err)
		}
		index++
		if queue = append(queue, &raft.Log{Index: index, Term: 1, Type: raft.LogCommand, Data: command}); len(queue) == 256 {
			flush()
		}
	}
	do := func(body Body) {
		apply(Encode(model.Timestamp(index), model.Request{ID: fmt.Sprintf("request-%026d", index)}, body))
	}
	jobs := make([]model.Job, 100)
	for i := range jobs {
		jobs[i] = testJob(fmt.Sprintf("job-%02d", i), "1")
		jobs[i].Env = map[string]string{"MODE": "production", "REGION": "eu-west-1", "LOG_LEVEL": "info"}
		jobs[i] = jobs[i].WithID()
		do(CreateJob{Job: jobs[i]})
	}
	flush()
	for i := range hosts {
		host := fmt.Sprintf("host-%05d.example.com", i)
		do(RegisterAgent{Registration: registration(host, "agent")})
		batch := model.StatusBatch{AgentID: "agent"}
		for n := range each {
			job := jobs[(i*each+n)%len(jobs)]
			do(Deploy{Host: host, Deployment: deployment(job, model.GoalStart)})
			for range reports {
				port := 20000 + n
				st := &model.TaskStatus{
					Job: job, Goal: model.GoalStart, State: model.StateRunning, Throttled: model.ThrottleNo,
					ContainerID: fmt.Sprintf("%064x", i*each+n), Env: map[string]string{"MODE": "production", "REGION": "eu-west-1", "LOG_LEVEL": "info", "HELIOS_PORT_http": fmt.Sprintf("%s:%d", host, port)},
					Ports: map[string]model.PortMapping{"http": {InternalPort: 80, ExternalPort: &port, Protocol: "tcp"}},
				}
				batch.Reports = append(batch.Reports, model.StatusReport{Seq: uint64(len(batch.Reports) + 1), JobID: job.ID, Timestamp: 5, Status: st})
			}
		}
		flush()
		part, err := EncodeHostStatuses(host, batch, s.HasJob)
		if err != nil {
			b.Fatal(err)
		}
		apply(EncodeStatuses(5, [][]byte{part}))
	}
	flush()
	b.ReportMetric(heap()-before, "came-in-MB")
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	s = nil
	before = heap()
	if s, err = OpenState(dir, StateOptions{}); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(heap()-before, "read-MB")
	b.ReportMetric(0, "ns/op")
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

// heap returns the megabytes that are in use.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}
