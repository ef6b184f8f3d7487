package model

// Goal is what a deployment wants of its job on its host.
type Goal string

// The goals.
const (
	GoalStart    Goal = "START"
	GoalStop     Goal = "STOP"
	GoalUndeploy Goal = "UNDEPLOY"
)

// Deployment says that a job belongs on a host. It is read with the job id under "jobId" or "job".
type Deployment struct {
	JobID               JobID  `json:"jobId"`
	Goal                Goal   `json:"goal"`
	DeployerUser        string `json:"deployerUser"` // null when empty
	DeployerMaster      string `json:"deployerMaster,omitempty"`
	DeploymentGroupName string `json:"deploymentGroupName,omitempty"`
}

// Task is a deployment with its whole job: what an agent is told to do.
type Task struct {
	Job                 Job    `json:"job"`
	Goal                Goal   `json:"goal"`
	DeployerUser        string `json:"deployerUser"`
	DeployerMaster      string `json:"deployerMaster"`
	DeploymentGroupName string `json:"deploymentGroupName"`

	// Generation is the index of the write that made this deployment. An undeploy followed by a deploy of the same job has another
	// generation, so an agent that missed the gap still starts a new container. Zero from the original's masters.
	Generation uint64 `json:"generation,omitempty"`
}
