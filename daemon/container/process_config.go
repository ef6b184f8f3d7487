package container

import "log/slog"

// ProcessConfig says where and how the process runtime works.
type ProcessConfig struct {
	// Dir holds one folder per container. One Process at a time may use it; it is made when missing.
	Dir string

	// Shim is the command line, without the last argument, that ends up in ShimMain: our own binary and a hidden command. A small
	// process of its own stands between the agent and each job, so that a job and its exit code survive the agent.
	Shim []string

	Logger *slog.Logger // nil: silent
}
