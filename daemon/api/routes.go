package api

import "net/http"

// kind says what surrounds a handler.
type kind int

const (
	kindLocal  kind = iota // answered from what this master has at hand
	kindRead               // after a read index, unless ?stale=true
	kindWrite              // carried out by the leader, perhaps more than once under the same request id
	kindStream             // goes on until one side ends it
	kindLeader             // a read that only the leader can answer; the answer may be of any size
	kindUpload             // a write with a body of any size, sent to the leader once as it comes
)

// route is one line of the table of routes. A trailing slash is taken off a path before it is looked up.
type route struct {
	method  string
	pattern string
	kind    kind
	handle  func(http.ResponseWriter, *http.Request) error
}

func (s *Server) routes() []route {
	return []route{
		{"GET", "/jobs", kindRead, s.listJobs},
		{"POST", "/jobs", kindWrite, s.createJob},
		{"POST", "/jobs/statuses", kindRead, s.jobStatuses},
		{"GET", "/jobs/{job}", kindRead, s.getJob},
		{"DELETE", "/jobs/{job}", kindWrite, s.removeJob},
		{"GET", "/jobs/{job}/status", kindRead, s.jobStatus},

		{"GET", "/hosts", kindRead, s.listHosts},
		{"POST", "/hosts/statuses", kindRead, s.hostStatuses},
		{"PUT", "/hosts/{host}", kindWrite, s.registerHost},
		{"DELETE", "/hosts/{host}", kindWrite, s.deregisterHost},
		{"GET", "/hosts/{host}/status", kindRead, s.hostStatus},

		{"GET", "/hosts/{host}/jobs/{job}", kindRead, s.getDeployment},
		{"PUT", "/hosts/{host}/jobs/{job}", kindWrite, s.deploy},
		{"PATCH", "/hosts/{host}/jobs/{job}", kindWrite, s.setGoal},
		{"DELETE", "/hosts/{host}/jobs/{job}", kindWrite, s.undeploy},

		{"GET", "/deployment-group", kindRead, s.listGroups},
		{"POST", "/deployment-group", kindWrite, s.createGroup},
		{"GET", "/deployment-group/{group}", kindRead, s.getGroup},
		{"DELETE", "/deployment-group/{group}", kindWrite, s.removeGroup},
		{"GET", "/deployment-group/{group}/status", kindRead, s.groupStatus},
		{"POST", "/deployment-group/{group}/rolling-update", kindWrite, s.rollingUpdate},
		{"POST", "/deployment-group/{group}/stop", kindWrite, s.stopGroup},

		{"GET", "/history/jobs/{job}", kindRead, s.history},
		{"GET", "/masters", kindLocal, s.masters},
		{"GET", "/version", kindLocal, s.apiVersion},
		{"GET", "/version/check", kindLocal, s.checkVersion},

		{"GET", "/v1/version", kindLocal, s.about},
		{"GET", "/v1/members", kindLocal, s.listMembers},
		{"GET", "/v1/rtt", kindLocal, s.roundTrip},
		{"GET", "/v1/keyring", kindLocal, s.getKeyring},
		{"POST", "/v1/keyring", kindLocal, s.changeKeyring},
		{"GET", "/v1/self", kindLocal, s.self},
		{"GET", "/v1/raft/index", kindLocal, s.raftIndex},
		{"GET", "/v1/gauges", kindLocal, s.gauges},
		{"GET", "/v1/raft/peers", kindLocal, s.listPeers},
		{"DELETE", "/v1/raft/peers/{peer}", kindWrite, s.removePeer},
		{"POST", "/v1/masters/{master}/leave", kindLocal, s.leave},
		{"GET", "/v1/snapshot", kindLeader, s.saveSnapshot},
		{"PUT", "/v1/snapshot", kindUpload, s.restoreSnapshot},
		{"GET", "/v1/events", kindStream, s.streamEvents},
		{"PUT", "/v1/agents/{host}", kindWrite, s.registerAgent},
		{"GET", "/v1/agents/{host}/tasks", kindStream, s.streamTasks},
		{"POST", "/v1/agents/{host}/statuses", kindWrite, s.postStatuses},
		{"POST", "/v1/agents/{host}/gauges", kindWrite, s.postGauges},

		{"PUT", "/v1/groups/{group}/selectors", kindWrite, s.setSelectors},
		{"GET", "/v1/groups/{group}/rollouts", kindRead, s.listRollouts},
		{"GET", "/v1/groups/{group}/rollouts/{rollout}", kindRead, s.getRollout},
		{"POST", "/v1/groups/{group}/roll", kindWrite, s.startRollout},
		{"POST", "/v1/groups/{group}/pause", kindWrite, s.pauseRollout},
		{"POST", "/v1/groups/{group}/resume", kindWrite, s.resumeRollout},
		{"POST", "/v1/groups/{group}/rollback", kindWrite, s.rollBack},
		{"POST", "/v1/groups/{group}/preview", kindRead, s.previewRollout},

		{"GET", "/v1/jobs/{job}/logs", kindStream, s.streamLogs},
		{"PUT", "/v1/hosts/{host}/drain", kindWrite, s.drain},
		{"DELETE", "/v1/hosts/{host}/drain", kindWrite, s.undrain},
		{"POST", "/v1/hosts/{host}/jobs/{job}/exec", kindStream, s.exec},
		{"POST", "/v1/agents/{host}/sessions", kindLocal, s.placeSession},
		{"POST", "/v1/agents/{host}/sessions/{session}", kindStream, s.answerSession},
	}
}
