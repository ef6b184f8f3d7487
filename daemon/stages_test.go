package daemon

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
)

func TestStagesStopFromTheLastToTheFirst(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var order []string
	named := func(name string) stage {
		return func(ctx context.Context) error {
			<-ctx.Done()
			order = append(order, name)
			return nil
		}
	}
	cancel()
	if err := runStages(ctx, named("store"), named("gossip"), named("api")); err != nil {
		t.Fatal(err)
	}
	if want := []string{"api", "gossip", "store"}; !slices.Equal(order, want) {
		t.Errorf("stopped in order %v, want %v", order, want)
	}
}

func TestAStageThatFailsEndsTheOthers(t *testing.T) {
	broken := errors.New("broken")
	var waited bool
	err := runStages(context.Background(),
		func(ctx context.Context) error { <-ctx.Done(); waited = true; return nil },
		func(context.Context) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want the failure", err)
	}
	if !waited {
		t.Error("the other stage was not waited for")
	}
}

func TestNoStagesTogetherLastUntilTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		var ended error = errors.New("still running")
		go func() { ended = together(nil)(ctx) }()
		synctest.Wait()
		if ended == nil {
			t.Fatal("it ended by itself")
		}
		cancel()
		synctest.Wait()
		if ended != nil {
			t.Error(ended)
		}
	})
}
