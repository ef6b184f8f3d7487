package main

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/heliosctl/heliosctl/client"
)

const (
	defaultMaster       = "http://localhost:5801"
	defaultHTTPTimeout  = 4 * time.Second
	defaultRetryTimeout = 4 * time.Second
)

// globalOptions are the flags that every command takes.
type globalOptions struct {
	masters      []string
	domains      []string
	contexts     []string
	srvName      string
	username     string
	json         bool
	insecure     bool
	google       string
	verbosity    int
	httpTimeout  seconds
	retryTimeout seconds
}

func (o *globalOptions) bind(flags *pflag.FlagSet) {
	flags.StringArrayVarP(&o.masters, "master", "z", nil,
		"`URL` of a master; repeatable (default $HELIOS_MASTER, which may be domain://DOMAIN, else the context in use, else "+defaultMaster+")")
	flags.StringArrayVarP(&o.domains, "domains", "d", nil, "DNS `DOMAIN` whose SRV records name the masters; repeat or separate by commas")
	flags.StringArrayVar(&o.contexts, "context", nil,
		"`NAME` of a context, see 'heliosctl context'; repeat or separate by commas (default $HELIOSCTL_CONTEXT)")
	flags.StringVar(&o.srvName, "srv-name", "", "`NAME` that the SRV records begin with: _NAME._https.DOMAIN, else _NAME._http.DOMAIN (default "+
		client.DefaultService+")")
	flags.StringVarP(&o.username, "username", "u", "", "`NAME` recorded with what you change (default your login)")
	flags.BoolVar(&o.json, "json", false, "print one JSON document instead of text")
	flags.BoolVarP(&o.insecure, "insecure", "k", false, "accept a certificate of another host, if somebody trusted has signed it")
	flags.CountVarP(&o.verbosity, "verbose", "v", "say on error output which master is asked; twice: every request")
	flags.Var(&o.httpTimeout, "http-timeout", "longest silence of a master, in `SECONDS` or as 1m30s (default 4s)")
	flags.Var(&o.retryTimeout, "retry-timeout", "how long to look for a master that answers, in `SECONDS` or as 1m30s (default 4s)")
	flags.StringVar(&o.google, "google-credentials", "false", "`true|false`, accepted for scripts: no Google tokens are sent")
	flags.Bool("no-log-setup", false, "accepted for scripts: there is no logging to set up")
	for _, name := range []string{"google-credentials", "no-log-setup"} {
		_ = flags.MarkHidden(name) // it exists
	}
}

// timeouts combines the flags with the environment; flags win. Faults are usage errors.
func (o *globalOptions) timeouts(getenv func(string) string) (attempt, retry time.Duration, err error) {
	if attempt, err = o.httpTimeout.or(getenv, "HELIOS_CLI_HTTP_TIMEOUT", defaultHTTPTimeout); err != nil {
		return 0, 0, err
	}
	retry, err = o.retryTimeout.or(getenv, "HELIOS_CLI_TOTAL_TIMEOUT", defaultRetryTimeout)
	return attempt, retry, err
}

// listed takes lists apart and drops blanks and repetitions.
func listed(lists []string) []string {
	var words []string
	for _, list := range lists {
		for word := range strings.SplitSeq(list, ",") {
			if word = strings.TrimSpace(word); word != "" && !slices.Contains(words, word) {
				words = append(words, word)
			}
		}
	}
	return words
}

// checkedEndpoint returns the URL of a master that source has named, if it is one.
func checkedEndpoint(source, endpoint string) (string, error) {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Hostname() == "" || u.Port() == "" || (u.Scheme != "http" && u.Scheme != "https"):
		forms := "http://HOST:PORT or https://HOST:PORT"
		if source == mastersVariable {
			forms = "http://HOST:PORT, https://HOST:PORT or domain://DOMAIN"
		}
		return "", usagef("%s is %q; give it as %s", source, endpoint, forms)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", usagef("%s is %q; it may only have a scheme, a host, a port and a path", source, u.Redacted())
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
