package store

import "testing"

func TestRemovedPeersAreRemembered(t *testing.T) {
	m := newMachine(t, StateOptions{})
	for _, id := range []string{"p2", "p1", "p3", "p2"} {
		m.ok(RemovePeer{ID: id})
	}
	m.ok(Term{Master: "m"})
	check := func() {
		t.Helper()
		for id, want := range map[string]bool{"p1": true, "p2": true, "p3": true, "p": false, "p4": false, "": false} {
			if got := m.state.PeerRemoved(id); got != want {
				t.Errorf("peer %q removed: %v, want %v", id, got, want)
			}
		}
	}
	check()
	m.reopen()
	check()
}
