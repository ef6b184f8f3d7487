package container

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	mobycontainer "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"golang.org/x/sync/errgroup"
)

// Create makes a container and returns its id. ErrImageNotFound when the image is not present, ErrNameInUse when the name is taken
// (by a create whose answer was lost, perhaps: inspect the name).
func (d *Docker) Create(ctx context.Context, spec Spec) (string, error) {
	if err := spec.check(); err != nil {
		return "", err
	}
	var created mobycontainer.CreateResponse
	err := d.call(ctx, d.config.CallTimeout, func(ctx context.Context) (err error) {
		created, err = d.client.ContainerCreate(ctx, containerConfig(spec), hostConfig(spec), nil, nil, spec.Name)
		return named(created.ID, err)
	})
	switch {
	case err == nil:
	case errdefs.IsConflict(err):
		return "", fail(ErrNameInUse, err, "the container name %s is in use", spec.Name)
	case errdefs.IsNotFound(err):
		// A missing network or container to share one with is a 404 too.
		if _, missing := d.Image(ctx, spec.Image); missing != nil {
			return "", missing
		}
		return "", d.refused(err, "create container %s", spec.Name)
	default:
		return "", d.refused(err, "create container %s", spec.Name)
	}
	for _, warning := range created.Warnings {
		d.log.Warn("the engine warns about a container", "container", spec.Name, "warning", warning)
	}
	return created.ID, nil
}

// Start starts a created or stopped container; a running one is left alone. When the engine cannot start it, State.Error keeps why.
func (d *Docker) Start(ctx context.Context, id string) error {
	err := d.call(ctx, d.config.CallTimeout, func(ctx context.Context) error {
		return d.client.ContainerStart(ctx, id, mobycontainer.StartOptions{})
	})
	switch {
	case err == nil:
		return nil
	case errdefs.IsNotFound(err):
		// An executable or a device that is missing is a 404 too.
		if _, missing := d.Inspect(ctx, id); missing != nil {
			return missing
		}
	}
	return d.refused(err, "start container %s", id)
}

// Inspect returns any container of the engine, ours or not.
func (d *Docker) Inspect(ctx context.Context, idOrName string) (State, error) {
	if idOrName == "" {
		return State{}, notFound(idOrName, nil)
	}
	var found mobycontainer.InspectResponse
	err := d.call(ctx, d.config.CallTimeout, func(ctx context.Context) (err error) {
		found, err = d.client.ContainerInspect(ctx, idOrName)
		if err == nil && (found.ContainerJSONBase == nil || found.State == nil) {
			return errNameless
		}
		return err
	})
	switch {
	case errdefs.IsNotFound(err):
		return State{}, notFound(idOrName, err)
	case err != nil:
		return State{}, d.refused(err, "inspect container %s", idOrName)
	}
	return stateOf(found), nil
}

// Stop sends the container its stop signal (TERM unless the image names another) and kills it after timeout, rounded up to seconds.
// It returns when the container has ended. Nil when it is stopped already or gone.
func (d *Docker) Stop(ctx context.Context, idOrName string, timeout time.Duration) error {
	seconds := int((max(timeout, 0) + time.Second - 1) / time.Second)
	limit := time.Duration(seconds)*time.Second + d.config.StopSlack
	err := d.call(ctx, limit, func(ctx context.Context) error {
		return d.client.ContainerStop(ctx, idOrName, mobycontainer.StopOptions{Timeout: &seconds})
	})
	switch {
	case err == nil || errdefs.IsNotFound(err):
		return nil
	case errors.Is(err, context.DeadlineExceeded) && errors.Is(err, ErrUnavailable):
		return fail(ErrStopTimeout, err, "container %s did not end within %s of being stopped", idOrName, limit)
	}
	return d.refused(err, "stop container %s", idOrName)
}

