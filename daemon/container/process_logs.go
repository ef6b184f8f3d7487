//go:build unix

package container

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// followEvery is how often a followed log looks for more.
const followEvery = 50 * time.Millisecond

// Logs returns what the process wrote. With Follow it goes on until the process ends.
func (p *Process) Logs(ctx context.Context, id string, options LogOptions) (io.ReadCloser, error) {
	c, err := p.lookup(id)
	if err != nil {
		return nil, err
	}
	output, err := os.OpenFile(c.file(fileOutput), os.O_RDONLY|os.O_CREATE, 0o600)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, notFound(id, err) // removed meanwhile
	case err != nil:
		return nil, model.Errorf(model.CodeInternal, "read the log of container %s: %v", id, err)
	}
	if err := seekTail(output, options.Tail); err != nil {
		_ = output.Close()
		return nil, model.Errorf(model.CodeInternal, "read the log of container %s: %v", id, err)
	}
	reading, cancel := context.WithCancel(ctx)
	log := &processLog{runtime: p, container: c, reader: bufio.NewReader(output), follow: options.Follow}
	return &lineReader{
		timestamps: options.Timestamps,
		since:      options.Since,
		next:       func() (logLine, error) { return log.next(reading) },
		closeLog: func() error {
			cancel()
			return output.Close()
		},
	}, nil
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

func (l *processLog) next(ctx context.Context) (logLine, error) {
	for {
		ended := l.ended() // asked before reading: what was written before the end is read
		text, err := l.reader.ReadString('\n')
		l.partial += text
		switch {
		case err == nil:
			line := parseLine(strings.TrimSuffix(l.partial, "\n"))
			l.partial = ""
			return line, nil
		case !errors.Is(err, io.EOF):
			return logLine{}, err
		case !l.follow || ended:
			return logLine{}, io.EOF
		}
		select {
		case <-time.After(followEvery):
		case <-ctx.Done():
			return logLine{}, context.Cause(ctx)
		case <-l.runtime.closing:
			return logLine{}, errProcessClosed()
		}
	}
}

func (l *processLog) ended() bool {
	l.runtime.mu.Lock()
	defer l.runtime.mu.Unlock()
	return !l.container.state().Running
}

// parseLine splits a line of the output file into its time and its text.
func parseLine(line string) logLine {
	at, text, _ := strings.Cut(line, " ")
	when, err := time.Parse(outputTime, at)
	if err != nil {
		return logLine{text: line} // cut short by a full disk
	}
	return logLine{at: when, text: text}
}
