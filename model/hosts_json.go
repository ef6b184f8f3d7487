package model

import (
	"maps"
	"slices"
)

// MarshalJSON writes all fields, the drain when there is one.
func (s HostStatus) MarshalJSON() ([]byte, error) {
	dst := appendStringOrNull([]byte(`{"status":`), string(s.Status))
	dst = appendByJob(append(dst, `,"jobs":`...), s.Jobs, func(dst []byte, d Deployment) []byte {
		return appendDeployment(dst, &d)
	})
	dst = appendByJob(append(dst, `,"statuses":`...), s.Statuses, func(dst []byte, status TaskStatus) []byte {
		return appendTaskStatus(dst, &status)
	})
	dst = appendNullable(append(dst, `,"hostInfo":`...), s.HostInfo, appendHostInfo)
	dst = appendNullable(append(dst, `,"agentInfo":`...), s.AgentInfo, appendAgentInfo)
	dst = appendStringMap(append(dst, `,"environment":`...), s.Environment)
	dst = appendStringMap(append(dst, `,"labels":`...), s.Labels)
	if s.Drain != nil {
		dst = appendDrain(append(dst, `,"drain":`...), s.Drain)
	}
	return append(dst, '}'), nil
}

// MarshalJSON leaves out the user and the jobs where there are none.
func (d Drain) MarshalJSON() ([]byte, error) {
	return appendDrain(nil, &d), nil
}

// UnmarshalJSON reads a drain. The error has CodeInvalid.
func (d *Drain) UnmarshalJSON(data []byte) error {
	return decode(data, d, readDrain)
}

func appendDrain(dst []byte, d *Drain) []byte {
	dst = appendInt(append(dst, `{"since":`...), d.Since)
	if d.User != "" {
		dst = appendString(append(dst, `,"user":`...), d.User)
	}
	if len(d.Stopped) > 0 {
		dst = appendList(append(dst, `,"stopped":`...), d.Stopped, appendIDOrNull)
	}
	return append(dst, '}')
}

func readDrain(r *reader, d *Drain) error {
	return r.object(func(key []byte) error {
		switch string(key) {
		case "since":
			return readMillis(r, &d.Since)
		case "user":
			return readString(r, &d.User)
		case "stopped":
			return readList(r, &d.Stopped, false, readJobID)
		default:
			return r.skip()
		}
	})
}

// appendByJob is appendMap for maps keyed by job id.
func appendByJob[V any](dst []byte, m map[JobID]V, element func([]byte, V) []byte) []byte {
	dst = append(dst, '{')
	for _, id := range slices.SortedFunc(maps.Keys(m), JobID.Compare) {
		dst = appendString(appendComma(dst), id.String())
		dst = element(append(dst, ':'), m[id])
	}
	return append(dst, '}')
}

// UnmarshalJSON reads the status of a host; status, jobs and statuses must be there. The error has CodeInvalid.
func (s *HostStatus) UnmarshalJSON(data []byte) error {
	return decode(data, s, readHostStatus)
}

func readHostStatus(r *reader, s *HostStatus) error {
	hasJobs, hasStatuses := false, false
	err := r.object(func(key []byte) error {
		switch string(key) {
		case "status":
			return readLiveness(r, &s.Status)
		case "jobs":
			return readPresent(r, &hasJobs, &s.Jobs, func(r *reader, m *map[JobID]Deployment) error {
				return readKeyedMap(r, m, (*JobID).UnmarshalText, readDeployment)
			})
		case "statuses":
			return readPresent(r, &hasStatuses, &s.Statuses, func(r *reader, m *map[JobID]TaskStatus) error {
				return readKeyedMap(r, m, (*JobID).UnmarshalText, readTaskStatus)
			})
		case "hostInfo":
			return readNullable(r, &s.HostInfo, readHostInfo)
		case "agentInfo":
			return readNullable(r, &s.AgentInfo, readAgentInfo)
		case "environment":
			return readStringMap(r, &s.Environment)
		case "labels":
			return readStringMap(r, &s.Labels)
		case "drain":
			return readNullable(r, &s.Drain, readDrain)
		default:
			return r.skip()
		}
	})
	switch {
	case err != nil:
		return err
	case s.Status == "":
		return missing("status")
	case !hasJobs:
		return missing("jobs")
	case !hasStatuses:
		return missing("statuses")
	default:
		return nil
	}
}

// MarshalJSON writes all fields, the runtime when there is one.
func (h HostInfo) MarshalJSON() ([]byte, error) {
	return appendHostInfo(nil, &h), nil
}

// UnmarshalJSON reads the facts of a machine. The error has CodeInvalid.
func (h *HostInfo) UnmarshalJSON(data []byte) error {
	return decode(data, h, readHostInfo)
}

func appendHostInfo(dst []byte, h *HostInfo) []byte {
	dst = appendString(append(dst, `{"hostname":`...), h.Hostname)
	dst = appendString(append(dst, `,"uname":`...), h.Uname)
	dst = appendString(append(dst, `,"architecture":`...), h.Architecture)
	dst = appendString(append(dst, `,"osName":`...), h.OSName)
	dst = appendString(append(dst, `,"osVersion":`...), h.OSVersion)
	dst = appendInt(append(dst, `,"cpus":`...), h.CPUs)
	dst = appendFloat(append(dst, `,"loadAvg":`...), h.LoadAvg)
	dst = appendInt(append(dst, `,"memoryTotalBytes":`...), h.MemoryTotalBytes)
	dst = appendInt(append(dst, `,"memoryFreeBytes":`...), h.MemoryFreeBytes)
	dst = appendInt(append(dst, `,"swapTotalBytes":`...), h.SwapTotalBytes)
	dst = appendInt(append(dst, `,"swapFreeBytes":`...), h.SwapFreeBytes)
	dst = appendNullable(append(dst, `,"dockerVersion":`...), h.DockerVersion, appendDockerVersion)
	dst = appendString(append(dst, `,"dockerHost":`...), h.DockerHost)
	dst = appendStringOrNull(append(dst, `,"dockerCertPath":`...), h.DockerCertPath)
	if h.Runtime != "" {
		dst = appendString(append(dst, `,"runtime":`...), h.Runtime)
	}
	return append(dst, '}')
}

