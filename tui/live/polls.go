package live

import (
	"reflect"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// pollGauges reads what agents measure, which is in no event.
func (w *session) pollGauges() {
	home, version := w.home, w.gauges
	w.poll("gauges", func() (func(), error) {
		update, err := home.GaugesSince(w.ctx, version)
		return func() {
			w.gauges = update.Version
			now := w.options.Now()
			for host, g := range update.Gauges {
				age := time.Duration(update.Ages[host]) * time.Millisecond
				w.store.SetGauges(host, g.LoadAvg, g.MemoryFreeBytes, now.Add(-age))
				setProgress(w.store, host, g.Progress)
			}
		}, err
	})
}

// setProgress notes how far images are pulled.
func setProgress(store *tui.Store, host string, progress map[model.JobID]string) {
	for id, text := range progress {
		old := store.Task(host, id)
		if old == nil || old.State != model.StatePullingImage || old.Progress == text {
			continue
		}
		task := *old
		task.Progress = text
		store.SetTask(&task)
	}
}

// pollMasters reads who is there, which is in no event either.
func (w *session) pollMasters() {
	home := w.home
	w.poll("masters", func() (func(), error) {
		members, err := home.Members(w.ctx)
		if err != nil {
			return nil, err
		}
		self, err := home.Self(w.ctx)
		if err != nil {
			return nil, err
		}
		peers, err := home.Peers(w.ctx)
		return func() {
			w.showMasters(mastersOf(self, peers, members), members)
			if self.Name != "" {
				w.nameMaster(self)
			}
			w.learn(members)
		}, err
	})
}

func (w *session) showMasters(masters []tui.Master, members []model.Member) {
	last := w.store.Snapshot()
	if !reflect.DeepEqual(last.Masters, masters) {
		w.store.SetMasters(masters)
	}
	if !reflect.DeepEqual(last.Members, members) {
		w.store.SetMembers(members)
	}
}

// nameMaster says which master it is that the data comes from.
func (w *session) nameMaster(self model.MasterStatus) {
	f := w.freshness
	f.Master, f.Leader = self.Name, self.State == model.MasterLeader
	if !reflect.DeepEqual(f, w.freshness) {
		w.setFreshness(f)
	}
}

// mastersOf joins what raft, gossip and the master that answers know of the masters.
func mastersOf(self model.MasterStatus, peers []model.Peer, members []model.Member) []tui.Master {
	apis := map[string]string{}
	for _, m := range members {
		if m.Role == model.RoleMaster {
			apis[m.Name] = m.API
		}
	}
	var masters []tui.Master
	for _, p := range peers {
		m := tui.Master{
			Name: p.Name, Address: apis[p.Name], Voter: p.Voter, Alive: p.Alive, Version: p.Version, Index: p.Index, LastContact: -1,
			State: model.MasterFollower,
		}
		switch {
		case p.Leader:
			m.State = model.MasterLeader
		case !p.Alive:
			m.State = model.MasterStopped
		}
		if m.Name == "" {
			m.Name = p.ID
		}
		if p.ID == self.ID {
			m.Connected, m.State, m.Term, m.Index = true, self.State, self.Term, self.Index
			m.LastContact = time.Duration(self.LastContact) * time.Millisecond
		}
		masters = append(masters, m)
	}
	return masters
}
