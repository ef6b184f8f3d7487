package tui

import (
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
)

// stateLook is how a state of a task looks: by glyph, by code, by the texture of its lane, and by colour; each alone would do.
type stateLook struct {
	state  model.State
	glyph  rune
	code   string
	lane   rune
	laneBy rune // that follows the first lane cell, where it is another one
	color  theme.Color
	weight int // the heavier one is shown where several share a cell
}

// The indexes of Counts.
const (
	countRunning = iota
	countPulling
	countCreating
	countStarting
	countHealth
	countStopping
	countStopped
	countExited
	countFailed
	countUnknown
	countSilent // nothing has been reported yet
	stateCount
)

var looks = [stateCount]stateLook{
	countRunning:  {model.StateRunning, '●', "RUN", '━', '━', theme.OK, 1},
	countPulling:  {model.StatePullingImage, '⇣', "PULL", '░', '░', theme.Progress, 4},
	countCreating: {model.StateCreating, '◌', "CREA", '▒', '▒', theme.Progress, 5},
	countStarting: {model.StateStarting, '◐', "STRT", '▓', '▓', theme.Progress, 6},
	countHealth:   {model.StateHealthchecking, '◍', "HLTH", '▞', '▞', theme.Warn, 7},
	countStopping: {model.StateStopping, '◒', "STPG", '▂', '▂', theme.Stopped, 3},
	countStopped:  {model.StateStopped, '○', "STOP", '╌', '╌', theme.Stopped, 2},
	countExited:   {model.StateExited, '◇', "EXIT", '┄', '┄', theme.Warn, 8},
	countFailed:   {model.StateFailed, '✗', "FAIL", '✗', '×', theme.Fail, 10},
	countUnknown:  {model.StateUnknown, '?', "UNKN", '?', '?', theme.Unknown, 9},
	countSilent:   {"", '·', "WAIT", ' ', ' ', theme.Muted, 0},
}

func stateIndex(s model.State) int {
	switch s {
	case model.StateRunning:
		return countRunning
	case model.StatePullingImage:
		return countPulling
	case model.StateCreating:
		return countCreating
	case model.StateStarting:
		return countStarting
	case model.StateHealthchecking:
		return countHealth
	case model.StateStopping:
		return countStopping
	case model.StateStopped:
		return countStopped
	case model.StateExited:
		return countExited
	case model.StateFailed:
		return countFailed
	case "":
		return countSilent
	default:
		return countUnknown
	}
}

func look(s model.State) *stateLook { return &looks[stateIndex(s)] }

// Counts counts tasks by state, and what else there is to know of many at a glance.
type Counts struct {
	states    [stateCount]int
	throttled [3]int // flapping, image missing, pull failed
	problems  int
	total     int
}

// Of is how many tasks are in a state; "" is those of which nothing has been reported.
func (c *Counts) Of(s model.State) int { return c.states[stateIndex(s)] }

// Total is how many tasks there are.
func (c *Counts) Total() int { return c.total }

// Problems is how many tasks need somebody.
func (c *Counts) Problems() int { return c.problems }

// Moving is how many tasks are on their way to running.
func (c *Counts) Moving() int {
	s := &c.states
	return s[countPulling] + s[countCreating] + s[countStarting] + s[countHealth] + s[countStopping] + s[countSilent]
}

func (c *Counts) add(t *Task, n int) {
	c.states[stateIndex(t.State)] += n
	c.total += n
	if i := throttleIndex(t.Throttle); i >= 0 {
		c.throttled[i] += n
	}
	if t.Problem() {
		c.problems += n
	}
}

func throttleIndex(t model.Throttle) int {
	switch t {
	case model.ThrottleFlapping:
		return 0
	case model.ThrottleImageMissing:
		return 1
	case model.ThrottleImagePullFailed:
		return 2
	default:
		return -1
	}
}

// throttleGlyphs are how the throttles look.
var throttleGlyphs = [3]string{"↯", "⊘", "⇣✗"}

// Problem tells whether a task needs somebody: it failed, it is held back, nobody knows what it does, it is not healthy, or it ended
// although it should run.
func (t *Task) Problem() bool {
	switch {
	case t.State == model.StateFailed, t.State == model.StateUnknown, throttleIndex(t.Throttle) >= 0, t.Unhealthy:
		return true
	case t.State == model.StateExited:
		return t.Goal == model.GoalStart
	}
	return false
}

// severity orders tasks, hosts and jobs: the higher, the more it needs somebody.
func severity(c *Counts) int {
	s := &c.states
	switch {
	case s[countFailed] > 0:
		return 5
	case c.throttled[0]+c.throttled[1]+c.throttled[2] > 0:
		return 4
	case c.problems > s[countUnknown]:
		return 3
	case s[countUnknown] > 0:
		return 2
	case c.Moving() > 0:
		return 1
	}
	return 0
}
