package main

import (
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/pflag"
)

const (
	defaultMaster       = "http://localhost:5801"
	defaultHTTPTimeout  = 5 * time.Second
	defaultRetryTimeout = 4 * time.Second
)

// globalOptions are the flags that every command takes.
type globalOptions struct {
	masters      []string
	username     string
	json         bool
	httpTimeout  seconds
	retryTimeout seconds
}

func (o *globalOptions) bind(flags *pflag.FlagSet) {
	flags.StringArrayVarP(&o.masters, "master", "z", nil, "`URL` of a master (default $HELIOS_MASTER, else "+defaultMaster+")")
	flags.StringVarP(&o.username, "username", "u", "", "`NAME` recorded with what you change (default your login)")
	flags.BoolVar(&o.json, "json", false, "print one JSON document instead of text")
	flags.Var(&o.httpTimeout, "http-timeout", "longest silence of a master, in `SECONDS` or as 1m30s (default 5s)")
	flags.Var(&o.retryTimeout, "retry-timeout", "how long to look for a master that answers, in `SECONDS` or as 1m30s (default 4s)")
}

// connection says how to reach the masters.
type connection struct {
	endpoint     string
	httpTimeout  time.Duration
	retryTimeout time.Duration
}

// connection combines the flags with the environment; flags win. Faults are usage errors.
func (o *globalOptions) connection(getenv func(string) string) (connection, error) {
	var c connection
	var err error
	if c.endpoint, err = o.endpoint(getenv); err != nil {
		return c, err
	}
	if c.httpTimeout, err = o.httpTimeout.or(getenv, "HELIOS_CLI_HTTP_TIMEOUT", defaultHTTPTimeout); err != nil {
		return c, err
	}
	c.retryTimeout, err = o.retryTimeout.or(getenv, "HELIOS_CLI_TOTAL_TIMEOUT", defaultRetryTimeout)
	return c, err
}

func (o *globalOptions) endpoint(getenv func(string) string) (string, error) {
	switch {
	case len(o.masters) > 1:
		return "", usagef("--master was given %d times; a command speaks to one cluster", len(o.masters))
	case len(o.masters) == 1:
		return checkedEndpoint("--master", o.masters[0])
	case getenv("HELIOS_MASTER") != "":
		return checkedEndpoint("HELIOS_MASTER", getenv("HELIOS_MASTER"))
	}
	return defaultMaster, nil
}

func checkedEndpoint(source, endpoint string) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Hostname() == "" || u.Port() == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return "", usagef("%s is %q; give it as http://HOST:PORT or https://HOST:PORT", source, endpoint)
	}
	return endpoint, nil
}

// seconds is a flag that takes whole seconds, as the original did, or a duration such as 1m30s. Zero is "not given".
type seconds time.Duration

func (s *seconds) String() string {
	if *s == 0 {
		return ""
	}
	return time.Duration(*s).String()
}

// Set accepts positive values only.
func (s *seconds) Set(text string) error {
	d, err := parseSeconds(text)
	if err == nil {
		*s = seconds(d)
	}
	return err
}

// Type names the kind of value in help texts.
func (s *seconds) Type() string { return "seconds" }

func (s *seconds) or(getenv func(string) string, variable string, fallback time.Duration) (time.Duration, error) {
	if *s != 0 {
		return time.Duration(*s), nil
	}
	text := getenv(variable)
	if text == "" {
		return fallback, nil
	}
	d, err := parseSeconds(text)
	if err != nil {
		return 0, usagef("%s is %q; %v", variable, text, err)
	}
	return d, nil
}

func parseSeconds(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if n, numberErr := strconv.ParseInt(text, 10, 32); numberErr == nil {
		d, err = time.Duration(n)*time.Second, nil
	}
	if err != nil || d <= 0 {
		return 0, usagef("give seconds, or a duration such as 1m30s, above zero")
	}
	return d, nil
}
