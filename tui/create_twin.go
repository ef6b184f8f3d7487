package tui

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/heliosctl/heliosctl/model"
)

// createTwin is the command line that creates a job: from another job and with flags, where flags can say what differs; else with flags
// alone; else from a document. Tokens are never in it. The other job is named by a reference.
func createTwin(program string, job model.Job, from *model.Job, reference string) string {
	command := program + " create "
	if from != nil {
		if flags, ok := createFlags(*from, job); ok {
			return command + "-t " + reference + " " + flags
		}
	}
	if flags, ok := createFlags(model.Job{}, job); ok {
		return command + flags
	}
	return "printf %s " + model.QuoteWord(jobDocument(job)) + " | " + command + "-f -" + documentTokens(job)
}

// jobDocument is a job without its tokens and without what is unset.
func jobDocument(job model.Job) string {
	job = job.Clone()
	job.ID.Hash, job.Token = "", ""
	if job.RolloutOptions != nil {
		job.RolloutOptions.Token = nil
	}
	document := map[string]any{}
	text, err := json.Marshal(job)
	if err == nil {
		err = json.Unmarshal(text, &document)
	}
	if err != nil {
		return err.Error()
	}
	prune(document)
	maps.DeleteFunc(document, func(_ string, value any) bool {
		list, isList := value.([]any)
		members, isMap := value.(map[string]any)
		return value == "" || isList && len(list) == 0 || isMap && len(members) == 0
	})
	document["id"] = job.ID.Name + ":" + job.ID.Version
	text, err = json.Marshal(document)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// prune takes out what is null, which means the same as not being there.
func prune(document map[string]any) {
	maps.DeleteFunc(document, func(_ string, value any) bool { return value == nil })
	for key, value := range document {
		if inner, ok := value.(map[string]any); ok && key != "registration" { // where null stands for a port
			prune(inner)
		}
	}
}

func documentTokens(job model.Job) string {
	text := ""
	if job.Token != "" {
		text += ` --token "$TOKEN"`
	}
	if o := job.RolloutOptions; o != nil && o.Token != nil && *o.Token != "" {
		text += ` --rollout-options token="$ROLLOUT_TOKEN"`
	}
	return text
}

// flagList collects the arguments of create.
type flagList struct {
	words []string
	lost  bool // something cannot be said with flags
}

func (l *flagList) add(flag, value string) { l.words = append(l.words, flag, model.QuoteWord(value)) }

// createFlags are the arguments that make the job of another one, and whether they can.
func createFlags(base, job model.Job) (string, bool) {
	l := &flagList{words: []string{model.QuoteWord(job.ID.Name + ":" + job.ID.Version)}}
	if job.Image != base.Image {
		l.words = append(l.words, model.QuoteWord(job.Image))
	}
	l.texts(&base, &job)
	l.pairs("--env", base.Env, job.Env)
	l.ports(base.Ports, job.Ports)
	l.volumes(base.Volumes, job.Volumes)
	l.registrations(base.Registration, job.Registration)
	l.health(base.HealthCheck, job.HealthCheck)
	l.pairs("--labels", base.Labels, job.Labels)
	l.pairs("--metadata", base.Metadata, job.Metadata)
	for _, list := range []struct {
		flag      string
		base, job []string
	}{
		{"--add-capability", base.AddCapabilities, job.AddCapabilities}, {"--drop-capability", base.DropCapabilities, job.DropCapabilities},
		{"--security-opt", base.SecurityOpt, job.SecurityOpt},
	} {
		l.list(list.flag, list.base, list.job)
	}
	// What there are no flags for has to be that of the base.
	l.lost = l.lost || !reflect.DeepEqual(base.Resources, job.Resources) || !maps.Equal(base.Ramdisks, job.Ramdisks) ||
		!reflect.DeepEqual(base.SecondsToWaitBeforeKill, job.SecondsToWaitBeforeKill) || !reflect.DeepEqual(base.RolloutOptions, job.RolloutOptions)
	if !slices.Equal(base.Command, job.Command) {
		l.lost = l.lost || len(job.Command) == 0
		l.words = append(l.words, "--", model.QuoteWords(job.Command))
	}
	return strings.Join(l.words, " "), !l.lost
}

func (l *flagList) texts(base, job *model.Job) {
	for _, text := range []struct{ flag, base, job string }{
		{"--hostname", base.Hostname, job.Hostname}, {"--network-mode", base.NetworkMode, job.NetworkMode},
		{"--registration-domain", base.RegistrationDomain, job.RegistrationDomain}, {"--runtime", base.Runtime, job.Runtime},
		{"--expires", expiryText(base.Expires), expiryText(job.Expires)},
	} {
		if text.base != text.job {
			l.lost = l.lost || text.job == ""
			l.add(text.flag, text.job)
		}
	}
	if base.Token != job.Token {
		l.lost = l.lost || job.Token == ""
		l.words = append(l.words, "--token", `"$TOKEN"`)
	}
	if !reflect.DeepEqual(base.GracePeriod, job.GracePeriod) {
		l.lost = l.lost || job.GracePeriod == nil
		l.add("--grace-period", pointed(job.GracePeriod))
	}
}

func (l *flagList) list(flag string, base, job []string) {
	if slices.Equal(base, job) {
		return
	}
	l.lost = l.lost || len(job) == 0
	for _, value := range job {
		l.add(flag, value)
	}
}

func (l *flagList) pairs(flag string, base, job map[string]string) {
	l.lost = l.lost || missesAny(base, job)
	for _, key := range sortedKeys(job) {
		if old, ok := base[key]; !ok || old != job[key] {
			l.lost = l.lost || key == "" || strings.Contains(key, "=")
			l.add(flag, key+"="+job[key])
		}
	}
}

// missesAny tells whether a map lacks an entry of another one.
func missesAny[K comparable, V any](base, job map[K]V) bool {
	for key := range base {
		if _, ok := job[key]; !ok {
			return true
		}
	}
	return false
}

func (l *flagList) ports(base, job map[string]model.PortMapping) {
	l.lost = l.lost || missesAny(base, job)
	for _, name := range sortedKeys(job) {
		if reflect.DeepEqual(base[name], job[name]) {
			continue
		}
		spec := portSpec(name, job[name])
		read, mapping, err := model.ParsePortMapping(spec)
		l.lost = l.lost || err != nil || read != name || !reflect.DeepEqual(mapping, job[name])
		l.add("--port", spec)
	}
}

func (l *flagList) volumes(base, job map[string]string) {
	l.lost = l.lost || missesAny(base, job)
	for _, key := range sortedKeys(job) {
		if old, ok := base[key]; ok && old == job[key] {
			continue
		}
		spec := volumeSpec(key, job[key])
		read, source, err := model.ParseVolume(spec)
		l.lost = l.lost || err != nil || read != key || source != job[key]
		l.add("--volume", spec)
	}
}

func (l *flagList) registrations(base, job map[model.ServiceEndpoint]model.ServicePorts) {
	l.lost = l.lost || missesAny(base, job)
	for _, endpoint := range slices.SortedFunc(maps.Keys(job), model.ServiceEndpoint.Compare) {
		if reflect.DeepEqual(base[endpoint], job[endpoint]) {
			continue
		}
		l.lost = l.lost || len(job[endpoint].Ports) == 0
		for _, port := range sortedKeys(job[endpoint].Ports) {
			spec := registrationSpec(endpoint, port)
			read, name, err := model.ParseServiceRegistration(spec)
			parameters := job[endpoint].Ports[port]
			l.lost = l.lost || err != nil || read != endpoint || name != port || parameters.Tags != nil || parameters.Null
			l.add("--register", spec)
		}
	}
}

func (l *flagList) health(base, job *model.HealthCheck) {
	if reflect.DeepEqual(base, job) {
		return
	}
	if job == nil {
		l.lost = true
		return
	}
	switch job.Type {
	case model.HealthCheckHTTP:
		l.lost = l.lost || job.Port == "" || strings.Contains(job.Port, ":") || !strings.HasPrefix(job.Path, "/") || len(job.Command) > 0
		l.add("--http-check", job.Port+":"+job.Path)
	case model.HealthCheckTCP:
		l.lost = l.lost || job.Port == "" || job.Path != "" || len(job.Command) > 0
		l.add("--tcp-check", job.Port)
	case model.HealthCheckExec:
		l.lost = l.lost || len(job.Command) == 0 || job.Path != "" || job.Port != ""
		l.add("--exec-check", model.QuoteWords(job.Command))
	default:
		l.lost = true
	}
	if job.Interval != 0 {
		l.add("--check-interval", strconv.Itoa(job.Interval))
	}
	if job.UnhealthyAfter != 0 {
		l.add("--check-failures", strconv.Itoa(job.UnhealthyAfter))
	}
}
