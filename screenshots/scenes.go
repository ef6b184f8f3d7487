package main

import (
	"time"

	"github.com/heliosctl/heliosctl/tui"
	"github.com/heliosctl/heliosctl/tui/demo"
	"github.com/heliosctl/heliosctl/tui/theme"
)

// scene is one picture: what is pressed, and on how large a screen.
type scene struct {
	name   string
	w, h   int
	keys   []string
	theme  string
	colors theme.Profile
	ascii  bool
	stale  bool
	first  bool
}

// The moment of all pictures: a rollout has been going on for 18 minutes and a rack has gone dark.
var (
	began = time.Date(2026, 6, 1, 11, 46, 9, 0, time.UTC)
	now   = began.Add(18*time.Minute + 22*time.Second)
)

func scenes() []scene {
	rollout := []string{"4", "/payments", "enter", "enter"}
	timeline := []string{"3", "/web-api:42", "enter", "enter", "+", "down", "down", "["}
	return []scene{
		{name: "overview", w: 120, h: 36},
		{name: "hosts", w: 120, h: 36, keys: []string{"2", "/role=pay|geo", "enter", "down", "space", "space", "down", "down"}},
		{name: "host", w: 120, h: 36, keys: []string{"2", "/geo-36", "enter", "enter"}},
		{name: "jobs", w: 120, h: 36, keys: []string{"3", "down"}},
		{name: "timeline", w: 120, h: 36, keys: timeline},
		{name: "groups", w: 120, h: 36, keys: []string{"4"}},
		{name: "rollout", w: 120, h: 36, keys: rollout},
		{name: "events", w: 120, h: 36, keys: []string{"5", "up", "up", "up", "up"}},
		{name: "logs", w: 120, h: 36, keys: []string{"2", "/pay-34", "enter", "space", "space", "space", "l", "worker:8", "enter", "/timeout", "enter"}},
		{name: "masters", w: 120, h: 36, keys: []string{"7"}},
		{name: "inspect", w: 120, h: 36, keys: []string{"3", "/pay-worker:8", "enter", "y"}},
		{name: "palette", w: 120, h: 36, keys: []string{"2", ":", "roll pay"}},
		{name: "undeploy", w: 120, h: 36, keys: []string{"2", "/pay-34", "enter", "G", "space", "up", "up", "space", "up", "up", "space", "U", "worker:8", "enter", "3", "tab", "secret-token"}},
		{name: "help", w: 120, h: 36, keys: []string{"2", "?"}},
		{name: "connection-lost", w: 120, h: 36, keys: []string{"2"}, stale: true},
		{name: "too-small", w: 56, h: 13},
		{name: "first-run", w: 120, h: 36, first: true},
		{name: "overview-80x24", w: 80, h: 24},
		{name: "rollout-80x24", w: 80, h: 24, keys: rollout},
		{name: "overview-200x60", w: 200, h: 60},
		{name: "hosts-200x60", w: 200, h: 60, keys: []string{"2", "down", "down", "down", "down", "down", "down"}},
		{name: "rollout-light", w: 120, h: 36, keys: rollout, theme: "light"},
		{name: "timeline-high-contrast", w: 120, h: 36, keys: timeline, theme: "high-contrast"},
		{name: "overview-no-color", w: 120, h: 36, colors: theme.NoColor},
		{name: "hosts-ascii", w: 120, h: 36, keys: []string{"2"}, ascii: true},
	}
}

// stage sets a scene: a fleet that is always the same, at the moment of all pictures.
func (s *scene) stage() (*tui.Stage, *theme.Theme, error) {
	if s.theme == "" {
		s.theme = theme.Default
	}
	colors, err := theme.New(s.theme, s.colors)
	if err != nil {
		return nil, nil, err
	}
	fleet := demo.New(demo.Options{Seed: 1, Start: began})
	fleet.Advance(now)
	if s.stale {
		fleet.Disconnect(now.Add(-42*time.Second), "read tcp 10.4.1.12:5801: i/o timeout")
	}
	stage := tui.NewStage(tui.Options{
		Source: fleet, Theme: colors, ASCII: s.ascii, Version: "1.4.0", Now: func() time.Time { return now }, Zone: time.UTC,
	}, s.w, s.h)
	if s.first {
		stage.Welcome(tui.Welcome{KeptIn: "~/.config/heliosctl/config.yaml (0600)", Candidates: []tui.Candidate{
			{Address: "http://localhost:5801", Origin: "HELIOS_MASTER", Note: "3 hosts, v1.4, 2 ms", OK: true},
			{Address: "https://masters.prod-eu.example", Origin: "SRV _helios._tcp", Note: "3 masters", OK: true},
			{Address: "https://old-master:5801", Origin: "~/.config", Note: "connection refused"},
		}})
	}
	stage.Press(s.keys...)
	return stage, colors, nil
}
