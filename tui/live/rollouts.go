package live

import (
	"strconv"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

var rolloutStates = map[model.RolloutState]tui.RolloutState{
	model.RolloutRunning: tui.RolloutRunning, model.RolloutPaused: tui.RolloutPaused, model.RolloutCanary: tui.RolloutPaused,
	model.RolloutDone: tui.RolloutDone, model.RolloutFailed: tui.RolloutFailed, model.RolloutStopped: tui.RolloutStopped,
	model.RolloutReplaced: tui.RolloutStopped, model.RolloutRolledBack: tui.RolloutRolledBack,
}

var rolloutPhases = map[model.RolloutPhase]tui.RolloutPhase{
	model.PhasePending: tui.PhaseWaiting, model.PhaseUndeploying: tui.PhaseAwaitUndeployed, model.PhaseAwaiting: tui.PhaseAwaitRunning,
	model.PhaseMinHealthy: tui.PhaseAwaitRunning, model.PhaseDone: tui.PhaseDone, model.PhaseFailed: tui.PhaseFailed,
	model.PhaseSkipped: tui.PhaseSkipped, model.PhaseStopped: tui.PhaseSkipped,
}

// rolloutOf is a rollout in the console's terms.
func rolloutOf(r model.Rollout) *tui.Rollout {
	shown := &tui.Rollout{
		ID: strconv.FormatUint(r.ID, 10), Group: r.Group, From: r.From, To: r.To, State: rolloutStates[r.State], Error: r.Result, User: r.User,
		Started: r.Started.Time(), Options: optionsOf(r.Options),
	}
	if r.Ended != 0 {
		shown.Finished = r.Ended.Time()
	}
	for _, h := range r.Hosts {
		shown.Hosts = append(shown.Hosts, rolloutHostOf(h))
	}
	return shown
}

func rolloutHostOf(h model.RolloutHost) tui.RolloutHost {
	shown := tui.RolloutHost{Host: h.Host, Phase: rolloutPhases[h.Phase], Attempt: max(1, h.Attempt), Reason: h.Reason}
	if h.Since != 0 {
		shown.Since = h.Since.Time()
	}
	if h.Started != 0 {
		shown.Started = h.Started.Time()
	}
	if h.Phase == model.PhaseFailed {
		shown.Failed = tui.PhaseAwaitRunning
		if h.Code == model.CodeUndeployTimedOut {
			shown.Failed = tui.PhaseAwaitUndeployed
		}
		if shown.Reason == "" {
			shown.Reason = string(h.Code)
		}
	}
	return shown
}

func optionsOf(o model.RolloutOptions) tui.RolloutOptions {
	o = model.MergeRolloutOptions(&o, nil)
	return tui.RolloutOptions{
		Parallelism: *o.Parallelism, Timeout: time.Duration(*o.Timeout) * time.Second, Migrate: *o.Migrate, Overlap: *o.Overlap,
		IgnoreFailures: *o.IgnoreFailures, Token: *o.Token != "",
	}
}

// requested are the options of a rolling update as masters take them. What the console does not ask for the job's options fill.
func requested(o *tui.RolloutOptions, token string) model.RolloutOptions {
	var r model.RolloutOptions
	if o != nil {
		timeout := int64(o.Timeout / time.Second)
		r = model.RolloutOptions{
			Parallelism: &o.Parallelism, Timeout: &timeout, Migrate: &o.Migrate, Overlap: &o.Overlap, IgnoreFailures: &o.IgnoreFailures,
		}
	}
	if token != "" {
		r.Token = &token
	}
	return r
}
