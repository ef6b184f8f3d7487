package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

type createOptions struct {
	File     string // "-" is standard input
	Template string
	Quiet    bool
	JSON     bool
	ID       string
	Image    string
	Command  []string
	Commit   string // GIT_COMMIT of the environment
	Now      time.Time
	Flags    jobFlags

	input []byte // what standard input had, once it was read: every target gets the same job
}

func newCreateCommand(env *environment) *cobra.Command {
	var opts createOptions
	cmd := &cobra.Command{
		Use:   "create [ID] [IMAGE] [-- COMMAND...]",
		Short: "Create a job",
		Long: `Create a job. ID is NAME:VERSION, and what follows "--" is the command that the container runs.

The job can start out from a file in JSON, as 'heliosctl inspect --json' prints it, or in YAML, or from an existing job. First --unset
takes away from it, then flags and arguments come on top. Maps (environment, metadata, labels, ports, registrations, volumes, ramdisks,
resources, rollout options) are merged entry by entry; the original replaced labels and rollout options as a whole. Lists (the command,
capabilities, security options) are replaced. A set variable GIT_COMMIT is recorded in the job's metadata, above what the file or the
other job has and below --metadata. ID may have the hash that the job is to have; with another one, it is refused.

Ports are NAME=[IP:]INTERNAL[:EXTERNAL][/PROTO], the container's port first; without EXTERNAL the agent picks one. Registrations
are SERVICE[/PROTO][=PORT] with the protocol http unless given. Volumes are PATH or SOURCE:PATH[:ro|rw]. Times to expire are ISO
8601, in local time unless they name a zone. The words of --exec-check may be quoted.`,
		Example: `  heliosctl create web:1 nginx:1.25 -p http=80:8080
  heliosctl create clock:1 busybox:1 --env ZONE=UTC -- sh -c 'while true; do date; sleep 60; done'
  heliosctl create -f web.json web:2
  heliosctl inspect web:1 --json | heliosctl create -f - web:2 nginx:1.26
  heliosctl create -t web:1 web:2 nginx:1.26 --http-check http:/health
  heliosctl create -t web:1 web:2 --unset env.DEBUG --unset healthCheck --memory 512m`,
		Args: func(cmd *cobra.Command, args []string) error { return opts.take(cmd.ArgsLenAtDash(), args) },
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.JSON, opts.Now, opts.Commit = env.options.json, env.now(), env.getenv("GIT_COMMIT")
			opts.Flags.given = cmd.Flags().Changed
			return withClient(env, func(api *client.Client) error {
				return runCreate(cmd.Context(), env.streams, api, &opts)
			})
		},
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef(`%v; the container's command comes after "--"`, err)
	})
	flags := cmd.Flags()
	flags.StringVarP(&opts.File, "file", "f", "", "start out from the job in a `FILE` of JSON or YAML; - is standard input")
	flags.StringVarP(&opts.Template, "template", "t", "", "start out from an existing `JOB`")
	flags.BoolVarP(&opts.Quiet, "quiet", "q", false, "print the id only")
	opts.Flags.bind(flags)
	return cmd
}

// take sorts the arguments: up to two before the dash are id and image, the command is what follows them or the dash.
func (o *createOptions) take(dash int, args []string) error {
	before := args
	if dash >= 0 {
		before, o.Command = args[:dash], args[dash:]
	}
	if len(before) > 0 {
		o.ID = before[0]
	}
	if len(before) > 1 {
		o.Image = before[1]
	}
	if len(before) > 2 {
		if dash >= 0 {
			return usagef(`%q comes after the image and before "--"; the container's command comes after "--"`, before[2])
		}
		o.Command = before[2:]
	}
	switch {
	case len(o.Flags.Unset) > 0 && o.File == "" && o.Template == "":
		return usagef("--unset takes away from the job of --file or --template")
	case o.File != "" && o.Template != "":
		return usagef("give either --file or --template")
	case o.Template != "" && o.ID == "":
		return usagef("--template needs the id of the new job, as NAME:VERSION")
	case o.File == "" && o.Template == "" && (o.ID == "" || o.Image == ""):
		return usagef("give an id and an image, or --file, or an id and --template")
	}
	return nil
}