func readHostInfo(r *reader, h *HostInfo) error {
	return r.object(func(key []byte) error {
		switch string(key) {
		case "hostname":
			return readString(r, &h.Hostname)
		case "uname":
			return readString(r, &h.Uname)
		case "architecture":
			return readString(r, &h.Architecture)
		case "osName":
			return readString(r, &h.OSName)
		case "osVersion":
			return readString(r, &h.OSVersion)
		case "cpus":
			return readInt(r, &h.CPUs)
		case "loadAvg":
			return readFloat(r, &h.LoadAvg)
		case "memoryTotalBytes":
			return readInt64(r, &h.MemoryTotalBytes)
		case "memoryFreeBytes":
			return readInt64(r, &h.MemoryFreeBytes)
		case "swapTotalBytes":
			return readInt64(r, &h.SwapTotalBytes)
		case "swapFreeBytes":
			return readInt64(r, &h.SwapFreeBytes)
		case "dockerVersion":
			return readNullable(r, &h.DockerVersion, readDockerVersion)
		case "dockerHost":
			return readString(r, &h.DockerHost)
		case "dockerCertPath":
			return readString(r, &h.DockerCertPath)
		case "runtime":
			return readString(r, &h.Runtime)
		default:
			return r.skip()
		}
	})
}

// MarshalJSON writes all fields.
func (v DockerVersion) MarshalJSON() ([]byte, error) {
	return appendDockerVersion(nil, &v), nil
}

// UnmarshalJSON reads what an engine says of itself. The error has CodeInvalid.
func (v *DockerVersion) UnmarshalJSON(data []byte) error {
	return decode(data, v, readDockerVersion)
}

func appendDockerVersion(dst []byte, v *DockerVersion) []byte {
	dst = appendString(append(dst, `{"apiVersion":`...), v.APIVersion)
	dst = appendString(append(dst, `,"arch":`...), v.Arch)
	dst = appendString(append(dst, `,"gitCommit":`...), v.GitCommit)
	dst = appendString(append(dst, `,"goVersion":`...), v.GoVersion)
	dst = appendString(append(dst, `,"kernelVersion":`...), v.KernelVersion)
	dst = appendString(append(dst, `,"os":`...), v.OS)
	dst = appendString(append(dst, `,"version":`...), v.Version)
	return append(dst, '}')
}

func readDockerVersion(r *reader, v *DockerVersion) error {
	return r.object(func(key []byte) error {
		switch string(key) {
		case "apiVersion":
			return readString(r, &v.APIVersion)
		case "arch":
			return readString(r, &v.Arch)
		case "gitCommit":
			return readString(r, &v.GitCommit)
		case "goVersion":
			return readString(r, &v.GoVersion)
		case "kernelVersion":
			return readString(r, &v.KernelVersion)
		case "os":
			return readString(r, &v.OS)
		case "version":
			return readString(r, &v.Version)
		default:
			return r.skip()
		}
	})
}

// MarshalJSON writes all fields.
func (a AgentInfo) MarshalJSON() ([]byte, error) {
	return appendAgentInfo(nil, &a), nil
}

// UnmarshalJSON reads the facts of an agent. The error has CodeInvalid.
func (a *AgentInfo) UnmarshalJSON(data []byte) error {
	return decode(data, a, readAgentInfo)
}

func appendAgentInfo(dst []byte, a *AgentInfo) []byte {
	dst = appendString(append(dst, `{"name":`...), a.Name)
	dst = appendString(append(dst, `,"vmName":`...), a.VMName)
	dst = appendString(append(dst, `,"vmVendor":`...), a.VMVendor)
	dst = appendString(append(dst, `,"vmVersion":`...), a.VMVersion)
	dst = appendString(append(dst, `,"specName":`...), a.SpecName)
	dst = appendString(append(dst, `,"specVendor":`...), a.SpecVendor)
	dst = appendString(append(dst, `,"specVersion":`...), a.SpecVersion)
	dst = appendStrings(append(dst, `,"inputArguments":`...), a.InputArguments)
	dst = appendInt(append(dst, `,"uptime":`...), a.Uptime)
	dst = appendInt(append(dst, `,"startTime":`...), a.StartTime)
	dst = appendString(append(dst, `,"version":`...), a.Version)
	return append(dst, '}')
}

func readAgentInfo(r *reader, a *AgentInfo) error {
	return r.object(func(key []byte) error {
		switch string(key) {
		case "name":
			return readString(r, &a.Name)
		case "vmName":
			return readString(r, &a.VMName)
		case "vmVendor":
			return readString(r, &a.VMVendor)
		case "vmVersion":
			return readString(r, &a.VMVersion)
		case "specName":
			return readString(r, &a.SpecName)
		case "specVendor":
			return readString(r, &a.SpecVendor)
		case "specVersion":
			return readString(r, &a.SpecVersion)
		case "inputArguments":
			return readStrings(r, &a.InputArguments)
		case "uptime":
			return readInt64(r, &a.Uptime)
		case "startTime":
			return readMillis(r, &a.StartTime)
		case "version":
			return readString(r, &a.Version)
		default:
			return r.skip()
		}
	})
}
