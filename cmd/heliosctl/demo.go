package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon"
	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

const (
	demoJob   = "hello:1"
	demoHosts = 2

	// demoRepository is the name of the images that demos make of this program; their tags are as unique as their folders.
	demoRepository = "heliosctl-demo"

	// demoPublicImage is pulled where this program cannot run in a container. It serves HTTP on its port 80, with /health.
	demoPublicImage = "traefik/whoami:v1.10.4"

	demoFolderPrefix   = "heliosctl-demo-"
	demoCleanupTimeout = 45 * time.Second
)

// demoOptions are the flags of `heliosctl demo`.
type demoOptions struct {
	keep    bool
	runtime string
	docker  string
}

func newDemoCommand(env *environment) *cobra.Command {
	o := &demoOptions{}
	command := &cobra.Command{
		Use:   "demo",
		Short: "Show it all at work: a cluster, a job on two hosts, a call, and everything cleaned up",
		Long: `Bring up a cluster in a temporary folder, make an image out of this program, run it as a job on two hosts, call it, show what
the cluster knows of it, and remove everything again. Needs nothing but a Docker engine; without one, the job runs as ordinary
processes. The last line is the verdict.`,
		Example: `  heliosctl demo
  heliosctl demo --keep`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return runDemo(command.Context(), env, o) },
	}
	flags := command.Flags()
	flags.BoolVar(&o.keep, "keep", false, "leave everything running until interrupted, to look around")
	flags.StringVar(&o.runtime, "runtime", string(daemon.RuntimeAuto), "`KIND` of runtime: auto, docker or process")
	flags.StringVar(&o.docker, "docker", "", "`ENDPOINT` of the Docker engine (default $DOCKER_HOST, else the default socket)")
	return command
}

// demo is one run of the demo.
type demo struct {
	env     *environment
	options *demoOptions
	out     io.Writer
	folder  string
	config  daemon.Config
	url     string
	began   time.Time

	image     string // made of this program where it is a Linux one, and removed at the end
	madeImage bool   // or began to
}

// runDemo prints the verdict last, whatever happened before, and returns what made it a failure.
func runDemo(ctx context.Context, env *environment, o *demoOptions) error {
	d := &demo{env: env, options: o, out: env.out, began: env.now()}
	err := d.run(ctx)
	took := env.now().Sub(d.began).Round(100 * time.Millisecond)
	switch {
	case ctx.Err() != nil && !o.keep:
		fmt.Fprintf(d.out, "\nDEMO INTERRUPTED after %s; everything it made is gone.\n", took)
	case err != nil:
		fmt.Fprintf(d.out, "\nDEMO FAILED after %s: %s\n", took, oneLine(err.Error()))
	default:
		fmt.Fprintf(d.out, "\nDEMO OK: a job ran on %d hosts (%s), answered, and left nothing behind, in %s.\n", demoHosts, d.config.Agents[0].Runtime, took)
	}
	return err
}

