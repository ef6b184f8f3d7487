package main

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/heliosctl/heliosctl/model"
)

// jobFlags are the flags that make up a job.
type jobFlags struct {
	Hostname           string
	Token              string
	Env                []string
	Metadata           []string
	Ports              []string
	Registrations      []string
	RegistrationDomain string
	GracePeriod        int
	Volumes            []string
	Expires            string
	ExecCheck          string
	HTTPCheck          string
	TCPCheck           string
	CheckInterval      int
	CheckFailures      int
	SecurityOpt        []string
	NetworkMode        string
	AddCapabilities    []string
	DropCapabilities   []string
	Labels             []string
	RolloutOptions     []string
	Runtime            string
	Tags               []string
	Ramdisks           []string
	KillAfter          int
	Memory             string
	MemorySwap         string
	CPUShares          int64
	Cpuset             string
	Unset              []string // fields of the base that the job does not have

	given func(flag string) bool // tells a flag that was set from one that was not
}

func (f *jobFlags) bind(flags *pflag.FlagSet) {
	flags.StringVar(&f.Hostname, "hostname", "", "the container's host `NAME`")
	flags.StringVar(&f.Token, "token", "", "`TOKEN` that is then needed to deploy, start, stop, undeploy and remove the job")
	flags.StringArrayVar(&f.Env, "env", nil, "environment variable `NAME=VALUE`; may be repeated")
	flags.StringArrayVarP(&f.Metadata, "metadata", "m", nil, "metadata `KEY=VALUE` kept with the job; may be repeated")
	flags.StringArrayVarP(&f.Ports, "port", "p", nil, "port `NAME=INTERNAL[:EXTERNAL]`; may be repeated")
	flags.StringArrayVarP(&f.Registrations, "register", "r", nil, "register `SERVICE[/PROTO][=PORT]` for discovery; may be repeated")
	flags.StringVar(&f.RegistrationDomain, "registration-domain", "", "discovery `DOMAIN`, instead of the default one")
	flags.IntVar(&f.GracePeriod, "grace-period", 0, "`SECONDS` between unregistering and stopping")
	flags.StringArrayVar(&f.Volumes, "volume", nil, "volume `[SOURCE:]PATH[:MODE]`; may be repeated")
	flags.StringVarP(&f.Expires, "expires", "e", "", "`TIME` at which the job is undeployed and removed")
	flags.StringVar(&f.ExecCheck, "exec-check", "", "healthy once `COMMAND` succeeds in the container")
	flags.StringVar(&f.HTTPCheck, "http-check", "", "healthy once `PORT:PATH` answers with 2xx or 3xx")
	flags.StringVar(&f.TCPCheck, "tcp-check", "", "healthy once `PORT` accepts connections")
	flags.IntVar(&f.CheckInterval, "check-interval", 0, "go on checking every so many `SECONDS` while the container runs, and mark it unhealthy")
	flags.IntVar(&f.CheckFailures, "check-failures", 0,
		fmt.Sprintf("with --check-interval: unhealthy after `N` failures in a row (default %d)", model.DefaultUnhealthyAfter))
	flags.StringArrayVar(&f.SecurityOpt, "security-opt", nil, "security `OPTION` of the engine; may be repeated")
	flags.StringVar(&f.NetworkMode, "network-mode", "", "`MODE` bridge, host or container:NAME")
	flags.StringArrayVar(&f.AddCapabilities, "add-capability", nil, "`CAPABILITY` to add; may be repeated")
	flags.StringArrayVar(&f.DropCapabilities, "drop-capability", nil, "`CAPABILITY` to drop; may be repeated")
	flags.StringArrayVar(&f.Labels, "labels", nil, "label of the container `KEY=VALUE`; may be repeated")
	flags.StringArrayVar(&f.RolloutOptions, "rollout-options", nil,
		"default for rolling updates `KEY=VALUE`: timeout, parallelism, migrate, overlap, token, ignoreFailures, canary, maxFailures, minHealthy, onFailure; may be repeated")
	flags.StringVar(&f.Runtime, "runtime", "", "the engine's `RUNTIME`")
	flags.StringArrayVar(&f.Tags, "tag", nil, "tag `PORT=TAG` of the registrations of a port; may be repeated")
	flags.StringArrayVar(&f.Ramdisks, "ramdisk", nil, "file system in memory `PATH[=OPTIONS]`, such as /tmp=size=64m; may be repeated")
	flags.IntVar(&f.KillAfter, "kill-after", 0, "`SECONDS` between asking the container to end and killing it (default 120)")
	flags.StringVar(&f.Memory, "memory", "", "memory limit in `BYTES`, or such as 512m or 2g")
	flags.StringVar(&f.MemorySwap, "memory-swap", "", "limit of memory and swap together in `BYTES`, or such as 1g")
	flags.Int64Var(&f.CPUShares, "cpu-shares", 0, "`WEIGHT` of the container among those that want the CPUs")
	flags.StringVar(&f.Cpuset, "cpuset", "", "`CPUS` that the container may run on, such as 0-3 or 0,1")
	flags.StringArrayVar(&f.Unset, "unset", nil,
		"`FIELD[.ENTRY]` of the file or of the other job that the job is not to have, such as token or env.NAME; may be repeated")
	letLackValue(flags, "hostname", "token", "runtime")
}

