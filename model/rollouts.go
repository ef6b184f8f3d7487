package model

// RolloutReason says why there is a rollout.
type RolloutReason string

// The reasons.
const (
	RolloutByUser   RolloutReason = "USER"     // somebody asked for a job on all hosts
	RolloutBack     RolloutReason = "ROLLBACK" // back to what ran before
	RolloutConverge RolloutReason = "CONVERGE" // hosts came, came back, left, or lost the group's job
)

// RolloutState is where a rollout is.
type RolloutState string

// The states. A rollout in one of the first three is active, the others are ends.
const (
	RolloutRunning    RolloutState = "RUNNING"
	RolloutPaused     RolloutState = "PAUSED"      // no further host's turn comes until a resume
	RolloutCanary     RolloutState = "CANARY"      // the canaries are done; the others wait for a resume
	RolloutDone       RolloutState = "DONE"        // every host had its turn, and no more failed than may
	RolloutFailed     RolloutState = "FAILED"      // too many hosts failed
	RolloutStopped    RolloutState = "STOPPED"     // by somebody
	RolloutReplaced   RolloutState = "REPLACED"    // by another rollout of the group
	RolloutRolledBack RolloutState = "ROLLED_BACK" // another rollout undoes it
)

// Active reports whether the rollout goes on or waits.
func (s RolloutState) Active() bool {
	return s == RolloutRunning || s == RolloutPaused || s == RolloutCanary
}

// Rollout is one rolling update of a group. It is kept when it has ended.
type Rollout struct {
	ID      uint64         `json:"id"` // rises with every rollout of the group
	Group   string         `json:"group"`
	Reason  RolloutReason  `json:"reason"`
	From    JobID          `json:"from,omitzero"` // the group's job before
	To      JobID          `json:"to,omitzero"`   // unset when a rollback brings back hosts that had nothing
	User    string         `json:"user,omitempty"`
	Started Timestamp      `json:"started"`
	Ended   Timestamp      `json:"ended,omitempty"`
	Options RolloutOptions `json:"options"`
	State   RolloutState   `json:"state"`
	Since   Timestamp      `json:"since"` // of the state

	Code   Code   `json:"code,omitempty"`   // of the failure that brought it to its state
	Result string `json:"result,omitempty"` // why it is in its state

	CanaryPassed bool   `json:"canaryPassed,omitempty"`
	Accepted     int    `json:"accepted,omitempty"` // failed hosts that a resume accepted
	Listed       bool   `json:"listed,omitempty"`   // only the hosts it was started with have a turn
	Undoes       uint64 `json:"undoes,omitempty"`   // the rollout that a rollback undoes
	Cause        string `json:"cause,omitempty"`    // the failure that a rollback was started by, unless somebody asked for it

	Counts *RolloutCounts `json:"counts,omitempty"` // once it has ended
	Hosts  []RolloutHost  `json:"hosts,omitempty"`  // in the order of their turns; only where one rollout is asked for
}

// JobBefore returns the job that a group had before its present one, as far as its rollouts tell, which come the newest first: rollouts
// of the present job itself, one after the other, count as one. It is zero when there was no job, or when it is not known.
func JobBefore(rollouts []Rollout) JobID {
	for _, r := range rollouts {
		if r.From != rollouts[0].To {
			return r.From
		}
	}
	return JobID{}
}

// RolloutCounts is how many hosts ended in each phase.
type RolloutCounts struct {
	Done    int `json:"done"`
	Failed  int `json:"failed"`
	Skipped int `json:"skipped"`
	Stopped int `json:"stopped"`
}

// RolloutPhase is where a rollout is on one host.
type RolloutPhase string

// The phases, in the order a host goes through them.
const (
	PhasePending     RolloutPhase = "PENDING"     // its turn has not come
	PhaseUndeploying RolloutPhase = "UNDEPLOYING" // the old jobs are undeployed and have not stopped yet
	PhaseAwaiting    RolloutPhase = "AWAITING"    // the new job is deployed and does not run yet
	PhaseMinHealthy  RolloutPhase = "MIN_HEALTHY" // the new job runs, and has to for some time
	PhaseDone        RolloutPhase = "DONE"
	PhaseFailed      RolloutPhase = "FAILED"
	PhaseSkipped     RolloutPhase = "SKIPPED" // the host was away or drained before the new job was there; it is caught up with when it returns
	PhaseStopped     RolloutPhase = "STOPPED" // the rollout ended in the middle of it
)

