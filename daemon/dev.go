package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

// RuntimeAuto lets dev decide: Docker where an engine answers, else the process runtime. No other daemon falls back.
const RuntimeAuto RuntimeKind = "auto"

// maxDevAgents keeps enough dynamic ports for each agent.
const maxDevAgents = 100

// DevOptions say what kind of cluster Dev makes.
type DevOptions struct {
	StateDir string
	HTTP     string      // HOST:PORT of the master's API
	Agents   int         // hosts dev-1, dev-2, …
	Runtime  RuntimeKind // RuntimeAuto too
	Docker   string      // endpoint of the engine; empty: $DOCKER_HOST, else the default socket
	Version  string
	Logger   *slog.Logger
}

// Dev makes the configuration of a master and its agents in one process, on this machine alone. The agents share one engine and
// differ in their names, labels and dynamic ports. A folder keeps the runtime it was begun with: its tasks belong to that.
func Dev(ctx context.Context, o DevOptions) (Config, error) {
	if o.Agents < 1 || o.Agents > maxDevAgents {
		return Config{}, model.Errorf(model.CodeInvalid, "--agents is %d; give a number from 1 to %d", o.Agents, maxDevAgents)
	}
	if o.Runtime != RuntimeAuto && !o.Runtime.known() {
		return Config{}, model.Errorf(model.CodeInvalid, "unknown runtime %q; give auto, docker, process or sim", o.Runtime)
	}
	runtime, err := devRuntime(ctx, o)
	if err != nil {
		return Config{}, err
	}
	config := Config{
		StateDir: o.StateDir, Version: o.Version, Logger: o.Logger, Loopback: true,
		Master: &Master{Name: "dev", HTTP: o.HTTP, Gossip: "127.0.0.1:0", Raft: "127.0.0.1:0"},
	}
	sim := container.NewSim()
	for i := range o.Agents {
		config.Agents = append(config.Agents, Agent{
			Name: fmt.Sprintf("dev-%d", i+1), Gossip: "127.0.0.1:0", Runtime: runtime, Docker: o.Docker, Simulated: sim,
			Labels:    map[string]string{"env": "dev", "host": fmt.Sprintf("dev-%d", i+1), "zone": string(rune('a' + i%3))},
			PortRange: share(DefaultPortRange(), i, o.Agents),
		})
	}
	return config, nil
}

// share cuts a range into n parts of the same size and returns the i-th, counted from zero.
func share(r PortRange, i, n int) PortRange {
	size := (r.End - r.Start) / n
	return PortRange{Start: r.Start + i*size, End: r.Start + (i+1)*size}
}

// devRuntime decides what runs the containers and notes it in the folder.
func devRuntime(ctx context.Context, o DevOptions) (RuntimeKind, error) {
	note := filepath.Join(o.StateDir, "runtime")
	begun, err := os.ReadFile(note)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", stateDirError(o.StateDir, err)
	}
	remembered := RuntimeKind(strings.TrimSpace(string(begun)))
	switch {
	case remembered == "" && o.Runtime == RuntimeAuto:
		remembered = answeringRuntime(ctx, o)
	case remembered == "":
		remembered = o.Runtime
	case o.Runtime != RuntimeAuto && o.Runtime != remembered:
		return "", model.Errorf(model.CodeInvalid,
			"state folder %s was begun with --runtime %s and its tasks run there; choose another folder with --state-dir", o.StateDir, remembered)
	default:
		return remembered, nil
	}
	if err := os.MkdirAll(o.StateDir, 0o700); err != nil {
		return "", stateDirError(o.StateDir, err)
	}
	if err := os.WriteFile(note, []byte(remembered+"\n"), 0o600); err != nil {
		return "", stateDirError(o.StateDir, err)
	}
	return remembered, nil
}

// answeringRuntime is Docker where an engine answers within a moment, else the process runtime.
func answeringRuntime(ctx context.Context, o DevOptions) RuntimeKind {
	engine, err := NewDocker(o.Docker, "", o.Logger)
	if err != nil {
		return RuntimeProcess
	}
	defer engine.Close()
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if _, err := engine.Info(ctx); err != nil {
		return RuntimeProcess
	}
	return RuntimeDocker
}
