package model

// JobID names a job: name:version:hash, the hash being 40 hexadecimal digits once the job is complete (see Job.WithID).
// An empty Version together with an empty Hash is the original's null version. JobID is comparable and is a JSON string and map key.
type JobID struct {
	Name    string
	Version string
	Hash    string
}
