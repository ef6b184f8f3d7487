package model

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

const (
	maxPort           = 65535
	maxHostnameLength = 63
)

// MaxNameLength is how many bytes the name of a job, its version and the name of a deployment group may each have.
const MaxNameLength = 1024

// ValidateOptions switch the checks that depend on who validates. Masters make them all; the command line leaves the hash and the
// capabilities to the master.
type ValidateOptions struct {
	Now                 Timestamp // jobs must not have expired before it
	CheckHash           bool      // a hash that is given must be the right one
	CheckCapabilities   bool      // added capabilities must be on the whitelist
	CapabilityWhitelist []string
}

// Validate returns what is wrong with the job, one message per fault and always in the same order; nothing when the job is valid.
// Values that only the container engine can judge are not checked: resources, env, capabilities to drop, security options.
func (j Job) Validate(options ValidateOptions) []string {
	var f faults
	f.checkID(&j, options)
	f.checkImage(j.Image)
	f.checkHostname(j.Hostname)
	f.checkPorts(j.Ports)
	f.checkRegistration(&j)
	f.checkVolumes(j.Volumes)
	f.checkRamdisks(&j)
	f.checkHealthCheck(&j)
	f.checkNetworkMode(j.NetworkMode)
	if j.Expires != nil && *j.Expires < options.Now {
		f.add("expires %s is in the past: it is now %s", *j.Expires, options.Now)
	}
	if options.CheckCapabilities {
		f.checkCapabilities(j.AddCapabilities, options.CapabilityWhitelist)
	}
	if static := j.StaticPorts(); len(static) > 0 && j.GracePeriod != nil && *j.GracePeriod > 0 {
		f.add("grace period %d cannot be combined with a fixed external port (%d): set one of them only", *j.GracePeriod, static[0])
	}
	return f
}

// faults collects messages.
type faults []string

func (f *faults) add(format string, args ...any) {
	*f = append(*f, fmt.Sprintf(format, args...))
}

func (f *faults) checkID(j *Job, options ValidateOptions) {
	f.checkIDPart("name", j.ID.Name)
	f.checkIDPart("version", j.ID.Version)
	if !options.CheckHash || j.ID.Hash == "" || j.ID.Name == "" || j.ID.Version == "" {
		return
	}
	want := j.ComputeID()
	// Programs that build a job in memory hash its capabilities in the order in which they send them.
	if j.ID.Hash != want.Hash && j.ID.Hash != j.computeID(suppliedOrder).Hash {
		f.add("hash mismatch: the id is %s, but the job's definition gives %s", j.ID, want)
	}
}

func (f *faults) checkIDPart(part, text string) {
	switch {
	case text == "":
		f.add("job %s is not specified", part)
	case len(text) > MaxNameLength:
		f.add("job %s has %d bytes: want at most %d", part, len(text), MaxNameLength)
	case !consistsOf(text, isNameByte):
		f.add("job %s %q is not legal: want letters, digits, . _ and - only", part, text)
	}
}

func (f *faults) checkHostname(hostname string) {
	legal := func(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'z' || c == '-' }
	switch {
	case hostname == "":
	case len(hostname) > maxHostnameLength, hostname[0] == '-', !consistsOf(hostname, legal):
		f.add("hostname %q is not legal: want 1 to %d lower-case letters, digits and -, not beginning with -", hostname, maxHostnameLength)
	}
}

func (f *faults) checkPorts(ports map[string]PortMapping) {
	taken := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(ports)) {
		mapping := ports[name]
		if name == "" || strings.ContainsAny(name, selectorBlanks) {
			f.add("port name %q is not legal: want at least one character and no blanks", name)
		}
		if mapping.Protocol != "tcp" && mapping.Protocol != "udp" {
			f.add("port %q has protocol %q: want tcp or udp", name, mapping.Protocol)
		}
		if !legalPort(mapping.InternalPort) {
			f.add("port %q has internal port %d: want 0 to %d", name, mapping.InternalPort, maxPort)
		}
		if mapping.IP != "" && !isAddress(mapping.IP) {
			f.add("port %q has ip %q: want a literal IPv4 or IPv6 address", name, mapping.IP)
		}
		if mapping.ExternalPort == nil {
			continue
		}
		external := *mapping.ExternalPort
		if !legalPort(external) {
			f.add("port %q has external port %d: want 0 to %d", name, external, maxPort)
		}
		key := fmt.Sprintf("%s %d", mapping.Protocol, external)
		if other, ok := taken[key]; ok {
			f.add("ports %q and %q both have external port %s: each may be used once", other, name, key)
		} else {
			taken[key] = name
		}
	}
}

func legalPort(port int) bool {
	return 0 <= port && port <= maxPort
}

func isAddress(s string) bool {
	address, err := netip.ParseAddr(s)
	return err == nil && address.Zone() == ""
}

