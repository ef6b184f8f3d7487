package tui

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
)

// copyLimit is how much terminals take into the clipboard with OSC 52.
const copyLimit = 74_000

// copy puts text on the clipboard of the terminal, wherever that is, by OSC 52: it works over SSH, too.
func (a *app) copy(text, what string) tea.Cmd {
	if len(text) > copyLimit {
		a.say("%s", a.andHint(fmt.Sprintf("%s are too much for the clipboard (%d kB)", what, len(text)/1000), a.exporting(), "exports them"))
		return nil
	}
	a.say("copied %s", what)
	tmux := os.Getenv("TMUX") != ""
	write := a.write(clipboardSequence(text, tmux, strings.HasPrefix(os.Getenv("TERM"), "screen")))
	if !tmux {
		return write
	}
	return a.async(func(ctx context.Context) tea.Msg {
		if copyWithTmux(ctx, text) == nil {
			return nil
		}
		return write()
	})
}

// copyWithTmux has tmux itself set the clipboard. Unless it is configured otherwise, it lets no sequence of a program through, and
// does not say so.
func copyWithTmux(ctx context.Context, text string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	command := exec.CommandContext(ctx, "tmux", "load-buffer", "-w", "-")
	command.Stdin = strings.NewReader(text)
	return command.Run()
}

// exporting is the command that exports what the page shows, "" where there is none.
func (a *app) exporting() string {
	if a.modal != nil {
		return ""
	}
	for _, c := range a.commandsOf(a.page) {
		if strings.HasSuffix(c.id, ".export") {
			return c.id
		}
	}
	return ""
}

// clipboardSequence is what sets the clipboard, wrapped for the multiplexer that is in between.
func clipboardSequence(text string, tmux, screen bool) string {
	sequence := "\x1b]52;c;" + base64.StdEncoding.EncodeToString([]byte(text)) + "\x07"
	switch {
	case tmux:
		return "\x1bPtmux;" + strings.ReplaceAll(sequence, "\x1b", "\x1b\x1b") + "\x1b\\"
	case screen:
		return "\x1bP" + sequence + "\x1b\\"
	}
	return sequence
}

// write sends a control sequence to the terminal beside the frames.
func (a *app) write(sequence string) tea.Cmd {
	out := a.Out
	switch {
	case a.screen != nil:
		out = a.screen
	case out == nil:
		out = os.Stdout
	}
	return func() tea.Msg {
		_, _ = fmt.Fprint(out, sequence) // a terminal that is gone ends the console anyway
		return nil
	}
}

// chooseExport asks for a format and writes a file.
func (a *app) chooseExport(name string, asCSV, asJSON func() ([]byte, error)) tea.Cmd {
	if a.Save == nil {
		a.say("there is no folder to export to")
		return nil
	}
	export := func(kind string, make func() ([]byte, error)) option {
		return option{title: kind, note: name + "." + kind, do: func(a *app) tea.Cmd { return a.save(name+"."+kind, make) }}
	}
	return a.open(&chooser{title: "Export " + name, options: []option{
		export("csv", asCSV), export("json", asJSON),
		export("txt", func() ([]byte, error) { a.modal = nil; a.compose(); return []byte(a.canvas.Plain()), nil }),
	}})
}

type savedMsg struct {
	path string
	err  error
}

func (a *app) save(name string, content func() ([]byte, error)) tea.Cmd {
	text, err := content()
	if err != nil {
		a.say("cannot export: %v", err)
		return nil
	}
	return a.async(func(context.Context) tea.Msg {
		path, err := a.Save(name, text)
		return answer{to: (*saver)(a), msg: savedMsg{path, err}}
	})
}

// saver says what has become of an export.
type saver app

func (s *saver) receive(a *app, msg tea.Msg) tea.Cmd {
	if saved := msg.(savedMsg); saved.err != nil {
		a.say("cannot export: %v", saved.err)
	} else {
		a.say("exported to %s", saved.path)
	}
	return nil
}

func writeCSV(rows [][]string) ([]byte, error) {
	var b bytes.Buffer
	err := csv.NewWriter(&b).WriteAll(rows)
	return b.Bytes(), err
}

func (l *list[T]) csv() ([]byte, error) {
	head, rows := l.table()
	return writeCSV(append([][]string{head}, rows...))
}

func (l *list[T]) json() ([]byte, error) {
	head, rows := l.table()
	objects := make([]map[string]string, 0, len(rows))
	for _, row := range rows {
		object := map[string]string{}
		for i, name := range head {
			object[name] = row[i]
		}
		objects = append(objects, object)
	}
	return json.MarshalIndent(objects, "", "  ")
}
