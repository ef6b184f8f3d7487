package master

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

// populate gives a master jobs, hosts, deployments, statuses and history.
func populate(m *running) {
	m.t.Helper()
	ctx := m.t.Context()
	web, db := m.mustCreate(testJob("web", "1", 80)), m.mustCreate(testJob("db", "2", 5432))
	for _, host := range []string{"h1", "h2"} {
		m.mustRegister(host, "agent-"+host)
		m.mustDeploy(host, web, model.GoalStart)
		reports := []model.StatusReport{report(1, web, model.StateCreating), report(2, web, model.StateRunning)}
		if _, err := m.PostStatuses(ctx, host, model.StatusBatch{AgentID: "agent-" + host, Reports: reports}); err != nil {
			m.t.Fatal(err)
		}
	}
	m.mustDeploy("h2", db, model.GoalStop)
	if _, err := m.Drain(ctx, by("alice"), "h1", false); err != nil {
		m.t.Fatal(err)
	}
}

// picture is everything that a master tells of its state, but for what a restore changes.
func picture(t *testing.T, m *Master) string {
	t.Helper()
	state := m.folders.state
	all := map[string]any{"cluster": m.ClusterID()}
	for _, job := range state.Jobs(model.JobFilter{}) {
		status, err := state.JobStatus(job.ID)
		history, err2 := state.History(job.ID)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		all["job "+job.ID.String()] = []any{job, status, history}
	}
	for _, name := range state.Hosts() {
		host, err := state.Host(name)
		if err != nil {
			t.Fatal(err)
		}
		host.Epoch = 0
		all["host "+name] = host
	}
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// save reads a whole snapshot.
func save(t *testing.T, m *Master) []byte {
	t.Helper()
	info, r, err := m.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	saved, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	contents, err := store.InspectArchive(bytes.NewReader(saved))
	if err != nil || contents.Index != info.Index || contents.ClusterID != m.ClusterID() || contents.Version != m.config.Version {
		t.Fatalf("%+v, announced as %+v: %v", contents, info, err)
	}
	return saved
}

// savedState is the snapshot of a populated master that is gone, and its picture.
func savedState(t *testing.T, change func(*running)) (saved []byte, want string) {
	t.Helper()
	m := start(t, t.TempDir(), func(c *Config) { c.Version = "1.2.3" })
	populate(m)
	if change != nil {
		change(m)
	}
	want, saved = picture(t, m.Master), save(t, m.Master)
	m.stop()
	return saved, want
}

func wantPicture(t *testing.T, m *Master, want string) {
	t.Helper()
	if err := m.ReadIndex(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, picture(t, m)); diff != "" {
		t.Errorf("the state differs:\n%s", diff)
	}
}

// watchIndex notes when the index of a master goes back, until the function it returns is called.
func watchIndex(t *testing.T, m *Master) (stop func()) {
	var watch sync.WaitGroup
	ended := make(chan struct{})
	watch.Go(func() {
		for last := uint64(0); ; {
			changed := m.folders.state.Changed()
			index := m.Index()
			if index < last {
				t.Errorf("the index went back from %d to %d", last, index)
			}
			last = index
			select {
			case <-changed:
			case <-ended:
				return
			}
		}
	})
	return sync.OnceFunc(func() {
		close(ended)
		watch.Wait()
	})
}

func wantEmptyDir(t *testing.T, dir string) {
	t.Helper()
	if left, err := filepath.Glob(filepath.Join(dir, "restore-*")); err != nil || len(left) > 0 {
		t.Errorf("%v is left behind (%v)", left, err)
	}
}

func TestRestoreIntoAnEmptyMaster(t *testing.T) {
	saved, want := savedState(t, nil)
	dir := t.TempDir()
	m := start(t, dir, nil)
	stop := watchIndex(t, m.Master)
	defer stop()
	before := m.Index()
	info, err := m.Restore(t.Context(), by("alice"), bytes.NewReader(saved), false)
	if err != nil {
		t.Fatal(err)
	}
	if info.Version != "1.2.3" || info.SHA256 == "" || info.ClusterID != m.ClusterID() {
		t.Errorf("restored %+v into %s", info, m.ClusterID())
	}
	wantPicture(t, m.Master, want)
	if _, reset, _ := m.Events(before); !reset {
		t.Error("events from before the restore are not reported as unknown")
	}
	wantEmptyDir(t, dir)
	stop()

	// Everything goes on, also after raft has taken a snapshot of its own, and after a restart.
	later := m.mustCreate(testJob("later", "1"))
	if err := m.node.Load().Snapshot().Error(); err != nil {
		t.Fatal(err)
	}
	registered := m.mustRegister("h2", "agent-h2")
	if registered.AckedSeq != 2 {
		t.Errorf("registered %+v", registered)
	}
	m.mustDeploy("h2", later, model.GoalStart)
	want, index := picture(t, m.Master), m.Index()
	m.stop()
	m = start(t, dir, nil)
	if m.Index() < index {
		t.Errorf("index %d after %d", m.Index(), index)
	}
	wantPicture(t, m.Master, want)
}

func TestRestoreRefuses(t *testing.T) {
	saved, want := savedState(t, nil)
	dir := t.TempDir()
	m := start(t, dir, nil)
	m.mustCreate(testJob("precious", "1"))
	mine := picture(t, m.Master)
	for name, test := range map[string]struct {
		file  []byte
		force bool
		code  model.Code
	}{
		"to replace jobs": {saved, false, model.CodeUnsafe},
		"a cut one":       {saved[:len(saved)-1], true, model.CodeInvalid},
		"something else":  {[]byte("hello"), true, model.CodeInvalid},
	} {
		if _, err := m.Restore(t.Context(), by("alice"), bytes.NewReader(test.file), test.force); model.CodeOf(err) != test.code {
			t.Errorf("%s: %v", name, err)
		}
		wantPicture(t, m.Master, mine)
	}
	wantEmptyDir(t, dir)

	// A second one at the same time.
	r, w := io.Pipe()
	first := make(chan error, 1)
	go func() {
		_, err := m.Restore(context.Background(), by("alice"), r, true)
		first <- err
	}()
	if _, err := w.Write(saved[:10]); err != nil {
		t.Fatal(err)
	}
	_, err := m.Restore(t.Context(), by("bob"), bytes.NewReader(saved), true)
	wantCode(t, err, model.CodeUnavailable)
	if _, err := w.Write(saved[10:]); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), <-first); err != nil {
		t.Fatal(err)
	}
	wantPicture(t, m.Master, want)

	// By force, over what was restored before.
	m.mustCreate(testJob("another", "1"))
	if _, err := m.Restore(t.Context(), by("alice"), bytes.NewReader(saved), true); err != nil {
		t.Fatal(err)
	}
	wantPicture(t, m.Master, want)
}