// Kill ends the container at once. Nil when it is stopped already or gone.
func (d *Docker) Kill(ctx context.Context, idOrName string) error {
	err := d.call(ctx, d.config.CallTimeout, func(ctx context.Context) error {
		return d.client.ContainerKill(ctx, idOrName, "KILL")
	})
	if err == nil || errdefs.IsNotFound(err) || errdefs.IsConflict(err) {
		return nil
	}
	return d.refused(err, "kill container %s", idOrName)
}

// Remove deletes a stopped container and its anonymous volumes. ErrRunning when it runs, nil when it is gone.
func (d *Docker) Remove(ctx context.Context, idOrName string) error {
	err := d.call(ctx, d.config.CallTimeout, func(ctx context.Context) error {
		return d.client.ContainerRemove(ctx, idOrName, mobycontainer.RemoveOptions{RemoveVolumes: true})
	})
	switch {
	case err == nil || errdefs.IsNotFound(err):
		return nil
	case errdefs.IsConflict(err):
		return d.explainConflict(ctx, idOrName, err)
	}
	return d.refused(err, "remove container %s", idOrName)
}

// explainConflict tells the two conflicts of a removal apart: the container runs, or another removal is under way.
func (d *Docker) explainConflict(ctx context.Context, idOrName string, conflict error) error {
	state, err := d.Inspect(ctx, idOrName)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	case state.Status == StatusRemoving:
		return nil
	case state.Running:
		return fail(ErrRunning, conflict, "container %s is running: stop it before it is removed", idOrName)
	}
	return d.refused(conflict, "remove container %s", idOrName)
}

// inspections is how many containers List asks for at a time.
const inspections = 8

// List returns every container of the agent, running or not, in full.
func (d *Docker) List(ctx context.Context, agentID string) ([]State, error) {
	if agentID == "" {
		return nil, invalid("list containers: the agent id is empty")
	}
	var summaries []mobycontainer.Summary
	err := d.call(ctx, d.config.CallTimeout, func(ctx context.Context) (err error) {
		summaries, err = d.client.ContainerList(ctx, mobycontainer.ListOptions{
			All:     true,
			Filters: filters.NewArgs(filters.Arg("label", LabelAgent+"="+agentID)),
		})
		for _, summary := range summaries {
			err = named(summary.ID, err)
		}
		return err
	})
	if err != nil {
		return nil, d.refused(err, "list containers")
	}
	states := make([]State, len(summaries))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(inspections)
	for i, summary := range summaries {
		group.Go(func() error {
			state, err := d.Inspect(groupCtx, summary.ID)
			if errors.Is(err, ErrNotFound) {
				return nil // removed since it was listed
			}
			states[i] = state
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	present := states[:0]
	for _, state := range states {
		if state.ID != "" {
			present = append(present, state)
		}
	}
	return present, nil
}

func stateOf(found mobycontainer.InspectResponse) State {
	state := State{
		ID:        found.ID,
		Name:      strings.TrimPrefix(found.Name, "/"),
		CreatedAt: parseTime(found.Created),
	}
	if found.Config != nil {
		state.Image, state.Labels = found.Config.Image, found.Config.Labels
	}
	if s := found.State; s != nil {
		state.Status, state.Running, state.Paused = Status(s.Status), s.Running, s.Paused
		state.Pid, state.ExitCode, state.OOMKilled, state.Error = s.Pid, s.ExitCode, s.OOMKilled, s.Error
		state.StartedAt = parseTime(s.StartedAt)
		if !s.Running {
			state.FinishedAt = parseTime(s.FinishedAt)
		}
	}
	if found.NetworkSettings != nil {
		state.IPAddress, state.Gateway = firstAddress(found.NetworkSettings)
	}
	return state
}

func firstAddress(settings *mobycontainer.NetworkSettings) (ip, gateway string) {
	first := ""
	for name, network := range settings.Networks {
		if network == nil || network.IPAddress == "" || (first != "" && name > first) {
			continue
		}
		first, ip, gateway = name, network.IPAddress, network.Gateway
	}
	return ip, gateway
}

// parseTime reads the engine's times; its "never" is year 1, which is Go's zero time.
func parseTime(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t
}
