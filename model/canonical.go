package model

import (
	"crypto/sha1"
	"encoding/hex"
	"slices"
	"unicode/utf16"
)

// This file computes job ids. The hash is the SHA-1 of name:version:C, and C the SHA-1 of the job's canonical JSON: members in
// order of their names, without those that are unset or empty, without the time and the user of its creation. Every byte counts:
// ids must equal those of the original, and stay the same when fields are added (a new field that is unset adds nothing).

// ComputeID returns the job's name and version with the hash of its definition, whatever hash the job carries. Without a name or a
// version there is no hash.
func (j Job) ComputeID() JobID {
	return j.computeID(javaSetOrder)
}

// computeID hashes the capabilities in the order that capabilityOrder puts them in.
func (j *Job) computeID(capabilityOrder func([]string) []string) JobID {
	id := JobID{Name: j.ID.Name, Version: j.ID.Version}
	if id.Name == "" || id.Version == "" {
		return id
	}
	var space [1024]byte
	definition := sha1.Sum(j.appendCanonical(space[:0], capabilityOrder))
	text := append(space[:0], id.Name...)
	text = append(text, ':')
	text = append(text, id.Version...)
	text = append(text, ':')
	text = hex.AppendEncode(text, definition[:])
	sum := sha1.Sum(text)
	id.Hash = hex.EncodeToString(sum[:])
	return id
}

// WithID returns the job with its hash filled in if it has none. A hash that is there is kept, right or wrong.
func (j Job) WithID() Job {
	if j.ID.Hash == "" {
		j.ID = j.ComputeID()
	}
	return j
}

func (j *Job) appendCanonical(dst []byte, capabilityOrder func([]string) []string) []byte {
	dst = append(dst, '{')
	dst = appendPrunedStrings(dst, "addCapabilities", capabilityOrder(j.AddCapabilities))
	dst = appendPrunedStrings(dst, "command", j.Command)
	dst = appendPrunedStrings(dst, "dropCapabilities", capabilityOrder(j.DropCapabilities))
	dst = appendPrunedMap(dst, "env", j.Env, appendString)
	if j.Expires != nil {
		dst = appendString(appendKey(dst, "expires"), j.Expires.String())
	}
	dst = appendPrunedInt(dst, "gracePeriod", j.GracePeriod)
	if j.HealthCheck != nil {
		dst = j.HealthCheck.appendCanonical(appendKey(dst, "healthCheck"))
	}
	dst = appendPrunedString(dst, "hostname", j.Hostname)
	dst = appendPrunedString(dst, "image", j.Image)
	dst = appendPrunedMap(dst, "labels", j.Labels, appendString)
	dst = appendPrunedMap(dst, "metadata", j.Metadata, appendString)
	dst = appendPrunedString(dst, "name", j.ID.Name)
	dst = appendPrunedString(dst, "networkMode", j.NetworkMode)
	dst = appendPrunedMap(dst, "ports", j.Ports, appendCanonicalPort)
	dst = appendPrunedMap(dst, "ramdisks", j.Ramdisks, appendString)
	dst = appendPrunedMap(dst, "registration", servicesByText(j.Registration), appendCanonicalService)
	dst = appendPrunedString(dst, "registrationDomain", j.RegistrationDomain)
	if j.Resources != nil {
		dst = j.Resources.appendCanonical(appendKey(dst, "resources"))
	}
	if j.RolloutOptions != nil {
		dst = j.RolloutOptions.appendCanonical(appendKey(dst, "rolloutOptions"))
	}
	dst = appendPrunedString(dst, "runtime", j.Runtime)
	dst = appendPrunedInt(dst, "secondsToWaitBeforeKill", j.SecondsToWaitBeforeKill)
	dst = appendPrunedStrings(dst, "securityOpt", j.SecurityOpt)
	dst = appendPrunedString(dst, "token", j.Token)
	dst = appendPrunedString(dst, "version", j.ID.Version)
	dst = appendPrunedMap(dst, "volumes", j.Volumes, appendString)
	return append(dst, '}')
}

func appendCanonicalPort(dst []byte, m PortMapping) []byte {
	dst = append(dst, '{')
	dst = appendPrunedInt(dst, "externalPort", m.ExternalPort)
	dst = appendInt(appendKey(dst, "internalPort"), m.InternalPort)
	dst = appendPrunedString(dst, "ip", m.IP)
	dst = appendPrunedString(dst, "protocol", m.Protocol)
	return append(dst, '}')
}

func appendCanonicalService(dst []byte, s ServicePorts) []byte {
	dst = append(dst, '{')
	dst = appendPrunedMap(dst, "ports", s.Ports, appendServicePort)
	return append(dst, '}')
}

// appendServicePort is the wire form too: only here an empty list stays.
func appendServicePort(dst []byte, p ServicePortParameters) []byte {
	if p.Null {
		return append(dst, "null"...)
	}
	dst = append(dst, '{')
	if p.Tags != nil {
		dst = appendStrings(appendKey(dst, "tags"), p.Tags)
	}
	return append(dst, '}')
}