// apply puts the given flags on top of a job. The error names every flag that cannot be read.
func (f *jobFlags) apply(job *model.Job) error {
	f.applyWords(job)
	var faults []error
	for _, entries := range []struct {
		flag  string
		specs []string
		into  *map[string]string
	}{
		{"--env", f.Env, &job.Env},
		{"--metadata", f.Metadata, &job.Metadata},
		{"--labels", f.Labels, &job.Labels},
	} {
		faults = append(faults, eachSpec(entries.specs, func(spec string) error {
			key, value, err := cutPair(entries.flag, spec)
			if err == nil {
				put(entries.into, key, value)
			}
			return err
		})...)
	}
	faults = append(faults, f.applyPorts(job)...)
	if len(faults) == 0 { // else ports may be missing that are meant below
		faults = append(faults, f.applyRegistrations(job)...)
	}
	if len(faults) == 0 {
		faults = append(faults, eachSpec(f.Tags, func(spec string) error { return applyTag(job, spec) })...)
	}
	faults = append(faults, eachSpec(f.Volumes, func(spec string) error { return applyVolume(job, spec) })...)
	faults = append(faults, eachSpec(f.Ramdisks, func(spec string) error { return applyRamdisk(job, spec) })...)
	for _, step := range []func(*model.Job) error{
		f.applyExpires, f.applyHealthCheck, f.applyMemory, f.applyMemorySwap, f.applyCPUs, f.applyRolloutOptions,
	} {
		if err := step(job); err != nil {
			faults = append(faults, err)
		}
	}
	return joinFaults(faults)
}

// eachSpec applies specifications one by one, and returns what is wrong with them.
func eachSpec(specs []string, apply func(string) error) []error {
	var faults []error
	for _, spec := range specs {
		if err := apply(spec); err != nil {
			faults = append(faults, err)
		}
	}
	return faults
}

// joinFaults makes one error of several, which lists them.
func joinFaults(faults []error) error {
	switch len(faults) {
	case 0:
		return nil
	case 1:
		return faults[0]
	}
	joined := model.Errorf(model.CodeInvalid, "%d flags cannot be read; nothing was created", len(faults))
	for _, fault := range faults {
		joined.Details = append(joined.Details, fault.Error())
	}
	return joined
}

