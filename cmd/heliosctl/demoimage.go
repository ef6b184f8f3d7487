package main

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// imageFiles is everything that goes into an image that runs one program: the program itself and, when it was linked
// dynamically, its loader and its libraries.
type imageFiles struct {
	program   string   // path on this machine; /heliosctl in the image
	libraries []string // paths here and in the image
}

// programInImage is where the image has the program.
const programInImage = "/heliosctl"

// filesOf finds out what the Linux program at path needs to run. `go run` links dynamically where a C compiler is installed, so
// that a bare copy of the binary would not start in an empty image.
func filesOf(ctx context.Context, path string) (imageFiles, error) {
	files := imageFiles{program: path}
	loader, err := loaderOf(path)
	if err != nil || loader == "" {
		return files, err
	}
	// The loader itself knows best what it would load.
	out, err := exec.CommandContext(ctx, loader, "--list", path).Output()
	if err != nil {
		return files, fmt.Errorf("asking %s for the libraries of %s: %w", loader, path, err)
	}
	files.libraries = append(librariesIn(out), loader)
	slices.Sort(files.libraries)
	files.libraries = slices.Compact(files.libraries)
	return files, nil
}

// loaderOf returns the loader that the program names, "" for a static program.
func loaderOf(path string) (string, error) {
	program, err := elf.Open(path)
	if err != nil {
		return "", fmt.Errorf("%s is not a Linux program: %w", path, err)
	}
	defer program.Close()
	for _, segment := range program.Progs {
		if segment.Type == elf.PT_INTERP {
			name, err := io.ReadAll(segment.Open())
			return strings.TrimRight(string(name), "\x00"), err
		}
	}
	return "", nil
}

// libraryLine matches "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)" and "/lib64/ld-linux-x86-64.so.2 (0x…)".
var libraryLine = regexp.MustCompile(`(?m)^\s*(?:\S+ => )?(/\S+) \(0x`)

func librariesIn(listing []byte) []string {
	var libraries []string
	for _, match := range libraryLine.FindAllSubmatch(listing, -1) {
		libraries = append(libraries, string(match[1]))
	}
	return libraries
}

// env tells the loader in the image where the libraries are, which need not be its usual places.
func (f imageFiles) env() map[string]string {
	var folders []string
	for _, library := range f.libraries {
		folders = append(folders, filepath.Dir(library))
	}
	slices.Sort(folders)
	if folders = slices.Compact(folders); len(folders) == 0 {
		return nil
	}
	return map[string]string{"LD_LIBRARY_PATH": strings.Join(folders, ":")}
}

// writeTar writes the root file system of the image.
func (f imageFiles) writeTar(to io.Writer) error {
	archive := tar.NewWriter(to)
	if err := addFile(archive, f.program, programInImage); err != nil {
		return err
	}
	for _, library := range f.libraries {
		if err := addFile(archive, library, library); err != nil {
			return err
		}
	}
	// Programs expect to find a place for temporary files.
	if err := archive.WriteHeader(&tar.Header{Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o1777}); err != nil {
		return err
	}
	return archive.Close()
}

// addFile adds what is at path, through symbolic links, as a program.
func addFile(archive *tar.Writer, path, name string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	header := &tar.Header{Name: strings.TrimPrefix(name, "/"), Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(content))}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(archive, bytes.NewReader(content))
	return err
}
