package tui

import (
	"fmt"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// RolloutOptionsOf are the options of a rolling update as the console shows them: those that were given, else the job's, else the
// defaults. Either may be nil.
func RolloutOptionsOf(given, job *model.RolloutOptions) RolloutOptions {
	o := model.MergeRolloutOptions(given, job)
	shown := RolloutOptions{
		Parallelism: *o.Parallelism, Timeout: time.Duration(*o.Timeout) * time.Second, Migrate: *o.Migrate, Overlap: *o.Overlap,
		IgnoreFailures: *o.IgnoreFailures, MaxFailures: o.MaxFailures, OnFailure: o.OnFailure, Token: *o.Token != "",
	}
	if o.Canary != nil {
		shown.Canary = *o.Canary
	}
	if o.MinHealthy != nil {
		shown.MinHealthy = time.Duration(*o.MinHealthy) * time.Second
	}
	return shown
}

// Request are the options as masters take them, all but the token.
func (o RolloutOptions) Request() model.RolloutOptions {
	timeout, minHealthy := int64(o.Timeout/time.Second), int64(o.MinHealthy/time.Second)
	return model.RolloutOptions{
		Parallelism: &o.Parallelism, Timeout: &timeout, Migrate: &o.Migrate, Overlap: &o.Overlap, IgnoreFailures: &o.IgnoreFailures,
		Canary: &o.Canary, MaxFailures: o.MaxFailures, MinHealthy: &minHealthy, OnFailure: o.OnFailure,
	}
}

// words are the options that are in force, those that are always there first.
func (o RolloutOptions) words() []string {
	words := []string{fmt.Sprintf("∥%d", o.Parallelism), "timeout " + Age(o.Timeout)}
	add := func(on bool, format string, args ...any) {
		if on {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	add(o.Overlap, "overlap")
	add(o.Migrate, "migrate")
	add(o.Canary > 0, "canary %d", o.Canary)
	add(o.MinHealthy > 0, "healthy for %s", Age(o.MinHealthy))
	return append(words, o.failureWords())
}

// failureWords says what happens when hosts fail.
func (o RolloutOptions) failureWords() string {
	if o.IgnoreFailures {
		return "failures are ignored"
	}
	then := map[model.OnFailure]string{model.OnFailurePause: "pauses", model.OnFailureRollback: "rolls back"}[o.OnFailure]
	if then == "" {
		then = "stops"
	}
	if limit := string(o.MaxFailures); limit != "" && limit != "0" {
		return then + " above " + limit + " failed"
	}
	return then + " at the first failure"
}

// flags are the options as flags of rolling-update, those only that differ from what is in force without them.
func (o RolloutOptions) flags(usual RolloutOptions) string {
	var flags []string
	add := func(differs bool, format string, args ...any) {
		if differs {
			flags = append(flags, fmt.Sprintf(format, args...))
		}
	}
	add(o.Parallelism != usual.Parallelism, "--parallelism %d", o.Parallelism)
	add(o.Timeout != usual.Timeout, "--timeout %d", int(o.Timeout.Seconds()))
	add(o.Migrate != usual.Migrate, "--migrate%s", unless(o.Migrate))
	add(o.Overlap != usual.Overlap, "--overlap%s", unless(o.Overlap))
	add(o.IgnoreFailures != usual.IgnoreFailures, "--ignore-failures%s", unless(o.IgnoreFailures))
	add(o.Canary != usual.Canary, "--canary %d", o.Canary)
	add(o.MaxFailures != usual.MaxFailures && o.MaxFailures != "", "--max-failures %s", model.QuoteWord(string(o.MaxFailures)))
	add(o.MinHealthy != usual.MinHealthy, "--min-healthy %d", int(o.MinHealthy.Seconds()))
	add(o.OnFailure != usual.OnFailure && o.OnFailure != "", "--on-failure %s", strings.ToLower(string(o.OnFailure)))
	return strings.Join(flags, " ")
}

// unless is what turns a flag off.
func unless(on bool) string {
	if on {
		return ""
	}
	return "=false"
}
