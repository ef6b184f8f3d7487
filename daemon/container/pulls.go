package container

import (
	"context"
	"fmt"
)

// PullProgress is how far a pull has come. Sizes are in bytes, of the layers that are known so far: they grow while the engine finds
// out about more of them.
type PullProgress struct {
	Current, Total int64
	Done, Layers   int
}

// String writes whole megabytes, so that it changes only when there is something to see.
func (p PullProgress) String() string {
	const megabyte = 1_000_000
	layers := fmt.Sprintf("%d of %d layers", p.Done, p.Layers)
	if p.Total == 0 {
		return layers
	}
	return fmt.Sprintf("%d of %d MB, %s", p.Current/megabyte, (p.Total+megabyte-1)/megabyte, layers)
}

type pullProgressKey struct{}

// WithPullProgress has pulls under the context tell how far they have come. They call tell one after the other, as often as there is
// news, and not after they have returned. A runtime that has nothing to tell calls it never.
func WithPullProgress(ctx context.Context, tell func(PullProgress)) context.Context {
	return context.WithValue(ctx, pullProgressKey{}, tell)
}

func pullProgressOf(ctx context.Context) func(PullProgress) {
	if tell, ok := ctx.Value(pullProgressKey{}).(func(PullProgress)); ok {
		return tell
	}
	return func(PullProgress) {}
}

// pullLayers adds up what the engine says of each layer.
type pullLayers struct {
	tell   func(PullProgress)
	layers map[string]*pullLayer
	told   PullProgress
}

type pullLayer struct {
	current, total int64
	done           bool
}

func newPullLayers(tell func(PullProgress)) *pullLayers {
	return &pullLayers{tell: tell, layers: map[string]*pullLayer{}}
}

func (p *pullLayers) note(m engineMessage) {
	layer := p.layers[m.ID]
	if layer == nil {
		layer = &pullLayer{}
	}
	switch m.Status {
	case "Pulling fs layer", "Waiting":
	case "Downloading":
		layer.current, layer.total = m.Progress.Current, max(m.Progress.Total, m.Progress.Current)
	case "Verifying Checksum", "Download complete":
		layer.current = layer.total
	case "Pull complete", "Already exists":
		layer.current, layer.done = layer.total, true
	default:
		return // of the image as a whole, or how a layer is unpacked
	}
	p.layers[m.ID] = layer
	now := PullProgress{Layers: len(p.layers)}
	for _, layer := range p.layers {
		now.Current += layer.current
		now.Total += layer.total
		if layer.done {
			now.Done++
		}
	}
	if now != p.told {
		p.told = now
		p.tell(now)
	}
}
