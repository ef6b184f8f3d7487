package main

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

// This file tells clusters from masters. To the original's command line each --master was a cluster of its own, and three masters of
// one cluster were given every change three times. Scripts rely on the former and nobody on the latter, so the masters are asked.

// lookUpPatience is how long to look up the names of masters.
const lookUpPatience = 2 * time.Second

// oneTry makes a client ask each of its masters once.
const oneTry = time.Nanosecond

// asked is a target whose masters have been asked for the id of their cluster. Masters of the original have none.
type asked struct {
	target
	config client.Config
	err    error // nobody answered
}

// clusters are the targets of a command, with those that are the same cluster made one, in the order in which they were named. Only
// where there are several are the masters asked which cluster they are of.
//
// A target of which nobody answers may be a master that is down, for which others of its cluster stand in, or a cluster that is down,
// which the command must fail on. It is the former when a cluster that answers knows all its addresses as those of masters of its own;
// else it stays a target.
func (env *environment) clusters(ctx context.Context) ([]target, error) {
	targets, err := env.targets()
	if err != nil {
		return nil, err
	}
	if len(targets) > 1 {
		if targets, err = env.joined(ctx, targets); err != nil {
			return nil, err
		}
	}
	for _, t := range targets {
		env.say(sayTargets, "speaking to %s: %s, from %s", t.name, t.places(), t.origin)
	}
	return targets, nil
}

// onlyCluster is the cluster of a command that cannot speak to several.
func (env *environment) onlyCluster(ctx context.Context) (target, error) {
	targets, err := env.clusters(ctx)
	if err != nil {
		return target{}, err
	}
	if len(targets) > 1 {
		var names []string
		for _, t := range targets {
			names = append(names, t.name)
		}
		return target{}, usagef("this command speaks to one cluster at a time; %s names several: %s", targets[0].origin, strings.Join(names, ", "))
	}
	return targets[0], nil
}

// joined makes one of the targets that are the same cluster. It has the name of the first.
func (env *environment) joined(ctx context.Context, targets []target) ([]target, error) {
	all, err := env.ask(ctx, targets)
	if err != nil {
		return nil, err
	}
	homes := make([]int, len(all)) // by target: the first one of its cluster that answers
	for i, a := range all {
		homes[i] = i
		if a.err == nil && a.cluster != "" {
			homes[i] = slices.IndexFunc(all, func(b asked) bool { return b.err == nil && b.cluster == a.cluster })
		}
	}
	for i, a := range all {
		if home := env.homeOf(ctx, a, all); home >= 0 {
			env.say(sayTargets, "%s does not answer; it is a master of the same cluster as %s", a.name, all[home].name)
			homes[i] = homes[home]
		}
	}
	var found []target
	places := map[int]int{} // in found, by home
	for i, a := range all {
		place, ok := places[homes[i]]
		if !ok {
			places[homes[i]] = len(found)
			a.silent = a.err != nil && homes[i] == i
			found = append(found, a.target)
			continue
		}
		found[place] = found[place].with(ctx, a.target)
	}
	return found, ctx.Err()
}

// settled asks a target again that was silent, for as long as a command looks for a master. In the meantime it may turn out to be a
// cluster that has had its turn.
func (env *environment) settled(ctx context.Context, t target) (target, error) {
	if !t.silent {
		return t, nil
	}
	config, err := env.configOf(t)
	if err == nil {
		t.cluster, err = clusterOf(ctx, config)
	}
	return t, err
}

// with adds the masters of another target of the same cluster.
func (t target) with(ctx context.Context, other target) target {
	urls := other.masters
	if t.domain == nil {
		t.domain = other.domain
	} else {
		urls = other.urls(ctx)
	}
	for _, url := range urls {
		if !slices.Contains(t.masters, url) {
			t.masters = append(slices.Clip(t.masters), url)
		}
	}
	return t
}

// urls are those of all masters that are known.
func (t target) urls(ctx context.Context) []string {
	if t.domain == nil {
		return t.masters
	}
	more, _ := t.domain.Resolve(ctx)
	return slices.Concat(t.masters, more)
}

// ask asks all targets at the same time, and each master once.
func (env *environment) ask(ctx context.Context, targets []target) ([]asked, error) {
	all := make([]asked, len(targets))
	var asking sync.WaitGroup
	defer asking.Wait()
	for i, t := range targets {
		config, err := env.configOf(t)
		if err != nil {
			return nil, err
		}
		config.RetryTimeout = oneTry
		all[i] = asked{target: t, config: config}
		asking.Go(func() { all[i].cluster, all[i].err = clusterOf(ctx, config) })
	}
	asking.Wait()
	return all, nil
}

func clusterOf(ctx context.Context, config client.Config) (string, error) {
	api, err := client.New(config)
	if err != nil {
		return "", err
	}
	defer api.Close()
	about, err := api.About(ctx)
	if model.CodeOf(err) == model.CodeNotFound {
		return "", nil
	}
	return about.ClusterID, err
}

// homeOf returns the place of a target that answers, of whose cluster all masters of one are that does not; -1 when there is none.
func (env *environment) homeOf(ctx context.Context, silent asked, all []asked) int {
	if silent.err == nil {
		return -1
	}
	masters := env.lookUp(ctx, silent.urls(ctx))
	if len(masters) == 0 {
		return -1
	}
	return slices.IndexFunc(all, func(c asked) bool {
		if c.err != nil || c.cluster == "" {
			return false
		}
		known := slices.Concat(env.lookUp(ctx, env.mastersOf(ctx, c.config))...)
		stranger := func(addresses []netip.AddrPort) bool {
			return !slices.ContainsFunc(addresses, func(a netip.AddrPort) bool { return slices.Contains(known, a) })
		}
		return !slices.ContainsFunc(masters, stranger)
	})
}

// mastersOf returns the URLs that a cluster knows its masters by, also of those that are down.
func (env *environment) mastersOf(ctx context.Context, config client.Config) []string {
	api, err := client.New(config)
	if err != nil {
		return nil
	}
	defer api.Close()
	members, err := api.Members(ctx)
	if err != nil {
		return nil
	}
	var urls []string
	for _, m := range members {
		if m.Role == model.RoleMaster && m.API != "" {
			urls = append(urls, m.API)
		}
	}
	return urls
}

// lookUp returns the addresses of each URL, none for one whose name is not known.
func (env *environment) lookUp(ctx context.Context, urls []string) [][]netip.AddrPort {
	ctx, cancel := context.WithTimeout(ctx, lookUpPatience)
	defer cancel()
	resolver := env.resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	found := make([][]netip.AddrPort, len(urls))
	for i, text := range urls {
		u, err := url.Parse(text)
		if err != nil {
			continue
		}
		port, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil {
			continue
		}
		addresses, _ := resolver.LookupNetIP(ctx, "ip", u.Hostname())
		for _, a := range addresses {
			found[i] = append(found[i], netip.AddrPortFrom(a.Unmap(), uint16(port)))
		}
	}
	return found
}
