package linear

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// Caller calls the API of masters for one job. It never calls twice by itself. It is safe for concurrent use.
type Caller struct {
	Job model.JobID

	http *http.Client
}

// answerLimit is how long a master may take. Masters without a leader say so after two seconds.
const answerLimit = 3 * time.Second

// NewCaller makes a caller. Every call has a connection of its own: whether a master was reached is known then.
func NewCaller(job model.JobID) *Caller {
	return &Caller{Job: job, http: &http.Client{Timeout: answerLimit, Transport: &http.Transport{
		DisableKeepAlives: true, DialContext: (&net.Dialer{Timeout: time.Second}).DialContext,
	}}}
}

// Call does an operation at a master, given by its base URL, and fills in the outcome and what was seen. The id names the request: sent
// again with the same one, a write takes effect once. An answer that no master should give is an error beside the outcome Unknown.
func (c *Caller) Call(ctx context.Context, master, id string, op *Operation) error {
	op.Outcome, op.Seen = Unknown, State{}
	req, err := c.request(ctx, master, op)
	if err != nil {
		return err
	}
	req.Header.Set("Helios-Request-Id", id)
	resp, err := c.http.Do(req)
	if err != nil {
		var failed *net.OpError
		if errors.As(err, &failed) && failed.Op == "dial" {
			op.Outcome = NoEffect
		}
		return nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil
	}
	return op.judge(resp.StatusCode, body)
}

func (c *Caller) request(ctx context.Context, master string, op *Operation) (*http.Request, error) {
	target := master + "/hosts/" + url.PathEscape(op.Host) + "/jobs/" + url.PathEscape(c.Job.String()) + "?user=" + url.QueryEscape(op.User)
	method := map[Kind]string{Read: "GET", Deploy: "PUT", SetGoal: "PATCH", Undeploy: "DELETE"}[op.Kind]
	if op.Stale {
		target += "&stale=true"
	}
	var body []byte
	if op.Kind == Deploy || op.Kind == SetGoal {
		var err error
		if body, err = json.Marshal(model.Deployment{JobID: c.Job, Goal: op.Goal}); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err == nil && body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, err
}

// refusals are the words with which masters say that the condition of a write does not hold.
var refusals = map[Kind]model.Code{
	Deploy: model.CodeJobAlreadyDeployed, SetGoal: model.CodeJobNotDeployed, Undeploy: model.CodeJobNotFound,
}

// judge takes an answer apart.
func (o *Operation) judge(status int, body []byte) error {
	var answer struct {
		Status model.Code `json:"status"`
	}
	switch {
	case status == http.StatusOK && o.Kind == Read:
		var d model.Deployment
		if err := json.Unmarshal(body, &d); err != nil {
			return fmt.Errorf("%s: cannot read the answer %q: %w", o.Kind, body, err)
		}
		o.Outcome, o.Seen = Done, State{Deployer: d.DeployerUser, Goal: d.Goal}
		return nil
	case status == http.StatusOK:
		o.Outcome = Done
		return nil
	case status == http.StatusNotFound && o.Kind == Read:
		o.Outcome = Done
		return nil
	case status == http.StatusBadGateway, status == http.StatusServiceUnavailable:
		o.Outcome = NoEffect // the masters' word for "not now": nothing was done
		return nil
	case status == http.StatusGatewayTimeout:
		return nil
	case json.Unmarshal(body, &answer) == nil && answer.Status != "" && answer.Status == refusals[o.Kind]:
		o.Outcome = Refused
		return nil
	}
	return fmt.Errorf("%s at %s: status %d: %s", o.Kind, o.Host, status, strings.TrimSpace(string(body)))
}
