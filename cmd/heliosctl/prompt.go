package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/heliosctl/heliosctl/model"
)

// confirm asks a question and returns nil when the answer is yes. The question goes to err, so that it never mixes with results.
// Without a terminal there is nobody to ask, and with --json there is a program, which is an error that changes nothing.
func confirm(ctx context.Context, io streams, question string) error {
	switch {
	case io.machine:
		return usagef("%s: --json does not ask; use --yes", oneLine(question))
	case !io.interactive:
		return usagef("%s: cannot ask, standard input is not a terminal; use --yes", oneLine(question))
	}
	fmt.Fprintf(io.err, "%s [y/N] ", oneLine(question))
	answers := make(chan string, 1)
	// A read from a terminal cannot be cancelled; when the command is interrupted, the read ends with the process.
	go func() {
		answer, _ := bufio.NewReader(io.in).ReadString('\n')
		answers <- strings.TrimSpace(answer)
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(io.err)
		return ctx.Err()
	case answer := <-answers:
		if answer != "" && strings.ContainsRune("yY", rune(answer[0])) {
			return nil
		}
		return model.Errorf(model.CodeInternal, "not confirmed; nothing was changed")
	}
}
