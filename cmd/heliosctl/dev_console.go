package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/heliosctl/heliosctl/cmd/heliosctl/config"
	"github.com/heliosctl/heliosctl/daemon"
	"github.com/heliosctl/heliosctl/tui"
)

// devLog is what dev logs to while the console has the terminal.
const devLog = "dev.log"

// runDevConsole runs a cluster and shows it until the console is quit. When the cluster ends before, so does the console.
func runDevConsole(ctx context.Context, env *environment, o *devOptions, stateDir string) (err error) {
	dashboard, given := defaultDashboard()
	file, err := configured(env, dashboard, given)
	if err != nil {
		return err
	}
	c, err := newConsole(env, file, dashboard)
	if err != nil {
		return err
	}
	log, err := openDevLog(stateDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	settings, err := o.config(ctx, stateDir, o.logger(log, slog.LevelInfo))
	if err != nil {
		return err
	}
	c.notice("logs go to " + log.Name())
	fmt.Fprintf(env.out, "heliosctl dev is starting on %s; logs go to %s\n", describeRuntime(settings.Agents[0].Runtime), log.Name())
	return showDev(ctx, c, settings, file)
}

func openDevLog(stateDir string) (*os.File, error) {
	if err := os.MkdirAll(stateDir, 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(filepath.Join(stateDir, devLog), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
}

// showDev runs the cluster, shows it as soon as it is ready, and waits until both have ended.
func showDev(ctx context.Context, c *console, settings daemon.Config, file config.File) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ready, ended := make(chan daemon.Running, 1), make(chan error, 1)
	settings.Ready = func(r daemon.Running) { ready <- r }
	go func() {
		defer stop()
		ended <- daemon.Run(ctx, settings)
	}()
	select {
	case err := <-ended:
		return err
	case r := <-ready:
		cluster, err := devCluster(c.env, file, r.MasterURL)
		if err == nil {
			err = c.run(ctx, cluster)
		}
		stop()
		return errors.Join(err, <-ended)
	}
}

// devCluster is the cluster of this process. It is called dev, unless a context is.
func devCluster(env *environment, file config.File, url string) (*consoleCluster, error) {
	reach, err := env.contextConfig(config.Context{Name: "dev", Masters: []string{url}})
	if err != nil {
		return nil, err
	}
	name := "dev"
	if _, taken := file.Context(name); taken {
		name = hostOf(url)
	}
	cluster := tui.Cluster{Name: name, Environment: tui.EnvironmentDevelop}
	if t, err := env.onlyCluster(env.running); err != nil || !slices.Contains(t.masters, strings.Replace(url, "//127.0.0.1:", "//localhost:", 1)) {
		cluster.Flags = "--master " + url // command lines would go elsewhere
	}
	return liveCluster(cluster, reach, env.now), nil
}
