package tui

import (
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/tui/widget"
)

// page is one screen. It owns its data; the app knows nothing of it.
type page interface {
	// crumbs says where one is, from the screen on.
	crumbs() []string
	// commands are the keys of the page, in the order of the row of keys.
	commands() []*command
	// refresh takes over a new snapshot. It is also called before the page is shown.
	refresh(a *app)
	// draw draws the page.
	draw(a *app, area widget.Area)
	// status is what stands in the row above the keys.
	status(a *app) (left, right []widget.Span)
}

// opener is a page that has something to do when it is shown for the first time.
type opener interface{ open(a *app) tea.Cmd }

// closer is a page that has something to end when it is left for good.
type closer interface{ close() }

// typist is a page that takes keys as text at times.
type typist interface {
	// typing reports whether it does now.
	typing() bool
	key(a *app, msg tea.KeyMsg) tea.Cmd
}

// receiver is a page that asks for something and gets an answer.
type receiver interface {
	receive(a *app, msg tea.Msg) tea.Cmd
}

// escaper is a page for which esc can mean something else than to go back. It reports whether it did.
type escaper interface{ escape(a *app) bool }

// stopper is a page that may show a moment that is over; zero is the present.
type stopper interface{ stoppedAt() time.Time }

// speaker is a page on which commands mean something else at times: by their ids, what the row of keys says then; "" leaves one out.
type speaker interface{ labels() map[string]string }

// selecter is a page that has more to ask for once a row has been selected.
type selecter interface{ selectedNow(a *app) tea.Cmd }

// twin is a page with a command line that shows the same.
type twin interface{ commandLine(a *app) string }

// answer is a message for one page, whether or not it is still shown.
type answer struct {
	to  receiver
	msg tea.Msg
}

// screen is one of the numbered ones.
type screen struct {
	key   string
	name  string
	short string
	make  func(a *app) page
}

// command is what the key of the screen is called in the configuration.
func (s screen) command() string { return "screen." + strings.ToLower(s.name) }

// registry has one line for each screen.
func registry() []screen {
	return []screen{
		{"1", "Overview", "Over", newOverview},
		{"2", "Hosts", "Host", newHosts},
		{"3", "Jobs", "Jobs", newJobs},
		{"4", "Groups", "Grou", newGroups},
		{"5", "Events", "Even", newEvents},
		{"6", "Logs", "Logs", newLogs},
		{"7", "Masters", "Mast", newMasters},
	}
}
