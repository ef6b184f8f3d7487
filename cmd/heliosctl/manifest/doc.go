// Package manifest is what 'heliosctl apply' is told: documents that say which jobs, deployment groups and deployments there are to be.
// It reads them strictly, plans the changes that bring a cluster there, and writes what a cluster has as such documents.
//
// It is pure: what the cluster has is handed to it, and it changes nothing itself. The same documents and the same cluster give the
// same plan.
package manifest
