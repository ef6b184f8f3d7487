package live

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// streamRetry is how long the client looks for a master before the source tells that there is none. The source goes on by itself.
const streamRetry = 500 * time.Millisecond

// firstPause is how long a stream that broke is left alone.
const firstPause = 50 * time.Millisecond

// queueLimit is how many events may wait while everything is read. With more it is read anew.
const queueLimit = 500_000

var errBehind = model.Errorf(model.CodeUnavailable, "events come faster than they can be read")

// link is how masters are reached.
type link struct {
	config client.Config
	calls  *client.Client
	stream *client.Client
}

func newLink(config client.Config) (*link, error) {
	calls, err := client.New(config)
	if err != nil {
		return nil, err
	}
	config.RetryTimeout = streamRetry
	stream, err := client.New(config)
	if err != nil {
		return nil, err
	}
	return &link{config: config, calls: calls, stream: stream}, nil
}

// only is a client of one of the masters.
func (l *link) only(endpoint string) (*client.Client, error) {
	config := l.config
	config.Endpoints, config.Domain = []string{endpoint}, nil
	return client.New(config)
}

func (l *link) close() {
	_ = l.calls.Close()
	_ = l.stream.Close()
}

// connect follows the masters that were named, else those that were learned, until that ends. It tells whether the
// data was current then.
func (s *Source) connect(ctx context.Context) (current bool, err error) {
	current, err = s.follow(ctx, s.configured)
	if current || ctx.Err() != nil || refused(err) || s.learned == nil {
		return current, err
	}
	if again, learnedErr := s.follow(ctx, s.learned); again {
		return true, learnedErr
	}
	return false, err
}

// learn notes the masters that are there, for when those that were named are gone.
func (s *Source) learn(members []model.Member) {
	var urls []string
	for _, m := range members {
		if m.Role == model.RoleMaster && m.API != "" && m.Status != model.MemberLeft {
			urls = append(urls, strings.TrimSuffix(m.API, "/"))
		}
	}
	slices.Sort(urls)
	if urls = slices.Compact(urls); len(urls) == 0 || slices.Equal(urls, s.learnedAPI) || s.link.Load() == s.learned {
		return
	}
	config := s.options.Config
	config.Endpoints, config.Domain = urls, nil
	learned, err := newLink(config)
	if err != nil {
		return // a member says nonsense of itself
	}
	if s.learned != nil {
		s.learned.close()
	}
	s.learned, s.learnedAPI = learned, urls
}

// refused reports whether a master answered that it does not serve who asks.
func refused(err error) bool { return errors.Is(err, model.ErrForbidden) }

// await shows that no master is there and waits until it is time to try again. It reports whether it is.
func (s *Source) await(ctx context.Context, attempt int, err error) bool {
	pause := backoff(attempt)
	f := tui.Freshness{
		State: tui.Connecting, Master: s.freshness.Master, AsOf: s.heard, Error: words(err), Attempt: attempt + 1,
		RetryAt: s.options.Now().Add(pause), Next: s.others(), Refused: refused(err),
	}
	if s.known {
		f.State = tui.Stale
	}
	s.setFreshness(f)
	s.publish()
	var again <-chan time.Time
	if !f.Refused {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		again = timer.C
	}
	select {
	case <-again:
	case <-s.resync:
	case <-ctx.Done():
		return false
	}
	return true
}

// backoff is short at first, then 1, 2, 4, 8 and 15 s, a fifth more or less.
func backoff(attempt int) time.Duration {
	if attempt == 0 {
		return firstPause
	}
	pause := min(time.Second<<min(attempt-1, 4), 15*time.Second)
	return time.Duration(float64(pause) * (0.8 + 0.4*rand.Float64()))
}

func words(err error) string {
	var e *model.Error
	if errors.As(err, &e) {
		return e.Message
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// others are the masters beside the one that was read from.
func (s *Source) others() []string {
	var names []string
	for _, m := range s.store.Snapshot().Masters {
		if m.Name != s.freshness.Master {
			names = append(names, m.Name)
		}
	}
	return names
}

// queue holds what came from the stream until the owner takes it. It is safe for concurrent use.
type queue struct {
	ready chan struct{} // has room for one

	mu     sync.Mutex
	opened string // URL of the master, once it has accepted the stream
	events []model.Event
	ended  bool
	err    error
}

func (q *queue) change(change func()) {
	q.mu.Lock()
	change()
	q.mu.Unlock()
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// fill reads the stream to its end, which the context brings too.
func (q *queue) fill(ctx context.Context, c *client.Client, index uint64) {
	var err error
	for e, failure := range c.EventsFrom(ctx, index, func(url string) { q.change(func() { q.opened = url }) }) {
		if err = failure; err != nil {
			break
		}
		full := false
		q.change(func() {
			q.events = append(q.events, e)
			full = len(q.events) >= queueLimit
		})
		if full {
			err = errBehind
			break
		}
	}
	q.change(func() { q.ended, q.err = true, err })
}

// take returns what has come and, with the last of it, that there is no more.
func (q *queue) take() (events []model.Event, opened string, ended bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	events, q.events = q.events, nil
	return events, q.opened, q.ended, q.err
}

func hostOf(endpoint string) string {
	if u, err := url.Parse(endpoint); err == nil {
		return u.Host
	}
	return endpoint
}
