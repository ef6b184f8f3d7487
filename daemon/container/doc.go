// Package container runs containers. It owns everything that is said to a container engine, and three ways to run one behind one
// set of methods: Docker (a real engine), Process (ordinary child processes, for trying things out where there is no engine) and
// Sim (memory only, scripted by tests and demos). It knows nothing of jobs, goals, retries or health: it does what it is told once
// and reports what is. The interface is declared by its user, the agent.
//
// # Rules all three keep
//
//   - Containers are found by label, never by the look of their name. List and Events give only containers that were made by this
//     package (they have the label heliosctl.agent); foreign ones are never listed, however they are called.
//   - Stop, Kill and Remove are idempotent: a container that is already stopped or gone is a success.
//   - Remove does not stop. It refuses a running container with ErrRunning.
//   - Events are pokes: one can be delivered twice, and those of a time without a subscription are lost. The first event of each
//     subscription is EventSubscribed; who lists or inspects after it misses nothing.
//   - Every call has a limit of its own, except Logs, Events, Exec, ExecAttached, Import and a Pull that keeps getting bytes; these end
//     with their context.
//   - Logs and Events are for ranging over. They hold nothing between two loops, and what they hold in one is let go when it ends.
//   - Every method is safe for concurrent use. Close ends running Events, followed Logs and attached commands; containers keep running.
//
// # The process runtime
//
// It starts the job's command as an ordinary child process in a folder of its own. Exit codes, logs, environment, signals, TERM and
// KILL are real. There is no isolation: no image, no network, no limits, no volumes, no capabilities, no user; those fields of a Spec are
// ignored. Ports are not mapped: the process itself has to listen on the external port. For this it gets, beside the environment of
// the Spec, HELIOS_LISTEN_<port name>=<ip>:<external port> for each port.
//
// Each process has a shim between itself and the agent (see ShimMain), which is why it survives a crash or a restart of the agent.
// Where systemd runs the agent, the unit needs KillMode=process for that. A process that leaves its process group and its parent is
// out of reach and is not stopped with its container. Output is kept without a bound until the container is removed.
package container
