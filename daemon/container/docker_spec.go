package container

import (
	"slices"
	"strconv"
	"strings"

	mobycontainer "github.com/docker/docker/api/types/container"
	"github.com/docker/go-connections/nat"
)

func containerConfig(spec Spec) *mobycontainer.Config {
	config := &mobycontainer.Config{
		Image:    spec.Image,
		Hostname: spec.Hostname,
		Cmd:      spec.Command,
		Env:      environment(spec.Env),
		Labels:   spec.allLabels(),
	}
	for _, port := range spec.Ports {
		if config.ExposedPorts == nil {
			config.ExposedPorts = nat.PortSet{}
		}
		config.ExposedPorts[natPort(port)] = struct{}{}
	}
	for _, volume := range spec.AnonymousVolumes {
		if config.Volumes == nil {
			config.Volumes = map[string]struct{}{}
		}
		config.Volumes[volumePath(volume)] = struct{}{}
	}
	return config
}

func hostConfig(spec Spec) *mobycontainer.HostConfig {
	config := &mobycontainer.HostConfig{
		Binds:       spec.Binds,
		NetworkMode: mobycontainer.NetworkMode(spec.NetworkMode),
		DNS:         spec.DNS,
		ExtraHosts:  spec.ExtraHosts,
		SecurityOpt: spec.SecurityOpt,
		CapAdd:      spec.AddCapabilities,
		CapDrop:     spec.DropCapabilities,
		Tmpfs:       spec.Tmpfs,
		Runtime:     spec.Runtime,
		LogConfig:   mobycontainer.LogConfig{Type: spec.LogDriver, Config: spec.LogOptions},
		Resources: mobycontainer.Resources{
			Memory:     spec.Memory,
			MemorySwap: spec.MemorySwap,
			CPUShares:  spec.CPUShares,
			CpusetCpus: spec.Cpuset,
		},
	}
	if config.NetworkMode.IsContainer() {
		// These come from the agent, not from the job; the engine refuses them for a network that another container set up.
		config.DNS, config.ExtraHosts = nil, nil
	}
	for _, port := range spec.Ports {
		if config.PortBindings == nil {
			config.PortBindings = nat.PortMap{}
		}
		binding := nat.PortBinding{HostIP: port.IP}
		if port.ExternalPort > 0 {
			binding.HostPort = strconv.Itoa(port.ExternalPort)
		}
		key := natPort(port)
		config.PortBindings[key] = append(config.PortBindings[key], binding)
	}
	return config
}

func natPort(port PortBinding) nat.Port {
	protocol := port.Protocol
	if protocol == "" {
		protocol = "tcp"
	}
	return nat.Port(strconv.Itoa(port.InternalPort) + "/" + protocol)
}

// volumePath takes the mode off "path[:ro|rw]". The engine knows none for a volume that starts out empty.
func volumePath(volume string) string {
	return strings.TrimSuffix(strings.TrimSuffix(volume, ":ro"), ":rw")
}

// environment returns env as sorted "KEY=value" strings.
func environment(env map[string]string) []string {
	if len(env) == 0 {
		return nil
	}
	lines := make([]string, 0, len(env))
	for key, value := range env {
		lines = append(lines, key+"="+value)
	}
	slices.Sort(lines)
	return lines
}
