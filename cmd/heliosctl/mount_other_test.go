//go:build !linux

package main

import "testing"

func mount(t *testing.T, _, _ string) {
	t.Helper()
	t.Skip("mounting a file system needs Linux")
}
