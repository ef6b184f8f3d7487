package tui

import "github.com/heliosctl/heliosctl/model"

// Recall adds events of the past to the feed, where they belong, and changes nothing else: the store reflects them already. They are in
// the order of their index; those that the feed has, and those behind the index upTo, from which on the stream tells them, are left out.
func (s *Store) Recall(past []model.Event, upTo uint64) {
	own := s.events[s.lastRun():]
	merged := append(make([]Event, 0, len(s.events)+len(past)), s.events[:len(s.events)-len(own)]...)
	states := map[taskRef]model.State{}
	recalled := map[model.JobID]Event{}
	for _, e := range past {
		line := EventOf(e)
		line.Past = true
		switch task := (taskRef{line.Job, line.Host}); e.Type {
		case model.EventTaskStatus:
			line.From, states[task] = states[task], line.To
		case model.EventTaskRemoved:
			delete(states, task)
		}
		for len(own) > 0 && own[0].Index < e.Index {
			merged, own = append(merged, own[0]), own[1:]
		}
		if e.Index > upTo || len(own) > 0 && own[0].Index == e.Index {
			continue
		}
		s.share(&line)
		merged = append(merged, line)
		recalled[line.Job] = line
	}
	if len(recalled) == 0 {
		return
	}
	s.events, s.rate, s.dirty = append(merged, own...), nil, true
	for i := range s.events {
		s.count(&s.events[i])
	}
	for id, line := range recalled {
		if job, ok := s.jobs[id]; ok && job.Last.Index < line.Index {
			s.ownJob(job).Last = line
		}
	}
}

// lastRun is where the part of the feed begins that is in the order of its index: a cluster that was made anew begins to count anew.
func (s *Store) lastRun() int {
	i := len(s.events)
	for i > 1 && s.events[i-2].Index <= s.events[i-1].Index {
		i--
	}
	return max(0, i-1)
}
