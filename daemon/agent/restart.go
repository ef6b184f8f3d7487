package agent

import (
	"errors"
	"time"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

const (
	minRestartDelay     = time.Second
	maxRestartDelay     = 30 * time.Second // after starts that fail again and again
	flappingDelay       = 30 * time.Second
	imageMissingDelay   = 120 * time.Second
	imagePullDelay      = 30 * time.Second
	flappingRuns        = 10
	flappingTotalUptime = 60 * time.Second
)

// restartPolicy decides how long to wait before a task's next container, and what to call the wait. A task is flapping when its
// last ten runs together lasted less than a minute. Runs are counted from RUNNING to the exit, so a container that never became
// ready counts as a failed start instead: those wait twice as long each time. Not safe for concurrent use.
type restartPolicy struct {
	runs         []time.Duration // the last flappingRuns, oldest first
	runningSince time.Time       // zero while not running
	imageTrouble model.Throttle  // "" unless the last start failed for want of its image
	failedStarts int             // in a row
}

// imageFound says that the image's trouble, if any, is over.
func (p *restartPolicy) imageFound() { p.imageTrouble = "" }

// running says that the container became ready at now.
func (p *restartPolicy) running(now time.Time) {
	p.imageTrouble = ""
	p.failedStarts = 0
	p.runningSince = now
}

// ended says that the run, if there was one, is over.
func (p *restartPolicy) ended(now time.Time) {
	if p.runningSince.IsZero() {
		return
	}
	p.runs = append(p.runs, now.Sub(p.runningSince))
	p.runs = p.runs[max(0, len(p.runs)-flappingRuns):]
	p.runningSince = time.Time{}
}

// failed says that a start came to nothing.
func (p *restartPolicy) failed(err error) {
	p.failedStarts++
	var missing *imageError
	if !errors.As(err, &missing) {
		return
	}
	p.imageTrouble = model.ThrottleImageMissing
	if errors.Is(missing.cause, container.ErrPullTimeout) {
		p.imageTrouble = model.ThrottleImagePullFailed
	}
}

// throttle returns the state of the task as of now. Trouble with the image comes before flapping.
func (p *restartPolicy) throttle(now time.Time) model.Throttle {
	switch {
	case p.imageTrouble != "":
		return p.imageTrouble
	case p.recovery(now) > 0:
		return model.ThrottleFlapping
	}
	return model.ThrottleNo
}

// delay returns how long to wait before the next start.
func (p *restartPolicy) delay(now time.Time) time.Duration {
	switch p.throttle(now) {
	case model.ThrottleImageMissing:
		return imageMissingDelay
	case model.ThrottleImagePullFailed:
		return imagePullDelay
	case model.ThrottleFlapping:
		return flappingDelay
	}
	delay := minRestartDelay
	for range min(p.failedStarts-1, 5) {
		delay *= 2
	}
	return min(delay, maxRestartDelay)
}

// recovery returns how much longer a flapping task has to run to be no longer flapping, zero or less when it is not flapping.
func (p *restartPolicy) recovery(now time.Time) time.Duration {
	if len(p.runs) < flappingRuns {
		return 0
	}
	uptime := time.Duration(0)
	for _, run := range p.runs {
		uptime += run
	}
	if !p.runningSince.IsZero() {
		uptime += now.Sub(p.runningSince)
	}
	return flappingTotalUptime - uptime
}
