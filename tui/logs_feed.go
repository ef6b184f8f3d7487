package tui

import (
	"context"
	"slices"
	"sync"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/model"
)

// feed hands lines from the source over to the page, at most every frameTime.
type feed struct {
	cancel context.CancelFunc
	more   chan struct{}
	mu     sync.Mutex
	lines  []model.LogLine
	err    error
	over   bool
}

type logMsg struct {
	feed  *feed
	lines []model.LogLine
	err   error
	over  bool
}

func (p *logs) open(a *app) tea.Cmd {
	if p.job.IsZero() || p.feed != nil {
		return nil
	}
	return p.start(a, logTail)
}

// start reads from the beginning.
func (p *logs) start(a *app, tail int) tea.Cmd {
	p.close()
	if p.job.IsZero() {
		return nil
	}
	p.lines, p.ends, p.err, p.ended, p.follow = nil, nil, nil, false, true
	p.heard = 0
	p.openStreams(a)
	f := &feed{more: make(chan struct{}, 1), cancel: func() {}}
	p.feed = f
	p.refresh(a)
	p.arrange()
	source, q := a.Source, LogQuery{Job: p.job, Hosts: p.hosts, Tail: tail, Previous: p.previous, Follow: !p.previous && !a.alone}
	return tea.Batch(a.async(func(ctx context.Context) tea.Msg {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		f.mu.Lock()
		f.cancel = cancel
		closed := f.over
		f.mu.Unlock()
		if closed {
			return nil
		}
		var last error
		for line, err := range source.Logs(ctx, q) {
			if last = err; err != nil {
				break
			}
			f.add(line)
		}
		f.end(last)
		return nil
	}), p.await(a, f))
}

func (f *feed) add(line model.LogLine) {
	f.mu.Lock()
	f.lines = append(f.lines, line)
	f.mu.Unlock()
	f.kick()
}

func (f *feed) end(err error) {
	f.mu.Lock()
	f.err, f.over = err, true
	f.mu.Unlock()
	f.kick()
}

func (f *feed) kick() {
	select {
	case f.more <- struct{}{}:
	default:
	}
}

func (f *feed) take() logMsg {
	f.mu.Lock()
	defer f.mu.Unlock()
	msg := logMsg{feed: f, lines: f.lines, err: f.err, over: f.over}
	f.lines = nil
	return msg
}

// await waits for lines, and a little longer for those right behind them.
func (p *logs) await(a *app, f *feed) tea.Cmd {
	return a.async(func(ctx context.Context) tea.Msg {
		select {
		case <-f.more:
		case <-ctx.Done():
			return nil
		}
		wait := time.NewTimer(frameTime)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-ctx.Done():
		}
		return answer{p, f.take()}
	})
}

func (p *logs) receive(a *app, msg tea.Msg) tea.Cmd {
	got := msg.(logMsg)
	if got.feed != p.feed {
		return nil
	}
	p.take(a, got.lines)
	if got.over {
		p.over(a, got.err)
		return nil
	}
	return p.await(a, got.feed)
}

// take adds lines in the order of time: hosts are not heard at the same moment.
func (p *logs) take(a *app, lines []model.LogLine) {
	for _, line := range lines {
		switch {
		case line.Error != nil:
			p.broken(a, line)
		case line.Stream == "" && line.Text == "":
			p.goesOn(line.Host)
		default:
			p.heardLine(line)
		}
	}
	p.settleEnds(a)
	if excess := len(p.lines) - logsKept; excess > logsKept/4 {
		p.lines = slices.Clone(p.lines[excess:])
		p.offset, p.cursor = max(0, p.offset-excess), max(0, p.cursor-excess)
	}
	p.arrange()
}

// add puts an entry where its time says.
func (p *logs) add(e logEntry) {
	i := len(p.lines)
	for i > 0 && p.lines[i-1].Time.After(e.Time) && len(p.lines)-i < 1000 {
		i--
	}
	p.lines = slices.Insert(p.lines, i, e)
}

func (p *logs) close() {
	if p.feed == nil {
		return
	}
	p.feed.mu.Lock()
	p.feed.over = true
	cancel := p.feed.cancel
	p.feed.mu.Unlock()
	cancel()
	p.feed = nil
}
