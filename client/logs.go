package client

import (
	"context"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// Logs yields what a job's containers printed on hosts, or on all hosts that it is deployed to when none is named, in the order in
// which it arrives. A host whose output cannot be read, or no further, has one line whose Error says why; the others go on. The
// stream ends with the last host's, without an error. It fails with CodeJobNotFound, CodeHostNotFound, CodeJobNotDeployed or
// CodeInvalid, for a single host also with what its line would say, such as CodeAgentUnreachable or CodeNoContainer.
func (c *Client) Logs(ctx context.Context, id model.JobID, hosts []string, q model.LogQuery) iter.Seq2[model.LogLine, error] {
	return c.LogsFrom(ctx, id, hosts, q, nil)
}

// LogsFrom is Logs, and calls opened, unless that is nil, with the URL of the master that has accepted the stream.
func (c *Client) LogsFrom(ctx context.Context, id model.JobID, hosts []string, q model.LogQuery, opened func(endpoint string)) iter.Seq2[model.LogLine, error] {
	parameters := query()
	for _, host := range hosts {
		parameters.Add("host", host)
	}
	if q.Follow {
		parameters.Set("follow", "true")
	}
	if q.Previous {
		parameters.Set("previous", "true")
	}
	if q.Tail != nil {
		parameters.Set("tail", strconv.Itoa(*q.Tail))
	}
	switch {
	case !q.Since.IsZero():
		parameters.Set("since", q.Since.Format(time.RFC3339Nano))
	case q.Age > 0:
		parameters.Set("since", q.Age.String())
	}
	return stream[model.LogLine](ctx, c, request{
		method: http.MethodGet, path: path("v1", "jobs", id.String(), "logs"), query: parameters, finite: true, opened: opened,
		absent: model.Errorf(model.CodeJobNotFound, "job %s does not exist, or the master is too old to show logs", id),
	})
}