func (f *faults) checkRegistration(j *Job) {
	for _, endpoint := range slices.SortedFunc(maps.Keys(j.Registration), ServiceEndpoint.Compare) {
		services := j.Registration[endpoint]
		if services.Ports == nil {
			f.add("registration %q has no ports: want the names of the ports it is reached at", endpoint)
			continue
		}
		if len(services.Ports) > 0 && !consistsOf(endpoint.Name, isWordByte) {
			f.add("service name %q is not legal: want letters, digits, _ and - only", endpoint.Name)
		}
		for _, port := range slices.Sorted(maps.Keys(services.Ports)) {
			if _, ok := j.Ports[port]; !ok {
				f.add("registration %q refers to port %q, which is not mapped: %s", endpoint, port, knownPorts(j.Ports))
			}
		}
	}
}

func knownPorts(ports map[string]PortMapping) string {
	if len(ports) == 0 {
		return "the job maps no ports"
	}
	return "the job maps " + strings.Join(slices.Sorted(maps.Keys(ports)), ", ")
}

func (f *faults) checkVolumes(volumes map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(volumes)) {
		source := volumes[key]
		_, mode, hasMode := strings.Cut(key, ":")
		switch {
		case !strings.HasPrefix(key, "/"):
			f.add("volume path %q is not absolute: it must start with /", key)
		case strings.Contains(source, "/") && !strings.HasPrefix(source, "/"):
			f.add("volume source %q is not legal: want a path that starts with /, the name of a volume, or nothing", source)
		case key == "/":
			f.add("volume path / is not legal: the root of the container cannot be a volume")
		case hasMode && (mode == "" || strings.Contains(mode, ":")):
			f.add("volume path %q is not legal: want PATH, PATH:ro or PATH:rw", key)
		}
	}
}

func (f *faults) checkRamdisks(j *Job) {
	volumes := map[string]bool{}
	for key := range j.Volumes {
		path, _, _ := strings.Cut(key, ":")
		volumes[path] = true
	}
	for _, mount := range slices.Sorted(maps.Keys(j.Ramdisks)) {
		if !strings.HasPrefix(mount, "/") {
			f.add("ramdisk mount point %q is not absolute: it must start with /", mount)
		}
		if volumes[mount] {
			f.add("ramdisk mount point %q is used by a volume too: each path may be used once", mount)
		}
	}
}

func (f *faults) checkHealthCheck(j *Job) {
	check := j.HealthCheck
	if check == nil {
		return
	}
	switch check.Type {
	case HealthCheckExec:
		if len(check.Command) == 0 {
			f.add("exec health check has no command")
		}
	case HealthCheckHTTP, HealthCheckTCP:
		if check.Port == "" {
			f.add("%s health check has no port: want the name of a mapped port; %s", check.Type, knownPorts(j.Ports))
		} else if _, ok := j.Ports[check.Port]; !ok {
			f.add("%s health check refers to port %q, which is not mapped: %s", check.Type, check.Port, knownPorts(j.Ports))
		}
	default:
		f.add("health check type %q is not known: want exec, http or tcp", check.Type)
	}
	f.checkContinuation(check)
}

// maxCheckInterval is a day: beyond it a health check says little, and seconds stay far from overflowing anything.
const maxCheckInterval = 24 * 60 * 60

func (f *faults) checkContinuation(check *HealthCheck) {
	if check.Interval < 0 || check.Interval > maxCheckInterval {
		f.add("health check interval %d is not legal: want 1 to %d seconds, or 0 for no checks once the container runs",
			check.Interval, maxCheckInterval)
	}
	if check.UnhealthyAfter < 0 {
		f.add("health check unhealthyAfter %d is not legal: want at least 1, or 0 for %d", check.UnhealthyAfter, DefaultUnhealthyAfter)
	}
	if check.UnhealthyAfter > 0 && check.Interval == 0 {
		f.add("health check has unhealthyAfter %d but no interval: without one a running container is not checked", check.UnhealthyAfter)
	}
}

func (f *faults) checkNetworkMode(mode string) {
	switch {
	case mode == "", mode == "bridge", mode == "host", strings.HasPrefix(mode, "container:"):
	default:
		f.add("network mode %q is not legal: want bridge, host or container:NAME", mode)
	}
}

func (f *faults) checkCapabilities(added, whitelist []string) {
	var refused []string
	for _, capability := range added {
		if !slices.Contains(whitelist, capability) {
			refused = append(refused, capability)
		}
	}
	if len(refused) == 0 {
		return
	}
	allowed := "none is allowed"
	if len(whitelist) > 0 {
		allowed = "allowed are " + strings.Join(whitelist, ", ")
	}
	f.add("added capabilities %s are not allowed by the master: %s", strings.Join(refused, ", "), allowed)
}
