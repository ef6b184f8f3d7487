// Package api serves the HTTP API of a master: the original Helios routes, byte for byte where its clients depend on it, and our
// own under /v1/. It owns routing, JSON in and out, the mapping of errors to statuses, and the streams to agents and consoles.
//
// It knows nothing of Raft, Badger, gossip or containers: all it needs of a master is the Backend interface.
package api