// Final reports whether the rollout is through with a host in this phase.
func (p RolloutPhase) Final() bool {
	return p == PhaseDone || p == PhaseFailed || p == PhaseSkipped || p == PhaseStopped
}

// Active reports whether the rollout is at work on a host in this phase.
func (p RolloutPhase) Active() bool { return p != PhasePending && !p.Final() }

// RolloutHost is how far a rollout is on one host. A host without one is pending.
type RolloutHost struct {
	Host     string       `json:"host"`
	Phase    RolloutPhase `json:"phase"`
	Since    Timestamp    `json:"since"`              // of the phase
	Step     int          `json:"step"`               // counts the phases; the next move names it
	Attempt  int          `json:"attempt,omitempty"`  // how often the job was waited for; above 1 when it ran and did not stay
	Started  Timestamp    `json:"started,omitempty"`  // when its turn came
	Deployed Timestamp    `json:"deployed,omitempty"` // when the rollout deployed the job; unset where that was not needed
	Ended    Timestamp    `json:"ended,omitempty"`

	Code   Code   `json:"code,omitempty"`
	Reason string `json:"reason,omitempty"` // why it failed or was skipped

	Before     []JobID   `json:"before,omitempty"`     // jobs of the group that were to run here when its turn came
	Undeployed []JobID   `json:"undeployed,omitempty"` // what the rollout took off the host
	TaskSince  Timestamp `json:"taskSince,omitempty"`  // the task's own time of having come to run, by the agent's clock

	First   bool    `json:"first,omitempty"`   // its turn comes before that of others: an earlier rollout left it unfinished
	Restore bool    `json:"restore,omitempty"` // Wanted is what the rollout is to bring here, instead of its job
	Wanted  []JobID `json:"wanted,omitempty"`
}

// Wants returns the jobs that the rollout brings to the host.
func (h RolloutHost) Wants(to JobID) []JobID {
	switch {
	case h.Restore:
		return h.Wanted
	case to.IsZero():
		return nil
	default:
		return []JobID{to}
	}
}

// MayMigrate reports whether the rollout may make jobs that somebody else deployed the group's own.
func (r *Rollout) MayMigrate() bool {
	return r.Reason == RolloutByUser && r.Options.Migrate != nil && *r.Options.Migrate
}

// RolloutMove brings a host from one phase to another, together with the change of deployments that belongs to it. It takes effect
// only while the host is in the phase and at the step it names.
type RolloutMove struct {
	Host     string       `json:"host"`
	From     RolloutPhase `json:"from"`
	Step     int          `json:"step"`
	To       RolloutPhase `json:"to"`
	Leave    bool         `json:"leave,omitempty"`    // at the beginning: the host left the group, which is to have nothing there
	Undeploy []JobID      `json:"undeploy,omitempty"` // jobs of the group
	Deploy   []JobID      `json:"deploy,omitempty"`   // to be there, of the group, with the goal START

	TaskSince Timestamp `json:"taskSince,omitempty"`
	Code      Code      `json:"code,omitempty"`
	Reason    string    `json:"reason,omitempty"`
}

// The codes of failures on one host, as the original named them.
const (
	CodeRolloutTimedOut      Code = "TIMED_OUT_WAITING_FOR_JOB_TO_REACH_RUNNING"
	CodeUndeployTimedOut     Code = "TIMED_OUT_WAITING_FOR_JOB_TO_UNDEPLOY"
	CodeUnexpectedlyUndeploy Code = "JOB_UNEXPECTEDLY_UNDEPLOYED"
	CodeTokenVerification    Code = "TOKEN_VERIFICATION_ERROR"
	CodeImageMissing         Code = "IMAGE_MISSING"
	CodeImagePullFailed      Code = "IMAGE_PULL_FAILED"
)
