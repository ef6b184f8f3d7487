package manifest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/heliosctl/heliosctl/model"
)

// Job is a job that there is to be, or that there is not to be.
type Job struct {
	Origin Origin
	Absent bool
	Job    model.Job // its id is complete once tokens are resolved; only the name and the version where it is to be absent

	tokenFrom, rolloutTokenFrom *TokenFrom
}

// Name returns name:version.
func (j Job) Name() string { return nameOf(j.Job.ID) }

func nameOf(id model.JobID) string { return id.Name + ":" + id.Version }

// Group is a deployment group that there is to be, or that there is not to be.
type Group struct {
	Origin    Origin
	Absent    bool
	Name      string
	Selectors []model.HostSelector
	Job       model.JobID // that it is to run; its hash may be missing. Zero: what it runs is left alone
	Options   *model.RolloutOptions

	tokenFrom *TokenFrom
}

// Deployment is a job on hosts, without a group.
type Deployment struct {
	Origin    Origin
	Job       model.JobID // its hash may be missing
	Hosts     []string
	Selectors []model.HostSelector // nil: Hosts alone count
	Goal      model.Goal
	Token     string

	tokenFrom *TokenFrom
}

// Manifests are the documents of several files. What they name they name once.
type Manifests struct {
	Jobs        []Job
	Groups      []Group
	Deployments []Deployment

	named map[string]Origin // kind and name
}

// Add adds the documents of a file. The error has CodeInvalid and one line of Details for each fault, which begins with file and line.
func (m *Manifests) Add(source string, data []byte) error {
	return invalid(m.decode(source, data))
}

// invalid is nil when there are no faults.
func invalid(faults []string) error {
	switch len(faults) {
	case 0:
		return nil
	case 1:
		return model.Errorf(model.CodeInvalid, "%s", faults[0])
	}
	return &model.Error{
		Code: model.CodeInvalid, Message: fmt.Sprintf("the manifests have %d faults; nothing was changed", len(faults)), Details: faults,
	}
}

// Empty reports whether there is no document.
func (m *Manifests) Empty() bool { return len(m.Jobs)+len(m.Groups)+len(m.Deployments) == 0 }

// claim reports whether nothing else has the name, and notes it.
func (m *Manifests) claim(s *shaper, at Origin, kind Kind, name string) bool {
	if m.named == nil {
		m.named = map[string]Origin{}
	}
	key := string(kind) + " " + name
	if before, taken := m.named[key]; taken {
		s.fault(at.Line, "%s %s is in %s already", kind, name, before)
		return false
	}
	m.named[key] = at
	return true
}

// claimHosts claims a job's deployments with a goal, and each of the hosts.
func (m *Manifests) claimHosts(s *shaper, d Deployment) bool {
	name := nameOf(d.Job)
	if !m.claim(s, d.Origin, KindDeployment, name+" with the goal "+string(d.Goal)) {
		return false
	}
	for _, host := range d.Hosts {
		if !m.claim(s, d.Origin, KindDeployment, name+" on "+host) {
			return false
		}
	}
	return true
}

func (m *Manifests) takeJob(s *shaper, at Origin, d jobDocument) {
	j := Job{Origin: at, Absent: d.Absent, tokenFrom: d.TokenFrom, rolloutTokenFrom: d.RolloutTokenFrom}
	if d.Job != nil {
		j.Job = *d.Job
	}
	if d.Name != "" {
		named, err := model.ParseJobID(d.Name)
		switch id := j.Job.ID; {
		case err != nil:
			s.fault(at.Line, "name: %v", err)
			return
		case !id.IsZero() && (id.Name != named.Name || id.Version != named.Version || named.Hash != "" && id.Hash != named.Hash):
			s.fault(at.Line, "the name is %s, but the job's id is %s: leave one of them out", d.Name, id)
			return
		case id.IsZero():
			j.Job.ID = named
		}
	}
	switch id := j.Job.ID; {
	case id.Name == "" || id.Version == "":
		s.fault(at.Line, "a job needs a name: give NAME:VERSION")
		return
	case d.Absent && d.Job != nil:
		s.fault(at.Line, "job %s is to be absent: leave its definition out", j.Name())
		return
	case d.Absent && d.RolloutTokenFrom != nil:
		s.fault(at.Line, "job %s is to be absent: leave rolloutTokenFrom out", j.Name())
		return
	case !d.Absent && d.Job == nil:
		s.fault(at.Line, "job %s has no definition: give it under job", j.Name())
		return
	case d.TokenFrom != nil && j.Job.Token != "":
		s.fault(at.Line, "job %s has both token and tokenFrom: leave one of them out", j.Name())
		return
	case d.RolloutTokenFrom != nil && rolloutToken(j.Job) != "":
		s.fault(at.Line, "job %s has both rolloutOptions.token and rolloutTokenFrom: leave one of them out", j.Name())
		return
	}
	j.Job.Created, j.Job.CreatingUser = nil, "" // the masters' own
	if s.tokenFrom(at, d.TokenFrom) && s.tokenFrom(at, d.RolloutTokenFrom) && m.claim(s, at, KindJob, j.Name()) {
		m.Jobs = append(m.Jobs, j)
	}
}

