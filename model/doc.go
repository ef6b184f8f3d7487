// Package model holds the nouns of heliosctl: jobs, hosts, deployments, task statuses, their JSON, their validation, job ids
// and errors. It knows nothing of storage, networks or containers, and imports the standard library only.
//
// The JSON of every type is the wire form of the original Helios API: field names, nulls and empty collections are written as
// its clients expect them, and read as leniently as it read them.
package model
