package model

import (
	"encoding/json"
	"testing"
)

// benchmarkJob is an ordinary job: some environment, two ports, a service, a health check.
func benchmarkJob() Job {
	job := fullJob()
	job.Env = map[string]string{"JVM_ARGS": "-Xmx512m", "MODE": "prod", "REGION": "eu-west-1", "SYSLOG": "10.0.0.1:514"}
	job.Ports["admin"] = PortMapping{InternalPort: 8081, Protocol: "tcp"}
	job.RolloutOptions = nil
	return job
}

func BenchmarkJobMarshal(b *testing.B) {
	job := benchmarkJob()
	b.Run("direct", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			data, err := job.MarshalJSON()
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(data)))
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(job); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkJobUnmarshal(b *testing.B) {
	data, err := json.Marshal(benchmarkJob())
	if err != nil {
		b.Fatal(err)
	}
	b.Run("direct", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			var job Job
			if err := job.UnmarshalJSON(data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var job Job
			if err := json.Unmarshal(data, &job); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkJobComputeID(b *testing.B) {
	job := benchmarkJob()
	b.ReportAllocs()
	for b.Loop() {
		if id := job.ComputeID(); id.Hash == "" {
			b.Fatal("no hash")
		}
	}
}

func BenchmarkStatusBatch(b *testing.B) {
	job := benchmarkJob()
	batch := StatusBatch{AgentID: "agent"}
	for seq := range uint64(100) {
		status := TaskStatus{Job: job, Goal: GoalStart, State: StateRunning, ContainerID: "5a31d4", Ports: job.Ports, Env: job.Env}
		batch.Reports = append(batch.Reports, StatusReport{Seq: seq + 1, JobID: job.ID, Timestamp: 1500000000000, Status: &status})
	}
	data, err := batch.MarshalJSON()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("marshal", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if _, err := batch.MarshalJSON(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("unmarshal", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			var read StatusBatch
			if err := read.UnmarshalJSON(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