// run brings the cluster up in a temporary folder, shows it at work, and takes everything away again.
func (d *demo) run(ctx context.Context) (err error) {
	d.folder, err = os.MkdirTemp("", demoFolderPrefix)
	if err != nil {
		return fmt.Errorf("making a temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(d.folder)) }()
	d.image = demoRepository + ":" + strings.TrimPrefix(filepath.Base(d.folder), demoFolderPrefix)

	log, err := os.Create(filepath.Join(d.folder, "log"))
	if err != nil {
		return fmt.Errorf("making the log: %w", err)
	}
	defer log.Close()
	if err := d.configure(ctx, newLogger(log, slog.LevelInfo)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.cleanUp(ctx)) }()

	clusterCtx, stopCluster := context.WithCancel(context.WithoutCancel(ctx))
	ready := make(chan daemon.Running, 1)
	d.config.Ready = func(r daemon.Running) { ready <- r }
	ended := make(chan error, 1)
	go func() { ended <- daemon.Run(clusterCtx, d.config) }()
	defer func() {
		stopCluster()
		err = errors.Join(err, <-ended)
	}()

	select {
	case running := <-ready:
		d.url = running.MasterURL
		return d.show(ctx)
	case err := <-ended:
		ended <- nil
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *demo) configure(ctx context.Context, log *slog.Logger) (err error) {
	d.config, err = daemon.Dev(ctx, daemon.DevOptions{
		StateDir: filepath.Join(d.folder, "state"), HTTP: "127.0.0.1:0", Agents: demoHosts, Runtime: daemon.RuntimeKind(d.options.runtime),
		Docker: d.options.docker, Version: productVersion(), Logger: log,
	})
	return err
}

// show is the demo proper: what a person would type, and what comes back.
func (d *demo) show(ctx context.Context) error {
	d.say("A master and %d agents are up at %s, on %s.", demoHosts, d.url, describeRuntime(d.config.Agents[0].Runtime))
	if err := d.awaitHosts(ctx); err != nil {
		return err
	}
	if err := d.command(ctx, "hosts"); err != nil {
		return err
	}
	create, err := d.createArguments(ctx)
	if err != nil {
		return err
	}
	hosts := d.hosts()
	for _, line := range [][]string{create, append([]string{"deploy", "--wait", demoJob}, hosts...)} {
		if err := d.command(ctx, line...); err != nil {
			return err
		}
	}
	if err := d.callService(ctx); err != nil {
		return err
	}
	for _, line := range [][]string{{"hosts"}, {"status", "--job", demoJob}, {"history", demoJob}} {
		if err := d.command(ctx, line...); err != nil {
			return err
		}
	}
	if d.options.keep {
		return d.keep(ctx)
	}
	if err := d.command(ctx, append([]string{"undeploy", "--wait", demoJob}, hosts...)...); err != nil {
		return err
	}
	return d.command(ctx, "remove", "--yes", demoJob)
}

// keep leaves everything as it is until the user has seen enough.
func (d *demo) keep(ctx context.Context) error {
	d.say("Left running. Look around in another terminal:\n\n    export HELIOS_MASTER=%s\n    heliosctl status\n\nCtrl-C ends it and cleans up.", d.url)
	<-ctx.Done()
	return nil
}

func (d *demo) hosts() []string {
	var hosts []string
	for _, agent := range d.config.Agents {
		hosts = append(hosts, agent.Name)
	}
	return hosts
}

func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.out, "\n# "+format+"\n", args...)
}

// command runs a command line as the user would and shows it; its output is the demo's.
func (d *demo) command(ctx context.Context, args ...string) error {
	fmt.Fprintf(d.out, "\n$ heliosctl %s\n", quoteWords(args))
	env := *d.env
	env.out = d.out
	env.interactive = false
	env.options = globalOptions{}
	if code := execute(ctx, &env, append([]string{"--master", d.url}, args...)); code != exitOK {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("`heliosctl %s` ended with exit code %d", args[0], code)
	}
	return nil
}

// awaitHosts waits until both agents have registered and are UP.
func (d *demo) awaitHosts(ctx context.Context) error {
	c, err := client.New(client.Config{Endpoints: []string{d.url}})
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	// The stream comes first: an agent that is up before the question is asked is seen by the question.
	for event, err := range c.Events(ctx, 0) {
		if err != nil {
			return fmt.Errorf("waiting for the agents to come up: %w", err)
		}
		switch event.Type {
		case model.EventHeartbeat, model.EventHostUp, model.EventHostRegistered, model.EventReset:
		default:
			continue
		}
		up, err := c.HostStatuses(ctx, d.hosts(), model.Up)
		if err != nil {
			return err
		}
		if len(up) == demoHosts {
			return nil
		}
	}
	return ctx.Err()
}

