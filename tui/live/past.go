package live

import "github.com/heliosctl/heliosctl/client"

// pastEvents is how many of the events from before the stream the feed begins with.
const pastEvents = 200

// recall reads what happened before the stream began, or while it was lost for so long that it could not be resumed. It is asked of the
// master that the stream comes from, once there is everything else to be seen.
func (w *session) recall() {
	upTo, home := w.past, w.home
	if upTo == 0 {
		return
	}
	w.poll("past", func() (func(), error) {
		events, err := home.RecentEvents(w.ctx, client.EventQuery{Last: pastEvents})
		return func() {
			if w.past == upTo {
				w.past = 0
			}
			w.store.Recall(events, upTo)
		}, err
	})
}
