package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/cmd/heliosctl/config"
	"github.com/heliosctl/heliosctl/model"
)

// domainScheme is what HELIOS_MASTER begins with when it names a domain.
const domainScheme = "domain://"

// target is what a command speaks to: masters of one cluster, any of which will do.
type target struct {
	name    string         // the URL, the domain or the context, as it was named
	origin  string         // who named it, such as "HELIOS_MASTER"
	masters []string       // URLs
	domain  *client.Domain // where there are more; nil: nowhere
	context config.Context // that it comes from; without a name it is none

	// Of several targets, which are asked.
	cluster string // id, where it is known
	silent  bool   // nobody answered, and nobody knows its masters
}

// originDefault is where the target comes from that nobody has named.
const originDefault = "the default"

// targets says what a command speaks to, by the first of these that names anything: --master, --domains, --context,
// HELIOSCTL_CONTEXT, HELIOS_MASTER, the context in use, and the file of the original's command line; else it is a master on this
// machine. There is at least one. It asks nobody, so that two targets may be the same cluster: see clusters.
func (env *environment) targets() ([]target, error) {
	for _, named := range []func() ([]target, error){
		env.masterFlags, env.domainFlags, env.contextFlags, env.contextVariable, env.masterVariable, env.contextInUse, env.originalFile,
	} {
		if targets, err := named(); err != nil || len(targets) > 0 {
			return targets, err
		}
	}
	return []target{{name: defaultMaster, origin: originDefault, masters: []string{defaultMaster}}}, nil
}

func (env *environment) masterFlags() ([]target, error) {
	return masterTargets("--master", env.options.masters)
}

func (env *environment) domainFlags() ([]target, error) {
	return env.domainTargets("--domains", listed(env.options.domains), "")
}

func (env *environment) contextFlags() ([]target, error) {
	return env.contextTargets("--context", listed(env.options.contexts))
}

func (env *environment) contextVariable() ([]target, error) {
	return env.contextTargets("HELIOSCTL_CONTEXT", listed([]string{env.getenv("HELIOSCTL_CONTEXT")}))
}

// mastersVariable is the original's variable: a URL, or a domain after its scheme.
const mastersVariable = "HELIOS_MASTER"

func (env *environment) masterVariable() ([]target, error) {
	given := env.getenv(mastersVariable)
	domain, isDomain := strings.CutPrefix(given, domainScheme)
	switch {
	case given == "":
		return nil, nil
	case isDomain && domain == "":
		return nil, usagef("%s is %q; give the domain after it", mastersVariable, given)
	case isDomain:
		return env.domainTargets(mastersVariable, []string{domain}, "")
	}
	return masterTargets(mastersVariable, []string{given})
}

func (env *environment) contextInUse() ([]target, error) {
	file, err := env.configuration()
	if err != nil || file.Current == "" {
		return nil, err
	}
	return env.contextTargets("the context in use in "+config.Path(env.getenv), []string{file.Current})
}

func (env *environment) originalFile() ([]target, error) {
	path := config.OriginalPath(env.getenv)
	file, err := env.original()
	if err != nil {
		return nil, err
	}
	if len(file.Masters) > 0 {
		return masterTargets(path, file.Masters)
	}
	return env.domainTargets(path, listed(file.Domains), file.SRVName)
}

// configuration reads the configuration file.
func (env *environment) configuration() (config.File, error) {
	file, err := config.Load(config.Path(env.getenv))
	return file, unreadable(err)
}

// original reads what the original's command line was configured with.
func (env *environment) original() (config.Original, error) {
	file, err := config.LoadOriginal(config.OriginalPath(env.getenv))
	return file, unreadable(err)
}

// masterTargets makes a target of each URL.
func masterTargets(origin string, urls []string) ([]target, error) {
	var targets []target
	for _, url := range urls {
		checked, err := checkedEndpoint(origin, url)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(targets, func(t target) bool { return t.name == url }) {
			targets = append(targets, target{name: url, origin: origin, masters: []string{checked}})
		}
	}
	return targets, nil
}

