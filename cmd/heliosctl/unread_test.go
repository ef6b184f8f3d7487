package main

import (
	"os"
	"testing"
)

func TestUnread(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if unread(w) {
		t.Error("a pipe that is read counts as unread")
	}
	r.Close()
	if !unread(w) {
		t.Error("a pipe that nobody reads counts as read")
	}
	file, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if unread(file) {
		t.Error("a file counts as unread")
	}
}
