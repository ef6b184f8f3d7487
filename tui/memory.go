package tui

import (
	"context"
	"maps"
	"sync"

	tea "github.com/charmbracelet/bubbletea"
)

// State is what the console remembers from one run to the next.
type State struct {
	Views   map[string]string            `yaml:"views,omitempty"`   // the addresses of saved views, by name
	Marks   map[string]map[string]string `yaml:"marks,omitempty"`   // addresses, by cluster and letter
	Screens map[string]Look              `yaml:"screens,omitempty"` // of tables, by what they list
}

// Clone returns a copy that shares nothing with the state.
func (s State) Clone() State {
	s.Views, s.Marks, s.Screens = maps.Clone(s.Views), maps.Clone(s.Marks), maps.Clone(s.Screens)
	for cluster := range s.Marks {
		s.Marks[cluster] = maps.Clone(s.Marks[cluster])
	}
	for name, look := range s.Screens {
		look.Columns = maps.Clone(look.Columns)
		s.Screens[name] = look
	}
	return s
}

// SetView keeps the address of a view; without an address it forgets the view.
func (s *State) SetView(name, address string) { s.Views = with(s.Views, name, address) }

// SetMark keeps the address of a mark in a cluster.
func (s *State) SetMark(cluster, letter, address string) {
	if s.Marks == nil {
		s.Marks = map[string]map[string]string{}
	}
	s.Marks[cluster] = with(s.Marks[cluster], letter, address)
}

// SetLook keeps how a table looks. The usual look is not kept.
func (s *State) SetLook(table string, look Look) {
	if look.Sort == "" && len(look.Columns) == 0 {
		delete(s.Screens, table)
		return
	}
	if s.Screens == nil {
		s.Screens = map[string]Look{}
	}
	s.Screens[table] = look
}

func with(m map[string]string, key, value string) map[string]string {
	if value == "" {
		delete(m, key)
		return m
	}
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	return m
}

// memory collects changes of the state until they are kept, in their order. It is safe for concurrent use.
type memory struct {
	keeping sync.Mutex // held while changes are being kept
	mu      sync.Mutex
	changes []func(*State)
}

func (m *memory) add(change func(*State)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changes = append(m.changes, change)
}

// keep hands all changes that wait to remember, in one.
func (m *memory) keep(remember func(func(*State)) error) error {
	m.keeping.Lock()
	defer m.keeping.Unlock()
	m.mu.Lock()
	changes := m.changes
	m.changes = nil
	m.mu.Unlock()
	if len(changes) == 0 {
		return nil
	}
	return remember(func(s *State) {
		for _, change := range changes {
			change(s)
		}
	})
}

type keptMsg struct{ err error }

// remember changes the state, here at once and where it is kept as soon as may be.
func (a *app) remember(change func(*State)) tea.Cmd {
	a.State = a.State.Clone()
	change(&a.State)
	if a.Remember == nil {
		return nil
	}
	a.memory.add(change)
	return a.async(func(context.Context) tea.Msg { return answer{(*keeper)(a), keptMsg{a.memory.keep(a.Remember)}} })
}

// keeper says when something could not be kept.
type keeper app

func (k *keeper) receive(a *app, msg tea.Msg) tea.Cmd {
	if err := msg.(keptMsg).err; err != nil {
		a.say("this lasts until the end only: %v", err)
	}
	return nil
}

// tabled is a page with a table whose look is remembered.
type tabled interface {
	tableName() string
	look() Look
	setLook(Look)
}

func (l *list[T]) tableName() string { return l.name }

// rememberLook keeps how a table looks now.
func (a *app) rememberLook(l tabled) tea.Cmd {
	name, look := l.tableName(), l.look()
	return a.remember(func(s *State) { s.SetLook(name, look) })
}

// recall gives the tables of a page the look that they had last.
func (a *app) recall(p page) {
	var l tabled
	switch p := p.(type) {
	case tabled:
		l = p
	case *hostDetail:
		l = p.tasks
	case *jobDetail:
		l = p.tasks
	default:
		return
	}
	if look, ok := a.State.Screens[l.tableName()]; ok {
		l.setLook(look)
	}
}
