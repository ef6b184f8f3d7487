package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

// previewRollout prints what a rolling update would do.
func previewRollout(ctx context.Context, io streams, api *client.Client, job model.Job, opts rollingUpdateOptions) error {
	preview, err := api.PreviewRollout(ctx, opts.Group, job.ID, opts.Options)
	if err != nil {
		return err
	}
	if token := preview.Options.Token; token != nil && *token != "" {
		hidden := hiddenToken
		preview.Options.Token = &hidden
	}
	if opts.JSON {
		return printJSON(io.out, preview)
	}
	fmt.Fprintf(io.out, "Plan: %s -> %s (%s)\n", oneLine(opts.Group), job.ID.Short(), displayMergedOptions(preview.Options))
	fmt.Fprintln(io.out, "Nothing is changed.")
	if len(preview.Hosts) == 0 {
		fmt.Fprintln(io.out, "The group has no hosts.")
		return nil
	}
	fmt.Fprintln(io.out)
	previewTable(preview).write(io.out)
	return nil
}

func previewTable(preview model.RolloutPreview) *table {
	t := newTable("TURN", "HOST", "WHAT HAPPENS")
	overlap := preview.Options.Overlap != nil && *preview.Options.Overlap
	last := -1
	for i, visit := range preview.Hosts {
		if visit.Canary {
			last = i
		}
	}
	for i, visit := range preview.Hosts {
		what := displayVisit(visit, overlap)
		if visit.Canary {
			what += " (canary)"
		}
		t.add(strconv.Itoa(i+1), visit.Host, what)
		if i == last {
			t.add("", "", "wait for 'heliosctl resume'")
		}
	}
	return t
}

// displayVisit says what would happen on a host.
func displayVisit(visit model.RolloutVisit, overlap bool) string {
	switch {
	case visit.Skipped != "":
		return "skip: " + visit.Skipped
	case visit.Failure != "":
		return fmt.Sprintf("fail: %s (%s)", visit.Failure, visit.Code)
	case visit.UpToDate:
		return "nothing: it is up to date"
	}
	var steps []string
	undeploy, deploy := displayJobs("undeploy", visit.Undeploy), displayJobs("deploy", visit.Deploy)
	if overlap {
		steps = append(deploy, undeploy...)
	} else {
		steps = append(undeploy, deploy...)
	}
	return strings.Join(steps, ", then ")
}

func displayJobs(verb string, ids []model.JobID) []string {
	if len(ids) == 0 {
		return nil
	}
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = id.Short()
	}
	return []string{verb + " " + strings.Join(words, ", ")}
}