// replaceOnly is a restore whose leader fails before its last step.
func replaceOnly(t *testing.T, m *Master, saved []byte) {
	t.Helper()
	in, err := store.Receive(m.config.DataDir, bytes.NewReader(saved), store.StateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	n := m.node.Load()
	index := max(n.LastIndex(), in.Contents.Index) + restoreGap
	r, size, err := in.Stage(index, nil)
	if err != nil {
		t.Fatal(err)
	}
	meta := &raft.SnapshotMeta{Version: raft.SnapshotVersionMax, Index: index, Term: in.Contents.Term, Size: size}
	if err := n.Restore(meta, r, 0); err != nil {
		t.Fatal(err)
	}
}

func TestRestoreThatWasCutShortIsFinished(t *testing.T) {
	saved, want := savedState(t, nil)
	dir := t.TempDir()
	m := start(t, dir, nil)
	if err := os.MkdirAll(filepath.Join(dir, "restore-1", "state"), 0o700); err != nil { // as a crash leaves it
		t.Fatal(err)
	}
	replaceOnly(t, m.Master, saved)
	if err := m.ReadIndex(t.Context()); model.CodeOf(err) != model.CodeUnavailable {
		t.Errorf("reads are confirmed in the middle of restoring: %v", err)
	}
	m.stop()
	m = start(t, dir, nil)
	wantPicture(t, m.Master, want)
	wantEmptyDir(t, dir)
	m.mustCreate(testJob("later", "1"))
}

// TestCrashBehindTheSnapshot has the folder as a crash leaves it when raft has the snapshot and has neither restored the state nor
// dropped its log.
func TestCrashBehindTheSnapshot(t *testing.T) {
	saved, want := savedState(t, nil)
	dir := t.TempDir()
	m := start(t, dir, nil)
	m.mustCreate(testJob("before", "1"))
	n := m.node.Load()
	configuration, at := n.GetConfiguration(), n.LastIndex()
	if err := configuration.Error(); err != nil {
		t.Fatal(err)
	}
	term := n.CurrentTerm()
	m.stop()

	in, err := store.Receive(t.TempDir(), bytes.NewReader(saved), store.StateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	r, _, err := in.Stage(at+restoreGap, nil)
	if err != nil {
		t.Fatal(err)
	}
	snapshots, err := raft.NewFileSnapshotStoreWithLogger(dir, snapshotsKept, raftLogger{m.log})
	if err != nil {
		t.Fatal(err)
	}
	_, transport := raft.NewInmemTransport("")
	sink, err := snapshots.Create(raft.SnapshotVersionMax, at+restoreGap+1, term, configuration.Configuration(), configuration.Index(), transport)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(sink, r); err != nil {
		t.Fatal(err)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}

	m = start(t, dir, nil)
	wantPicture(t, m.Master, want)
	m.mustCreate(testJob("later", "1"))
	want = picture(t, m.Master)
	m.stop()
	m = start(t, dir, nil)
	wantPicture(t, m.Master, want)
}

func TestDutiesGoOnAfterARestore(t *testing.T) {
	brief := testJob("brief", "1")
	expires := model.TimestampOf(time.Now().Add(3 * time.Second))
	brief.Expires = &expires
	brief.ID.Hash = ""
	brief = brief.WithID()
	saved, _ := savedState(t, func(m *running) {
		m.mustCreate(brief)
		m.members.set("h1", "agent-h1")
		awaitEvent(t, m, m.Index()-1, model.EventHostUp)
	})
	members := newFleet()
	m := startAmong(t, t.TempDir(), members, nil)
	if _, err := m.Restore(t.Context(), by("alice"), bytes.NewReader(saved), false); err != nil {
		t.Fatal(err)
	}
	await := func(what string, done func() bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !done(); {
			changed := m.folders.state.Changed()
			if done() {
				return
			}
			select {
			case <-changed:
			case <-time.After(time.Until(deadline)):
				t.Fatal(what)
			}
		}
	}
	up := func() bool {
		return slices.ContainsFunc(m.folders.state.Liveness(), func(l store.LivenessChange) bool { return l.Up })
	}
	await("the host whose agent is not there is not recorded as gone", func() bool { return !up() })
	members.set("h2", "agent-h2")
	await("the host whose agent came is not recorded", up)
	await("the job has not expired", func() bool {
		_, err := m.Job(brief.ID)
		return model.CodeOf(err) == model.CodeJobNotFound
	})
}

func TestRestoreOnThreeMasters(t *testing.T) {
	p := startThree(t, nil)
	// The saved state says that one of those who run now was removed for good.
	b := p.get("b").ServerID()
	saved, want := savedState(t, func(m *running) {
		if _, err := m.write(t.Context(), by("alice"), store.RemovePeer{ID: b}); err != nil {
			t.Fatal(err)
		}
		if _, err := m.write(t.Context(), by("alice"), store.RemovePeer{ID: "long-gone"}); err != nil {
			t.Fatal(err)
		}
	})
	leader := p.awaitLeader()
	_, err := p.others(leader)[0].Restore(t.Context(), by("alice"), bytes.NewReader(saved), false)
	wantCode(t, err, model.CodeUnavailable)
	_, _, err = p.others(leader)[0].Snapshot(t.Context())
	wantCode(t, err, model.CodeUnavailable)

	var stops []func()
	for _, r := range p.running() {
		stops = append(stops, watchIndex(t, r.Master))
	}
	if _, err := leader.Restore(t.Context(), by("alice"), bytes.NewReader(saved), false); err != nil {
		t.Fatal(err)
	}
	p.wantPictures(want)
	for _, stop := range stops {
		stop()
	}
	p.awaitServers("a", "b", "c")
	for _, r := range p.running() {
		if r.folders.state.PeerRemoved(b) || !r.folders.state.PeerRemoved("long-gone") {
			t.Errorf("%s takes %v for removed", r.name, r.folders.state.RemovedPeers())
		}
	}

	// All of them restart, and all go on.
	p.restartAll()
	p.wantPictures(want)
	p.mustCreate("later")
	p.awaitJobs("db", "later", "web")

	// By force, over what there is.
	leader = p.awaitLeader()
	_, err = leader.Restore(t.Context(), by("alice"), bytes.NewReader(saved), false)
	wantCode(t, err, model.CodeUnsafe)
	if _, err := leader.Restore(t.Context(), by("alice"), bytes.NewReader(saved), true); err != nil {
		t.Fatal(err)
	}
	p.wantPictures(want)
	p.mustCreate("last")
	p.awaitJobs("db", "last", "web")
}

func TestNextLeaderFinishesARestore(t *testing.T) {
	saved, want := savedState(t, nil)
	p := startThree(t, nil)
	leader := p.awaitLeader()
	replaceOnly(t, leader.Master, saved)
	leader.crash()
	p.awaitLeader()
	p.wantPictures(want)
	p.start(leader.name, leader.dir, named(nil, "a", "b", "c"))
	p.awaitLeader()
	p.wantPictures(want)
	p.mustCreate("later")
	p.awaitJobs("db", "later", "web")
}

// wantPictures waits until all masters that are alive have that state.
func (p *pool) wantPictures(want string) {
	p.t.Helper()
	t := p.t.(*testing.T)
	for _, r := range p.running() {
		p.eventually(func() error {
			if err := r.ReadIndex(context.Background()); err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			if diff := cmp.Diff(want, picture(t, r.Master)); diff != "" {
				return fmt.Errorf("%s has another state:\n%s", r.name, diff)
			}
			return nil
		})
	}
}

// restartAll restarts every master that is alive, all at the same time.
func (p *pool) restartAll() {
	p.t.Helper()
	running := p.running()
	for _, r := range running {
		r.cancel()
	}
	for _, r := range running {
		r.stop()
	}
	for _, r := range running {
		p.start(r.name, r.dir, named(nil, "a", "b", "c"))
	}
	p.awaitLeader()
}

func TestSnapshotThatIsReadSlowlyDoesNotHoldUpARestore(t *testing.T) {
	saved, want := savedState(t, nil)
	m := start(t, t.TempDir(), nil)
	populate(m)
	_, r, err := m.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := m.Restore(t.Context(), by("alice"), bytes.NewReader(saved), true); err != nil {
		t.Fatal(err)
	}
	wantPicture(t, m.Master, want)
	if _, err := io.ReadAll(r); model.CodeOf(err) != model.CodeUnavailable || !strings.Contains(err.Error(), "not whole") {
		t.Errorf("the snapshot ended with %v", err)
	}
}