func (h *HealthCheck) appendCanonical(dst []byte) []byte {
	dst = append(dst, '{')
	if h.Type == HealthCheckExec {
		dst = appendPrunedStrings(dst, "command", h.Command)
	}
	dst = appendPrunedPositive(dst, "interval", h.Interval)
	switch h.Type {
	case HealthCheckHTTP:
		dst = appendPrunedString(dst, "path", h.Path)
		dst = appendPrunedString(dst, "port", h.Port)
	case HealthCheckTCP:
		dst = appendPrunedString(dst, "port", h.Port)
	}
	dst = appendPrunedString(dst, "type", h.Type)
	dst = appendPrunedPositive(dst, "unhealthyAfter", h.UnhealthyAfter)
	return append(dst, '}')
}

func (r *Resources) appendCanonical(dst []byte) []byte {
	dst = append(dst, '{')
	dst = appendPrunedInt(dst, "cpuShares", r.CPUShares)
	dst = appendPrunedString(dst, "cpuset", r.Cpuset)
	dst = appendPrunedInt(dst, "memory", r.Memory)
	dst = appendPrunedInt(dst, "memorySwap", r.MemorySwap)
	return append(dst, '}')
}

func (o *RolloutOptions) appendCanonical(dst []byte) []byte {
	dst = append(dst, '{')
	dst = appendPrunedInt(dst, "canary", o.Canary)
	dst = appendPrunedBool(dst, "ignoreFailures", o.IgnoreFailures)
	dst = appendPrunedString(dst, "maxFailures", string(o.MaxFailures))
	dst = appendPrunedBool(dst, "migrate", o.Migrate)
	dst = appendPrunedInt(dst, "minHealthy", o.MinHealthy)
	dst = appendPrunedString(dst, "onFailure", string(o.OnFailure))
	dst = appendPrunedBool(dst, "overlap", o.Overlap)
	dst = appendPrunedInt(dst, "parallelism", o.Parallelism)
	dst = appendPrunedInt(dst, "timeout", o.Timeout)
	if o.Token != nil {
		dst = appendPrunedString(dst, "token", *o.Token)
	}
	return append(dst, '}')
}

// The appendPruned functions write a member of an object, or nothing when the value is unset or empty.

func appendPrunedString(dst []byte, key, s string) []byte {
	if s == "" {
		return dst
	}
	return appendString(appendKey(dst, key), s)
}

func appendPrunedStrings(dst []byte, key string, list []string) []byte {
	if len(list) == 0 {
		return dst
	}
	return appendStrings(appendKey(dst, key), list)
}

func appendPrunedMap[V any](dst []byte, key string, m map[string]V, element func([]byte, V) []byte) []byte {
	if len(m) == 0 {
		return dst
	}
	return appendMap(appendKey(dst, key), m, element)
}

func appendPrunedInt[T ~int | ~int64](dst []byte, key string, n *T) []byte {
	if n == nil {
		return dst
	}
	return appendInt(appendKey(dst, key), *n)
}

func appendPrunedPositive[T ~int | ~int64](dst []byte, key string, n T) []byte {
	if n <= 0 {
		return dst
	}
	return appendInt(appendKey(dst, key), n)
}

func appendPrunedTrue(dst []byte, key string, b bool) []byte {
	if !b {
		return dst
	}
	return append(appendKey(dst, key), "true"...)
}

func appendPrunedBool(dst []byte, key string, b *bool) []byte {
	if b == nil {
		return dst
	}
	return appendBoolOrNull(appendKey(dst, key), b)
}

// servicesByText keys services by their text, which is what they are sorted by.
func servicesByText(services map[ServiceEndpoint]ServicePorts) map[string]ServicePorts {
	if len(services) == 0 {
		return nil
	}
	byText := make(map[string]ServicePorts, len(services))
	for endpoint, ports := range services {
		byText[endpoint.String()] = ports
	}
	return byText
}

// javaSetOrder returns the words without repetitions in the order in which a Java HashSet lists them, which is the order the
// original's master hashes a set in: by bucket of a table of 16 that doubles above three quarters full, equal buckets in order of
// insertion.
func javaSetOrder(words []string) []string {
	if len(words) < 2 {
		return words
	}
	ordered := suppliedOrder(words)
	table := 16
	for len(ordered) > table*3/4 {
		table *= 2
	}
	slices.SortStableFunc(ordered, func(a, b string) int {
		return javaBucket(a, table) - javaBucket(b, table)
	})
	return ordered
}

// suppliedOrder returns the words without repetitions, otherwise as they are.
func suppliedOrder(words []string) []string {
	ordered := make([]string, 0, len(words))
	for _, word := range words {
		if !slices.Contains(ordered, word) {
			ordered = append(ordered, word)
		}
	}
	return ordered
}

func javaBucket(s string, table int) int {
	var h uint32
	for _, r := range s {
		if high, low := utf16.EncodeRune(r); high != '\uFFFD' {
			h = (h*31+uint32(high))*31 + uint32(low)
		} else {
			h = h*31 + uint32(r)
		}
	}
	return int((h ^ h>>16) & uint32(table-1))
}