// createArguments makes the image and returns the command line that makes a job of it.
func (d *demo) createArguments(ctx context.Context) ([]string, error) {
	check := []string{"create", demoJob}
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	if d.config.Agents[0].Runtime != daemon.RuntimeDocker {
		return append(check, "unused:1", "--port", "http=8080", "--http-check", "http:/health", "--", program, demoServiceCommand), nil
	}
	if runtime.GOOS != "linux" {
		d.say("This program is not a Linux one, so a small public image takes its place: %s.", demoPublicImage)
		return append(check, demoPublicImage, "--port", "http=80", "--http-check", "http:/health"), nil
	}
	if err := d.makeImage(ctx, program); err != nil {
		return nil, err
	}
	return append(check, d.image, "--port", "http=8080", "--http-check", "http:/health", "--", programInImage, demoServiceCommand), nil
}

// makeImage imports an image that holds this program and what it needs, straight into the engine.
func (d *demo) makeImage(ctx context.Context, program string) error {
	engine, err := d.engine()
	if err != nil {
		return err
	}
	defer engine.Close()
	files, err := filesOf(ctx, program)
	if err != nil {
		return err
	}
	d.madeImage = true
	content, write := io.Pipe()
	go func() { write.CloseWithError(files.writeTar(write)) }()
	defer content.Close()
	if err := engine.Import(ctx, d.image, content, container.ImportOptions{Env: files.env()}); err != nil {
		return fmt.Errorf("making the image %s: %w", d.image, err)
	}
	d.say("Made image %s out of this program, without a registry.", d.image)
	return nil
}

func (d *demo) engine() (*container.Docker, error) {
	return daemon.NewDocker(d.options.docker, "", d.config.Logger)
}

// callService calls the job on each host through its published port, as its users would.
func (d *demo) callService(ctx context.Context) error {
	c, err := client.New(client.Config{Endpoints: []string{d.url}})
	if err != nil {
		return err
	}
	defer c.Close()
	jobs, err := c.Jobs(ctx, demoJob, "")
	if err != nil {
		return err
	}
	for id := range jobs {
		status, err := c.JobStatus(ctx, id)
		if err != nil {
			return err
		}
		for _, agent := range d.config.Agents {
			if err := d.call(ctx, agent.Name, status.TaskStatuses[agent.Name]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *demo) call(ctx context.Context, host string, status model.TaskStatus) error {
	port := status.Ports["http"].ExternalPort
	if port == nil {
		return fmt.Errorf("the job has no published port on %s", host)
	}
	url := fmt.Sprintf("http://%s:%d/", "localhost", *port)
	fmt.Fprintf(d.out, "\n$ curl %s\n", url)
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("calling the job on %s: %w", host, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil || response.StatusCode != http.StatusOK {
		return fmt.Errorf("the job on %s answered %s", host, response.Status)
	}
	fmt.Fprintln(d.out, strings.TrimSpace(string(body)))
	return d.checkGreeting(host, *port, body)
}

// checkGreeting makes sure that the answer came from this host's container and not from somebody else's.
func (d *demo) checkGreeting(host string, port int, body []byte) error {
	if runtime.GOOS != "linux" && d.config.Agents[0].Runtime == daemon.RuntimeDocker {
		return nil // the public image tells something else
	}
	var greeting demoGreeting
	if err := json.Unmarshal(body, &greeting); err != nil {
		return fmt.Errorf("the job on %s answered something else: %w", host, err)
	}
	if want := fmt.Sprintf("%s:%d", host, port); greeting.Ports["http"] != want {
		return fmt.Errorf("port %d of %s was answered by a container that is published at %q", port, host, greeting.Ports["http"])
	}
	return nil
}

// cleanUp takes away whatever the demo made outside its folder, however far it came. It goes on when the user is impatient.
func (d *demo) cleanUp(ctx context.Context) error {
	if ctx.Err() != nil {
		d.say("Cleaning up. (Ctrl-C once more leaves containers and %s behind.)", d.folder)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), demoCleanupTimeout)
	defer cancel()
	err := daemon.Purge(ctx, d.config)
	if d.madeImage {
		err = errors.Join(err, d.removeImage(ctx))
	}
	return err
}

func (d *demo) removeImage(ctx context.Context) error {
	engine, err := d.engine()
	if err != nil {
		return err
	}
	defer engine.Close()
	return engine.RemoveImage(ctx, d.image)
}
