package agent

import (
	"encoding/json"
	"net/http"
)

// Handler serves the agent's part of the original's HTTP API:
//
//	GET /helios/tasks       what the masters want of this host, by job id
//	GET /helios/taskstatus  the last status of every task, by job id
//
// Both show the environment of the tasks, secrets included, as the original did; whoever binds it decides who may read it.
func (a *Agent) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /helios/tasks", func(w http.ResponseWriter, _ *http.Request) { a.answer(w, a.Tasks()) })
	mux.HandleFunc("GET /helios/taskstatus", func(w http.ResponseWriter, _ *http.Request) { a.answer(w, a.TaskStatuses()) })
	return mux
}

func (a *Agent) answer(w http.ResponseWriter, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		a.log.Error("an answer cannot be written", "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // the reader went away; nobody is left to tell
}