// applyWords copies the flags that need no reading.
func (f *jobFlags) applyWords(job *model.Job) {
	for _, word := range []struct{ value, into *string }{
		{&f.Hostname, &job.Hostname},
		{&f.Token, &job.Token},
		{&f.RegistrationDomain, &job.RegistrationDomain},
		{&f.NetworkMode, &job.NetworkMode},
		{&f.Runtime, &job.Runtime},
	} {
		if *word.value != "" {
			*word.into = *word.value
		}
	}
	for _, list := range []struct{ value, into *[]string }{
		{&f.SecurityOpt, &job.SecurityOpt},
		{&f.AddCapabilities, &job.AddCapabilities},
		{&f.DropCapabilities, &job.DropCapabilities},
	} {
		if len(*list.value) > 0 {
			*list.into = *list.value
		}
	}
	if f.given != nil && f.given("grace-period") {
		job.GracePeriod = &f.GracePeriod
	}
	if f.given != nil && f.given("kill-after") {
		job.SecondsToWaitBeforeKill = &f.KillAfter
	}
}

func (f *jobFlags) applyPorts(job *model.Job) []error {
	typed := map[string]bool{}
	return eachSpec(f.Ports, func(spec string) error {
		name, mapping, err := model.ParsePortMapping(spec)
		switch {
		case err != nil:
			return err
		case typed[name]:
			return model.Errorf(model.CodeInvalid, "port %q is given twice", name)
		}
		typed[name] = true
		put(&job.Ports, name, mapping)
		return nil
	})
}

// applyRegistrations replaces an endpoint of the base; the same endpoint given twice registers both ports.
func (f *jobFlags) applyRegistrations(job *model.Job) []error {
	typed := map[model.ServiceEndpoint]bool{}
	return eachSpec(f.Registrations, func(spec string) error {
		endpoint, port, err := model.ParseServiceRegistration(spec)
		if err != nil {
			return err
		}
		if port == "" {
			if len(job.Ports) != 1 {
				return model.Errorf(model.CodeInvalid, "registration %q names no port, and the job has %s; give it as %s=PORT",
					spec, plural(int64(len(job.Ports)), "port"), spec)
			}
			port = slices.Collect(maps.Keys(job.Ports))[0]
		}
		if !typed[endpoint] {
			put(&job.Registration, endpoint, model.ServicePorts{Ports: map[string]model.ServicePortParameters{}})
			typed[endpoint] = true
		}
		job.Registration[endpoint].Ports[port] = model.ServicePortParameters{}
		return nil
	})
}

// applyTag adds a tag to every registration of a port.
func applyTag(job *model.Job, spec string) error {
	port, tag, err := cutPair("--tag", spec)
	if err != nil {
		return err
	}
	registered := false
	for _, service := range job.Registration {
		parameters, ok := service.Ports[port]
		if !ok {
			continue
		}
		registered = true
		if !slices.Contains(parameters.Tags, tag) {
			service.Ports[port] = model.ServicePortParameters{Tags: append(slices.Clone(parameters.Tags), tag)}
		}
	}
	if !registered {
		return model.Errorf(model.CodeInvalid, "--tag %q: port %q is not registered; register it with --register SERVICE=%s", spec, port, port)
	}
	return nil
}

// applyVolume replaces a volume of the base at the same path, whatever their modes.
func applyVolume(job *model.Job, spec string) error {
	key, source, err := model.ParseVolume(spec)
	if err != nil {
		return err
	}
	path, _, _ := strings.Cut(key, ":")
	maps.DeleteFunc(job.Volumes, func(old, _ string) bool {
		oldPath, _, _ := strings.Cut(old, ":")
		return oldPath == path
	})
	put(&job.Volumes, key, source)
	return nil
}

func applyRamdisk(job *model.Job, spec string) error {
	path, options, _ := strings.Cut(spec, "=")
	if !strings.HasPrefix(path, "/") {
		return model.Errorf(model.CodeInvalid, "--ramdisk %q: give it as PATH or PATH=OPTIONS, the path beginning with /", spec)
	}
	put(&job.Ramdisks, path, options)
	return nil
}

