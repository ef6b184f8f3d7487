// Package client speaks to heliosctl masters, and to those of the original Helios, over HTTP. The command line, the console and
// the agents all speak through it.
//
// # Getting started
//
//	c, err := client.New(client.Config{Endpoints: []string{"http://master1:5801", "http://master2:5801"}, User: "alice"})
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	id, err := c.CreateJob(ctx, model.Job{ID: model.JobID{Name: "web", Version: "1"}, Image: "nginx:1.27"})
//
// Every call takes a context first, and nouns are those of package model. Most users need these:
//
//   - jobs: [Client.CreateJob], [Client.Jobs], [Client.Job], [Client.JobStatus], [Client.History], [Client.RemoveJob];
//   - deployments: [Client.Deploy], [Client.SetGoal], [Client.Undeploy], [Client.WatchDeployment], [Client.WaitRunning],
//     [Client.WaitGone], [Client.Logs], [Client.Exec];
//   - groups: [Client.CreateGroup], [Client.SetSelectors], [Client.Groups], [Client.GroupStatus], [Client.RemoveGroup];
//   - rollouts: [Client.RollingUpdate], [Client.PreviewRollout], [Client.WatchRollout], [Client.WaitRollout], [Client.PauseRollout],
//     [Client.ResumeRollout], [Client.RollBack], [Client.StopGroup];
//   - hosts: [Client.Hosts], [Client.HostStatus], [Client.Drain], [Client.Undrain], [Client.DeregisterHost];
//   - what happens: [Client.WatchEvents], and [Client.Events] for a single stream;
//   - the cluster: [Client.Masters], [Client.Members], [Client.Peers], [Client.SaveSnapshot], [Client.RestoreSnapshot].
//
// What agents do, [Client.RegisterAgent], [Client.Tasks], [Client.PostStatuses], [Client.PostGauges] and [Client.Session], is not for
// others: masters refuse whoever is not the host's agent.
//
// # Errors
//
// Every error is or wraps a *[model.Error], whose Code is the API's word for what went wrong and whose Message is fit to be shown.
// errors.Is compares codes, errors.As gets at the whole of it:
//
//	err := c.Deploy(ctx, host, model.Deployment{JobID: id, Goal: model.GoalStart}, "")
//	switch {
//	case errors.Is(err, model.ErrJobAlreadyDeployed): // as it should be
//	case err != nil:
//		return err
//	}
//
// Codes have classes, by [model.Code.Class]: a conflict is for the caller to resolve, what is unavailable may work in a moment. The error
// of a call whose context ended wraps the context's error too. CodeOutcomeUnknown means that a change may or may not have been made.
//
// # Retries
//
// A call goes round the masters until one answers, for [Config].RetryTimeout; each may stay silent for HTTPTimeout. A RetryTimeout of a
// nanosecond asks each master once. One that has no leader, or that breaks the connection, is passed over. Changes carry a request id,
// so that one that was sent twice takes effect once. What a master refuses is never tried again.
//
// Events, Tasks and Logs are single streams: they end with an error when their connection breaks, or, Logs, at the end of what there is.
// The Watch and Wait methods reconnect by themselves for as long as their context lasts.
//
// # Concurrency
//
// A Client is safe for concurrent use, and one is enough for a process: connections are kept and shared. It starts goroutines only
// while a call or a loop over one of its iterators is under way, and none of them outlives it. Each range over an iterator is a stream of
// its own; breaking off ends it. Close lets go of idle connections.
package client
