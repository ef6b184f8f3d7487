// Package rollout plans rolling updates: from what is recorded of a group it says what to do next, and when to look again if nothing
// happens before. It is pure: no clock, no goroutine, no I/O. Nothing is remembered here, so that a new leader goes on where the old
// one stopped.
//
// A rollout (model.Rollout, written by the leader and by people):
//
//	            canaries done               resume
//	          ┌──────────────▶ CANARY ───────────────┐
//	          │                                      │
//	start ▶ RUNNING ◀───────── PAUSED ◀── pause, or too many failures
//	          │ ▲    resume                          │
//	          │ └────────────────────────────────────┘
//	          ├▶ DONE         every host had its turn; no more failed than may
//	          ├▶ FAILED       more failed
//	          ├▶ ROLLED_BACK  more failed, or somebody asked for it: another rollout, with the reason ROLLBACK, undoes it
//	          ├▶ STOPPED      by somebody, from any of the three above
//	          └▶ REPLACED     by another rollout, from any of the three above
//
// One host of it (model.RolloutHost, written by the leader's steps alone; each arrow is one entry of the log, which makes the change
// of deployments too):
//
//	            undeploy old              old stopped: deploy new        it runs               long enough
//	PENDING ───────────────▶ UNDEPLOYING ────────────────▶ AWAITING ─────────────▶ MIN_HEALTHY ───────────▶ DONE
//	   │                                                     ▲  │  ▲                    │                     ▲
//	   │ nothing to wait for: deploy new                     │  │  └────────────────────┘                     │
//	   ├─────────────────────────────────────────────────────┘  │    it stopped running                       │
//	   │                                                        └─────────────────────────────────────────────┤
//	   │                                                          it runs, and that is enough                 │
//	   └──────────────────────────────────────────────────────────────────────────────────────────────────────┘
//	     it runs already
//
// From each of them it can come to FAILED (see model.RolloutHost.Code), from PENDING to SKIPPED when the host was away or drained until
// all others were through, or later when it was drained, or down for half a minute, before the new job was there, and to STOPPED when the
// rollout ends around it. A host that goes down with the new job has the timeout to come back: it may only start anew. A turn begins only
// on a host that the leader itself sees; what is recorded of hosts lags behind, most of all when the leader is new.
// With overlap the new job is deployed at once, and the old one undeployed with the step to DONE.
//
// Deployments belong to masters, task statuses to the agents: a plan reads both and changes neither. Whether a host is up is gossip's.
package rollout
