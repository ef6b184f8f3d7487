package client

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/heliosctl/heliosctl/model"
)

// DefaultService is the first part of the SRV names of masters.
const DefaultService = "helios"

// Domain is where masters are found by the SRV records of a DNS domain, those for HTTPS first. Only Name is needed.
type Domain struct {
	Name    string
	Service string // default DefaultService

	// HTTPSFormat and HTTPFormat make the names to look up of the service and the domain. Default _%s._https.%s and _%s._http.%s.
	HTTPSFormat, HTTPFormat string

	Resolver *net.Resolver // default net.DefaultResolver
}

func (d Domain) withDefaults() Domain {
	if d.Service == "" {
		d.Service = DefaultService
	}
	if d.HTTPSFormat == "" {
		d.HTTPSFormat = "_%s._https.%s"
	}
	if d.HTTPFormat == "" {
		d.HTTPFormat = "_%s._http.%s"
	}
	if d.Resolver == nil {
		d.Resolver = net.DefaultResolver
	}
	return d
}

// Resolve returns the URLs of the masters. Priorities and weights do not count. It fails with CodeUnavailable when there are none.
func (d Domain) Resolve(ctx context.Context) ([]string, error) {
	d = d.withDefaults()
	for _, scheme := range []struct{ name, format string }{{"https", d.HTTPSFormat}, {"http", d.HTTPFormat}} {
		if urls := d.lookup(ctx, scheme.name, fmt.Sprintf(scheme.format, d.Service, d.Name)); len(urls) > 0 {
			return urls, nil
		}
	}
	return nil, model.Errorf(model.CodeUnavailable, "Failed to resolve helios master in %s (srv: %s)", d.Name, d.Service)
}

// lookup returns what the records of a name say. A name that cannot be looked up counts as one without records, as for the original.
func (d Domain) lookup(ctx context.Context, scheme, name string) []string {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	// With an error beside them, the records that are left are the good ones.
	_, records, _ := d.Resolver.LookupSRV(ctx, "", "", name)
	var urls []string
	for _, record := range records {
		if host := strings.TrimSuffix(record.Target, "."); host != "" {
			urls = append(urls, scheme+"://"+net.JoinHostPort(host, strconv.Itoa(int(record.Port))))
		}
	}
	return urls
}