// resourcesOf returns the resources of a job, to be changed.
func resourcesOf(job *model.Job) *model.Resources {
	var resources model.Resources
	if job.Resources != nil {
		resources = *job.Resources // the base's may be another job's too
	}
	job.Resources = &resources
	return &resources
}

func (f *jobFlags) applyMemory(job *model.Job) error {
	return applySize(job, "--memory", f.Memory, func(r *model.Resources, bytes *int64) { r.Memory = bytes })
}

func (f *jobFlags) applyMemorySwap(job *model.Job) error {
	return applySize(job, "--memory-swap", f.MemorySwap, func(r *model.Resources, bytes *int64) { r.MemorySwap = bytes })
}

func applySize(job *model.Job, flag, text string, set func(*model.Resources, *int64)) error {
	if text == "" {
		return nil
	}
	bytes, err := parseSize(text)
	if err != nil {
		return model.Errorf(model.CodeInvalid, "%s %q: %v", flag, text, err)
	}
	set(resourcesOf(job), &bytes)
	return nil
}

func (f *jobFlags) applyCPUs(job *model.Job) error {
	if f.given != nil && f.given("cpu-shares") {
		if f.CPUShares <= 0 {
			return model.Errorf(model.CodeInvalid, "--cpu-shares %d: give a weight above zero, such as 512; 1024 is usual", f.CPUShares)
		}
		resourcesOf(job).CPUShares = &f.CPUShares
	}
	if f.Cpuset != "" {
		resourcesOf(job).Cpuset = f.Cpuset
	}
	return nil
}

// parseSize reads a number of bytes; k, m and g after it stand for 1024 of the next smaller unit, and a b behind them changes nothing.
func parseSize(text string) (int64, error) {
	fault := errors.New("give bytes, or a size such as 512m or 2g")
	digits := strings.TrimSuffix(strings.ToLower(text), "b")
	unit := int64(1)
	if i := strings.IndexAny("kmg", digits[max(len(digits)-1, 0):]); digits != "" && i >= 0 {
		unit = int64(1) << (10 * (i + 1))
		digits = digits[:len(digits)-1]
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n <= 0 || digits[0] == '+' || n > math.MaxInt64/unit {
		return 0, fault
	}
	return n * unit, nil
}

func (f *jobFlags) applyExpires(job *model.Job) error {
	if f.Expires == "" {
		return nil
	}
	expires, err := parseLocalTime(f.Expires)
	if err != nil {
		return model.Errorf(model.CodeInvalid, "--expires: %v", err)
	}
	job.Expires = &expires
	return nil
}

// parseLocalTime reads a time; one without a zone is local time, as people mean it.
func parseLocalTime(text string) (model.Timestamp, error) {
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return model.TimestampOf(t), nil
		}
	}
	return model.ParseTimestamp(text)
}

func (f *jobFlags) applyHealthCheck(job *model.Job) error {
	var checks []*model.HealthCheck
	if f.ExecCheck != "" {
		words, err := model.SplitWords(f.ExecCheck)
		if err != nil {
			return model.Errorf(model.CodeInvalid, "--exec-check %q: %v", f.ExecCheck, err)
		}
		checks = append(checks, &model.HealthCheck{Type: model.HealthCheckExec, Command: words})
	}
	if f.HTTPCheck != "" {
		port, path, found := strings.Cut(f.HTTPCheck, ":")
		if !found || port == "" || path == "" {
			return model.Errorf(model.CodeInvalid, "--http-check %q: give it as PORT:PATH, such as http:/health", f.HTTPCheck)
		}
		if !strings.HasPrefix(path, "/") {
			path = "/" + path
		}
		checks = append(checks, &model.HealthCheck{Type: model.HealthCheckHTTP, Port: port, Path: path})
	}
	if f.TCPCheck != "" {
		checks = append(checks, &model.HealthCheck{Type: model.HealthCheckTCP, Port: f.TCPCheck})
	}
	switch len(checks) {
	case 0:
	case 1:
		job.HealthCheck = checks[0]
	default:
		return model.Errorf(model.CodeInvalid, "give one of --exec-check, --http-check and --tcp-check")
	}
	return f.applyContinuation(job)
}

