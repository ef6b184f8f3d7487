package agent

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

// labelPorts keeps the ports a container was given with the container, so that it can be adopted with them when the agent's
// records are lost: "name=port,name=port".
const labelPorts = "heliosctl.ports"

// newContainerName makes a name that was never used before, in the original's form.
func newContainerName(agentID string, job model.JobID) string {
	return fmt.Sprintf("helios-%s-%s_%x", agentID, escapeForName(job.Short()), rand.Uint32())
}

func escapeForName(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, s)
}

// environment returns everything a container of the job is given: the agent's variables, over them where its ports are reached,
// over them the job's own.
func environment(config Config, job model.Job, ports map[string]int) map[string]string {
	env := make(map[string]string, len(config.Env)+len(ports)+len(job.Env))
	maps.Copy(env, config.Env)
	for name, port := range ports {
		env["HELIOS_PORT_"+name] = config.Host + ":" + strconv.Itoa(port)
	}
	maps.Copy(env, job.Env)
	return env
}

// publishedPorts returns the job's ports with the external ones in use, as a status shows them. As in the original, a port that
// was left to the agent loses its address here; the binding keeps it.
func publishedPorts(job model.Job, ports map[string]int) map[string]model.PortMapping {
	published := make(map[string]model.PortMapping, len(job.Ports))
	for name, mapping := range job.Ports {
		if port, ok := ports[name]; ok && mapping.ExternalPort == nil {
			mapping.ExternalPort = &port
			mapping.IP = ""
		}
		published[name] = mapping
	}
	return published
}

// containerSpec turns a job into a container.
func containerSpec(config Config, agentID, name string, job model.Job, ports map[string]int) container.Spec {
	spec := container.Spec{
		Name:             name,
		AgentID:          agentID,
		Host:             config.Host,
		JobID:            job.ID.String(),
		Image:            job.Image,
		Hostname:         job.Hostname,
		Command:          job.Command,
		Env:              environment(config, job, ports),
		Labels:           maps.Clone(job.Labels),
		Tmpfs:            job.Ramdisks,
		NetworkMode:      job.NetworkMode,
		DNS:              config.DNS,
		ExtraHosts:       config.ExtraHosts,
		SecurityOpt:      job.SecurityOpt,
		AddCapabilities:  job.AddCapabilities,
		DropCapabilities: job.DropCapabilities,
		Runtime:          job.Runtime,
	}
	for _, name := range slices.Sorted(maps.Keys(job.Ports)) {
		mapping := job.Ports[name]
		spec.Ports = append(spec.Ports, container.PortBinding{
			Name: name, InternalPort: mapping.InternalPort, ExternalPort: ports[name], IP: mapping.IP, Protocol: mapping.Protocol,
		})
	}
	for _, path := range slices.Sorted(maps.Keys(job.Volumes)) {
		if source := job.Volumes[path]; source != "" {
			spec.Binds = append(spec.Binds, source+":"+path)
		} else {
			spec.AnonymousVolumes = append(spec.AnonymousVolumes, path)
		}
	}
	for _, bind := range config.Binds {
		if strings.Contains(bind, ":") {
			spec.Binds = append(spec.Binds, bind)
		} else {
			spec.AnonymousVolumes = append(spec.AnonymousVolumes, bind)
		}
	}
	if limits := job.Resources; limits != nil {
		spec.Memory, spec.MemorySwap, spec.CPUShares = orZero(limits.Memory), orZero(limits.MemorySwap), orZero(limits.CPUShares)
		spec.Cpuset = limits.Cpuset
	}
	if config.SyslogRedirectTo != "" {
		spec.LogDriver = "syslog"
		spec.LogOptions = map[string]string{
			"syslog-address":  "udp://" + config.SyslogRedirectTo,
			"syslog-facility": "local0",
			"tag":             job.ID.String(),
		}
	}
	if len(ports) > 0 {
		if spec.Labels == nil {
			spec.Labels = make(map[string]string, 1)
		}
		spec.Labels[labelPorts] = formatPorts(ports)
	}
	return spec
}

func orZero(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

func formatPorts(ports map[string]int) string {
	parts := make([]string, 0, len(ports))
	for _, name := range slices.Sorted(maps.Keys(ports)) {
		parts = append(parts, name+"="+strconv.Itoa(ports[name]))
	}
	return strings.Join(parts, ",")
}

// parsePorts reads what formatPorts wrote, for the ports of the job; ok is false when one is lacking.
func parsePorts(label string, job model.Job) (ports map[string]int, ok bool) {
	ports = make(map[string]int, len(job.Ports))
	for part := range strings.SplitSeq(label, ",") {
		name, number, _ := strings.Cut(part, "=")
		if port, err := strconv.Atoi(number); err == nil {
			ports[name] = port
		}
	}
	for name := range job.Ports {
		if ports[name] == 0 {
			return nil, false
		}
	}
	return ports, true
}
