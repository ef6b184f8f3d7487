package model

// eventTypes are the types that are known, each of which is kept once however many events of it there are.
var eventTypes = func() map[string]EventType {
	types := map[string]EventType{}
	for _, t := range append(EventTypes(), EventHeartbeat, EventReset) {
		types[string(t)] = t
	}
	return types
}()

// UnmarshalJSON reads an event, of types that are not known, too. The error has CodeInvalid.
func (e *Event) UnmarshalJSON(data []byte) error {
	return decode(data, e, readEvent)
}

func readEvent(r *reader, e *Event) error {
	return r.object(func(key []byte) error {
		switch string(key) {
		case "index":
			return readUint64(r, &e.Index)
		case "type":
			return readEventType(r, &e.Type)
		case "time":
			if r.null() {
				return nil
			}
			return readTimestamp(r, &e.Time)
		case "jobId":
			return readNullable(r, &e.JobID, readJobID)
		case "host":
			return readString(r, &e.Host)
		case "user":
			return readString(r, &e.User)
		case "reason":
			return readString(r, (*string)(&e.Reason))
		case "deployment":
			return readNullable(r, &e.Deployment, readDeployment)
		case "status":
			return readNullable(r, &e.Status, readTaskStatus)
		case "group":
			return readString(r, &e.Group)
		case "rollout":
			return readUint64(r, &e.Rollout)
		case "state":
			return readString(r, (*string)(&e.State))
		case "phase":
			return readString(r, (*string)(&e.Phase))
		case "message":
			return readString(r, &e.Message)
		default:
			return r.skip()
		}
	})
}

func readEventType(r *reader, t *EventType) error {
	if r.null() {
		return nil
	}
	text, _, err := r.scalar("a type of events")
	if err != nil {
		return err
	}
	known, ok := eventTypes[string(text)]
	if !ok {
		known = EventType(text)
	}
	*t = known
	return nil
}
