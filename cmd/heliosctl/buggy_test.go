package main

import (
	"os"
	"os/signal"
	"syscall"
)

// buggyProgram is the name by which this test binary is heliosctl with a bug in it: a goroutine panics when it is told to.
const buggyProgram = "heliosctl-with-a-bug"

func buggyMain() {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGUSR1)
	go func() {
		<-told
		panic("a bug in a daemon")
	}()
	main()
}
