package linear

import (
	"context"
	crand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// Workload is clients that call masters at random.
type Workload struct {
	Masters []string    // base URLs
	Job     model.JobID // exists
	Hosts   []string    // registered; nobody else deploys the job to them
	Clients int
	For     time.Duration
	Seed    uint64
}

// Registers is how many hosts a workload should have: every few seconds others are called, because the longer a history of one register the
// longer the search.
func Registers(d time.Duration) int { return registersAtOnce * (1 + int(d/rotation)) }

const (
	registersAtOnce = 4
	rotation        = 3 * time.Second
	longestPause    = 20 * time.Millisecond // between two calls of a client
)

// record is what all clients write down.
type record struct {
	began time.Time

	mu      sync.Mutex
	history []Operation
	strange []error
	clients int // the last number given to a client
}

// Run calls until the time is over or ctx ends, and returns what happened, and the answers that no master should give.
func (w Workload) Run(ctx context.Context) (history []Operation, strange []error) {
	ctx, cancel := context.WithTimeout(ctx, w.For)
	defer cancel()
	r := &record{began: time.Now()}
	caller := NewCaller(w.Job)
	var clients sync.WaitGroup
	for i := range w.Clients {
		random := rand.New(rand.NewPCG(w.Seed, uint64(i)))
		clients.Go(func() { w.client(ctx, r, caller, random) })
	}
	clients.Wait()
	return r.history, r.strange
}

// client is one client until ctx ends. One whose write has an unknown outcome is somebody else from then on: the write may take effect later,
// and nobody does two things at once.
func (w Workload) client(ctx context.Context, r *record, caller *Caller, random *rand.Rand) {
	number := r.newClient()
	for ctx.Err() == nil {
		op := w.draw(random, r.now())
		op.Client = number
		masters := []string{w.pick(random), w.pick(random), w.pick(random)}
		if random.IntN(2) == 0 {
			masters = masters[:1]
		}
		r.call(caller, masters, &op)
		if op.Outcome == Unknown && op.Kind != Read {
			number = r.newClient()
		}
		select {
		case <-time.After(time.Duration(random.Int64N(int64(longestPause)))):
		case <-ctx.Done():
		}
	}
}

func (w Workload) pick(random *rand.Rand) string { return w.Masters[random.IntN(len(w.Masters))] }

// kinds are drawn from: reads are half of it.
var kinds = []Kind{Read, Read, Read, Read, Read, Deploy, Deploy, SetGoal, Undeploy, Undeploy}

func (w Workload) draw(random *rand.Rand, now time.Duration) Operation {
	window := int(now/rotation) * registersAtOnce
	op := Operation{
		Host: w.Hosts[(window+random.IntN(registersAtOnce))%len(w.Hosts)],
		Kind: kinds[random.IntN(len(kinds))], Goal: model.GoalStart,
	}
	op.User = fmt.Sprintf("u%d", random.Uint64())
	if random.IntN(2) == 0 {
		op.Goal = model.GoalStop
	}
	return op
}

func (r *record) now() time.Duration { return time.Since(r.began) }

func (r *record) newClient() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clients++
	return r.clients - 1
}

// call does one operation and writes it down. A write of unknown outcome is sent again to the next of the masters, under the same id: it
// must take effect once.
func (r *record) call(caller *Caller, masters []string, op *Operation) {
	id := crand.Text()
	op.Call = r.now()
	uncertain := false
	for _, master := range masters {
		// Not the workload's context: an operation that has begun is seen through.
		err := caller.Call(context.Background(), master, id, op)
		if err != nil {
			r.note(fmt.Errorf("%s: %w", master, err))
		}
		if op.Kind == Read || op.Outcome == Done || op.Outcome == Refused {
			break
		}
		uncertain = uncertain || op.Outcome == Unknown
		if !uncertain {
			break
		}
	}
	if uncertain && op.Outcome == NoEffect {
		op.Outcome = Unknown // of the first try nobody knows
	}
	op.Return = r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history = append(r.history, *op)
}

// mostNotes is how many strange answers are kept.
const mostNotes = 20

func (r *record) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.strange) < mostNotes && !slices.ContainsFunc(r.strange, func(e error) bool { return e.Error() == err.Error() }) {
		r.strange = append(r.strange, err)
	}
}
