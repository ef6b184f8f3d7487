package live

import (
	"strconv"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

var rolloutStates = map[model.RolloutState]tui.RolloutState{
	model.RolloutRunning: tui.RolloutRunning, model.RolloutPaused: tui.RolloutPaused, model.RolloutCanary: tui.RolloutCanary,
	model.RolloutDone: tui.RolloutDone, model.RolloutFailed: tui.RolloutFailed, model.RolloutStopped: tui.RolloutStopped,
	model.RolloutReplaced: tui.RolloutReplaced, model.RolloutRolledBack: tui.RolloutRolledBack,
}

var rolloutPhases = map[model.RolloutPhase]tui.RolloutPhase{
	model.PhasePending: tui.PhaseWaiting, model.PhaseUndeploying: tui.PhaseAwaitUndeployed, model.PhaseAwaiting: tui.PhaseAwaitRunning,
	model.PhaseMinHealthy: tui.PhaseAwaitRunning, model.PhaseDone: tui.PhaseDone, model.PhaseFailed: tui.PhaseFailed,
	model.PhaseSkipped: tui.PhaseSkipped, model.PhaseStopped: tui.PhaseStopped,
}

// rolloutOf is a rollout in the console's terms.
func rolloutOf(r model.Rollout) *tui.Rollout {
	shown := &tui.Rollout{
		ID: strconv.FormatUint(r.ID, 10), Group: r.Group, From: r.From, To: r.To, State: rolloutStates[r.State], Error: r.Result, User: r.User,
		Started: r.Started.Time(), Options: tui.RolloutOptionsOf(&r.Options, nil), Back: r.Reason == model.RolloutBack, Cause: r.Cause, Counts: r.Counts,
	}
	if r.Undoes != 0 {
		shown.Undoes = strconv.FormatUint(r.Undoes, 10)
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

// requested are the options of a rolling update as masters take them: all of them, so that it is as it was asked for whatever the job's
// own options say.
func requested(o *tui.RolloutOptions, token string) model.RolloutOptions {
	var r model.RolloutOptions
	if o != nil {
		r = o.Request()
	}
	if token != "" {
		r.Token = &token
	}
	return r
}
