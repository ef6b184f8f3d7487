//go:build unix

package container

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"
)

// The files of a container's folder. The runtime writes the first, the shim the others.
const (
	fileSpec   = "spec.json"  // what was asked for; a folder without it is not a container
	fileRun    = "run.json"   // the last start
	fileExit   = "exit.json"  // how it ended; absent while it runs
	fileOutput = "output.log" // each line begins with its time and the mark of its stream
	fileAlive  = "alive"      // a FIFO that the shim holds open while it lives
	fileShim   = "shim.log"   // what the shim itself had to say
	dirWork    = "work"       // the working folder of the process
)

type specRecord struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"createdAt"`
	Spec      Spec      `json:"spec"`
}

type runRecord struct {
	ShimPid    int       `json:"shimPid"`
	ShimParent int       `json:"shimParent"` // the process that has to reap the shim
	Pid        int       `json:"pid"`        // also the id of the process group
	Birth      string    `json:"birth"`      // of the process, see birth
	StartedAt  time.Time `json:"startedAt"`
	Error      string    `json:"error,omitempty"` // why it could not be started; nothing else is set then
}

type exitRecord struct {
	ExitCode   int       `json:"exitCode"`
	FinishedAt time.Time `json:"finishedAt"`
	Error      string    `json:"error,omitempty"`
}

// writeRecord replaces a JSON file in one step, so that a reader sees the old or the new one and a crash leaves one of them.
func writeRecord(path string, record any) error {
	text, err := json.Marshal(record)
	if err != nil {
		return err
	}
	return renameio.WriteFile(path, text, 0o600)
}

// readRecord reads a JSON file; ok is false when there is none.
func readRecord(path string, record any) (ok bool, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, json.Unmarshal(text, record)
}

// inherited are the variables a process gets from the agent's environment; the rest of it may hold secrets.
const inherited = "PATH HOME USER LANG TZ TMPDIR"

// processEnv is the environment of a job's process, and of commands run beside it.
func processEnv(spec Spec) []string {
	env := map[string]string{}
	for _, key := range strings.Fields(inherited) {
		if value, ok := os.LookupEnv(key); ok {
			env[key] = value
		}
	}
	if spec.Hostname != "" {
		env["HOSTNAME"] = spec.Hostname
	}
	for _, port := range spec.Ports {
		if port.Name != "" {
			env["HELIOS_LISTEN_"+port.Name] = listenAddress(port)
		}
	}
	for key, value := range spec.Env {
		env[key] = value
	}
	return environment(env)
}

// lookPath finds a command as the shell would, with the PATH that the process itself gets. A relative path is meant from dir.
func lookPath(command, dir string, env []string) (string, error) {
	if strings.Contains(command, "/") {
		if !filepath.IsAbs(command) {
			command = filepath.Join(dir, command)
		}
		return command, executable(command)
	}
	at := slices.IndexFunc(env, func(line string) bool { return strings.HasPrefix(line, "PATH=") })
	if at >= 0 {
		for _, folder := range filepath.SplitList(strings.TrimPrefix(env[at], "PATH=")) {
			if path := filepath.Join(folder, command); filepath.IsAbs(path) && executable(path) == nil {
				return path, nil
			}
		}
	}
	return "", fail(ErrNoCommand, nil, "no command %q on the PATH", command)
}

func executable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fail(ErrNoCommand, err, "no command %q: %v", path, err)
	case info.IsDir() || info.Mode()&0o111 == 0:
		return fail(ErrNoCommand, nil, "%q is not an executable file", path)
	}
	return nil
}