func runCreate(ctx context.Context, io streams, api *client.Client, opts *createOptions) error {
	job, err := opts.job(ctx, io, api)
	if err == nil {
		err = validate(job, opts)
	}
	if err != nil {
		return printCreateFailure(io, job, err, opts.JSON)
	}
	if !opts.Quiet && !opts.JSON {
		shown := job
		if shown.Token != "" {
			shown.Token = hiddenToken
		}
		text, err := compactJSON(shown)
		if err != nil {
			return err
		}
		fmt.Fprintf(io.out, "Creating job: %s\n", text)
	}
	id, err := api.CreateJob(ctx, job)
	if err != nil {
		return printCreateFailure(io, job, err, opts.JSON)
	}
	switch {
	case opts.JSON:
		return printJSON(io.out, model.CreateJobResponse{Status: model.CodeOK, Errors: []string{}, ID: id.String()})
	case opts.Quiet:
		fmt.Fprintln(io.out, id)
	default:
		fmt.Fprintf(io.out, "Done.\n%s\n", id)
	}
	return nil
}

// codeUnknownJob is the original's word for a template that does not exist.
const codeUnknownJob model.Code = "UNKNOWN_JOB"

// createFailure is the JSON of a job that was not created. There is no id where none was given.
type createFailure struct {
	Status model.Code `json:"status"`
	Errors []string   `json:"errors"`
	ID     *string    `json:"id"`
}

// printCreateFailure prints the answer that JSON readers expect, and hands the error on.
func printCreateFailure(io streams, job model.Job, err error, asJSON bool) error {
	if !asJSON {
		return err
	}
	response := createFailure{Status: statusOf(err), Errors: append([]string{}, detailsOf(err)...)}
	if response.Status == model.CodeJobNotFound {
		response.Status = codeUnknownJob
	}
	if len(response.Errors) == 0 {
		response.Errors = append(response.Errors, err.Error())
	}
	if job.ID.Name != "" {
		id := job.ID.String()
		response.ID = &id
	}
	if printErr := printJSON(io.out, response); printErr != nil {
		return printErr
	}
	return err
}

// job builds the job to create: the base, then the environment's commit, then flags and arguments.
func (o *createOptions) job(ctx context.Context, io streams, api *client.Client) (model.Job, error) {
	job, err := o.base(ctx, io, api)
	if err != nil {
		return job, err
	}
	if err := unsetFields(&job, o.Flags.Unset); err != nil {
		return job, err
	}
	// The base may be a copy of an existing job; these are the new job's own.
	job.ID.Hash, job.Created, job.CreatingUser = "", nil, ""
	if o.ID != "" {
		if job.ID, err = o.mergedID(job.ID); err != nil {
			return job, err
		}
	}
	if o.Image != "" {
		job.Image = o.Image
	}
	if len(o.Command) > 0 {
		job.Command = o.Command
	}
	if o.Commit != "" {
		put(&job.Metadata, "GIT_COMMIT", o.Commit)
	}
	return job, o.Flags.apply(&job)
}

// mergedID is the id of the command line; one without a version takes that of the base.
func (o *createOptions) mergedID(base model.JobID) (model.JobID, error) {
	id, err := model.ParseJobID(o.ID)
	if err != nil {
		return base, err
	}
	if id.Version == "" {
		id.Version = base.Version
	}
	return id, nil
}

func (o *createOptions) base(ctx context.Context, io streams, api *client.Client) (model.Job, error) {
	switch {
	case o.Template != "":
		job, err := findJob(ctx, api, o.Template)
		if err != nil {
			return model.Job{}, err
		}
		return job.Clone(), nil
	case o.File == "-":
		return o.readInput(io)
	case o.File != "":
		file, err := os.Open(o.File)
		if err != nil {
			return model.Job{}, model.Errorf(model.CodeInvalid, "cannot read the job: %v", err)
		}
		defer file.Close()
		return readJob(file, o.File, io.err)
	}
	return model.Job{}, nil
}

func (o *createOptions) readInput(io streams) (model.Job, error) {
	if o.input == nil {
		var err error
		if o.input, err = readAll(io.in); err != nil {
			return model.Job{}, err
		}
	}
	return readJob(bytes.NewReader(o.input), "standard input", io.err)
}

// validate checks what can be checked here. A hash counts only when it was typed: one of a base would be that of another job.
func validate(job model.Job, opts *createOptions) error {
	faults := job.Validate(model.ValidateOptions{Now: model.TimestampOf(opts.Now), CheckHash: true})
	if len(faults) == 0 {
		return nil
	}
	err := model.Errorf(model.CodeInvalidJob, "the job is not valid; nothing was created")
	err.Details = faults
	return err
}
