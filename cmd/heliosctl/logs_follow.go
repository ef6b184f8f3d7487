package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

// agentPatience is how long an agent may take to find another master when the one is gone that it was connected to.
const agentPatience = 30 * time.Second

// logFollower prints what containers print, and outlives masters that go away: then each host has a stream of its own, from another
// master, which goes on where the host was left. What a container printed that was replaced in the meantime is not shown.
type logFollower struct {
	api     *client.Client
	job     model.JobID
	query   model.LogQuery
	printer *logPrinter

	mu     sync.Mutex // of what follows, and of what is printed
	outage outage
	places map[string]*logPlace
	over   map[string]bool // hosts that have said why there is no more
}

// logPlace is how far a host was read.
type logPlace struct {
	at       time.Time // of the last line
	lines    int       // of that time
	again    int       // of them that come again
	resuming bool
}

// pass tells whether a line has not been printed before.
func (p *logPlace) pass(at time.Time) bool {
	if p.resuming {
		if at.Before(p.at) {
			return false
		}
		if at.Equal(p.at) && p.again > 0 {
			p.again--
			return false
		}
		p.resuming = false
	}
	if !at.Equal(p.at) {
		p.at, p.lines = at, 0
	}
	p.lines++
	return true
}

func newLogFollower(io streams, api *client.Client, job model.JobID, query model.LogQuery, printer *logPrinter) *logFollower {
	return &logFollower{
		api: api, job: job, query: query, printer: printer, outage: outage{log: io.err},
		places: map[string]*logPlace{}, over: map[string]bool{},
	}
}

// run prints until there is no more from any host: those that are named, or all that the job is deployed to.
func (f *logFollower) run(ctx context.Context, named, deployed []string) error {
	opened := false
	err := f.read(ctx, named, f.query, func() { opened = true })
	if err == nil || !opened || !passing(err) || ctx.Err() != nil {
		return err
	}
	f.lost(err)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var running sync.WaitGroup
	for _, host := range f.left(named, deployed) {
		running.Go(func() {
			if err := f.resume(ctx, host); err != nil {
				stop(err) // nothing can be printed any more
			}
		})
	}
	running.Wait()
	return context.Cause(ctx)
}

// left returns the hosts that there may be more from.
func (f *logFollower) left(named, deployed []string) []string {
	hosts := slices.Clone(named)
	if len(hosts) == 0 {
		hosts = slices.AppendSeq(slices.Clone(deployed), maps.Keys(f.places))
	}
	slices.Sort(hosts)
	return slices.DeleteFunc(slices.Compact(hosts), func(host string) bool { return f.over[host] })
}

// read prints a stream until it ends. It calls opened once a master has accepted it.
func (f *logFollower) read(ctx context.Context, hosts []string, query model.LogQuery, opened func()) error {
	for line, err := range f.api.LogsFrom(ctx, f.job, hosts, query, func(string) { opened() }) {
		if err == nil {
			err = f.print(line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *logFollower) print(line model.LogLine) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if line.Error != nil {
		f.over[line.Host] = true
		return f.printer.print(line)
	}
	place := f.places[line.Host]
	if place == nil {
		place = &logPlace{}
		f.places[line.Host] = place
	}
	if !place.pass(line.Time) {
		return nil
	}
	return f.printer.print(line)
}

func (f *logFollower) lost(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.outage.began(err)
}

func (f *logFollower) found() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.outage.ended()
}

// resume goes on with a host where it was left, until there is no more from it. It fails only when nothing can be printed.
func (f *logFollower) resume(ctx context.Context, host string) error {
	pause := firstReconnect
	var away time.Time // since when masters answer, but the agent is not there
	for {
		if sleep(ctx, pause) != nil {
			return nil
		}
		pause = min(2*pause, lastReconnect)
		err := f.read(ctx, []string{host}, f.resumption(host), func() {
			pause, away = firstReconnect, time.Time{}
			f.found()
		})
		switch {
		case err == nil || ctx.Err() != nil:
			return nil
		case model.CodeOf(err) == model.CodeAgentUnreachable:
			f.found()
			if away.IsZero() {
				away = time.Now()
			}
			if time.Since(away) > agentPatience {
				return f.print(model.LogLine{Host: host, Error: codedError(err)})
			}
		case passing(err):
			away = time.Time{}
			f.lost(err)
		default:
			return f.print(model.LogLine{Host: host, Error: codedError(err)})
		}
	}
}

// resumption asks for what came after the last line of a host, that line and others of its time included.
func (f *logFollower) resumption(host string) model.LogQuery {
	f.mu.Lock()
	defer f.mu.Unlock()
	place := f.places[host]
	if place == nil {
		return f.query // it has printed nothing yet
	}
	place.resuming, place.again = true, place.lines
	return model.LogQuery{Follow: true, Since: place.at}
}

// codedError is an error as a line of logs has it.
func codedError(err error) *model.Error {
	var coded *model.Error
	if errors.As(err, &coded) {
		return coded
	}
	return model.Errorf(model.CodeInternal, "%v", err)
}
