package store

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/heliosctl/heliosctl/model"
)

const (
	commandRegisterHost   CommandType = "registerHost"
	commandRegisterAgent  CommandType = "registerAgent"
	commandDeregisterHost CommandType = "deregisterHost"
	commandHostLiveness   CommandType = "hostLiveness"
)

// RegisterHost makes a host known before its agent has come, as the original's registration call did. Where the original failed for
// a host that is known, the same agent id again changes nothing.
type RegisterHost struct {
	Host    string `json:"host"`
	AgentID string `json:"agentId"`
}

func (RegisterHost) commandType() CommandType { return commandRegisterHost }
func (c RegisterHost) subject() string        { return c.Host + " " + c.AgentID }

// RegisterAgent claims a host for an agent and records the facts of its machine. A host of another agent is taken over where that was
// away for long enough; whether it is away is for the leader to ask gossip before, and checked here against what is recorded.
type RegisterAgent struct {
	Registration model.Registration `json:"registration"`
}

func (RegisterAgent) commandType() CommandType { return commandRegisterAgent }

// DeregisterHost forgets a host and everything about it.
type DeregisterHost struct {
	Host string `json:"host"`
}

func (DeregisterHost) commandType() CommandType { return commandDeregisterHost }
func (c DeregisterHost) subject() string        { return c.Host }

// HostLiveness records that hosts' agents were seen to come or go.
type HostLiveness struct {
	Changes []LivenessChange `json:"changes"`
}

func (HostLiveness) commandType() CommandType { return commandHostLiveness }

// LivenessChange is one host's agent coming or going.
type LivenessChange struct {
	Host    string          `json:"host"`
	AgentID string          `json:"agentId"`
	Up      bool            `json:"up"`
	At      model.Timestamp `json:"at"`
}

// hostRecord is a host, in memory and on disk.
type hostRecord struct {
	Name        string            `json:"name"`
	AgentID     string            `json:"agentId"`
	Epoch       uint64            `json:"epoch"`          // number of the command that registered it
	Up          bool              `json:"up"`             // as last recorded by a leader, for the events of a change
	Seen        model.Timestamp   `json:"seen,omitempty"` // when a leader last heard of it: of new facts, or of its coming or going
	HostInfo    *model.HostInfo   `json:"hostInfo"`
	AgentInfo   *model.AgentInfo  `json:"agentInfo"`
	Environment map[string]string `json:"environment"`
	Labels      map[string]string `json:"labels"`
	Drain       *model.Drain      `json:"drain,omitempty"` // nil: it takes deployments

	// touched is the index of the last change of the host's deployments since the start. It makes that a change of this record, which
	// is what its agent's stream waits for.
	touched uint64
}

func (b *batch) registerHost(h header, c RegisterHost) Result {
	if c.AgentID == "" {
		return Result{Err: model.Errorf(model.CodeInvalidID, "host %s needs an id to be registered", c.Host)}
	}
	if err := checkHostName(c.Host); err != nil {
		return Result{Err: err}
	}
	if host := b.host(c.Host); host != nil {
		if host.AgentID == c.AgentID {
			return Result{}
		}
		return Result{Err: hostConflict(c.Host)}
	}
	b.putHost(&hostRecord{Name: c.Host, AgentID: c.AgentID, Epoch: b.identity()})
	b.event(eventRecord{kind: model.EventHostRegistered, at: h.Time, user: h.User, host: c.Host})
	return Result{}
}

func (b *batch) registerAgent(h header, c RegisterAgent) Result {
	r := c.Registration
	if r.AgentID == "" {
		return Result{Err: model.Errorf(model.CodeInvalidID, "the agent of host %s needs an id", r.Host)}
	}
	if err := checkHostName(r.Host); err != nil {
		return Result{Err: err}
	}
	host := b.host(r.Host)
	kind := model.EventHostRegistered
	record := hostRecord{Name: r.Host, AgentID: r.AgentID, Epoch: b.identity()}
	switch {
	case host == nil:
	case host.AgentID == r.AgentID:
		kind, record = model.EventHostChanged, *host
	default:
		if err := host.refuseTakeOver(r, h.Time); err != nil {
			return Result{Err: err}
		}
		b.forgetAgent(r.Host)
		record.Drain = host.Drain
	}
	if kind == model.EventHostRegistered || !host.hasFacts(r) {
		record.setFacts(r)
		record.Seen = h.Time
		b.putHost(&record)
		b.event(eventRecord{kind: kind, at: h.Time, user: h.User, host: r.Host})
	}
	return Result{Registered: model.Registered{Epoch: record.Epoch, AckedSeq: b.acked(r.Host), ClusterID: b.cluster().ID}}
}

func (b *batch) deregisterHost(h header, c DeregisterHost) Result {
	host := b.host(c.Host)
	if host == nil {
		return Result{Err: hostNotFound(c.Host)}
	}
	b.dropHost(h, host)
	return Result{}
}

