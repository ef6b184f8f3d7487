package apitest

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store/archive"
)

// SaveWith makes snapshots hold whatever save writes, in place of the cluster's jobs; where it fails they break off.
func (b *Backend) SaveWith(save func(io.Writer) error) {
	b.set(func() { b.save = save })
}

// Snapshot implements api.Backend. Of the state it has only the jobs.
func (b *Backend) Snapshot(context.Context) (model.SnapshotInfo, io.ReadCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := cmp.Or(b.fault, b.hasLeader()); err != nil {
		return model.SnapshotInfo{}, nil, err
	}
	save := b.save
	if save == nil {
		state, err := json.Marshal(b.jobList())
		if err != nil {
			return model.SnapshotInfo{}, nil, err
		}
		save = func(w io.Writer) error {
			_, err := w.Write(state)
			return err
		}
	}
	info := model.SnapshotInfo{Format: archive.Version, ClusterID: b.ClusterID(), Index: b.index, Term: 1, Created: model.TimestampOf(time.Now())}
	r, w := io.Pipe()
	go func() { _ = w.CloseWithError(writeArchive(w, info, save)) }()
	return info, r, nil
}

func writeArchive(w io.Writer, info model.SnapshotInfo, save func(io.Writer) error) error {
	a, err := archive.NewWriter(w, info)
	if err != nil {
		return err
	}
	if err := save(a); err != nil {
		return err
	}
	return a.Close()
}

func (b *Backend) jobList() []model.Job {
	jobs := []model.Job{}
	for _, job := range b.jobs {
		jobs = append(jobs, job)
	}
	return jobs
}

// Restore implements api.Backend. A snapshot of SaveWith counts as one without jobs.
func (b *Backend) Restore(_ context.Context, req model.Request, snapshot io.Reader, force bool) (model.SnapshotInfo, error) {
	if err := b.mayReplace(force); err != nil {
		return model.SnapshotInfo{}, err
	}
	a, err := archive.NewReader(snapshot)
	if err != nil {
		return model.SnapshotInfo{}, err
	}
	var jobs []model.Job
	if err := json.NewDecoder(a).Decode(&jobs); err != nil {
		jobs = nil
	}
	if _, err := io.Copy(io.Discard, a); err != nil {
		return model.SnapshotInfo{}, err
	}
	return a.Info(), b.change(req.ID, func() ([]model.Event, error) {
		clear(b.jobs)
		clear(b.hosts)
		for _, job := range jobs {
			b.jobs[job.ID] = job
		}
		b.index = max(b.index, a.Info().Index+1)
		b.events, b.oldest = nil, b.index
		return nil, nil
	})
}

func (b *Backend) mayReplace(force bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := cmp.Or(b.fault, b.mayWrite()); err != nil {
		return err
	}
	if len(b.jobs)+len(b.hosts) > 0 && !force {
		return model.Errorf(model.CodeUnsafe, "the cluster has %d jobs and %d hosts; force it", len(b.jobs), len(b.hosts))
	}
	return nil
}
