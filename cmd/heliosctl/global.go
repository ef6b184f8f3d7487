package main

import (
	"fmt"
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
	defaultHTTPTimeout  = 5 * time.Second
	defaultRetryTimeout = 4 * time.Second
)

// globalOptions are the flags that every command takes.
type globalOptions struct {
	masters      []string
	domains      []string
	srvName      string
	username     string
	json         bool
	httpTimeout  seconds
	retryTimeout seconds
}

func (o *globalOptions) bind(flags *pflag.FlagSet) {
	flags.StringArrayVarP(&o.masters, "master", "z", nil, "`URL` of a master (default $HELIOS_MASTER, which may be domain://DOMAIN, else "+defaultMaster+")")
	flags.StringArrayVarP(&o.domains, "domains", "d", nil, "DNS `DOMAIN` whose SRV records name the masters")
	flags.StringVar(&o.srvName, "srv-name", client.DefaultService, "`NAME` that the SRV records begin with: _NAME._https.DOMAIN, else _NAME._http.DOMAIN")
	flags.StringVarP(&o.username, "username", "u", "", "`NAME` recorded with what you change (default your login)")
	flags.BoolVar(&o.json, "json", false, "print one JSON document instead of text")
	flags.Var(&o.httpTimeout, "http-timeout", "longest silence of a master, in `SECONDS` or as 1m30s (default 5s)")
	flags.Var(&o.retryTimeout, "retry-timeout", "how long to look for a master that answers, in `SECONDS` or as 1m30s (default 4s)")
}

// connection says how to reach the masters.
type connection struct {
	endpoint     string
	domain       *client.Domain // where there is no endpoint
	httpTimeout  time.Duration
	retryTimeout time.Duration
}

// connection combines the flags with the environment; flags win. Faults are usage errors.
func (o *globalOptions) connection(getenv func(string) string) (connection, error) {
	var c connection
	var err error
	if c.endpoint, c.domain, err = o.target(getenv); err != nil {
		return c, err
	}
	if c.httpTimeout, err = o.httpTimeout.or(getenv, "HELIOS_CLI_HTTP_TIMEOUT", defaultHTTPTimeout); err != nil {
		return c, err
	}
	c.retryTimeout, err = o.retryTimeout.or(getenv, "HELIOS_CLI_TOTAL_TIMEOUT", defaultRetryTimeout)
	return c, err
}

// domainScheme is what HELIOS_MASTER begins with when it names a domain.
const domainScheme = "domain://"

// target finds where the masters are: what --master says, else --domains, else the environment.
func (o *globalOptions) target(getenv func(string) string) (endpoint string, domain *client.Domain, err error) {
	domains := listedDomains(o.domains)
	given := getenv("HELIOS_MASTER")
	named, isDomain := strings.CutPrefix(given, domainScheme)
	switch {
	case len(o.masters) > 1:
		return "", nil, usagef("--master was given %d times; a command speaks to one cluster", len(o.masters))
	case len(o.masters) == 1:
		endpoint, err = checkedEndpoint("--master", o.masters[0])
	case len(domains) > 1:
		return "", nil, usagef("--domains names %d domains (%s); a command speaks to one cluster", len(domains), strings.Join(domains, ", "))
	case len(domains) == 1:
		domain, err = o.domain(domains[0], getenv)
	case isDomain && named == "":
		return "", nil, usagef("HELIOS_MASTER is %q; give the domain after it", given)
	case isDomain:
		domain, err = o.domain(named, getenv)
	case given != "":
		endpoint, err = checkedEndpoint("HELIOS_MASTER", given)
	default:
		endpoint = defaultMaster
	}
	return endpoint, domain, err
}

// listedDomains takes lists apart and drops blanks and repetitions.
func listedDomains(lists []string) []string {
	var domains []string
	for _, list := range lists {
		for domain := range strings.SplitSeq(list, ",") {
			if domain = strings.TrimSpace(domain); domain != "" && !slices.Contains(domains, domain) {
				domains = append(domains, domain)
			}
		}
	}
	return domains
}

// domain says how masters are found in a domain. Who has SRV records of other names says so by the original's variables.
func (o *globalOptions) domain(name string, getenv func(string) string) (*client.Domain, error) {
	d := &client.Domain{Name: name, Service: o.srvName}
	for variable, format := range map[string]*string{
		"HELIOS_HTTPS_SRV_FORMAT": &d.HTTPSFormat, "HELIOS_HTTP_SRV_FORMAT": &d.HTTPFormat,
	} {
		*format = getenv(variable)
		if *format != "" && strings.Contains(fmt.Sprintf(*format, "name", "domain"), "%!") {
			return nil, usagef("%s is %q; it must have two %%s, for the name and the domain, such as _%%s._http.%%s", variable, *format)
		}
	}
	return d, nil
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
