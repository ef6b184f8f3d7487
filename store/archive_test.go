package store

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store/archive"
)

func save(t testing.TB, s *State) ([]byte, model.SnapshotInfo) {
	t.Helper()
	info, r, err := s.Archive(model.SnapshotInfo{Version: "1.2.3", Created: 9000})
	if err != nil {
		t.Fatal(err)
	}
	saved, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return saved, info
}

// receive opens a saved state in a folder of its own.
func receive(t *testing.T, saved []byte) *Incoming {
	t.Helper()
	in, err := Receive(t.TempDir(), bytes.NewReader(saved), StateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close() })
	return in
}

// restoreAt restores a saved state as raft does, in place of everything up to index, which is where it goes on.
func (m *machine) restoreAt(saved []byte, index uint64) {
	m.t.Helper()
	in, err := Receive(m.t.TempDir(), bytes.NewReader(saved), StateOptions{})
	if err != nil {
		m.t.Fatal(err)
	}
	r, size, err := in.Stage(index, m.state.RemovedPeers())
	if err != nil {
		m.t.Fatal(err)
	}
	staged, err := io.ReadAll(r)
	if err := errors.Join(err, in.Close()); err != nil || int64(len(staged)) != size {
		m.t.Fatalf("%d of %d bytes: %v", len(staged), size, err)
	}
	if err := m.state.Restore(io.NopCloser(bytes.NewReader(staged))); err != nil {
		m.t.Fatal(err)
	}
	m.log = slices.Grow(m.log, int(index))[:index]
}

func TestArchiveHasTheWholeState(t *testing.T) {
	m := newMachine(t, StateOptions{})
	script(m)
	saved, info := save(t, m.state)
	want := model.SnapshotInfo{Format: archive.Version, ClusterID: "c-1", Index: m.state.Index(), Term: m.state.Term(), Version: "1.2.3", Created: 9000}
	if info != want {
		t.Errorf("%+v, want %+v", info, want)
	}
	contents, err := InspectArchive(bytes.NewReader(saved))
	if err != nil {
		t.Fatal(err)
	}
	if contents.Bytes == 0 || contents.SHA256 == "" {
		t.Errorf("the archive does not tell its size and sum: %+v", contents)
	}
	contents.Bytes, contents.SHA256 = 0, ""
	history := 0
	for _, job := range m.state.Jobs(model.JobFilter{}) {
		rows, err := m.state.History(job.ID)
		if err != nil {
			t.Fatal(err)
		}
		history += len(rows)
	}
	all := model.SnapshotContents{
		SnapshotInfo: want, Jobs: len(m.state.Jobs(model.JobFilter{})), Hosts: len(m.state.Hosts()), Groups: len(m.state.Groups()), History: history,
	}
	for _, name := range m.state.Hosts() {
		host, err := m.state.Host(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Deployments, all.Statuses = all.Deployments+len(host.Jobs), all.Statuses+len(host.Statuses)
	}
	if contents != all || all.Statuses == 0 || history == 0 {
		t.Errorf("%+v, want %+v", contents, all)
	}

	in := receive(t, saved)
	if diff := cmp.Diff(dump(t, m.state), dump(t, in.state)); diff != "" {
		t.Errorf("the received state differs:\n%s", diff)
	}
	if in.Contents.SHA256 == "" || in.Contents.Jobs != contents.Jobs {
		t.Errorf("the received state is described as %+v", in.Contents)
	}
}

func TestArchiveIsOfOneMoment(t *testing.T) {
	m := newMachine(t, StateOptions{})
	script(m)
	want := dump(t, m.state)
	info, r, err := m.state.Archive(model.SnapshotInfo{})
	if err != nil {
		t.Fatal(err)
	}
	m.ok(CreateJob{Job: testJob("later", "1")})
	saved, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	if info.Index != uint64(len(m.log))-1 {
		t.Errorf("the archive is of index %d", info.Index)
	}
	if diff := cmp.Diff(want, dump(t, receive(t, saved).state)); diff != "" {
		t.Errorf("the archive has later changes:\n%s", diff)
	}
}

func TestArchiveBeingReadDoesNotHoldUpARestore(t *testing.T) {
	m, other := newMachine(t, StateOptions{}), newMachine(t, StateOptions{})
	script(m)
	script(other)
	_, r, err := m.state.Archive(model.SnapshotInfo{})
	if err != nil {
		t.Fatal(err)
	}
	replaced := m.state.Replaced()
	saved, _ := save(t, other.state)
	m.restoreAt(saved, 1000) // it would wait for ever
	_, err = io.ReadAll(r)
	if model.CodeOf(err) != model.CodeUnavailable || !strings.Contains(err.Error(), "replaced") {
		t.Errorf("the archive ended with %v", err)
	}
	<-replaced
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	save(t, m.state)
	_, r, err = m.state.Archive(model.SnapshotInfo{})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.state.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); model.CodeOf(err) != model.CodeUnavailable {
		t.Errorf("the archive ended with %v when the state was closed", err)
	}
	if _, _, err := m.state.Archive(model.SnapshotInfo{}); model.CodeOf(err) != model.CodeUnavailable {
		t.Errorf("an archive of a closed state: %v", err)
	}
}

