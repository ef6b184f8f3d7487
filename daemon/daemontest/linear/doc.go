// Package linear checks that masters answer as if there were one of them that does one thing at a time. It calls their HTTP API at
// random, without retries that would hide what happened, writes down what was asked and answered when, and looks for an order in which one
// master could have given these answers. It knows nothing of how masters are built or of what goes wrong meanwhile.
//
// What is called is a register with conditions: the deployment of a job on a host. It is absent or has a deployer and a goal; deploying fails
// where there is one, changing its goal and undeploying fail where there is none. Every write has a deployer of its own, so that a read
// tells whose write it saw.
package linear
