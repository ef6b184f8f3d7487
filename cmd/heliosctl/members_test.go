package main

import (
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/heliosctl/heliosctl/daemon/api/apitest"
	"github.com/heliosctl/heliosctl/model"
)

// oldKey is what the fake pool encrypts with, once a script says so.
const oldKey = "AAAAAAAAAAAAAAAAAAAAAA=="

// newFakePool is a pool with a member of every kind. The name of master1 is a host's too.
func newFakePool() *apitest.Pool {
	pool := apitest.NewPool(
		model.Member{
			Name: "master1", Role: model.RoleMaster, ID: "raft1", Status: model.MemberAlive, Address: "10.0.0.1:5805",
			API: "http://10.0.0.1:5801", Raft: "10.0.0.1:5806", ClusterID: "c1", Version: "1.2.3",
		},
		model.Member{Name: "web-1", Role: model.RoleAgent, ID: "AAAA", Status: model.MemberAlive, Address: "10.0.0.2:5805", ClusterID: "c1", Version: "1.2.3"},
		model.Member{Name: "web-2", Role: model.RoleAgent, ID: "BBBB", Status: model.MemberFailed, Address: "10.0.0.3:5805", Version: "1.2.2"},
		model.Member{Name: "monitor", Status: model.MemberAlive, Address: "10.0.0.4:7946", Tags: map[string]string{"dc": "eu"}},
	)
	pool.Trip("web-1", "master1", 0.4249)
	pool.Trip("web-1", "monitor", 12)
	return pool
}

// scriptEncrypted makes the pool one with a key, of which members fail.
func scriptEncrypted(ts *testscript.TestScript, _ bool, args []string) {
	pool := masterOf(ts).pool
	pool.Encrypt(oldKey)
	for i := 0; i+1 < len(args); i += 2 {
		pool.Fail(args[i], args[i+1])
	}
}
