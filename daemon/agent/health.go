package agent

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/healthcheck"
	"github.com/heliosctl/heliosctl/model"
)

// awaitHealthy returns when the container's health check passes, at once when the job has none. Failures are tried again for as
// long as it takes; the container's end ends it with an *exitError.
func (t *task) awaitHealthy(ctx context.Context, state container.State) error {
	job := t.record().Task.Job
	if job.HealthCheck == nil {
		return nil
	}
	if err := t.reportOnce(model.StateHealthchecking, nil); err != nil {
		return err
	}
	checker, err := t.checker(ctx, job, state.ID)
	if err != nil {
		return err
	}
	watch, stop := t.agent.engine.watch(state.ID)
	defer stop()
	pause := &healthcheck.Backoff{}
	for {
		changed := watch.next()
		if err := t.stillRuns(ctx, state.ID); err != nil {
			return err
		}
		unhealthy := checker.Check(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if unhealthy == nil {
			return nil
		}
		t.log.Debug("not healthy yet", "error", unhealthy)
		if sleep(ctx, pause.Next(), changed) != nil {
			return ctx.Err()
		}
	}
}

func (t *task) stillRuns(ctx context.Context, id string) error {
	state, err := t.runtime().Inspect(ctx, id)
	switch {
	case errors.Is(err, container.ErrNotFound):
		return errRemoved
	case err != nil:
		return err
	case !state.Running:
		return &exitError{state: state, early: true}
	}
	return nil
}

// checker makes the job's health check for a container.
func (t *task) checker(ctx context.Context, job model.Job, id string) (healthcheck.Checker, error) {
	state, err := t.runtime().Inspect(ctx, id)
	if errors.Is(err, container.ErrNotFound) {
		return nil, errRemoved
	}
	if err != nil {
		return nil, err
	}
	info, err := t.runtime().Info(ctx)
	if err != nil {
		return nil, err
	}
	check, ports := *job.HealthCheck, t.record().Ports
	host, port := checkAddress(check, job.Ports[check.Port], ports[check.Port], state, engineAddress(info, state, t.agent.inContainer))
	return healthcheck.New(check, healthcheck.Target{
		Host:   host,
		Ports:  map[string]int{check.Port: port},
		Execer: containerExec{t.runtime(), id},
	})
}

// engineAddress returns where ports that are published on all addresses are reached. An agent that itself runs in a container of
// the local engine reaches them at the network's gateway.
func engineAddress(info container.Info, state container.State, inContainer bool) string {
	if inContainer && strings.HasPrefix(info.Endpoint, "unix:") && state.Gateway != "" {
		return state.Gateway
	}
	return info.Address
}

// checkAddress returns where a health check goes. Docker's own proxy accepts connections on the loopback address even when nobody
// listens in the container, so a TCP check goes to the gateway instead, or to the container itself where the port is published on
// the loopback address alone.
func checkAddress(check model.HealthCheck, mapping model.PortMapping, external int, state container.State, engine string) (host string, port int) {
	if ip := net.ParseIP(mapping.IP); ip != nil && !ip.IsUnspecified() {
		if check.Type == model.HealthCheckTCP && ip.IsLoopback() && state.IPAddress != "" {
			return state.IPAddress, mapping.InternalPort
		}
		return mapping.IP, external
	}
	if check.Type == model.HealthCheckTCP && isLoopback(engine) && state.Gateway != "" {
		return state.Gateway, external
	}
	return engine, external
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// runsInContainer reports whether this process itself is in a Docker container.
func runsInContainer() bool {
	_, err := os.Stat("/.dockerenv")
	return err == nil
}

type containerExec struct {
	runtime Runtime
	id      string
}

// Exec runs a command in the container.
func (e containerExec) Exec(ctx context.Context, command []string) (exitCode int, err error) {
	return e.runtime.Exec(ctx, e.id, command)
}
