package daemon

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/heliosctl/heliosctl/daemon/agent"
	"github.com/heliosctl/heliosctl/daemon/container"
)

// ShimCommand is the hidden command with which the process runtime starts this program again, to wait for a child that must
// outlive the agent. It takes the rest of its arguments as they are and hands them to container.ShimMain.
const ShimCommand = "process-shim"

// NewDocker makes a client of the engine that is given, or that the environment names as Docker's own tools understand it
// (DOCKER_HOST, DOCKER_CERT_PATH), or of the default one. It talks to nobody yet.
func NewDocker(endpoint, certPath string, log *slog.Logger) (*container.Docker, error) {
	if endpoint == "" {
		endpoint = os.Getenv("DOCKER_HOST")
	}
	// Certificates are for engines across a network; the environment may name some although the engine is local.
	if certPath == "" && endpoint != "" && !strings.HasPrefix(endpoint, "unix:") {
		certPath = os.Getenv("DOCKER_CERT_PATH")
	}
	return container.NewDocker(container.DockerConfig{Host: endpoint, CertPath: certPath, Logger: log})
}

// runtime makes what runs this agent's containers, and what closes it.
func (a Agent) runtime(dir string, log *slog.Logger) (agent.Runtime, func() error, error) {
	switch a.Runtime {
	case RuntimeProcess:
		program, err := os.Executable()
		if err != nil {
			return nil, nil, err
		}
		process, err := container.NewProcess(container.ProcessConfig{
			Dir: filepath.Join(dir, "processes"), Shim: []string{program, ShimCommand}, Logger: log,
		})
		if err != nil {
			return nil, nil, err
		}
		return process, process.Close, nil
	case RuntimeSim:
		if a.Simulated != nil {
			return a.Simulated, func() error { return nil }, nil // whoever made it closes it
		}
		sim := container.NewSim()
		return sim, sim.Close, nil
	default:
		docker, err := NewDocker(a.Docker, a.DockerCertPath, log)
		if err != nil {
			return nil, nil, err
		}
		return docker, docker.Close, nil
	}
}
