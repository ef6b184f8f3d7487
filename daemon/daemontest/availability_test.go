//go:build unix

package daemontest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/daemontest"
	"github.com/heliosctl/heliosctl/model"
)

const (
	probePause = 10 * time.Millisecond // between two probes of a host
	probeLimit = 5 * time.Second       // for a service to answer; the client of a slower one has given up
)

// probe is one look at a host: the API is asked where its service listens, and the service is called there.
type probe struct {
	began, ended time.Time
	answer       string // what the service said
	err          error  // why there was none
}

// watch probes the services of hosts all the time, each host on its own: slow answers of one hide nothing of another.
type watch struct {
	cancel context.CancelFunc
	enough chan struct{} // closed when each host is to be looked at once more, and no longer
	work   sync.WaitGroup
	hosts  []string
	probes [][]probe // by host; each belongs to its goroutine until the watch has ended
}

// startWatch begins to watch the service of that port name on all hosts of a fleet, and returns when each has been looked at.
func startWatch(t *testing.T, f *daemontest.Fleet, port string) *watch {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &watch{cancel: cancel, enough: make(chan struct{}), probes: make([][]probe, len(f.Agents))}
	api := f.Client("watcher")
	var begun sync.WaitGroup
	for i, agent := range f.Agents {
		w.hosts = append(w.hosts, agent.Name())
		begun.Add(1)
		w.work.Go(func() { w.probes[i] = w.probe(ctx, api, agent.Name(), port, sync.OnceFunc(begun.Done)) })
	}
	t.Cleanup(func() {
		cancel()
		w.work.Wait()
	})
	begun.Wait()
	return w
}

// probe looks at a host until it is enough, with a last look after that, or ctx ends. It calls begun after the first look, and when there
// is none.
func (w *watch) probe(ctx context.Context, api *client.Client, host, port string, begun func()) []probe {
	defer begun()
	calls := &http.Client{Timeout: probeLimit, Transport: &http.Transport{DisableKeepAlives: true}}
	pause := time.NewTicker(probePause)
	defer pause.Stop()
	var all []probe
	for last := false; !last; {
		select {
		case <-pause.C:
		case <-w.enough:
			last = true
		case <-ctx.Done():
			return all
		}
		p := probe{began: time.Now()}
		status, err := api.HostStatus(ctx, host)
		if ctx.Err() != nil {
			return all
		}
		if err == nil { // else nothing is known of the host: that the masters do not answer says nothing of its service
			p.answer, p.err = call(ctx, calls, status, port)
			p.ended = time.Now()
			if ctx.Err() != nil {
				return all
			}
			all = append(all, p)
			begun()
		}
	}
	return all
}

// call calls the task of a host that is told to be RUNNING, at the port that is told.
func call(ctx context.Context, calls *http.Client, host model.HostStatus, port string) (string, error) {
	err := errors.New("no task is RUNNING")
	for _, task := range host.Statuses {
		external := task.Ports[port].ExternalPort
		if task.State != model.StateRunning || external == nil {
			continue
		}
		var answer string
		if answer, err = get(ctx, calls, fmt.Sprintf("http://127.0.0.1:%d/", *external)); err == nil {
			return answer, nil
		}
	}
	return "", err
}

func get(ctx context.Context, calls *http.Client, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := calls.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", resp.StatusCode)
	}
	return strings.TrimSpace(string(body)), err
}

// span is a time from its first moment to its last.
type span struct{ from, to time.Time }

// outages are the times in which a host did certainly not answer. Two probes in a row that failed were each looking at some moment of
// their own when the host was out of service, so it was at least from the end of the first to the beginning of the last.
func outages(probes []probe) []span {
	var all []span
	for i := 0; i < len(probes); i++ {
		first := i
		for i < len(probes) && probes[i].err != nil {
			i++
		}
		if i-first >= 2 {
			all = append(all, span{probes[first].ended, probes[i-1].began})
		}
	}
	return all
}

// gaps are the times in which a host may not have answered: from the beginning of the last probe that was answered to the end of the next.
func gaps(probes []probe) []span {
	var all []span
	for i := 0; i < len(probes); i++ {
		first := i
		for i < len(probes) && probes[i].err != nil {
			i++
		}
		if i > first {
			all = append(all, span{probes[max(0, first-1)].began, probes[min(i, len(probes)-1)].ended})
		}
	}
	return all
}

