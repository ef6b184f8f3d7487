package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/heliosctl/heliosctl/cmd/heliosctl/config"
	"github.com/heliosctl/heliosctl/tui"
	"github.com/heliosctl/heliosctl/tui/theme"
)

// lookEvery is how often the configuration file is looked at for changes.
const lookEvery = 2 * time.Second

// fileVersion tells one content of a file from another.
type fileVersion struct {
	at   time.Time
	size int64
}

func versionOf(path string) fileVersion {
	info, err := os.Stat(path)
	if err != nil {
		return fileVersion{}
	}
	return fileVersion{info.ModTime(), info.Size()}
}

// watch sends the theme and the keys of the configuration file each time it has changed, until the context ends.
func (c *console) watch(ctx context.Context, path string, o *dashboardOptions) <-chan tui.Settings {
	settings := make(chan tui.Settings)
	seen := versionOf(path)
	c.watching.Go(func() {
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			now := versionOf(path)
			if now == seen {
				continue
			}
			seen = now
			select {
			case settings <- o.settings(path):
			case <-ctx.Done():
				return
			}
		}
	})
	return settings
}

// settings are what the configuration file says now. A theme that a flag named stays.
func (o *dashboardOptions) settings(path string) tui.Settings {
	file, err := config.Load(path)
	if err == nil {
		if err = tui.CheckKeys(file.Console.Keys); err != nil {
			err = fmt.Errorf("%s: console.keys: %w", path, err)
		}
	}
	if err != nil {
		return tui.Settings{Fault: err.Error()}
	}
	name := o.theme
	if !o.themeGiven {
		name = file.Console.Theme
	}
	return tui.Settings{Theme: cmp.Or(name, theme.Default), Keys: file.Console.Keys}
}
