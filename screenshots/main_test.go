package main

import (
	"bytes"
	"os"
	"testing"
)

// The pictures in this folder are what the program draws now: go run ./screenshots makes them anew.
func TestPicturesAreUpToDate(t *testing.T) {
	if testing.Short() {
		t.Skip("draws everything")
	}
	for _, s := range scenes() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			drawn, err := s.picture()
			if err != nil {
				t.Fatal(err)
			}
			compare(t, s.name+".png", drawn)
		})
	}
	t.Run("rollout.gif", func(t *testing.T) {
		t.Parallel()
		drawn, err := rollingOut()
		if err != nil {
			t.Fatal(err)
		}
		compare(t, "rollout.gif", drawn)
	})
}

func compare(t *testing.T, name string, drawn []byte) {
	t.Helper()
	kept, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kept, drawn) {
		t.Errorf("%s is out of date: go run ./screenshots draws it anew", name)
	}
}
