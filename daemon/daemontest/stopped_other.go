//go:build unix && !linux

package daemontest

// awaitStopped does not wait here: a process that was told to stop may run for a moment.
func awaitStopped(int) error { return nil }
