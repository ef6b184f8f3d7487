package main

import (
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/heliosctl/heliosctl/model"
)

func scriptPeer(ts *testscript.TestScript, _ bool, args []string) {
	peer := model.Peer{ID: args[0], Name: args[1], Address: "10.0.0.9:5806", Version: "1.2.2"}
	for _, arg := range args[2:] {
		switch key, value, _ := strings.Cut(arg, "="); key {
		case "voter":
			peer.Voter = true
		case "alive":
			peer.Alive = true
		case "index":
			index, err := strconv.ParseUint(value, 10, 64)
			ts.Check(err)
			peer.Index, peer.Term = index, 1
		default:
			ts.Fatalf("unknown word %q", arg)
		}
	}
	masterOf(ts).AddPeers(peer)
}

func scriptAlone(ts *testscript.TestScript, neg bool, _ []string) {
	if neg {
		masterOf(ts).FindLeader()
	} else {
		masterOf(ts).LoseLeader()
	}
}