// domainTargets makes a target of each domain. The name of the records is what --srv-name says, else srvName, else the original's file.
func (env *environment) domainTargets(origin string, domains []string, srvName string) ([]target, error) {
	var targets []target
	for _, name := range domains {
		domain, err := env.domain(name, srvName)
		if err != nil {
			return nil, err
		}
		targets = append(targets, target{name: name, origin: origin, domain: domain})
	}
	return targets, nil
}

// domain says how masters are found in a domain. Who has SRV records of other names says so by the original's variables.
func (env *environment) domain(name, srvName string) (*client.Domain, error) {
	srvName = cmp.Or(env.options.srvName, srvName)
	if srvName == "" {
		file, err := env.original()
		if err != nil {
			return nil, err
		}
		srvName = cmp.Or(file.SRVName, client.DefaultService)
	}
	d := &client.Domain{Name: name, Service: srvName, Resolver: env.resolver}
	for variable, format := range map[string]*string{
		"HELIOS_HTTPS_SRV_FORMAT": &d.HTTPSFormat, "HELIOS_HTTP_SRV_FORMAT": &d.HTTPFormat,
	} {
		*format = env.getenv(variable)
		if *format != "" && strings.Contains(fmt.Sprintf(*format, "name", "domain"), "%!") {
			return nil, usagef("%s is %q; it must have two %%s, for the name and the domain, such as _%%s._http.%%s", variable, *format)
		}
	}
	return d, nil
}

// contextTargets makes a target of each context.
func (env *environment) contextTargets(origin string, names []string) ([]target, error) {
	if len(names) == 0 {
		return nil, nil
	}
	file, err := env.configuration()
	if err != nil {
		return nil, err
	}
	var targets []target
	for _, name := range names {
		context, err := findContext(file, name)
		if err != nil {
			return nil, err
		}
		t, err := env.contextTarget(origin, context)
		if err != nil {
			return nil, err
		}
		targets = append(targets, t)
	}
	return targets, nil
}

// contextTarget makes a target of a context, whose masters are of one cluster.
func (env *environment) contextTarget(origin string, context config.Context) (target, error) {
	t := target{name: context.Name, origin: origin, context: context}
	for _, url := range context.Masters {
		checked, err := checkedEndpoint(fmt.Sprintf("a master of context %q", context.Name), url)
		if err != nil {
			return t, err
		}
		t.masters = append(t.masters, checked)
	}
	var err error
	if context.Domain != "" {
		t.domain, err = env.domain(context.Domain, context.SRVName)
	}
	return t, err
}

// findContext returns the context of a name, or says which ones are meant perhaps.
func findContext(file config.File, name string) (config.Context, error) {
	context, ok := file.Context(name)
	if ok {
		return context, nil
	}
	var names []string
	for _, c := range file.Contexts {
		names = append(names, c.Name)
	}
	if len(names) == 0 {
		return context, model.Errorf(model.CodeNotFound, "there is no context %q, nor any other; make one with 'heliosctl context add'", name)
	}
	return context, model.Errorf(model.CodeNotFound, "there is no context %q; see 'heliosctl context list'%s", name, didYouMean(name, names))
}

// configOf says how to reach a target and as whom.
func (env *environment) configOf(t target) (client.Config, error) {
	attempt, retry, err := env.options.timeouts(env.getenv)
	if err != nil {
		return client.Config{}, err
	}
	secure, err := env.secure(t)
	if err != nil {
		return client.Config{}, err
	}
	username := cmp.Or(env.options.username, t.context.Username)
	if username == "" {
		username = env.login()
	}
	return client.Config{
		Endpoints:    t.masters,
		Domain:       t.domain,
		Resolver:     env.resolver,
		User:         username,
		HTTPTimeout:  attempt,
		RetryTimeout: retry,
		UserAgent:    "heliosctl/" + productVersion(),
		TLS:          secure,
		Trace:        env.trace(),
	}, nil
}

// places are the URLs and the domain of a target, for people.
func (t target) places() string {
	places := slices.Clone(t.masters)
	if t.domain != nil {
		places = append(places, fmt.Sprintf("%s (srv: %s)", t.domain.Name, t.domain.Service))
	}
	return strings.Join(places, ", ")
}