// dropHost forgets a host and everything about it.
func (b *batch) dropHost(h header, host *hostRecord) {
	for _, deployment := range collect[deploymentRecord](b.mem, tableDeployments, indexID, host.Name) {
		b.removeDeployment(h, deployment)
	}
	b.forgetAgent(host.Name)
	b.removeHostHistory(host.Name)
	b.drop(tableHosts, host)
	b.remove(hostKey(host.Name))
	b.dropHostFromGroups(host.Name)
	b.event(eventRecord{kind: model.EventHostDeregistered, at: h.Time, user: h.User, reason: h.reason, host: host.Name})
}

// forgetAgent drops what the host's agent has reported of its tasks. The history stays.
func (b *batch) forgetAgent(host string) {
	for _, status := range collect[statusRecord](b.mem, tableStatuses, indexID, host) {
		b.removeStatus(status)
	}
	if ack := first[ackRecord](b.mem, tableAcks, indexID, host); ack != nil {
		b.drop(tableAcks, ack)
		b.remove(ackKey(host))
	}
}

// hostLiveness records the changes that are still news. The agent's uptime is set so that the start of the agent plus its uptime is
// when it was last known to be alive.
func (b *batch) hostLiveness(_ header, c HostLiveness) Result {
	for _, change := range c.Changes {
		host := b.host(change.Host)
		if host == nil || host.AgentID != change.AgentID || host.Up == change.Up {
			continue
		}
		record := *host
		record.Up, record.Seen = change.Up, change.At
		if host.AgentInfo != nil {
			info := *host.AgentInfo
			info.Uptime = max(0, int64(change.At-info.StartTime))
			record.AgentInfo = &info
		}
		b.putHost(&record)
		kind := model.EventHostDown
		if change.Up {
			kind = model.EventHostUp
		}
		b.event(eventRecord{kind: kind, at: change.At, host: change.Host})
	}
	return Result{}
}

func (b *batch) host(name string) *hostRecord {
	return first[hostRecord](b.mem, tableHosts, indexID, name)
}

func (b *batch) putHost(host *hostRecord) {
	old := b.host(host.Name)
	b.insert(tableHosts, host)
	b.put(hostKey(host.Name), host)
	if old == nil || !maps.Equal(old.Labels, host.Labels) {
		b.regroup(host.Name, host.Labels, true)
	}
}

// touchTasks wakes the stream of the host's agent; nothing of the host itself changes.
func (b *batch) touchTasks(host *hostRecord) {
	record := *host
	record.touched = b.index
	b.insert(tableHosts, &record)
}

// setFacts copies what the agent reported.
func (r *hostRecord) setFacts(reg model.Registration) {
	r.HostInfo, r.AgentInfo = &reg.HostInfo, &reg.AgentInfo
	r.Environment, r.Labels = reg.Environment, reg.Labels
}

// hasFacts reports whether the agent says nothing new. Gauges and the uptime change all the time and do not count.
func (r *hostRecord) hasFacts(reg model.Registration) bool {
	if r.HostInfo == nil || r.AgentInfo == nil {
		return false
	}
	return reflect.DeepEqual(withoutGauges(*r.HostInfo), withoutGauges(reg.HostInfo)) &&
		reflect.DeepEqual(withoutUptime(*r.AgentInfo), withoutUptime(reg.AgentInfo)) &&
		maps.Equal(r.Environment, reg.Environment) && maps.Equal(r.Labels, reg.Labels)
}

func withoutGauges(info model.HostInfo) model.HostInfo {
	info.LoadAvg, info.MemoryFreeBytes, info.SwapFreeBytes = 0, 0, 0
	return info
}

func withoutUptime(info model.AgentInfo) model.AgentInfo {
	info.Uptime = 0
	if len(info.InputArguments) == 0 {
		info.InputArguments = nil
	}
	return info
}

// checkHostName refuses names that no URL path can carry.
func checkHostName(host string) *model.Error {
	unusable := strings.ContainsFunc(host, func(r rune) bool { return r == '/' || r < ' ' || r == 0x7f })
	if host == "" || host == "." || host == ".." || len(host) > 255 || unusable {
		return model.Errorf(model.CodeInvalidID, "%q cannot be a host's name; use up to 255 characters, no slashes or control characters", host)
	}
	return nil
}

func hostNotFound(host string) *model.Error {
	return model.Errorf(model.CodeHostNotFound, "host %s is not registered; start an agent of that name first", host)
}

func hostConflict(host string) *model.Error {
	return model.Errorf(model.CodeHostConflict,
		"host %s belongs to another agent; give this agent another name, or deregister the host if the other agent is gone", host)
}

// Host is a registered host with everything recorded of it. Its Status tells what a leader last recorded, not whether it is alive now.
type Host struct {
	model.HostStatus
	Name    string
	AgentID string
	Epoch   uint64
}

// Hosts returns the names of all hosts, sorted.
func (s *State) Hosts() []string {
	names := []string{}
	each(s.mem.Txn(false), tableHosts, indexID, nil, func(h *hostRecord) { names = append(names, h.Name) })
	return names
}