// applyContinuation changes the health check of the flags or of the base.
func (f *jobFlags) applyContinuation(job *model.Job) error {
	interval := f.given != nil && f.given("check-interval")
	failures := f.given != nil && f.given("check-failures")
	if !interval && !failures {
		return nil
	}
	if job.HealthCheck == nil {
		return model.Errorf(model.CodeInvalid, "--check-interval and --check-failures need a health check: give --exec-check, --http-check or --tcp-check")
	}
	check := *job.HealthCheck
	if interval {
		check.Interval = f.CheckInterval
	}
	if failures {
		check.UnhealthyAfter = f.CheckFailures
	}
	job.HealthCheck = &check
	return nil
}

func (f *jobFlags) applyRolloutOptions(job *model.Job) error {
	if len(f.RolloutOptions) == 0 {
		return nil
	}
	var options model.RolloutOptions
	if job.RolloutOptions != nil {
		options = *job.RolloutOptions
	}
	for _, spec := range f.RolloutOptions {
		key, value, err := cutPair("--rollout-options", spec)
		if err != nil {
			return err
		}
		if err := setRolloutOption(&options, key, value); err != nil {
			return err
		}
	}
	if _, err := options.Settings(); err != nil {
		return model.Errorf(model.CodeInvalid, "--rollout-options: %v", err)
	}
	job.RolloutOptions = &options
	return nil
}

func setRolloutOption(options *model.RolloutOptions, key, value string) error {
	var err error
	form := "a whole number"
	switch key {
	case "migrate", "overlap", "ignoreFailures":
		form = "true or false"
	case "timeout", "minHealthy":
		form = "whole seconds"
	}
	switch key {
	case "timeout":
		err = setParsed(&options.Timeout, value, func(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) })
	case "parallelism":
		err = setParsed(&options.Parallelism, value, strconv.Atoi)
	case "migrate":
		err = setParsed(&options.Migrate, value, strconv.ParseBool)
	case "overlap":
		err = setParsed(&options.Overlap, value, strconv.ParseBool)
	case "ignoreFailures":
		err = setParsed(&options.IgnoreFailures, value, strconv.ParseBool)
	case "token":
		options.Token = &value
	case "canary":
		err = setParsed(&options.Canary, value, strconv.Atoi)
	case "minHealthy":
		err = setParsed(&options.MinHealthy, value, func(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) })
	case "maxFailures":
		options.MaxFailures = model.FailureLimit(value)
	case "onFailure":
		options.OnFailure = model.OnFailure(strings.ToUpper(value))
	default:
		return model.Errorf(model.CodeInvalid, "--rollout-options knows no %q; there are timeout, parallelism, migrate, overlap, token, "+
			"ignoreFailures, canary, maxFailures, minHealthy and onFailure", key)
	}
	if err != nil {
		return model.Errorf(model.CodeInvalid, "--rollout-options %s=%s: give %s", key, value, form)
	}
	return nil
}

func setParsed[T any](into **T, text string, parse func(string) (T, error)) error {
	value, err := parse(text)
	if err == nil {
		*into = &value
	}
	return err
}

// cutPair reads KEY=VALUE. The value may be empty, the key may not.
func cutPair(flag, spec string) (key, value string, err error) {
	key, value, found := strings.Cut(spec, "=")
	if !found || key == "" {
		return "", "", model.Errorf(model.CodeInvalid, "%s %q: give it as KEY=VALUE", flag, spec)
	}
	return key, value, nil
}

// put sets an entry of a map that may be nil.
func put[K comparable, V any](m *map[K]V, key K, value V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[key] = value
}
