package agent

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

// pullNews is how long news of a pull may be held back. They go with the gauges: as reports they would fill the history, and the
// masters' log.
const pullNews = time.Second

// pulls remembers how far the image of each task is pulled. Safe for concurrent use.
type pulls struct {
	news kick

	mu       sync.Mutex
	progress map[model.JobID]string // a task without a pull has none
}

func newPulls() *pulls {
	return &pulls{news: newKick(), progress: make(map[model.JobID]string)}
}

// all returns nil when nothing is being pulled.
func (p *pulls) all() map[model.JobID]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.progress) == 0 {
		return nil
	}
	return maps.Clone(p.progress)
}

// set notes how far a task's pull is, "" when there is none any more.
func (p *pulls) set(id model.JobID, progress string) {
	p.mu.Lock()
	changed := p.progress[id] != progress
	if progress == "" {
		delete(p.progress, id)
	} else {
		p.progress[id] = progress
	}
	p.mu.Unlock()
	if changed {
		p.news.now()
	}
}

// fetchImage pulls the task's image and tells how that goes.
func (t *task) fetchImage(ctx context.Context, image string, present bool) error {
	began := time.Now()
	defer t.agent.pulls.set(t.id, "")
	err := fetchImage(container.WithPullProgress(ctx, func(p container.PullProgress) {
		t.agent.pulls.set(t.id, p.String())
	}), t.runtime(), image, present)
	t.log.Debug("pull has ended", "image", image, "took", time.Since(began), "error", err)
	return err
}
