package model

// Request says who asks for a change, and names the request so that it takes effect once however often it is sent.
type Request struct {
	ID   string // unique; a request without one takes effect each time
	User string // recorded as the job's or the deployment's user
}

// JobFilter selects jobs. Query is a substring of the full id; HostMatches, when not nil, keeps jobs deployed to a matching host.
type JobFilter struct {
	Query       string
	HostMatches func(host string) bool
}