func TestArchiveThatNobodyReadsToItsEndIsGivenUp(t *testing.T) {
	m := newMachine(t, StateOptions{})
	script(m)
	_, r, err := m.state.Archive(model.SnapshotInfo{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if !m.state.reads.TryLock() {
		t.Fatal("the state is still held")
	}
	m.state.reads.Unlock()
}

func TestRestoredStateGoesOn(t *testing.T) {
	from := newMachine(t, StateOptions{})
	script(from)
	from.ok(RemovePeer{ID: "p-2"})
	saved, info := save(t, from.state)

	m := newMachine(t, StateOptions{})
	m.ok(Term{Master: "n1"})
	m.ok(ClusterID{ID: "c-new"})
	m.ok(RemovePeer{ID: "p-3"})
	m.ok(CreateJob{Job: testJob("other", "1")})
	index := info.Index + 500
	m.restoreAt(saved, index)

	if m.state.Index() != index || !m.state.Restoring() || m.state.Term() != 0 {
		t.Errorf("restoring: index %d, %v, term %d", m.state.Index(), m.state.Restoring(), m.state.Term())
	}
	for _, peer := range []string{"p-1", "p-2", "p-3"} {
		if m.state.PeerRemoved(peer) {
			t.Errorf("%s is locked out before the restoring is over", peer)
		}
	}
	if _, _, _, err := m.state.Tasks("h1", "a1"); model.CodeOf(err) != model.CodeUnavailable {
		t.Errorf("an agent is given tasks before the restoring is over: %v", err)
	}
	m.reopen() // as a crash does
	if !m.state.Restoring() || m.state.Index() != index {
		t.Fatal("a crash ends the restoring")
	}

	before := epochs(t, m.state)
	m.ok(Restored{Master: "n1", Peers: []string{"p-2", "n-1"}})
	if m.state.Restoring() || m.state.Term() == 0 || m.state.ClusterID() != "c-1" || len(before) == 0 {
		t.Errorf("restored: %v, term %d, cluster %s, hosts %v", m.state.Restoring(), m.state.Term(), m.state.ClusterID(), before)
	}
	if want := []string{"p-1", "p-3"}; !slices.Equal(m.state.RemovedPeers(), want) || m.state.PeerRemoved("p-2") || !m.state.PeerRemoved("p-3") {
		t.Errorf("removed for good are %v, want %v", m.state.RemovedPeers(), want)
	}
	after := epochs(t, m.state)
	for name, epoch := range before {
		if after[name] <= epoch {
			t.Errorf("host %s has epoch %d after %d", name, after[name], epoch)
		}
	}
	// Once more it is no more than the beginning of a term.
	m.ok(Restored{Master: "n1", Peers: []string{"p-1"}})
	if diff := cmp.Diff(after, epochs(t, m.state)); diff != "" || !m.state.PeerRemoved("p-1") {
		t.Errorf("a second Restored did something: %s", diff)
	}
	m.ok(CreateJob{Job: testJob("later", "1")})
	if got := m.as(model.Request{ID: "r-2"}, RemoveJob{ID: testJob("gone", "1").ID}); got.Index > info.Index {
		t.Error("a request from before the snapshot was taken for a new one")
	}
	want := view(t, m.state)
	m.reopen()
	if diff := cmp.Diff(want, view(t, m.state)); diff != "" {
		t.Errorf("after opening again:\n%s", diff)
	}
}

func epochs(t *testing.T, s *State) map[string]uint64 {
	t.Helper()
	epochs := map[string]uint64{}
	for _, name := range s.Hosts() {
		host, err := s.Host(name)
		if err != nil {
			t.Fatal(err)
		}
		epochs[name] = host.Epoch
	}
	return epochs
}

func TestStagedIndexIsNotBelowTheSavedOne(t *testing.T) {
	m := newMachine(t, StateOptions{})
	script(m)
	saved, info := save(t, m.state)
	if _, _, err := receive(t, saved).Stage(info.Index-1, nil); err == nil {
		t.Error("it was staged: commands would be skipped")
	}
}

func TestReceiveRefuses(t *testing.T) {
	m := newMachine(t, StateOptions{})
	script(m)
	saved, info := save(t, m.state)
	state := takeSnapshot(t, m.state)
	newer := bytes.Clone(state)
	newer[len(snapshotMagic)]++
	// A state in which something that others need is missing would make every master fail at every start.
	if err := m.state.db.Update(func(txn *badger.Txn) error { return txn.Delete(jobKey(testJob("web", "1", 8080, 9090).ID)) }); err != nil {
		t.Fatal(err)
	}
	torn, _ := save(t, m.state)
	wrap := func(info model.SnapshotInfo, state []byte) []byte {
		var out bytes.Buffer
		a, err := archive.NewWriter(&out, info)
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.Write(state)
		if err := errors.Join(err, a.Close()); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	other := info
	other.Index++
	for name, test := range map[string]struct {
		file []byte
		want string
	}{
		"cut short":           {saved[:len(saved)-40], "damaged"},
		"a raft snapshot":     {state, "not a snapshot of a heliosctl cluster"},
		"no state":            {wrap(info, nil), "not a snapshot of heliosctl's state"},
		"a newer state":       {wrap(info, newer), "upgrade"},
		"half a state":        {wrap(info, state[:len(state)/2]), "damaged"},
		"more than one state": {wrap(info, append(bytes.Clone(state), state...)), "damaged"},
		"described otherwise": {wrap(other, state), "described as cluster"},
		"a torn state":        {torn, "does not exist"},
	} {
		dir := t.TempDir()
		_, err := Receive(dir, bytes.NewReader(test.file), StateOptions{})
		if model.CodeOf(err) != model.CodeInvalid || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: %v is left behind (%v)", name, left, err)
		}
	}
}

func TestRemoveIncoming(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"restore-1/state", "restore-22", "state"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := RemoveIncoming(dir); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 || left[0].Name() != "state" {
		t.Errorf("left are %v (%v)", left, err)
	}
}

// FuzzInspectArchive feeds any state, well wrapped, to the reader of archives.
func FuzzInspectArchive(f *testing.F) {
	state, err := OpenState(f.TempDir(), StateOptions{})
	if err != nil {
		f.Fatal(err)
	}
	command, err := Encode(1, model.Request{ID: "r"}, CreateJob{Job: testJob("web", "1")})
	if err != nil {
		f.Fatal(err)
	}
	state.Apply(&raft.Log{Index: 1, Type: raft.LogCommand, Data: command})
	saved, _ := save(f, state)
	if err := state.Close(); err != nil {
		f.Fatal(err)
	}
	a, err := archive.NewReader(bytes.NewReader(saved))
	if err != nil {
		f.Fatal(err)
	}
	inner, err := io.ReadAll(a)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(inner, uint64(1))
	f.Add(inner[:len(inner)-2], uint64(1))
	f.Add([]byte(snapshotMagic+"\x01"), uint64(0))
	f.Fuzz(func(t *testing.T, state []byte, index uint64) {
		var file bytes.Buffer
		a, err := archive.NewWriter(&file, model.SnapshotInfo{Index: index})
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.Write(state)
		if err := errors.Join(err, a.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := InspectArchive(&file); err != nil && model.CodeOf(err) != model.CodeInvalid {
			t.Fatalf("the archive is not to blame: %v", err)
		}
	})
}
