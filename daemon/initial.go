package daemon

import (
	"slices"
	"strings"

	"github.com/heliosctl/heliosctl/model"
)

// InitialMaster is one of the masters that form a cluster at its first start.
type InitialMaster struct {
	Name   string // as its own --name has it
	Gossip string // HOST or HOST:PORT to join it at; empty: its name is its host's
}

// ParseInitialMasters reads entries of the form NAME or NAME=HOST[:PORT]. It fails with CodeInvalid.
func ParseInitialMasters(entries []string) ([]InitialMaster, error) {
	var masters []InitialMaster
	for _, entry := range entries {
		name, address, addressed := strings.Cut(entry, "=")
		switch {
		case name == "" || strings.ContainsAny(name, " \t/"):
			return nil, model.Errorf(model.CodeInvalid, "--masters: %q is no name of a master; give NAME or NAME=GOSSIP-ADDRESS", entry)
		case addressed && address == "":
			return nil, model.Errorf(model.CodeInvalid, "--masters: %q has no address after the =", entry)
		case slices.ContainsFunc(masters, func(m InitialMaster) bool { return m.Name == name }):
			return nil, model.Errorf(model.CodeInvalid, "--masters names %s twice", name)
		}
		masters = append(masters, InitialMaster{Name: name, Gossip: address})
	}
	return masters, nil
}

// initialNames are the names of the initial masters.
func (m Master) initialNames() []string {
	names := make([]string, len(m.Initial))
	for i, initial := range m.Initial {
		names[i] = initial.Name
	}
	return names
}

// joinAddresses are where gossip finds others: those to join, and the other initial masters. One without an address is looked for at
// its name, unless there is somebody to join who knows it.
func (m Master) joinAddresses() []string {
	addresses := slices.Clone(m.Join)
	for _, initial := range m.Initial {
		switch {
		case initial.Name == m.Name:
		case initial.Gossip != "":
			addresses = append(addresses, initial.Gossip)
		case len(m.Join) == 0:
			addresses = append(addresses, initial.Name)
		}
	}
	return addresses
}

// initialFaults are what is wrong with the list of initial masters.
func (m Master) initialFaults() []string {
	if len(m.Initial) == 0 || slices.Contains(m.initialNames(), m.Name) {
		return nil
	}
	return []string{"--masters names " + strings.Join(m.initialNames(), ", ") + ", but this master is " + m.Name +
		"; give it one of these names with --name, or let it join the others with --join"}
}
