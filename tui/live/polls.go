package live

import (
	"reflect"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// What is read of a large fleet is read less often: it would be most of what an idle console does. Hosts that come and go are in events.
const (
	many           = 1000
	gaugesOfMany   = 30 * time.Second
	membersOfMany  = time.Minute
	slackOfReading = time.Second // the stream's heartbeat, which sets the pace, is not exact
)

// due tells whether something of so many parts, last read at a time, is to be read again.
func (w *session) due(parts int, last time.Time, every time.Duration) bool {
	return parts < many || w.options.Now().Sub(last) >= every-slackOfReading
}

// pollGauges reads what agents measure, which is in no event.
func (w *session) pollGauges() {
	home, version := w.home, w.gauges.version
	if !w.due(len(w.store.Snapshot().Hosts), w.gauges.at, gaugesOfMany) {
		return
	}
	w.poll("gauges", func() (func(), error) {
		update, err := home.GaugesSince(w.ctx, version)
		return func() {
			w.gauges.version, w.gauges.at = update.Version, w.options.Now()
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
	home, members := w.home, w.members.known
	again := w.due(len(members), w.members.at, membersOfMany)
	w.poll("masters", func() (func(), error) {
		var err error
		if again {
			if members, err = home.Members(w.ctx); err != nil {
				return nil, err
			}
		}
		self, err := home.Self(w.ctx)
		if err != nil {
			return nil, err
		}
		peers, err := home.Peers(w.ctx)
		return func() {
			if again {
				w.members.known, w.members.at = members, w.options.Now()
			}
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
