package model

import "slices"

// MarshalJSON writes all 26 fields.
func (j Job) MarshalJSON() ([]byte, error) {
	return appendJob(make([]byte, 0, 1024), &j), nil
}

// UnmarshalJSON replaces the job by what data says. Capabilities keep their order, less repetitions. The error has CodeInvalid and
// names the field.
func (j *Job) UnmarshalJSON(data []byte) error {
	return decode(data, j, readJob)
}

func appendJob(dst []byte, j *Job) []byte {
	dst = appendIDOrNull(append(dst, `{"id":`...), j.ID)
	dst = appendStringOrNull(append(dst, `,"image":`...), j.Image)
	dst = appendStringOrNull(append(dst, `,"hostname":`...), j.Hostname)
	dst = appendIntOrNull(append(dst, `,"created":`...), j.Created)
	dst = appendStrings(append(dst, `,"command":`...), j.Command)
	dst = appendStringMap(append(dst, `,"env":`...), j.Env)
	dst = appendNullable(append(dst, `,"resources":`...), j.Resources, appendResources)
	dst = appendMap(append(dst, `,"ports":`...), j.Ports, appendPortMapping)
	dst = appendMap(append(dst, `,"registration":`...), servicesByText(j.Registration), appendServicePorts)
	dst = appendIntOrNull(append(dst, `,"gracePeriod":`...), j.GracePeriod)
	dst = appendStringMap(append(dst, `,"volumes":`...), j.Volumes)
	dst = appendIntOrNull(append(dst, `,"expires":`...), j.Expires)
	dst = appendString(append(dst, `,"registrationDomain":`...), j.RegistrationDomain)
	dst = appendStringOrNull(append(dst, `,"creatingUser":`...), j.CreatingUser)
	dst = appendString(append(dst, `,"token":`...), j.Token)
	dst = appendNullable(append(dst, `,"healthCheck":`...), j.HealthCheck, appendHealthCheck)
	dst = appendStrings(append(dst, `,"securityOpt":`...), j.SecurityOpt)
	dst = appendStringOrNull(append(dst, `,"networkMode":`...), j.NetworkMode)
	dst = appendStringMap(append(dst, `,"metadata":`...), j.Metadata)
	dst = appendStrings(append(dst, `,"addCapabilities":`...), j.AddCapabilities)
	dst = appendStrings(append(dst, `,"dropCapabilities":`...), j.DropCapabilities)
	dst = appendStringMap(append(dst, `,"labels":`...), j.Labels)
	dst = appendIntOrNull(append(dst, `,"secondsToWaitBeforeKill":`...), j.SecondsToWaitBeforeKill)
	dst = appendStringMap(append(dst, `,"ramdisks":`...), j.Ramdisks)
	dst = appendNullable(append(dst, `,"rolloutOptions":`...), j.RolloutOptions, appendRolloutOptions)
	dst = appendStringOrNull(append(dst, `,"runtime":`...), j.Runtime)
	return append(dst, '}')
}

func readJob(r *reader, j *Job) error {
	return r.object(func(key []byte) error {
		switch string(key) {
		case "id":
			return readJobID(r, &j.ID)
		case "image":
			return readString(r, &j.Image)
		case "hostname":
			return readString(r, &j.Hostname)
		case "created":
			return readOptionalInt64(r, &j.Created)
		case "command":
			return readStrings(r, &j.Command)
		case "env":
			return readStringMap(r, &j.Env)
		case "resources":
			return readNullable(r, &j.Resources, readResources)
		case "ports":
			return readMap(r, &j.Ports, readPortMapping)
		case "registration":
			return readRegistration(r, &j.Registration)
		case "gracePeriod":
			return readOptionalInt(r, &j.GracePeriod)
		case "volumes":
			return readStringMap(r, &j.Volumes)
		case "expires":
			return readOptionalTimestamp(r, &j.Expires)
		case "registrationDomain":
			return readString(r, &j.RegistrationDomain)
		case "creatingUser":
			return readString(r, &j.CreatingUser)
		case "token":
			return readString(r, &j.Token)
		case "healthCheck":
			return readNullable(r, &j.HealthCheck, readHealthCheck)
		case "securityOpt":
			return readStrings(r, &j.SecurityOpt)
		case "networkMode":
			return readString(r, &j.NetworkMode)
		case "metadata":
			return readStringMap(r, &j.Metadata)
		case "addCapabilities":
			return readSet(r, &j.AddCapabilities)
		case "dropCapabilities":
			return readSet(r, &j.DropCapabilities)
		case "labels":
			return readStringMap(r, &j.Labels)
		case "secondsToWaitBeforeKill":
			return readOptionalInt(r, &j.SecondsToWaitBeforeKill)
		case "ramdisks":
			return readStringMap(r, &j.Ramdisks)
		case "rolloutOptions":
			return readNullable(r, &j.RolloutOptions, readRolloutOptions)
		case "runtime":
			return readString(r, &j.Runtime)
		default:
			return r.skip()
		}
	})
}

