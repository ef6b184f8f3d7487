// Command heliosctl runs Docker jobs on a fleet of hosts: it is the master and agent daemons, and the command line that speaks to them.
//
// This package owns flags, output and exit codes. It knows nothing of how masters and agents work: one-shot commands speak to a
// master through package client alone, and daemons are started from package daemon.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(run())
}

// run executes the command line of this process and returns its exit code. The first interrupt or termination signal cancels the
// command, a second one ends the process at once.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return execute(ctx, processEnvironment(), os.Args[1:])
}
