package tui

import (
	"context"
	"iter"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// emptySource is what the console looks at as long as there is no cluster.
type emptySource struct{ snapshot *Snapshot }

func nowhere() Source { return emptySource{NewStore(Cluster{}, time.Now).Snapshot()} }

func (s emptySource) Snapshot() *Snapshot                                         { return s.snapshot }
func (s emptySource) Changed() <-chan struct{}                                    { return nil }
func (s emptySource) History(context.Context, HistoryQuery) ([]Transition, error) { return nil, nil }
func (s emptySource) Resync()                                                     {}

func (s emptySource) Logs(context.Context, LogQuery) iter.Seq2[model.LogLine, error] {
	return func(func(model.LogLine, error) bool) {}
}

func (s emptySource) Do(context.Context, Action) error {
	return model.Errorf(model.CodeUnavailable, "there is no cluster to do it in")
}

func (s emptySource) Preview(context.Context, Action) (model.RolloutPreview, error) {
	return model.RolloutPreview{}, model.Errorf(model.CodeUnavailable, "there is no cluster to do it in")
}
