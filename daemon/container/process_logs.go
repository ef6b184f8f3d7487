//go:build unix

package container

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// followEvery is how often a followed log looks for more.
const followEvery = 50 * time.Millisecond

// Logs yields what the process wrote. With Follow it goes on until the process ends.
func (p *Process) Logs(ctx context.Context, id string, options LogOptions) iter.Seq2[LogLine, error] {
	return func(yield func(LogLine, error) bool) {
		c, err := p.lookup(id)
		if err != nil {
			yield(LogLine{}, err)
			return
		}
		output, err := c.openOutput(options.Tail)
		if err != nil {
			yield(LogLine{}, err)
			return
		}
		defer output.Close()
		log := &processLog{runtime: p, container: c, reader: bufio.NewReaderSize(output, 64<<10), follow: options.Follow}
		yieldLines(options, func() (LogLine, error) { return log.next(ctx) }, yield)
	}
}

// openOutput opens the output of a container at its last lines.
func (c *process) openOutput(tail int) (*os.File, error) {
	id := c.record.ID
	output, err := os.OpenFile(c.file(fileOutput), os.O_RDONLY|os.O_CREATE, 0o600)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, notFound(id, err) // removed meanwhile
	case err != nil:
		return nil, model.Errorf(model.CodeInternal, "read the log of container %s: %v", id, err)
	}
	if tail < 0 {
		_, err = output.Seek(0, io.SeekEnd)
	} else {
		err = seekTail(output, tail)
	}
	if err != nil {
		_ = output.Close()
		return nil, model.Errorf(model.CodeInternal, "read the log of container %s: %v", id, err)
	}
	return output, nil
}

// seekTail moves a file to the beginning of its last so many lines; 0 means all.
func seekTail(file *os.File, lines int) error {
	if lines <= 0 {
		return nil
	}
	starts := make([]int64, 0, min(lines, 4096)) // a ring of the last lines' beginnings
	var at int64
	reader := bufio.NewReaderSize(file, 64<<10)
	for n := 0; ; n++ {
		line, err := reader.ReadString('\n')
		if line != "" {
			if len(starts) < lines {
				starts = append(starts, at)
			} else {
				starts[n%lines] = at
			}
			at += int64(len(line))
		}
		if errors.Is(err, io.EOF) {
			oldest := int64(0)
			if len(starts) == lines {
				oldest = starts[oldestOf(starts)]
			}
			_, err := file.Seek(oldest, io.SeekStart)
			return err
		}
		if err != nil {
			return err
		}
	}
}

func oldestOf(starts []int64) int {
	oldest := 0
	for i, start := range starts {
		if start < starts[oldest] {
			oldest = i
		}
	}
	return oldest
}

// processLog reads the lines of a container's output.
type processLog struct {
	runtime   *Process
	container *process
	reader    *bufio.Reader
	follow    bool
	partial   string // of a line whose end is not written yet
}

func (l *processLog) next(ctx context.Context) (LogLine, error) {
	for {
		if ctx.Err() != nil {
			return LogLine{}, context.Cause(ctx)
		}
		ended := l.ended() // asked before reading: what was written before the end is read
		text, err := l.reader.ReadString('\n')
		l.partial += text
		switch {
		case err == nil:
			line := parseLine(strings.TrimSuffix(l.partial, "\n"))
			l.partial = ""
			return line, nil
		case !errors.Is(err, io.EOF):
			return LogLine{}, err
		case !l.follow || ended:
			return LogLine{}, io.EOF
		}
		select {
		case <-time.After(followEvery):
		case <-ctx.Done():
			return LogLine{}, context.Cause(ctx)
		case <-l.runtime.closing:
			return LogLine{}, errProcessClosed()
		}
	}
}

func (l *processLog) ended() bool {
	l.runtime.mu.Lock()
	defer l.runtime.mu.Unlock()
	return !l.container.state().Running
}

// parseLine splits a line of the output file into its time, its stream and its text.
func parseLine(line string) LogLine {
	at, rest, _ := strings.Cut(line, " ")
	when, err := time.Parse(outputTime, at)
	if err != nil {
		return LogLine{Stream: model.Stdout, Text: line} // cut short by a full disk
	}
	mark, text, _ := strings.Cut(rest, " ")
	switch mark {
	case string(markStdout):
		return LogLine{Time: when, Stream: model.Stdout, Text: text}
	case string(markStderr):
		return LogLine{Time: when, Stream: model.Stderr, Text: text}
	}
	return LogLine{Time: when, Stream: model.Stdout, Text: rest}
}
