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

	"github.com/heliosctl/heliosctl/daemon"
	"github.com/heliosctl/heliosctl/daemon/container"
)

func main() {
	os.Exit(run())
}

// run executes the command line of this process and returns its exit code. The first interrupt or termination signal cancels the
// command, a second one ends the process at once. As a shim of the process runtime it does nothing but watch its child, as the guard of
// the console's terminal nothing but watch its parent.
func run() int {
	if len(os.Args) > 1 && os.Args[1] == daemon.ShimCommand {
		return container.ShimMain(os.Args[2:])
	}
	if len(os.Args) > 1 && os.Args[1] == guardCommand {
		return guardMain(processEnvironment())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return execute(ctx, processEnvironment(), os.Args[1:])
}
