package demo

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

var logTexts = []string{
	"INFO  starting {job} version={version} pid=1",
	"INFO  config loaded from /etc/{job}/config.yaml",
	"INFO  listening on :8000",
	"WARN  ledger: dial tcp 10.4.9.21:9000: i/o timeout, retry {n}/10 in 1s",
	"INFO  healthcheck: not ready: ledger connection pending",
	"ERROR kafka: client has run out of available brokers to talk to: EOF",
	"INFO  metrics: pushed 214 series in 12ms",
	`{"level":"info","msg":"handled","path":"/v1/charge","ms":41,"status":200}`,
	"INFO  gc: pause 1.2ms heap 214MB",
	"INFO  handled GET /v1/items in {n}ms",
}

const logEvery = 2300 * time.Millisecond

// logLine is what a job printed on a host in the n-th stretch of time; the same whenever it is asked for.
func logLine(hostName string, id model.JobID, n int64) model.LogLine {
	random := rand.New(rand.NewPCG(uint64(n), sum(hostName+id.Name)))
	at := time.Unix(0, n*int64(logEvery)).Add(time.Duration(random.Int64N(int64(logEvery) - 1)))
	line := model.LogLine{Host: hostName, Time: at, Stream: model.Stdout}
	text := logTexts[random.IntN(len(logTexts))]
	line.Text = strings.NewReplacer("{job}", id.Name, "{version}", id.Version, "{n}", fmt.Sprint(1+random.IntN(9))).Replace(text)
	if strings.HasPrefix(line.Text, "ERROR") {
		line.Stream = model.Stderr
	}
	return line
}

// Logs makes up what jobs print. It follows until the context ends.
func (f *Fleet) Logs(ctx context.Context, q tui.LogQuery) iter.Seq2[model.LogLine, error] {
	return func(yield func(model.LogLine, error) bool) {
		hosts := q.Hosts
		if len(hosts) == 0 {
			if job := f.Snapshot().Job(q.Job); job != nil {
				for _, t := range job.Tasks {
					hosts = append(hosts, t.Host)
				}
			}
		}
		tail := q.Tail
		if tail < 0 || tail > 2000 {
			tail = 2000
		}
		next := f.Now().UnixNano() / int64(logEvery)
		if !printLogs(hosts, q.Job, next-int64(tail), next, yield) || !q.Follow {
			return
		}
		ticker := time.NewTicker(500 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			now := f.Now().UnixNano() / int64(logEvery)
			if !printLogs(hosts, q.Job, next, now, yield) {
				return
			}
			next = max(next, now)
		}
	}
}

func printLogs(hosts []string, id model.JobID, from, to int64, yield func(model.LogLine, error) bool) bool {
	for n := from; n < to; n++ {
		var lines []model.LogLine
		for _, name := range hosts {
			lines = append(lines, logLine(name, id, n))
		}
		slices.SortFunc(lines, func(a, b model.LogLine) int { return a.Time.Compare(b.Time) })
		for _, line := range lines {
			if !yield(line, nil) {
				return false
			}
		}
	}
	return true
}
