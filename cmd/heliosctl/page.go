package main

import (
	"io"
	"slices"
	"strings"
)

// page is how results are laid out: on a terminal within its columns, anywhere else as wide as they are.
type page struct {
	columns int // 0: nothing is cut
	colour  bool
}

// pageOf tells how what is written to w is laid out.
func pageOf(w io.Writer) page {
	if o, ok := w.(*output); ok {
		return o.page
	}
	return page{}
}

// colourChoices are the values of --color.
func colourChoices() []string { return []string{"auto", "always", "never"} }

// page tells how results are laid out on out. It fails when --color is none of its values.
func (env *environment) page() (page, error) {
	if env.color != "" && !slices.Contains(colourChoices(), env.color) {
		return page{}, usagef("--color is %q; it can be auto, always or never", env.color)
	}
	p := page{colour: env.coloured(env.screen)}
	if env.display != nil {
		p.columns = int(env.display.size().Columns)
	}
	return p, nil
}

// coloured tells whether what is written in colour, on a terminal or elsewhere. What the command line says comes first, then NO_COLOR,
// then CLICOLOR_FORCE and CLICOLOR, then what the terminal can do.
func (env *environment) coloured(terminal bool) bool {
	forced, wanted, kind := env.getenv("CLICOLOR_FORCE"), env.getenv("CLICOLOR"), env.getenv("TERM")
	switch {
	case env.color == "always":
		return true
	case env.color == "never", env.getenv("NO_COLOR") != "":
		return false
	case forced != "" && forced != "0":
		return true
	}
	return terminal && wanted != "0" && kind != "" && kind != "dumb"
}

// styleOfState colours the word that a column of states begins with, unless what follows contradicts it. The word itself says it all, so
// that nothing is told by colour alone.
func styleOfState(text string) style {
	word, remarks, _ := strings.Cut(text, " ")
	word = strings.ToUpper(strings.TrimSuffix(word, ","))
	for _, bad := range []string{"unhealthy", "FLAPPING", "IMAGE_", "down"} {
		if strings.Contains(remarks, bad) {
			return styleBad
		}
	}
	switch word {
	case "FAILED", "EXITED", "DOWN", "UNKNOWN":
		return styleBad
	case "RUNNING", "UP", "ALIVE", "ACTIVE", "DONE", "YES", "LEADER":
		if strings.Contains(remarks, "drained") {
			return styleActive
		}
		return styleGood
	case "PULLING_IMAGE", "CREATING", "STARTING", "HEALTHCHECKING", "STOPPING", "ROLLING_OUT", "UNDEPLOYING", "AWAITING", "MIN_HEALTHY",
		"PAUSED", "CANARY", "LEAVING", "NO":
		return styleActive
	case "STOPPED", "LEFT", "PENDING", "SKIPPED", "IDLE", "REPLACED", "ROLLED_BACK", "-":
		return styleFaint
	}
	return styleNone
}
