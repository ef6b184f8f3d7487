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
		"no name":                   {Config{DataDir: t.TempDir()}, "name"},
		"no folder":                 {Config{Name: "m"}, "data folder"},
		"initial masters of others": {Config{Name: "m", DataDir: t.TempDir(), Initial: []string{"a", "b"}}, "the initial masters are a, b, and this one, m, is not"},
		"an initial master twice":   {Config{Name: "m", DataDir: t.TempDir(), Initial: []string{"m", "b", "m"}}, "m is named twice"},
		"an initial master unnamed": {Config{Name: "m", DataDir: t.TempDir(), Initial: []string{"m", ""}}, "has no name"},
		"initial masters and join":  {Config{Name: "m", DataDir: t.TempDir(), Initial: []string{"m"}, Join: true}, "not both"},
		"stable time":               {Config{Name: "m", DataDir: t.TempDir(), PeerStableTime: -1}, "must not be negative"},
		"history":                   {Config{Name: "m", DataDir: t.TempDir(), HistoryLimit: -1}, "history limit"},
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
			if m, err := New(config); err == nil {
				t.Error("the master was made")
				_ = m.Close()
			}
		})
	}
}
