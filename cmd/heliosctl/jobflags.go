package main

import (
	"fmt"
	"maps"
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
		"default for rolling updates `KEY=VALUE`: timeout, parallelism, migrate, overlap, token, ignoreFailures; may be repeated")
	flags.StringVar(&f.Runtime, "runtime", "", "the engine's `RUNTIME`")
}

// apply puts the given flags on top of a job. The error is that of the first flag that cannot be read.
func (f *jobFlags) apply(job *model.Job) error {
	f.applyWords(job)
	for _, entries := range []struct {
		flag  string
		specs []string
		into  *map[string]string
	}{
		{"--env", f.Env, &job.Env},
		{"--metadata", f.Metadata, &job.Metadata},
		{"--labels", f.Labels, &job.Labels},
	} {
		for _, spec := range entries.specs {
			key, value, err := cutPair(entries.flag, spec)
			if err != nil {
				return err
			}
			put(entries.into, key, value)
		}
	}
	for _, step := range []func(*model.Job) error{
		f.applyPorts, f.applyRegistrations, f.applyVolumes, f.applyExpires, f.applyHealthCheck, f.applyRolloutOptions,
	} {
		if err := step(job); err != nil {
			return err
		}
	}
	return nil
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
}

func (f *jobFlags) applyPorts(job *model.Job) error {
	typed := map[string]bool{}
	for _, spec := range f.Ports {
		name, mapping, err := model.ParsePortMapping(spec)
		if err != nil {
			return err
		}
		if typed[name] {
			return model.Errorf(model.CodeInvalid, "port %q is given twice", name)
		}
		typed[name] = true
		put(&job.Ports, name, mapping)
	}
	return nil
}

// applyRegistrations replaces an endpoint of the base; the same endpoint given twice registers both ports.
func (f *jobFlags) applyRegistrations(job *model.Job) error {
	typed := map[model.ServiceEndpoint]bool{}
	for _, spec := range f.Registrations {
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
	}
	return nil
}

// applyVolumes replaces a volume of the base at the same path, whatever their modes.
func (f *jobFlags) applyVolumes(job *model.Job) error {
	for _, spec := range f.Volumes {
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
	}
	return nil
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
		words, err := splitWords(f.ExecCheck)
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
	job.RolloutOptions = &options
	return nil
}

func setRolloutOption(options *model.RolloutOptions, key, value string) error {
	var err error
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
	default:
		return model.Errorf(model.CodeInvalid,
			"--rollout-options knows no %q; there are timeout, parallelism, migrate, overlap, token and ignoreFailures", key)
	}
	if err != nil {
		return model.Errorf(model.CodeInvalid, "--rollout-options %s=%s: %q is not a value for it", key, value, value)
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
