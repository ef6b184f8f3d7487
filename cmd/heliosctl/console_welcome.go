package main

import (
	"context"
	"net/url"
	"strings"

	"github.com/heliosctl/heliosctl/cmd/heliosctl/config"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// isLost tells whether nobody has said which cluster to begin with and none is where it is looked for then.
func isLost(ctx context.Context, env *environment) bool {
	named, err := env.targets()
	if err != nil || named[0].origin != originDefault {
		return false // faults are told elsewhere
	}
	reach, err := env.configOf(named[0])
	if err != nil {
		return false
	}
	_, err = probeMasters(ctx, reach)
	return err != nil
}

// welcome lets somebody without a cluster choose one.
func (c *console) welcome() {
	path := config.Path(c.env.getenv)
	w := &tui.Welcome{
		Candidates: []tui.Candidate{{Address: defaultMaster, Origin: "the default", Note: "no master answers"}},
		Connect:    c.connect,
	}
	if path != "" {
		w.KeptIn = path
		w.Keep = func(address, name string, readOnly bool) (string, error) {
			endpoint, err := spelledOut(address)
			if err != nil {
				return "", err
			}
			return path, keepContext(path, config.Context{Name: name, Masters: []string{endpoint}, ReadOnly: readOnly})
		}
	}
	c.options.Welcome = w
}

// connect shows the cluster of a master that was typed in, a simulated one for none.
func (c *console) connect(ctx context.Context, address string, readOnly bool) (tui.Source, error) {
	if address == "" {
		return c.show(demoCluster(c.env.now))
	}
	endpoint, err := spelledOut(address)
	if err != nil {
		return nil, err
	}
	reach, err := c.env.contextConfig(config.Context{Name: address, Masters: []string{endpoint}})
	if err != nil {
		return nil, err
	}
	if _, err := probeMasters(ctx, reach); err != nil {
		return nil, err
	}
	return c.show(liveCluster(tui.Cluster{Name: hostOf(endpoint), ReadOnly: readOnly, Flags: "--master " + endpoint}, reach, c.env.now))
}

// spelledOut makes a URL of what people type for a master: a scheme and the usual port are added where there are none.
func spelledOut(address string) (string, error) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return "", model.Errorf(model.CodeInvalid, "%q is no address; give it as HOST, HOST:PORT or https://HOST:PORT", address)
	}
	if u.Port() == "" {
		u.Host += ":" + usualPort
	}
	return strings.TrimSuffix(u.String(), "/"), nil
}

// usualPort is that of the API of masters.
const usualPort = "5801"

// keepContext adds the first context to the configuration file, as the one in use. The text that is there already stays as it is.
func keepContext(path string, c config.Context) error {
	return config.Edit(path, func(d *config.Document) error {
		d.Use(c.Name)
		return d.Add(c)
	})
}