// readSet reads a list and drops repetitions. The order stays as it is, because a hash that came with the job may depend on it; ids
// are computed over the order of the original's master.
func readSet(r *reader, set *[]string) error {
	err := readStrings(r, set)
	if len(*set) > 1 {
		*set = suppliedOrder(*set)
	}
	return err
}

// appendIDOrNull writes null for the unset id.
func appendIDOrNull(dst []byte, id JobID) []byte {
	if id.IsZero() {
		return append(dst, "null"...)
	}
	return appendString(dst, id.String())
}

// appendNullable writes null for nil.
func appendNullable[T any](dst []byte, p *T, write func([]byte, *T) []byte) []byte {
	if p == nil {
		return append(dst, "null"...)
	}
	return write(dst, p)
}

// MarshalJSON writes all fields.
func (m PortMapping) MarshalJSON() ([]byte, error) {
	return appendPortMapping(nil, m), nil
}

// UnmarshalJSON reads a mapping. The protocol is tcp when data has none. The error has CodeInvalid.
func (m *PortMapping) UnmarshalJSON(data []byte) error {
	return decode(data, m, readPortMapping)
}

func appendPortMapping(dst []byte, m PortMapping) []byte {
	dst = appendStringOrNull(append(dst, `{"ip":`...), m.IP)
	dst = appendInt(append(dst, `,"internalPort":`...), m.InternalPort)
	dst = appendIntOrNull(append(dst, `,"externalPort":`...), m.ExternalPort)
	dst = appendString(append(dst, `,"protocol":`...), m.Protocol)
	return append(dst, '}')
}

func readPortMapping(r *reader, m *PortMapping) error {
	m.Protocol = "tcp"
	return r.object(func(key []byte) error {
		switch string(key) {
		case "ip":
			return readAddress(r, &m.IP)
		case "internalPort":
			return readInt(r, &m.InternalPort)
		case "externalPort":
			return readOptionalInt(r, &m.ExternalPort)
		case "protocol":
			if r.null() {
				m.Protocol = "tcp"
				return nil
			}
			return readString(r, &m.Protocol)
		default:
			return r.skip()
		}
	})
}

// readAddress reads a literal address. Null is "", but "" is no address.
func readAddress(r *reader, ip *string) error {
	if r.null() {
		*ip = ""
		return nil
	}
	if err := readString(r, ip); err != nil {
		return err
	}
	if !isAddress(*ip) {
		return problemf("%q is not a literal IPv4 or IPv6 address", *ip)
	}
	return nil
}

// MarshalJSON writes all fields.
func (r Resources) MarshalJSON() ([]byte, error) {
	return appendResources(nil, &r), nil
}

// UnmarshalJSON reads resources. The error has CodeInvalid.
func (r *Resources) UnmarshalJSON(data []byte) error {
	return decode(data, r, readResources)
}

func appendResources(dst []byte, s *Resources) []byte {
	dst = appendIntOrNull(append(dst, `{"memory":`...), s.Memory)
	dst = appendIntOrNull(append(dst, `,"memorySwap":`...), s.MemorySwap)
	dst = appendIntOrNull(append(dst, `,"cpuShares":`...), s.CPUShares)
	dst = appendStringOrNull(append(dst, `,"cpuset":`...), s.Cpuset)
	return append(dst, '}')
}

func readResources(r *reader, s *Resources) error {
	return r.object(func(key []byte) error {
		switch string(key) {
		case "memory":
			return readOptionalInt64(r, &s.Memory)
		case "memorySwap":
			return readOptionalInt64(r, &s.MemorySwap)
		case "cpuShares":
			return readOptionalInt64(r, &s.CPUShares)
		case "cpuset":
			return readString(r, &s.Cpuset)
		default:
			return r.skip()
		}
	})
}

// MarshalJSON writes the type and the fields that belong to it, and how it goes on when it does.
func (h HealthCheck) MarshalJSON() ([]byte, error) {
	return appendHealthCheck(nil, &h), nil
}

// UnmarshalJSON reads a health check and keeps the fields that belong to its type, which must be there. The error has CodeInvalid.
func (h *HealthCheck) UnmarshalJSON(data []byte) error {
	return decode(data, h, readHealthCheck)
}

