package daemontest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// program is the package that is built.
const program = "github.com/heliosctl/heliosctl/cmd/heliosctl"

// Build says which heliosctl to build.
type Build struct {
	Race bool // with the race detector; needs cgo

	// ClockShift is how far the wall clock of the program is off. Go programs read the clock without libc, so nothing preloaded can
	// shift it, and Linux has no namespace for it: the program is compiled with a standard library whose time.Now is off instead.
	// The monotonic clock, and with it every timer, is right. Whole seconds.
	ClockShift time.Duration
}

// builds are the programs that this process has built, by what was asked for.
var builds struct {
	mu    sync.Mutex
	dir   string
	paths map[Build]string
}

// Run runs the tests of a package and removes what was built for them: TestMain calls it.
func Run(m *testing.M) int {
	defer func() {
		builds.mu.Lock()
		defer builds.mu.Unlock()
		if builds.dir != "" {
			_ = os.RemoveAll(builds.dir)
		}
	}()
	return m.Run()
}

// Binary returns the path of heliosctl: the one that HELIOSCTL_BINARY names, else one that is built once in this process. A shifted
// clock is always built.
func Binary(t testing.TB, b Build) string {
	t.Helper()
	if path := os.Getenv("HELIOSCTL_BINARY"); path != "" && b.ClockShift == 0 {
		return path
	}
	path, err := built(b)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func built(b Build) (string, error) {
	builds.mu.Lock()
	defer builds.mu.Unlock()
	if path, ok := builds.paths[b]; ok {
		return path, nil
	}
	if builds.dir == "" {
		dir, err := os.MkdirTemp("", "heliosctl-lab-")
		if err != nil {
			return "", err
		}
		builds.dir, builds.paths = dir, map[Build]string{}
	}
	dir, err := os.MkdirTemp(builds.dir, "build-")
	if err != nil {
		return "", err
	}
	path, err := BuildBinary(context.Background(), dir, b)
	if err == nil {
		builds.paths[b] = path
	}
	return path, err
}

// BuildBinary builds heliosctl into a folder and returns its path. It is static as users get it, except with the race detector.
func BuildBinary(ctx context.Context, dir string, b Build) (string, error) {
	path := filepath.Join(dir, "heliosctl")
	args, env := []string{"build", "-o", path}, append(os.Environ(), "CGO_ENABLED=0")
	if b.Race {
		args, env = append(args, "-race"), append(os.Environ(), "CGO_ENABLED=1")
	}
	if b.ClockShift != 0 {
		overlay, err := shiftedClock(ctx, dir)
		if err != nil {
			return "", err
		}
		seconds := strconv.FormatInt(int64(b.ClockShift/time.Second), 10)
		args = append(args, "-overlay", overlay, "-ldflags", "-X time.clockShift="+seconds)
	}
	build := exec.CommandContext(ctx, "go", append(args, program)...)
	build.Env = env
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build heliosctl: %w\n%s", err, out)
	}
	return path, nil
}

// The line of time.Now that reads the clock, and what is put in its place and at the end of the file. Nothing may be imported.
const (
	readsClock   = "\tsec, nsec, mono := runtimeNow()\n"
	readsShifted = readsClock + "\tsec += clockShiftSeconds\n"
	clockSource  = `
var clockShift string // seconds, set by the linker

var clockShiftSeconds = func() (seconds int64) {
	sign := int64(1)
	for _, c := range clockShift {
		if c == '-' {
			sign = -1
			continue
		}
		seconds = 10*seconds + int64(c-'0')
	}
	return sign * seconds
}()
`
)

// shiftedClock writes a package time whose Now is off, and returns the file that tells the compiler to use it.
func shiftedClock(ctx context.Context, dir string) (overlay string, err error) {
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("find the standard library: %w", err)
	}
	original := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	source, err := os.ReadFile(original)
	if err != nil {
		return "", err
	}
	text := string(source)
	now := strings.Index(text, "func Now() Time {\n"+readsClock)
	if now < 0 {
		return "", errors.New("time.Now does not look as expected in this version of Go: its clock cannot be shifted")
	}
	text = text[:now] + strings.Replace(text[now:], readsClock, readsShifted, 1) + clockSource
	shifted := filepath.Join(dir, "time.go")
	table, err := json.Marshal(map[string]map[string]string{"Replace": {original: shifted}})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, errors.Join(os.WriteFile(shifted, []byte(text), 0o600), os.WriteFile(overlay, table, 0o600))
}
