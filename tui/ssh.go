package tui

import (
	"os/exec"

	tea "github.com/charmbracelet/bubbletea"
)

// chooseSSH asks whether to copy the command that opens a shell on a host, or to run it in place of the console until it ends.
func (a *app) chooseSSH(host string) tea.Cmd {
	line := "ssh " + host
	return a.open(&chooser{title: "Shell on " + host, options: []option{
		{title: "copy " + line, note: "to the clipboard", do: func(a *app) tea.Cmd { return a.copy(line, line) }},
		{title: "run " + line, note: "and come back here", do: func(a *app) tea.Cmd { return a.runSSH(host) }},
	}})
}

type sshEndedMsg struct {
	host string
	err  error
}

func (a *app) runSSH(host string) tea.Cmd {
	return tea.ExecProcess(exec.Command("ssh", "--", host), func(err error) tea.Msg { return answer{(*shell)(a), sshEndedMsg{host, err}} })
}

// shell says how a shell on a host has ended.
type shell app

func (s *shell) receive(a *app, msg tea.Msg) tea.Cmd {
	if ended := msg.(sshEndedMsg); ended.err != nil {
		a.say("ssh %s: %v", ended.host, ended.err)
	} else {
		a.say("back from %s", ended.host)
	}
	return nil
}