// Host returns a host; CodeHostNotFound when there is none. The caller owns the maps of jobs and statuses and the infos, nothing else.
func (s *State) Host(name string) (Host, error) {
	txn := s.mem.Txn(false)
	record := first[hostRecord](txn, tableHosts, indexID, name)
	if record == nil {
		return Host{}, hostNotFound(name)
	}
	host := Host{Name: name, AgentID: record.AgentID, Epoch: record.Epoch, HostStatus: model.HostStatus{
		Status:      model.Down,
		Jobs:        map[model.JobID]model.Deployment{},
		Statuses:    map[model.JobID]model.TaskStatus{},
		Environment: record.Environment,
		Labels:      record.Labels,
		Drain:       record.drain(),
	}}
	if record.Up {
		host.Status = model.Up
	}
	if record.HostInfo != nil {
		info := *record.HostInfo
		host.HostInfo = &info
	}
	if record.AgentInfo != nil {
		info := *record.AgentInfo
		host.AgentInfo = &info
	}
	each(txn, tableDeployments, indexID, []any{name}, func(d *deploymentRecord) { host.Jobs[d.deployment.JobID] = d.deployment })
	each(txn, tableStatuses, indexID, []any{name}, func(t *statusRecord) { host.Statuses[t.jobID()] = t.taskStatus() })
	return host, nil
}

// HostLabels returns a copy of the host's labels, nil when there is no such host.
func (s *State) HostLabels(name string) map[string]string {
	record := first[hostRecord](s.mem.Txn(false), tableHosts, indexID, name)
	if record == nil {
		return nil
	}
	return maps.Clone(record.Labels)
}

// RefuseTakeOver returns why applying the registration at now would be refused because the host belongs to another agent, nil when it
// would not be; owner is that agent's id, "" when the host is not another agent's.
func (s *State) RefuseTakeOver(r model.Registration, now model.Timestamp) (owner string, err error) {
	record := first[hostRecord](s.mem.Txn(false), tableHosts, indexID, r.Host)
	if record == nil || record.AgentID == r.AgentID {
		return "", nil
	}
	if refusal := record.refuseTakeOver(r, now); refusal != nil {
		return record.AgentID, refusal
	}
	return record.AgentID, nil
}

// refuseTakeOver returns why the agent that registers may not have the host of another one, nil when it may: the other has not been
// recorded as gone, or not for long enough. One that never reported cannot be away.
func (r *hostRecord) refuseTakeOver(claim model.Registration, now model.Timestamp) *model.Error {
	if r.Up {
		return hostConflict(r.Name)
	}
	if r.AgentInfo == nil {
		return nil
	}
	away := max(0, now.Time().Sub(r.lastSeen().Time()))
	wait := claim.TakeOverAfter() - away
	if wait <= 0 {
		return nil
	}
	const second = 1e9
	return model.Errorf(model.CodeHostConflict,
		"host %s belongs to another agent, which was last seen %s ago; this one can take the name over in %s, or at once when the host is deregistered",
		r.Name, away.Truncate(second), (wait + second - 1).Truncate(second))
}

// lastSeen is when the agent, which has reported, was last known to be alive by the clock of a leader.
func (r *hostRecord) lastSeen() model.Timestamp {
	if r.Seen == 0 {
		return r.lastAlive() // recorded before leaders noted it
	}
	return r.Seen
}

// Registered returns what an agent that registers with these facts would be told, when that changes nothing.
func (s *State) Registered(r model.Registration) (registered model.Registered, unchanged bool) {
	txn := s.mem.Txn(false)
	record := first[hostRecord](txn, tableHosts, indexID, r.Host)
	if record == nil || record.AgentID != r.AgentID || !record.hasFacts(r) {
		return model.Registered{}, false
	}
	registered = model.Registered{Epoch: record.Epoch, ClusterID: readCluster(txn).ID}
	if ack := first[ackRecord](txn, tableAcks, indexID, r.Host); ack != nil {
		registered.AckedSeq = ack.seq
	}
	return registered, true
}

// AgentID returns the id of the host's agent; CodeHostNotFound when there is no such host.
func (s *State) AgentID(host string) (string, error) {
	record := first[hostRecord](s.mem.Txn(false), tableHosts, indexID, host)
	if record == nil {
		return "", hostNotFound(host)
	}
	return record.AgentID, nil
}

// Epoch tells the registrations of a host apart, 0 for one that is unknown.
func (s *State) Epoch(host string) uint64 {
	if record := first[hostRecord](s.mem.Txn(false), tableHosts, indexID, host); record != nil {
		return record.Epoch
	}
	return 0
}

// Liveness returns what was last recorded of each host, sorted by host, as changes at no particular time.
func (s *State) Liveness() []LivenessChange {
	var all []LivenessChange
	each(s.mem.Txn(false), tableHosts, indexID, nil, func(h *hostRecord) {
		all = append(all, LivenessChange{Host: h.Name, AgentID: h.AgentID, Up: h.Up})
	})
	return slices.Clip(all)
}
