package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/heliosctl/heliosctl/cmd/heliosctl/config"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// explainCrash makes the error of a console that a bug has ended one that says where the trace is. Others stay as they are.
func explainCrash(env *environment, err error) error {
	var crash *tui.Panic
	if !errors.As(err, &crash) {
		return err
	}
	path, saveErr := saveTrace(env, crash.Error(), crash.Stack)
	if saveErr != nil {
		fmt.Fprintf(env.err, "%s\n", crash.Stack)
		return model.Errorf(model.CodeInternal, "the console ended by a bug (%v); the trace above could not be saved: %v", crash, saveErr)
	}
	return model.Errorf(model.CodeInternal, "the console ended by a bug (%v); the trace is in %s", crash, path)
}

// saveTrace writes what is known of a bug to a file of its own beside what the console remembers.
func saveTrace(env *environment, cause string, trace []byte) (string, error) {
	state := config.StatePath(env.getenv)
	if state == "" {
		return "", errors.New("there is no home folder")
	}
	folder := filepath.Dir(state)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	file, err := os.CreateTemp(folder, "crash-"+env.now().UTC().Format("20060102-150405")+"-*.txt") // 0600
	if err != nil {
		return "", err
	}
	_, err = fmt.Fprintf(file, "heliosctl %s, %s %s/%s, %s\n%s\n\n%s", productVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH,
		env.now().UTC().Format("2006-01-02 15:04:05 MST"), cause, trace)
	return file.Name(), errors.Join(err, file.Close())
}
