// Package agent runs the jobs of one host. It owns the way from what the masters want to containers that run: it remembers what it
// was told (Records), compares that with what it did (reconcile.go), keeps one supervisor per task (supervisor.go) that takes
// containers through their lives one at a time (runner.go), and reports every step to a master in order (report.go).
//
// It knows masters only as Master, its memory only as Records and the container engine only as Runtime; nothing here knows of
// HTTP clients, gossip, Raft or Badger.
//
// # Rules
//
//   - The agent going away never stops a container; only a goal does. Run cancels and waits for its goroutines, and leaves every
//     container as it is.
//   - An intent is on disk before it is acted on: the name of a container before it is created, its id before it is started, the
//     goal STOP or UNDEPLOY before anything is stopped. After a crash at any point the agent goes on where it was.
//   - Missing is not empty. Only a snapshot or a change from a master that accepted this agent removes a task.
//   - A refused (fenced) agent runs nothing and stops nothing: containers are left as they are, nothing is reported.
//   - A container engine that does not answer is the host's trouble, not the task's: tasks keep their last state and wait.
//
// # Images
//
// An image that is present is used as it is unless its reference says "whatever is newest": the tag "latest", or neither tag nor
// digest. Those are pulled at the first start of a deployment; a pull that fails falls back to the image that is there. A restart
// of a container within a deployment never waits for a registry when the image is present. An image that is absent is pulled.
//
// # Services
//
// A task's services are registered once RUNNING was reported, and unregistered before its end is: a stop unregisters, waits for the
// grace period, and stops. The records say that services may be registered before they are, so that an agent which finds them
// registered by its predecessor can take them out. An agent that goes away leaves them registered, because the containers go on.
// A discovery service in trouble holds up nothing for longer than a few seconds.
//
// # Sessions
//
// Masters ask on the stream of tasks for what somebody wants to see of a job: its output (logs.go) or a command in its container
// (exec.go). The agent connects to the master that asked, and everything of the session runs over that connection; package session
// tells why. There are MaxSessions of them at most. They touch no record, and what holds one up holds up nothing else.
//
// # Goroutines
//
// Run starts one goroutine each for the masters' stream, the reports, facts and gauges, the engine's events, the sweep, the sessions
// and the reconciler; the reconciler starts one per supervised task, a supervisor one more while it has a running container checked
// on (monitor.go), and a session has a few of its own. Others kick the reconciler through a channel of capacity one; every
// kick, and every Poll, compares everything.
package agent