func appendHealthCheck(dst []byte, h *HealthCheck) []byte {
	dst = appendString(append(dst, `{"type":`...), h.Type)
	switch h.Type {
	case HealthCheckExec:
		dst = appendStrings(append(dst, `,"command":`...), h.Command)
	case HealthCheckHTTP:
		dst = appendStringOrNull(append(dst, `,"path":`...), h.Path)
		dst = appendStringOrNull(append(dst, `,"port":`...), h.Port)
	case HealthCheckTCP:
		dst = appendStringOrNull(append(dst, `,"port":`...), h.Port)
	}
	if h.Interval != 0 {
		dst = appendInt(append(dst, `,"interval":`...), h.Interval)
	}
	if h.UnhealthyAfter != 0 {
		dst = appendInt(append(dst, `,"unhealthyAfter":`...), h.UnhealthyAfter)
	}
	return append(dst, '}')
}

func readHealthCheck(r *reader, h *HealthCheck) error {
	// The type may come last, and says which fields are to be read at all: note where they are and read them afterwards.
	fields := map[string]int{}
	err := r.object(func(key []byte) error {
		switch string(key) {
		case "type":
			return readString(r, &h.Type)
		case "interval":
			return readInt(r, &h.Interval)
		case "unhealthyAfter":
			return readInt(r, &h.UnhealthyAfter)
		case "command", "path", "port":
			r.peek()
			fields[string(key)] = r.pos
		}
		return r.skip()
	})
	if err != nil {
		return err
	}
	types := []string{HealthCheckExec, HealthCheckHTTP, HealthCheckTCP}
	if !slices.Contains(types, h.Type) {
		return within("type", problemf("%q is not a health check: want %s", h.Type, alternatives(types)))
	}
	end := r.pos
	defer func() { r.pos = end }()
	read := func(field string, value func() error) error {
		at, ok := fields[field]
		if !ok {
			return nil
		}
		r.pos = at
		if err := value(); err != nil {
			return within(field, err)
		}
		return nil
	}
	if h.Type == HealthCheckExec {
		return read("command", func() error { return readStrings(r, &h.Command) })
	}
	if h.Type == HealthCheckHTTP {
		if err := read("path", func() error { return readString(r, &h.Path) }); err != nil {
			return err
		}
	}
	return read("port", func() error { return readString(r, &h.Port) })
}

// MarshalJSON writes the original's fields, and ours where they are set.
func (o RolloutOptions) MarshalJSON() ([]byte, error) {
	return appendRolloutOptions(nil, &o), nil
}

// UnmarshalJSON reads rollout options. The error has CodeInvalid.
func (o *RolloutOptions) UnmarshalJSON(data []byte) error {
	return decode(data, o, readRolloutOptions)
}

func appendRolloutOptions(dst []byte, o *RolloutOptions) []byte {
	dst = appendIntOrNull(append(dst, `{"timeout":`...), o.Timeout)
	dst = appendIntOrNull(append(dst, `,"parallelism":`...), o.Parallelism)
	dst = appendBoolOrNull(append(dst, `,"migrate":`...), o.Migrate)
	dst = appendBoolOrNull(append(dst, `,"overlap":`...), o.Overlap)
	dst = append(dst, `,"token":`...)
	if o.Token == nil {
		dst = append(dst, "null"...)
	} else {
		dst = appendString(dst, *o.Token)
	}
	dst = appendBoolOrNull(append(dst, `,"ignoreFailures":`...), o.IgnoreFailures)
	dst = appendPrunedInt(dst, "canary", o.Canary)
	dst = appendPrunedString(dst, "maxFailures", string(o.MaxFailures))
	dst = appendPrunedInt(dst, "minHealthy", o.MinHealthy)
	dst = appendPrunedString(dst, "onFailure", string(o.OnFailure))
	return append(dst, '}')
}

func readRolloutOptions(r *reader, o *RolloutOptions) error {
	return r.object(func(key []byte) error {
		switch string(key) {
		case "timeout":
			return readOptionalInt64(r, &o.Timeout)
		case "parallelism":
			return readOptionalInt(r, &o.Parallelism)
		case "migrate":
			return readOptionalBool(r, &o.Migrate)
		case "overlap":
			return readOptionalBool(r, &o.Overlap)
		case "token":
			return readNullable(r, &o.Token, readString)
		case "ignoreFailures":
			return readOptionalBool(r, &o.IgnoreFailures)
		case "canary":
			return readOptionalInt(r, &o.Canary)
		case "maxFailures":
			return readString(r, (*string)(&o.MaxFailures))
		case "minHealthy":
			return readOptionalInt64(r, &o.MinHealthy)
		case "onFailure":
			return readWord(r, &o.OnFailure, "reaction to failures", onFailureWords)
		default:
			return r.skip()
		}
	})
}
