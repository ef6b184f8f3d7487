package main

import (
	"testing"

	"golang.org/x/sys/unix"
)

func mount(t *testing.T, dir, options string) {
	t.Helper()
	flags := uintptr(0)
	if len(options) > 3 && options[len(options)-3:] == ",ro" {
		flags, options = unix.MS_RDONLY, options[:len(options)-3]
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", flags, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
}
