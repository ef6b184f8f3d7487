package master

import (
	"strings"
	"testing"
)

func TestBadConfig(t *testing.T) {
	for name, test := range map[string]struct {
		config Config
		want   string
	}{
		"no name":   {Config{DataDir: t.TempDir()}, "name"},
		"no folder": {Config{Name: "m"}, "data folder"},
		"history":   {Config{Name: "m", DataDir: t.TempDir(), HistoryLimit: -1}, "history limit"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(test.config); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	for name, change := range map[string]func(*Config){
		"port in use":       func(c *Config) { c.RaftBind = "256.0.0.1:0" },
		"advertise nowhere": func(c *Config) { c.RaftAdvertise = "0.0.0.0" },
	} {
		t.Run(name, func(t *testing.T) {
			config := Config{Name: "m", DataDir: t.TempDir()}
			change(&config)
			m, err := New(config)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Run(t.Context()); err == nil {
				t.Error("the master ran")
			}
		})
	}
}
