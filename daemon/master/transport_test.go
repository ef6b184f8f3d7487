package master

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

func TestRaftAddressIsKnownBeforeRun(t *testing.T) {
	m, err := New(Config{Name: "m1", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	address := m.RaftAddress()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatalf("a master that never ran keeps its port: %v", err)
	}
	_ = listener.Close()

	m, err = New(Config{Name: "m1", DataDir: t.TempDir(), RaftBind: "0.0.0.0:0", RaftAdvertise: "192.0.2.7:5806"})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if got := m.RaftAddress(); got != "192.0.2.7:5806" {
		t.Errorf("the address is %s", got)
	}
}

// TestGreetings talks to a master's raft port as others might.
func TestGreetings(t *testing.T) {
	p := startThree(t, nil)
	leader := p.awaitLeader()
	gone := p.others(leader)[0]
	wantCode(t, leader.RemovePeer(t.Context(), by("u"), gone.ServerID(), false), "")
	for name, test := range map[string]struct{ greeting, want string }{
		"meant":              {fmt.Sprintf("%s x %s\n", raftGreeting, leader.ServerID()), answerWelcome},
		"another is meant":   {fmt.Sprintf("%s x %s\n", raftGreeting, gone.ServerID()), answerNotMe},
		"nobody is meant":    {raftGreeting + " x\n", answerNotMe},
		"another version":    {fmt.Sprintf("heliosctl-raft 9 x %s\n", leader.ServerID()), answerNotMe},
		"not raft":           {"GET / HTTP/1.1\n", answerNotMe},
		"removed":            {fmt.Sprintf("%s %s %s\n", raftGreeting, gone.ServerID(), leader.ServerID()), answerYouAreGone},
		"a line without end": {strings.Repeat("x", 2*maxGreeting), ""},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", leader.RaftAddress())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write([]byte(test.greeting)); err != nil {
				t.Fatal(err)
			}
			answer := bufio.NewReader(conn)
			got, err := answer.ReadString('\n')
			if strings.TrimSpace(got) != test.want || test.want != "" && err != nil {
				t.Errorf("the answer is %q, %v", got, err)
			}
			if test.want == answerWelcome {
				return
			}
			if _, err := answer.ReadByte(); err == nil {
				t.Error("the connection stays open")
			}
		})
	}
	if now := p.leader(); now != leader {
		t.Error("strangers disturbed the leader")
	}
}

func TestDialNeedsToKnowWhoIsMeant(t *testing.T) {
	m, err := New(Config{Name: "m1", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if conn, err := m.stream.Dial(raft.ServerAddress("127.0.0.1:1"), time.Second); err == nil || !strings.Contains(err.Error(), "not known") {
		t.Errorf("%v, %v", conn, err)
	}
}
