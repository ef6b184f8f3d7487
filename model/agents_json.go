package model

import (
	"encoding/json"
	"strconv"
)

// This file writes and reads what travels in bulk, without the general encoder's second look at every byte.

// MarshalJSON leaves out empty lists.
func (u TaskUpdate) MarshalJSON() ([]byte, error) {
	dst := appendString([]byte(`{"type":`), string(u.Type))
	dst = appendInt(append(dst, `,"index":`...), u.Index)
	if len(u.Tasks) > 0 {
		dst = appendList(append(dst, `,"tasks":`...), u.Tasks, func(dst []byte, t Task) []byte { return appendTask(dst, &t) })
	}
	if len(u.Removed) > 0 {
		dst = appendList(append(dst, `,"removed":`...), u.Removed, appendIDOrNull)
	}
	if u.Session != nil {
		session, err := json.Marshal(u.Session)
		if err != nil {
			return nil, err
		}
		dst = append(append(dst, `,"session":`...), session...)
	}
	if u.Epoch != 0 {
		dst = appendInt(append(dst, `,"epoch":`...), u.Epoch)
	}
	return append(dst, '}'), nil
}

// UnmarshalJSON reads a line of the agent stream. Types that are not known are kept. The error has CodeInvalid.
func (u *TaskUpdate) UnmarshalJSON(data []byte) error {
	return decode(data, u, readTaskUpdate)
}

func readTaskUpdate(r *reader, u *TaskUpdate) error {
	return r.object(func(key []byte) error {
		switch string(key) {
		case "type":
			return readString(r, (*string)(&u.Type))
		case "index":
			return readUint64(r, &u.Index)
		case "tasks":
			return readList(r, &u.Tasks, false, readTask)
		case "removed":
			return readList(r, &u.Removed, false, readJobID)
		case "session":
			return readNullable(r, &u.Session, readSessionRequest)
		case "epoch":
			return readUint64(r, &u.Epoch)
		default:
			return r.skip()
		}
	})
}

// readSessionRequest leaves it to the general decoder: sessions are few.
func readSessionRequest(r *reader, s *SessionRequest) error {
	r.peek()
	start := r.pos
	if err := r.skip(); err != nil {
		return err
	}
	if err := json.Unmarshal(r.data[start:r.pos], s); err != nil {
		return problemf("%s", err)
	}
	return nil
}

// MarshalJSON leaves out the status where there is none.
func (s StatusReport) MarshalJSON() ([]byte, error) {
	return appendStatusReport(nil, &s), nil
}

// UnmarshalJSON reads a report; its job id must be there, and its status unless it tells a removal. The error has CodeInvalid.
func (s *StatusReport) UnmarshalJSON(data []byte) error {
	return decode(data, s, readStatusReport)
}

func appendStatusReport(dst []byte, s *StatusReport) []byte {
	dst = appendInt(append(dst, `{"seq":`...), s.Seq)
	dst = appendIDOrNull(append(dst, `,"jobId":`...), s.JobID)
	dst = appendInt(append(dst, `,"timestamp":`...), s.Timestamp)
	if s.Status != nil {
		dst = appendTaskStatus(append(dst, `,"status":`...), s.Status)
	}
	if s.Removed {
		dst = strconv.AppendBool(append(dst, `,"removed":`...), s.Removed)
	}
	return append(dst, '}')
}

func readStatusReport(r *reader, s *StatusReport) error {
	err := r.object(func(key []byte) error {
		switch string(key) {
		case "seq":
			return readUint64(r, &s.Seq)
		case "jobId":
			return readJobID(r, &s.JobID)
		case "timestamp":
			return readMillis(r, &s.Timestamp)
		case "status":
			return readNullable(r, &s.Status, readTaskStatus)
		case "removed":
			return readBool(r, &s.Removed)
		default:
			return r.skip()
		}
	})
	switch {
	case err != nil:
		return err
	case s.JobID.IsZero():
		return missing("jobId")
	case s.Status == nil && !s.Removed:
		return missing("status")
	default:
		return nil
	}
}

// MarshalJSON writes [] for no reports.
func (b StatusBatch) MarshalJSON() ([]byte, error) {
	dst := appendString([]byte(`{"agentId":`), b.AgentID)
	dst = append(dst, `,"reports":[`...)
	for i := range b.Reports {
		dst = appendStatusReport(appendComma(dst), &b.Reports[i])
	}
	return append(dst, "]}"...), nil
}

// UnmarshalJSON reads a batch. The error has CodeInvalid and names the report and the field.
func (b *StatusBatch) UnmarshalJSON(data []byte) error {
	return decode(data, b, readStatusBatch)
}

func readStatusBatch(r *reader, b *StatusBatch) error {
	return r.object(func(key []byte) error {
		switch string(key) {
		case "agentId":
			return readString(r, &b.AgentID)
		case "reports":
			return readList(r, &b.Reports, false, readStatusReport)
		default:
			return r.skip()
		}
	})
}
