package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"sync"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/load"
	"github.com/shirou/gopsutil/v4/mem"
	"golang.org/x/sys/unix"

	"github.com/heliosctl/heliosctl/model"
)

// facts tells the masters about the host: what seldom changes with each registration and when it does, gauges all the time.
type facts struct {
	agent *Agent

	mu     sync.Mutex
	sent   model.Registration // without its gauges
	behind bool               // a change of facts could not be sent
}

// send registers the agent with the facts of now.
func (f *facts) send(ctx context.Context) (model.Registered, error) {
	registration := f.collect(ctx)
	registered, err := f.agent.config.Master.RegisterAgent(ctx, registration)
	if err == nil {
		f.mu.Lock()
		f.sent, f.behind = withoutGauges(registration), false
		f.mu.Unlock()
	}
	return registered, err
}

// unsent reports whether the masters do not know the facts as they were last looked at.
func (f *facts) unsent() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.behind
}

func (f *facts) run(ctx context.Context) error {
	gauges := time.NewTicker(f.agent.config.GaugeInterval)
	defer gauges.Stop()
	look := time.NewTicker(f.agent.config.FactsInterval)
	defer look.Stop()
	pulls, rested := f.agent.pulls.news, (<-chan time.Time)(nil)
	for {
		accepted := f.agent.masters.accepted.next()
		back := f.agent.engine.back.next()
		select {
		case <-gauges.C:
			f.sendGauges(ctx)
		case <-accepted:
			f.sendGauges(ctx)
		case <-pulls:
			f.sendGauges(ctx)
			pulls, rested = nil, time.After(pullNews)
		case <-rested:
			pulls, rested = f.agent.pulls.news, nil
		case <-look.C:
			f.sendChanges(ctx)
		case <-back:
			f.sendChanges(ctx)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// sendChanges registers anew when a fact has changed.
func (f *facts) sendChanges(ctx context.Context) {
	if !f.agent.masters.isRegistered() {
		return
	}
	now := withoutGauges(f.collect(ctx))
	f.mu.Lock()
	changed := !reflect.DeepEqual(now, f.sent)
	f.behind = changed
	f.mu.Unlock()
	if !changed {
		return
	}
	registered, err := f.send(ctx)
	if err != nil {
		f.agent.log.Warn("changed facts of the host wait for a master", "error", err)
		if model.CodeOf(err) == model.CodeHostConflict {
			f.agent.masters.renew(err)
		}
		return
	}
	known, _, err := f.agent.config.Records.Registered()
	if err != nil || known.Epoch != registered.Epoch || known.ClusterID != registered.ClusterID {
		f.agent.masters.renew(errors.Join(err, errRegisteredAnew))
	}
}

var errRegisteredAnew = errors.New("the host was deregistered and is registered anew")

func (f *facts) sendGauges(ctx context.Context) {
	if !f.agent.masters.isRegistered() {
		return
	}
	info := readGauges(ctx)
	err := f.agent.config.Master.PostGauges(ctx, f.agent.config.Host, model.Gauges{
		AgentID:         f.agent.ID(),
		LoadAvg:         info.LoadAvg,
		MemoryFreeBytes: info.MemoryFreeBytes,
		SwapFreeBytes:   info.SwapFreeBytes,
		Uptime:          time.Since(f.agent.started).Milliseconds(),
		Progress:        f.agent.pulls.all(),
	})
	if err != nil && ctx.Err() == nil {
		f.agent.log.Debug("gauges were not sent", "error", err)
	}
}

func (f *facts) collect(ctx context.Context) model.Registration {
	config := f.agent.config
	return model.Registration{
		Host:        config.Host,
		AgentID:     f.agent.ID(),
		HostInfo:    f.hostInfo(ctx),
		AgentInfo:   f.agentInfo(),
		Environment: orEmpty(config.Env),
		Labels:      orEmpty(config.Labels),
		ClusterID:   f.agent.clusterID(),
		TTL:         config.registrationTTL(),
	}
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func (f *facts) hostInfo(ctx context.Context) model.HostInfo {
	info := readGauges(ctx)
	info.Runtime = f.agent.config.Runtime.Name()
	info.Architecture = runtime.GOARCH
	info.Hostname, _ = os.Hostname() // "" when the system does not know
	info.CPUs = runtime.NumCPU()
	if cpus, err := cpu.CountsWithContext(ctx, true); err == nil {
		info.CPUs = cpus
	}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		text := func(field []byte) string { return unix.ByteSliceToString(field) }
		info.OSName, info.OSVersion = text(name.Sysname[:]), text(name.Release[:])
		info.Uname = fmt.Sprintf("%s %s %s %s %s", text(name.Sysname[:]), text(name.Nodename[:]), text(name.Release[:]),
			text(name.Version[:]), text(name.Machine[:]))
	}
	engine, err := f.agent.config.Runtime.Info(ctx)
	if err != nil {
		return info
	}
	info.DockerHost = engine.Endpoint
	if engine.APIVersion != "" {
		info.DockerVersion = &model.DockerVersion{
			APIVersion: engine.APIVersion, Arch: engine.Architecture, GitCommit: engine.GitCommit, GoVersion: engine.GoVersion,
			KernelVersion: engine.KernelVersion, OS: engine.OS, Version: engine.Version,
		}
	}
	return info
}

// readGauges returns a HostInfo with nothing but what changes all the time, and the totals. What the system does not tell is zero.
func readGauges(ctx context.Context) model.HostInfo {
	var info model.HostInfo
	if average, err := load.AvgWithContext(ctx); err == nil {
		info.LoadAvg = average.Load1
	}
	if memory, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		info.MemoryTotalBytes, info.MemoryFreeBytes = int64(memory.Total), int64(memory.Available)
	}
	if swap, err := mem.SwapMemoryWithContext(ctx); err == nil {
		info.SwapTotalBytes, info.SwapFreeBytes = int64(swap.Total), int64(swap.Free)
	}
	return info
}

// agentInfo fills the original's fields, made for a Java process, with what comes closest.
func (f *facts) agentInfo() model.AgentInfo {
	return model.AgentInfo{
		Name:           fmt.Sprintf("%d@%s", os.Getpid(), f.agent.config.Host),
		VMName:         "go",
		VMVendor:       "The Go Authors",
		VMVersion:      runtime.Version(),
		SpecName:       "heliosctl agent",
		SpecVendor:     "heliosctl",
		SpecVersion:    f.agent.config.Version,
		InputArguments: []string{},
		Uptime:         time.Since(f.agent.started).Milliseconds(),
		StartTime:      model.TimestampOf(f.agent.started),
		Version:        f.agent.config.Version,
	}
}

func withoutGauges(r model.Registration) model.Registration {
	r.ClusterID = "" // learnt with the first registration; no fact of the host
	r.HostInfo.LoadAvg, r.HostInfo.MemoryFreeBytes, r.HostInfo.SwapFreeBytes = 0, 0, 0
	r.AgentInfo.Uptime = 0
	return r
}
