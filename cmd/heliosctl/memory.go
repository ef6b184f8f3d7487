package main

import (
	"context"
	"os"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// daemonGCPercent trades some of the processor for a smaller heap: daemons share their machine with the containers that it is there for.
	daemonGCPercent = 50
	// consoleGCPercent does the same for a console, which is open all day: a storm of events would double its heap else. While it reads a
	// whole cluster, what is thrown away is many times what is kept, and collecting that often would cost seconds.
	consoleGCPercent = 25
	readingGCPercent = 100
	// A start and a burst of changes need memory that is not needed afterwards; the runtime alone would keep most of it.
	firstRelease = time.Second
	releaseEvery = 30 * time.Second
)

// inLittleMemory runs a daemon and gives memory that it does not need any more back to the system, now and then. Who sets GOGC has that
// instead of daemonGCPercent.
func inLittleMemory(ctx context.Context, run func(context.Context) error) error {
	if os.Getenv("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(daemonGCPercent))
	}
	ctx, stop := context.WithCancel(ctx)
	var releasing sync.WaitGroup
	defer releasing.Wait()
	defer stop()
	releasing.Go(func() { releaseMemory(ctx) })
	return run(ctx)
}

// setConsoleHeap sets how often garbage is collected in a console, while it reads everything and from then on. Who sets GOGC has that
// instead.
func setConsoleHeap(reading bool) {
	percent := consoleGCPercent
	if reading {
		percent = readingGCPercent
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

func releaseMemory(ctx context.Context) {
	for wait := firstRelease; ; wait = releaseEvery {
		select {
		case <-time.After(wait):
			debug.FreeOSMemory()
		case <-ctx.Done():
			return
		}
	}
}
