// Package daemontest is a laboratory for fleets of real processes: it builds heliosctl, runs masters and agents each in a network
// namespace of its own, and kills, pauses, cuts off and slows them down. It knows what heliosctl's flags and HTTP API promise and
// nothing of how they are kept.
//
// Networks and the processes in them need Linux, root, and the commands ip, iptables and nsenter (Debian packages iproute2, iptables
// and util-linux); processes and proxies alone need none of it.
package daemontest
