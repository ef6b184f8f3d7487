package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/daemon/container/containertest"
)

// nothingLeft checks that a demo with this temporary folder has left no file, and its engine no image.
func nothingLeft(t *testing.T, engine *container.Docker, tmp, printed string) {
	t.Helper()
	left, err := os.ReadDir(tmp)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("the demo left %s in the temporary folder", left[0].Name())
	}
	if engine == nil {
		return
	}
	image := madeImage.FindString(printed)
	if image == "" {
		return // it did not come so far
	}
	if _, err := engine.Image(context.Background(), image); !errors.Is(err, container.ErrImageNotFound) {
		t.Errorf("the image %s: got %v, want it gone", image, err)
	}
	if names := containersOf(t, image); len(names) > 0 {
		t.Errorf("the demo left containers: %v", names)
	}
}

var madeImage = regexp.MustCompile(demoRepository + `:\w+`)

// containersOf lists the containers of an image, whoever's they are.
func containersOf(t *testing.T, image string) []string {
	t.Helper()
	out, err := exec.Command("docker", "ps", "-a", "--filter", "ancestor="+image, "--format", "{{.Names}}").Output()
	if err != nil {
		containertest.Missing(t, "the docker command is needed to look for containers: %v", err)
	}
	return strings.Fields(string(out))
}

func TestDemoOnDocker(t *testing.T) {
	t.Parallel()
	engine := containertest.RequireDocker(t)
	tmp := t.TempDir()
	p := startProcessEnv(t, []string{"TMPDIR=" + tmp}, "demo")
	code := p.wait()
	printed, _ := p.out.read()
	if code != exitOK || !strings.Contains(printed, "\nDEMO OK: a job ran on 2 hosts (docker)") {
		t.Errorf("the demo ended with %d and its last lines were:\n%s", code, lastLines(printed, 5))
	}
	for _, shown := range []string{"$ heliosctl hosts", "$ heliosctl deploy --wait hello:1 dev-1 dev-2", "hello from heliosctl", "RUNNING", "$ heliosctl history hello:1", "dev-2: done"} {
		if !strings.Contains(printed, shown) {
			t.Errorf("the demo did not show %q", shown)
		}
	}
	nothingLeft(t, engine, tmp, printed)
}

func TestDemoWithoutAnEngine(t *testing.T) {
	t.Parallel()
	tmp := t.TempDir()
	p := startProcessEnv(t, []string{"TMPDIR=" + tmp, "DOCKER_HOST=unix://" + filepath.Join(tmp, "nobody.sock")}, "demo")
	code := p.wait()
	printed, _ := p.out.read()
	if code != exitOK || !strings.Contains(printed, "\nDEMO OK: a job ran on 2 hosts (process)") {
		t.Errorf("the demo ended with %d and its last lines were:\n%s", code, lastLines(printed, 5))
	}
	if !strings.Contains(printed, "without Docker: jobs run as ordinary processes") {
		t.Error("the demo does not say that it ran without Docker")
	}
	nothingLeft(t, nil, tmp, printed)
}

// Whenever it is interrupted, the demo takes everything away that it has made so far.
func TestInterruptedDemoLeavesNothing(t *testing.T) {
	t.Parallel()
	engine := containertest.RequireDocker(t)
	for _, moment := range []string{"A master and", "Made image", "$ heliosctl deploy", "$ curl", "$ heliosctl undeploy"} {
		t.Run(moment, func(t *testing.T) {
			t.Parallel()
			tmp := t.TempDir()
			p := startProcessEnv(t, []string{"TMPDIR=" + tmp}, "demo")
			p.waitFor(moment)
			p.signal(syscall.SIGINT)
			code := p.wait()
			printed, _ := p.out.read()
			// It may have been too late to interrupt anything but the verdict.
			if code != exitInterrupted && !strings.Contains(printed, "DEMO OK") {
				t.Errorf("it ended with code %d:\n%s", code, lastLines(printed, 5))
			}
			nothingLeft(t, engine, tmp, printed)
		})
	}
}