// mostAtOnce returns how many of the spans, each of them of another host, have a moment in common.
func mostAtOnce(spans []span) int {
	most := 0
	for _, s := range spans {
		others := func(o span) bool { return o.from.After(s.from) || o.to.Before(s.from) }
		most = max(most, len(slices.DeleteFunc(slices.Clone(spans), others)))
	}
	return most
}

// availability is what a watch has seen.
type availability struct {
	hosts    []string
	calls    int
	fewest   int        // hosts that answered in the worst moment, all that did not for certain taken off
	atWorst  int        // all that may not have answered taken off
	outages  [][]span   // by host
	versions [][]string // by host: what was answered, in order, repetitions left out
}

// result ends the watch when each host was looked at once more.
func (w *watch) result(t *testing.T) availability {
	t.Helper()
	close(w.enough)
	w.work.Wait()
	w.cancel()
	a := availability{hosts: w.hosts}
	var certain, possible []span
	for i, probes := range w.probes {
		out := outages(probes)
		certain, possible = append(certain, out...), append(possible, gaps(probes)...)
		var said []string
		for _, p := range probes {
			if p.err == nil && (len(said) == 0 || said[len(said)-1] != p.answer) {
				said = append(said, p.answer)
			}
		}
		a.calls += len(probes)
		a.outages, a.versions = append(a.outages, out), append(a.versions, said)
		var longest time.Duration
		for _, o := range out {
			longest = max(longest, o.to.Sub(o.from))
		}
		t.Logf("%s: %d calls, answers %v, %d outages, the longest %s",
			w.hosts[i], len(probes), said, len(out), longest.Round(time.Millisecond))
	}
	a.fewest, a.atWorst = len(w.hosts)-mostAtOnce(certain), len(w.hosts)-mostAtOnce(possible)
	t.Logf("of %d hosts never fewer than %d answered %d calls; %d if each was away from its last answer to its next",
		len(w.hosts), a.fewest, a.calls, a.atWorst)
	return a
}

// expect fails unless at least so many hosts answered in every moment, and each of them with these versions in this order.
func (a availability) expect(t *testing.T, fewest int, versions ...string) {
	t.Helper()
	if a.fewest < fewest {
		t.Errorf("in one moment only %d hosts answered; outages: %v", a.fewest, a.outages)
	}
	for i, host := range a.hosts {
		if !slices.Equal(a.versions[i], versions) {
			t.Errorf("%s answered as %v in turn, want %v", host, a.versions[i], versions)
		}
	}
}

// The count of hosts that answer counts what is certain, and misses no moment.
func TestAvailabilityIsCountedByTheMoment(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	probes := func(from int, outcomes ...error) []probe {
		var all []probe
		for i, err := range outcomes {
			all = append(all, probe{began: at(from + 10*i), ended: at(from + 10*i + 5), err: err})
		}
		return all
	}
	tests := map[string]struct {
		hosts           [][]probe
		certain, at, to int
	}{
		"nobody is away":        {[][]probe{probes(0, nil, nil)}, 0, 0, 0},
		"one failure":           {[][]probe{probes(0, nil, down, nil)}, 0, 1, 1},
		"one after the other":   {[][]probe{probes(0, nil, down, down, nil), probes(30, nil, down, down, nil)}, 1, 1, 2},
		"two at once":           {[][]probe{probes(0, nil, down, down, nil), probes(5, nil, down, down, nil)}, 2, 2, 2},
		"one within the other":  {[][]probe{probes(0, nil, down, down, down, down, nil), probes(10, nil, down, down, nil)}, 2, 2, 2},
		"away to the end":       {[][]probe{probes(0, nil, down, down), probes(0, down, down, down)}, 2, 2, 2},
		"away twice":            {[][]probe{probes(0, down, down, nil, down, down), probes(30, down, down)}, 2, 2, 2},
		"three, never together": {[][]probe{probes(0, down, down, nil), probes(40, down, down, nil), probes(80, down, down, nil)}, 1, 1, 1},
	}
	for name, test := range tests {
		var certain, possible []span
		for _, host := range test.hosts {
			certain, possible = append(certain, outages(host)...), append(possible, gaps(host)...)
		}
		if got := mostAtOnce(certain); got != test.certain {
			t.Errorf("%s: %d are away for certain, want %d", name, got, test.certain)
		}
		if got := mostAtOnce(possible); got < test.at || got > test.to {
			t.Errorf("%s: %d may be away, want %d to %d", name, got, test.at, test.to)
		}
	}
}
