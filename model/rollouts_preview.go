package model

// RollbackRequest is the body of POST /v1/groups/{group}/rollback.
type RollbackRequest struct {
	To JobID `json:"to,omitzero"` // unset: what ran before the last rollout
}

// RolloutPreview is what a rolling update would do, host by host in the order of their turns, as long as none fails.
type RolloutPreview struct {
	Options RolloutOptions `json:"options"` // as they would be: merged with the job's and the defaults
	Hosts   []RolloutVisit `json:"hosts"`
}

// RolloutVisit is what a rollout would do on one host.
type RolloutVisit struct {
	Host     string  `json:"host"`
	Canary   bool    `json:"canary,omitempty"` // before the rollout waits for a resume
	Undeploy []JobID `json:"undeploy,omitempty"`
	Deploy   []JobID `json:"deploy,omitempty"` // or take over, or start again
	UpToDate bool    `json:"upToDate,omitempty"`
	Skipped  string  `json:"skipped,omitempty"` // why it would be skipped
	Code     Code    `json:"code,omitempty"`    // why it would fail
	Failure  string  `json:"failure,omitempty"`
}