func TestKeptDemoRunsUntilInterrupted(t *testing.T) {
	t.Parallel()
	engine := containertest.RequireDocker(t)
	tmp := t.TempDir()
	p := startProcessEnv(t, []string{"TMPDIR=" + tmp}, "demo", "--keep")
	p.waitFor("export HELIOS_MASTER=")
	printed, _ := p.out.read()
	_, rest, _ := strings.Cut(printed, "export HELIOS_MASTER=")
	url := strings.Fields(rest)[0]
	if out := must(t, "status", "--master", url, "--job", demoJob); strings.Count(out, "RUNNING") != 2 {
		t.Errorf("the kept demo's status is:\n%s", out)
	}
	p.signal(syscall.SIGINT)
	if code := p.wait(); code != exitOK {
		t.Errorf("it ended with code %d", code)
	}
	printed, _ = p.out.read()
	nothingLeft(t, engine, tmp, printed)
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func TestLibrariesAreReadFromTheLoadersList(t *testing.T) {
	listing := "\tlinux-vdso.so.1 (0x00007ffd3d5f2000)\n" +
		"\tlibresolv.so.2 => /lib/x86_64-linux-gnu/libresolv.so.2 (0x00007f2b8c400000)\n" +
		"\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f2b8c200000)\n" +
		"\t/lib64/ld-linux-x86-64.so.2 (0x00007f2b8c600000)\n"
	want := []string{"/lib/x86_64-linux-gnu/libresolv.so.2", "/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"}
	if got := librariesIn([]byte(listing)); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestImageOfADynamicProgramHoldsItsLoaderAndLibraries(t *testing.T) {
	const dynamic = "/bin/ls" // dynamic wherever glibc or musl is
	loader, err := loaderOf(dynamic)
	if err != nil || loader == "" {
		t.Skipf("%s is not a dynamic program here: %v", dynamic, err)
	}
	files, err := filesOf(context.Background(), dynamic)
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	if err := files.writeTar(&archive); err != nil {
		t.Fatal(err)
	}
	var names []string
	for reader := tar.NewReader(&archive); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, "/"+header.Name)
	}
	for _, want := range []string{programInImage, loader} {
		if !slices.Contains(names, want) {
			t.Errorf("the image has %v, not %s", names, want)
		}
	}
	if len(files.env()) == 0 {
		t.Error("nothing tells the loader where the libraries are")
	}
}

// A program that was linked dynamically must run from the image all the same.
func TestImageOfADynamicProgramRuns(t *testing.T) {
	t.Parallel()
	engine := containertest.RequireDocker(t)
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("without a C compiler programs are always static")
	}
	dir := t.TempDir()
	dynamic := filepath.Join(dir, "heliosctl")
	build := exec.Command("go", "build", "-o", dynamic, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if loader, err := loaderOf(dynamic); err != nil || loader == "" {
		t.Skipf("this build is static: %v", err)
	}
	ctx := context.Background()
	files, err := filesOf(ctx, dynamic)
	if err != nil {
		t.Fatal(err)
	}
	content, write := io.Pipe()
	go func() { write.CloseWithError(files.writeTar(write)) }()
	const image = "heliosctl-dynamic-test:1"
	if err := engine.Import(ctx, image, content, container.ImportOptions{Env: files.env()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = engine.RemoveImage(context.Background(), image) })
	id, err := engine.Create(ctx, container.Spec{
		Name: "heliosctl-dynamic-test", AgentID: "dynamic-test", Image: image, Command: []string{programInImage, "help"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeContainer(t, engine, id) })
	if err := engine.Start(ctx, id); err != nil {
		t.Fatal(err)
	}
	printed := ""
	for line, err := range engine.Logs(ctx, id, container.LogOptions{Follow: true}) {
		if err != nil {
			t.Fatal(err)
		}
		printed += line.Text + "\n"
	}
	if !strings.Contains(printed, "heliosctl") {
		t.Errorf("in its image the program printed %q", printed)
	}
}
