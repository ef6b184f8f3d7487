package model

// This file holds the bodies of the original API's answers. Their status words are Codes; OK stands for success.

// CodeOK is the status word of a successful answer.
const CodeOK Code = "OK"

// CreateJobResponse answers POST /jobs.
type CreateJobResponse struct {
	Status Code     `json:"status"`
	Errors []string `json:"errors"` // never null
	ID     string   `json:"id"`
}

// MarshalJSON writes [] for no errors.
func (r CreateJobResponse) MarshalJSON() ([]byte, error) {
	dst := appendString([]byte(`{"status":`), string(r.Status))
	dst = appendStrings(append(dst, `,"errors":`...), r.Errors)
	dst = appendString(append(dst, `,"id":`...), r.ID)
	return append(dst, '}'), nil
}

// JobDeleteResponse answers DELETE /jobs/{id}.
type JobDeleteResponse struct {
	Status Code `json:"status"`
}

// JobDeployResponse answers PUT /hosts/{host}/jobs/{job}.
type JobDeployResponse struct {
	Status Code   `json:"status"`
	Job    string `json:"job"`
	Host   string `json:"host"`
}

// JobUndeployResponse answers DELETE /hosts/{host}/jobs/{job}.
type JobUndeployResponse struct {
	Status Code   `json:"status"`
	Job    string `json:"job"`
	Host   string `json:"host"`
}

// SetGoalResponse answers PATCH /hosts/{host}/jobs/{job}.
type SetGoalResponse struct {
	Status Code   `json:"status"`
	Job    string `json:"job"`
	Host   string `json:"host"`
}

// HostRegisterResponse answers a refused PUT /hosts/{host}; a successful one is answered by the JSON string "OK".
type HostRegisterResponse struct {
	Status Code   `json:"status"`
	Host   string `json:"host"`
}

// HostDeregisterResponse answers DELETE /hosts/{host}.
type HostDeregisterResponse struct {
	Status Code   `json:"status"`
	Host   string `json:"host"`
}

// TaskStatusEvents answers GET /history/jobs/{id}, oldest first.
type TaskStatusEvents struct {
	Events []TaskStatusEvent `json:"events"`
	Status Code              `json:"status"` // OK or JOB_ID_NOT_FOUND
}

// CodeJobIDNotFound is the history's word for an unknown job.
const CodeJobIDNotFound Code = "JOB_ID_NOT_FOUND"