// rolloutToken is the token of a job's rollout options, "" where there is none.
func rolloutToken(job model.Job) string {
	if job.RolloutOptions == nil || job.RolloutOptions.Token == nil {
		return ""
	}
	return *job.RolloutOptions.Token
}

// withRolloutToken returns the job with another token in its rollout options; nil: none.
func withRolloutToken(job model.Job, token *string) model.Job {
	options := model.RolloutOptions{}
	if job.RolloutOptions != nil {
		options = *job.RolloutOptions
	}
	options.Token = token
	job.RolloutOptions = &options
	return job
}

// tokenFrom reports whether a reference to a token, if there is one, names a variable.
func (s *shaper) tokenFrom(at Origin, from *TokenFrom) bool {
	if from != nil && (from.Env == "" || strings.ContainsAny(from.Env, "=\x00")) {
		s.fault(at.Line, "tokenFrom names no variable: give tokenFrom: {env: NAME}")
		return false
	}
	return true
}

func (m *Manifests) takeGroup(s *shaper, at Origin, d groupDocument) {
	g := Group{
		Origin: at, Absent: d.Absent, Name: d.Name, Selectors: parsedOf(d.HostSelectors), Options: d.RolloutOptions, tokenFrom: d.TokenFrom,
	}
	if err := model.ValidateDeploymentGroupName(d.Name); err != nil {
		s.fault(at.Line, "%v", err)
		return
	}
	if d.Job != "" {
		var ok bool
		if g.Job, ok = s.jobReference(at, d.Job); !ok {
			return
		}
	}
	hasToken := d.RolloutOptions != nil && d.RolloutOptions.Token != nil && *d.RolloutOptions.Token != ""
	switch {
	case d.Absent && (d.HostSelectors != nil || d.Job != "" || d.RolloutOptions != nil || d.TokenFrom != nil):
		s.fault(at.Line, "deployment group %s is to be absent: give its name alone", d.Name)
	case !d.Absent && len(d.HostSelectors) == 0:
		s.fault(at.Line, "deployment group %s has no hostSelectors: it would have no hosts", d.Name)
	case d.Job == "" && (d.RolloutOptions != nil || d.TokenFrom != nil):
		s.fault(at.Line, "deployment group %s has options of a rollout, but no job", d.Name)
	case hasToken && d.TokenFrom != nil:
		s.fault(at.Line, "deployment group %s has both rolloutOptions.token and tokenFrom: leave one of them out", d.Name)
	default:
		if s.tokenFrom(at, d.TokenFrom) && m.claim(s, at, KindGroup, d.Name) {
			m.Groups = append(m.Groups, g)
		}
	}
}

// jobReference reads name:version or a full id.
func (s *shaper) jobReference(at Origin, text string) (model.JobID, bool) {
	id, err := model.ParseJobID(text)
	if err != nil || id.Version == "" || id.Hash != "" && !id.FullyQualified() {
		s.fault(at.Line, "job is %q: give NAME:VERSION, or a full id", text)
		return id, false
	}
	return id, true
}

