package agent

import (
	"errors"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

func TestRestartPolicy(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	run := func(p *restartPolicy, runs int, uptime time.Duration) {
		for range runs {
			p.running(start)
			p.ended(start.Add(uptime))
		}
	}
	missing := &imageError{image: "web", cause: errors.New("404")}
	silent := &imageError{image: "web", cause: container.ErrPullTimeout}
	tests := []struct {
		name     string
		events   func(p *restartPolicy)
		now      time.Duration
		throttle model.Throttle
		delay    time.Duration
	}{
		{"nothing happened", func(*restartPolicy) {}, 0, model.ThrottleNo, time.Second},
		{"nine short runs", func(p *restartPolicy) { run(p, 9, 0) }, 0, model.ThrottleNo, time.Second},
		{"ten short runs", func(p *restartPolicy) { run(p, 10, 0) }, 0, model.ThrottleFlapping, 30 * time.Second},
		{"ten runs of just below 6 s", func(p *restartPolicy) { run(p, 10, 5999*time.Millisecond) }, 0, model.ThrottleFlapping, 30 * time.Second},
		{"ten runs of 6 s", func(p *restartPolicy) { run(p, 10, 6*time.Second) }, 0, model.ThrottleNo, time.Second},
		{"ten short runs and a long one", func(p *restartPolicy) { run(p, 10, 0); run(p, 1, time.Minute) }, 0, model.ThrottleNo, time.Second},
		{"ten runs of three days", func(p *restartPolicy) { run(p, 10, 72*time.Hour) }, 0, model.ThrottleNo, time.Second},
		{"running for a minute after ten short runs", func(p *restartPolicy) { run(p, 10, 0); p.running(start) }, time.Minute, model.ThrottleNo, time.Second},
		{"running for less", func(p *restartPolicy) { run(p, 10, 0); p.running(start) }, 59 * time.Second, model.ThrottleFlapping, 30 * time.Second},
		{"ends that had no run", func(p *restartPolicy) {
			for range 20 {
				p.ended(start)
			}
		}, 0, model.ThrottleNo, time.Second},
		{"image missing", func(p *restartPolicy) { p.failed(missing) }, 0, model.ThrottleImageMissing, 120 * time.Second},
		{"registry silent", func(p *restartPolicy) { p.failed(silent) }, 0, model.ThrottleImagePullFailed, 30 * time.Second},
		{"image trouble comes before flapping", func(p *restartPolicy) { run(p, 10, 0); p.failed(missing) }, 0, model.ThrottleImageMissing, 120 * time.Second},
		{"image found", func(p *restartPolicy) { p.failed(missing); p.imageFound() }, 0, model.ThrottleNo, time.Second},
		{"another failure leaves image trouble", func(p *restartPolicy) { p.failed(silent); p.failed(errors.New("boom")) }, 0, model.ThrottleImagePullFailed, 30 * time.Second},
		{"one failed start", func(p *restartPolicy) { p.failed(errors.New("boom")) }, 0, model.ThrottleNo, time.Second},
		{"three failed starts", func(p *restartPolicy) {
			for range 3 {
				p.failed(errors.New("boom"))
			}
		}, 0, model.ThrottleNo, 4 * time.Second},
		{"many failed starts", func(p *restartPolicy) {
			for range 100 {
				p.failed(errors.New("boom"))
			}
		}, 0, model.ThrottleNo, 30 * time.Second},
		{"failed starts, then a good one", func(p *restartPolicy) {
			for range 5 {
				p.failed(errors.New("boom"))
			}
			run(p, 1, time.Hour)
		}, 0, model.ThrottleNo, time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var p restartPolicy
			test.events(&p)
			now := start.Add(test.now)
			if got := p.throttle(now); got != test.throttle {
				t.Errorf("throttle %s, want %s", got, test.throttle)
			}
			if got := p.delay(now); got != test.delay {
				t.Errorf("delay %s, want %s", got, test.delay)
			}
		})
	}
}
