package client_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/model"
)

func TestPeers(t *testing.T) {
	backend, master := newMaster(t, api.Config{})
	second := model.Peer{ID: "id2", Name: "master2", Address: "10.0.0.2:5806", Voter: true, Alive: true, Index: 3, Version: "1.2.2"}
	third := model.Peer{ID: "id3", Name: "master3", Address: "10.0.0.3:5806"}
	backend.AddPeers(second, third)
	c := newClient(t, client.Config{Endpoints: []string{master.URL}})
	peers, err := c.Peers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]model.Peer{second, third}, peers[1:]); diff != "" || !peers[0].Leader {
		t.Errorf("peers:\n%s", diff)
	}
	for _, tt := range []struct {
		id    string
		force bool
		want  model.Code
	}{
		{"nobody", true, model.CodeNotFound},
		{"id3", false, ""},
		{"id3", false, model.CodeNotFound},
		{"master2", true, ""},
		{"master1", true, model.CodeUnsafe},
	} {
		if err := c.RemovePeer(t.Context(), tt.id, tt.force); model.CodeOf(err) != tt.want {
			t.Errorf("removing %s: %v", tt.id, err)
		}
	}
}

func TestLeaveMaster(t *testing.T) {
	backend, master := newMaster(t, api.Config{})
	c := newClient(t, client.Config{Endpoints: []string{master.URL}})
	if err := c.LeaveMaster(t.Context(), "nobody"); model.CodeOf(err) != model.CodeNotFound {
		t.Errorf("a master that is not there: %v", err)
	}
	if err := c.LeaveMaster(t.Context(), "master1"); model.CodeOf(err) != model.CodeUnsafe || backend.HasLeft() {
		t.Errorf("the only one: %v", err)
	}
	backend.AddPeers(model.Peer{ID: "id2", Name: "master2", Voter: true, Alive: true})
	if err := c.LeaveMaster(t.Context(), "master1"); err != nil || !backend.HasLeft() {
		t.Errorf("one of two: %v", err)
	}
}

func TestMastersOfTheOriginalTellNoPeers(t *testing.T) {
	old := newFake(t, answer(http.StatusNotFound, ""))
	if _, err := newClient(t, client.Config{Endpoints: []string{old.URL}}).Peers(t.Context()); model.CodeOf(err) != model.CodeNotFound {
		t.Error(err)
	}
}