func (m *Manifests) takeDeployment(s *shaper, at Origin, d deploymentDocument) {
	id, ok := s.jobReference(at, d.Job)
	if !ok {
		return
	}
	deployment := Deployment{Origin: at, Job: id, Hosts: d.Hosts, Goal: d.Goal, Token: d.Token, tokenFrom: d.TokenFrom}
	if d.HostSelectors != nil {
		deployment.Selectors = parsedOf(d.HostSelectors)
	}
	if d.Goal == "" {
		deployment.Goal = model.GoalStart
	}
	name := nameOf(id)
	switch {
	case deployment.Goal != model.GoalStart && deployment.Goal != model.GoalStop:
		s.fault(at.Line, "goal is %q, want START or STOP", string(d.Goal))
	case len(d.Hosts) > 0 && len(d.HostSelectors) > 0:
		s.fault(at.Line, "the deployment of %s has both hosts and hostSelectors: leave one of them out", name)
	case len(d.Hosts)+len(d.HostSelectors) == 0:
		s.fault(at.Line, "the deployment of %s has no hosts: give hosts or hostSelectors", name)
	case slices.Contains(d.Hosts, ""):
		s.fault(at.Line, "the deployment of %s has a host without a name", name)
	case d.Token != "" && d.TokenFrom != nil:
		s.fault(at.Line, "the deployment of %s has both token and tokenFrom: leave one of them out", name)
	default:
		model.SortHosts(deployment.Hosts)
		deployment.Hosts = slices.Compact(deployment.Hosts)
		if s.tokenFrom(at, d.TokenFrom) && m.claimHosts(s, deployment) {
			m.Deployments = append(m.Deployments, deployment)
		}
	}
}

// Resolve fills in the tokens that are in the environment, completes the ids of the jobs and checks everything that can be checked
// without a cluster. It is called once, after the last Add. The error is as that of Add.
func (m *Manifests) Resolve(getenv func(string) string, now model.Timestamp) error {
	var faults []string
	fill := func(at Origin, what string, from *TokenFrom, token *string) {
		if from == nil {
			return
		}
		if *token = getenv(from.Env); *token == "" {
			faults = append(faults, fmt.Sprintf("%s: the token of %s is in the variable %s, which is not set", at, what, from.Env))
		}
	}
	for i := range m.Jobs {
		j := &m.Jobs[i]
		before := len(faults)
		fill(j.Origin, "job "+j.Name(), j.tokenFrom, &j.Job.Token)
		if j.rolloutTokenFrom != nil {
			j.Job = withRolloutToken(j.Job, new(string))
			fill(j.Origin, "the rollouts of job "+j.Name(), j.rolloutTokenFrom, j.Job.RolloutOptions.Token)
		}
		if !j.Absent && len(faults) == before {
			faults = append(faults, j.complete(now)...)
		}
	}
	for i := range m.Groups {
		g := &m.Groups[i]
		if g.tokenFrom != nil {
			options := model.RolloutOptions{}
			if g.Options != nil {
				options = *g.Options
			}
			options.Token, g.Options = new(string), &options
			fill(g.Origin, "deployment group "+g.Name, g.tokenFrom, options.Token)
		}
		if _, err := g.Options.Settings(); err != nil {
			faults = append(faults, fmt.Sprintf("%s: deployment group %s: %v", g.Origin, g.Name, err))
		}
	}
	for i := range m.Deployments {
		d := &m.Deployments[i]
		fill(d.Origin, "the deployment of "+d.Job.String(), d.tokenFrom, &d.Token)
	}
	return invalid(faults)
}

// complete checks the job and gives it its full id.
func (j *Job) complete(now model.Timestamp) []string {
	var faults []string
	for _, fault := range j.Job.Validate(model.ValidateOptions{Now: now}) {
		faults = append(faults, fmt.Sprintf("%s: job %s: %s", j.Origin, j.Name(), fault))
	}
	id := j.Job.ComputeID()
	if given := j.Job.ID.Hash; given != "" && given != id.Hash {
		// A program may have hashed capabilities in another order, which the masters accept and change.
		if wrong := j.Job.Validate(model.ValidateOptions{Now: now, CheckHash: true}); len(wrong) > len(faults) {
			faults = append(faults, fmt.Sprintf(
				"%s: job %s: its id has the hash %s, its definition gives %s: raise the version and leave the hash out", j.Origin, j.Name(), given, id.Hash))
		}
	}
	j.Job.ID = id
	return faults
}

// job returns the job of that name and version.
func (m *Manifests) job(id model.JobID) *Job {
	for i := range m.Jobs {
		if j := &m.Jobs[i]; j.Job.ID.Name == id.Name && j.Job.ID.Version == id.Version {
			return j
		}
	}
	return nil
}
