// Package healthcheck finds out whether a started container is ready, by HTTP, by TCP or by a command run inside it, and paces the
// attempts. It knows the health checks of jobs, and nothing of tasks, containers or what is done about the outcome.
package healthcheck
