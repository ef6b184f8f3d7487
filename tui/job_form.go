package tui

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/model"
)

// jobForm makes a job, from another one or from nothing. What nobody changes stays as it is in the other one, even where it could not
// be typed.
type jobForm struct {
	*form
	from   *model.Job
	fields map[string]*field
}

// chooseCreate asks what the new job is made from.
func (a *app) chooseCreate(from *model.Job) tea.Cmd {
	if from == nil {
		return a.open(newJobForm(a, nil))
	}
	name := versionText(from.ID)
	return a.open(&chooser{title: "New job", options: []option{
		{title: "new version of " + name, note: "same name", do: func(a *app) tea.Cmd {
			f := newJobForm(a, from)
			f.fields["version"].set(a.nextVersion(from.ID))
			f.at = place{1, 0}
			return a.open(f)
		}},
		{title: "clone of " + name, note: "another name", do: func(a *app) tea.Cmd {
			f := newJobForm(a, from)
			f.fields["name"].set("")
			f.fields["version"].set(from.ID.Version)
			return a.open(f)
		}},
		{title: "empty", note: "from nothing", do: func(a *app) tea.Cmd { return a.open(newJobForm(a, nil)) }},
	}})
}

// nextVersion is the version with its last number raised until there is no such job, "" when it has none.
func (a *app) nextVersion(id model.JobID) string {
	digits := len(id.Version)
	for digits > 0 && id.Version[digits-1] >= '0' && id.Version[digits-1] <= '9' {
		digits--
	}
	stem := id.Version[:digits]
	n, err := strconv.Atoi(id.Version[digits:])
	if err != nil {
		return ""
	}
	taken := map[string]bool{}
	for _, j := range a.snap.Jobs {
		if j.Spec.ID.Name == id.Name {
			taken[j.Spec.ID.Version] = true
		}
	}
	for n++; taken[stem+strconv.Itoa(n)]; n++ {
	}
	return stem + strconv.Itoa(n)
}

func newJobForm(a *app, from *model.Job) *jobForm {
	f := &jobForm{form: &form{title: "New job", button: "Create…"}, from: from, fields: map[string]*field{}}
	if from != nil {
		f.note = "from " + versionText(from.ID)
		f.empty = func(*app) { *f = *newJobForm(a, nil) }
	}
	f.fill()
	f.check = func(a *app) { f.job(a) }
	f.form.twin = func(a *app) string { return a.createTwin(f.job(a), f.from) }
	f.submit = func(a *app) tea.Cmd { return a.confirmCreate(f.job(a), f.from, f) }
	f.dry = func(a *app) tea.Cmd {
		cmd := f.submit(a)
		d := a.modal.(*dialog)
		cmd = tea.Batch(cmd, d.dryRun(a))
		a.modal.(*plan).back = f
		return cmd
	}
	return f
}

// fill adds the fields, with what the other job has.
func (f *jobForm) fill() {
	var j model.Job
	if f.from != nil {
		j = *f.from
	}
	check := model.HealthCheck{Type: "none"}
	if j.HealthCheck != nil {
		check = *j.HealthCheck
	}
	var r model.Resources
	if j.Resources != nil {
		r = *j.Resources
	}
	health := newChoice("health check", []string{"none", model.HealthCheckHTTP, model.HealthCheckTCP, model.HealthCheckExec}, check.Type)
	for _, field := range []*field{
		newField("name", "letters, digits, . _ -", textField, j.ID.Name), newField("version", "such as 1 or 2.0.1", textField, j.ID.Version),
		newField("image", "registry/name:tag", textField, j.Image), newField("command", "that of the image", textField, model.QuoteWords(j.Command)),
		section("container", newField("env", "NAME=VALUE", listField, pairs(j.Env)...)),
		newField("ports", "NAME=[IP:]INTERNAL[:EXTERNAL][/PROTO]", listField, portSpecs(j.Ports)...),
		newField("volumes", "PATH or SOURCE:PATH[:ro|rw]", listField, volumeSpecs(j.Volumes)...),
		newField("network", "bridge, host or container:NAME", textField, j.NetworkMode), newField("hostname", "that of the container", textField, j.Hostname),
		section("health", health), when(health, newField("check port", "name of a port above", textField, check.Port), "http", "tcp"),
		when(health, newField("check path", "/health", textField, check.Path), "http"),
		when(health, newField("check command", "words; quotes keep blanks", textField, model.QuoteWords(check.Command)), "exec"),
		when(health, newField("interval", "seconds; only until it runs", textField, number(check.Interval)), "http", "tcp", "exec"),
		when(health, newField("sick after", fmt.Sprintf("failures in a row, %d", model.DefaultUnhealthyAfter), textField, number(check.UnhealthyAfter)), "http", "tcp", "exec"),
		section("discovery", newField("registration", "SERVICE[/PROTO]=PORT", listField, registrationSpecs(j.Registration)...)),
		newField("domain", "the default one", textField, j.RegistrationDomain),
		newField("grace period", "seconds between unregistering and stopping", textField, pointed(j.GracePeriod)),
		section("operation", newField("token", "none: anybody may deploy it", secretField, j.Token)),
		newField("labels", "KEY=VALUE, of the container", listField, pairs(j.Labels)...),
		newField("metadata", "KEY=VALUE, kept with the job", listField, pairs(j.Metadata)...),
		newField("expires", "2026-12-31T18:00:00Z: undeployed and removed then", textField, expiryText(j.Expires)),
		newField("kill after", "seconds that it has to stop", textField, pointed(j.SecondsToWaitBeforeKill)),
		section("resources", newField("memory", "such as 512m or 2g", textField, sizeText(r.Memory))),
		newField("memory + swap", "such as 1g", textField, sizeText(r.MemorySwap)), newField("cpu shares", "1024 is one share", textField, pointed(r.CPUShares)),
		newField("cpus", "such as 0-3 or 0,2", textField, r.Cpuset),
		section("privileges", newField("add capability", "such as NET_ADMIN", listField, j.AddCapabilities...)),
		newField("drop capability", "such as CHOWN", listField, j.DropCapabilities...), newField("security", "option of the engine", listField, j.SecurityOpt...),
		newField("runtime", "that of the engine", textField, j.Runtime),
	} {
		f.form.fields = append(f.form.fields, field)
		f.fields[field.name] = field
	}
}

func section(name string, f *field) *field {
	f.section = name
	return f
}

// when shows a field only while a choice is one of several.
func when(choice, f *field, chosen ...string) *field {
	f.hidden = func() bool { return !slices.Contains(chosen, choice.value()) }
	return f
}

func pairs(m map[string]string) []string {
	var all []string
	for _, key := range sortedKeys(m) {
		all = append(all, key+"="+m[key])
	}
	return all
}

func portSpecs(ports map[string]model.PortMapping) []string {
	var all []string
	for _, name := range sortedKeys(ports) {
		all = append(all, portSpec(name, ports[name]))
	}
	return all
}

// portSpec is a port as people type it.
func portSpec(name string, m model.PortMapping) string {
	spec := name + "="
	if m.IP != "" {
		spec += m.IP + ":"
	}
	spec += strconv.Itoa(m.InternalPort)
	if m.ExternalPort != nil {
		spec += ":" + strconv.Itoa(*m.ExternalPort)
	}
	if m.Protocol != "" && m.Protocol != "tcp" {
		spec += "/" + m.Protocol
	}
	return spec
}

func volumeSpecs(volumes map[string]string) []string {
	var all []string
	for _, key := range sortedKeys(volumes) {
		all = append(all, volumeSpec(key, volumes[key]))
	}
	return all
}

func volumeSpec(key, source string) string {
	if source == "" {
		return key
	}
	return source + ":" + key
}

func registrationSpecs(registration map[model.ServiceEndpoint]model.ServicePorts) []string {
	var all []string
	for _, endpoint := range slices.SortedFunc(maps.Keys(registration), model.ServiceEndpoint.Compare) {
		for _, port := range sortedKeys(registration[endpoint].Ports) {
			all = append(all, registrationSpec(endpoint, port))
		}
	}
	return all
}

func registrationSpec(endpoint model.ServiceEndpoint, port string) string {
	return endpoint.String() + "=" + port
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func pointed[T int | int64](n *T) string {
	if n == nil {
		return ""
	}
	return fmt.Sprint(*n)
}

func expiryText(t *model.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.Time().UTC().Format(time.RFC3339Nano)
}

// sizeUnits are the powers of 1024, the largest first.
var sizeUnits = []struct {
	letter string
	bytes  int64
}{{"g", 1 << 30}, {"m", 1 << 20}, {"k", 1 << 10}}

func sizeText(n *int64) string {
	if n == nil {
		return ""
	}
	for _, unit := range sizeUnits {
		if *n > 0 && *n%unit.bytes == 0 {
			return strconv.FormatInt(*n/unit.bytes, 10) + unit.letter
		}
	}
	return strconv.FormatInt(*n, 10)
}

// parseSize reads bytes, or so many k, m or g of them.
func parseSize(text string) (int64, error) {
	digits, unit := strings.ToLower(text), int64(1)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(digits, u.letter); ok {
			digits, unit = rest, u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/unit {
		return 0, fmt.Errorf("%q is not a size: want bytes, or a number with k, m or g", text)
	}
	return n * unit, nil
}

// job is what has been typed. What is wrong with it is told to the fields.
func (f *jobForm) job(a *app) model.Job {
	var job model.Job
	if f.from != nil {
		job = f.from.Clone()
	}
	job.Created, job.CreatingUser = nil, ""
	job.ID = model.JobID{Name: f.fields["name"].value(), Version: f.fields["version"].value()}
	job.Image = f.fields["image"].value()
	f.takeWords(&job)
	f.takeMaps(&job)
	f.takeNumbers(&job)
	f.takeHealth(&job)
	f.place(job.WithID().Validate(model.ValidateOptions{Now: model.TimestampOf(a.now())}))
	return job
}

func (f *jobForm) takeWords(job *model.Job) {
	for name, into := range map[string]*string{
		"hostname": &job.Hostname, "network": &job.NetworkMode, "domain": &job.RegistrationDomain, "token": &job.Token, "runtime": &job.Runtime,
	} {
		if f.fields[name].touched() {
			*into = f.fields[name].value()
		}
	}
	for name, into := range map[string]*[]string{
		"add capability": &job.AddCapabilities, "drop capability": &job.DropCapabilities, "security": &job.SecurityOpt,
	} {
		if f.fields[name].touched() {
			*into = f.fields[name].values()
		}
	}
	if c := f.fields["command"]; c.touched() {
		job.Command = f.wordsOf(c)
	}
	if e := f.fields["expires"]; e.touched() {
		job.Expires = nil
		if text := e.value(); text != "" {
			expires, err := model.ParseTimestamp(text)
			job.Expires = &expires
			f.mark(e, 0, err)
		}
	}
}

// mark notes a fault of an entry, if there is one.
func (f *jobForm) mark(field *field, entry int, err error) {
	if err != nil {
		field.fault(entry, err.Error())
	}
}

// wordsOf are the words of a command, none of an empty field.
func (f *jobForm) wordsOf(field *field) []string {
	if field.value() == "" {
		return nil
	}
	words, err := model.SplitWords(field.value())
	f.mark(field, 0, err)
	return words
}

// takeEntries reads the entries of a list that was changed, one by one.
func (f *jobForm) takeEntries(name string, empty func(), take func(text string) error) {
	field := f.fields[name]
	if !field.touched() {
		return
	}
	empty()
	for i := range field.inputs {
		if text := strings.TrimSpace(field.inputs[i].Value()); text != "" {
			f.mark(field, i, take(text))
		}
	}
}

func (f *jobForm) takeMaps(job *model.Job) {
	for name, into := range map[string]*map[string]string{"env": &job.Env, "labels": &job.Labels, "metadata": &job.Metadata} {
		f.takeEntries(name, func() { *into = nil }, func(text string) error {
			key, value, found := strings.Cut(text, "=")
			if !found || key == "" {
				return fmt.Errorf("want NAME=VALUE")
			}
			return enter(into, key, value)
		})
	}
	f.takeEntries("ports", func() { job.Ports = nil }, func(text string) error {
		name, mapping, err := model.ParsePortMapping(text)
		if err != nil {
			return err
		}
		return enter(&job.Ports, name, mapping)
	})
	f.takeEntries("volumes", func() { job.Volumes = nil }, func(text string) error {
		key, source, err := model.ParseVolume(text)
		if err != nil {
			return err
		}
		return enter(&job.Volumes, key, source)
	})
	f.takeEntries("registration", func() { job.Registration = nil }, func(text string) error { return register(job, text) })
}

// enter adds an entry to a map that may be nil, and refuses a second one of the same name.
func enter[V any](m *map[string]V, key string, value V) error {
	if _, twice := (*m)[key]; twice {
		return fmt.Errorf("%q is given twice", key)
	}
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[key] = value
	return nil
}

func register(job *model.Job, text string) error {
	endpoint, port, err := model.ParseServiceRegistration(text)
	if err != nil {
		return err
	}
	if port == "" {
		if len(job.Ports) != 1 {
			return fmt.Errorf("want SERVICE[/PROTO]=PORT: the job has %s", counted(len(job.Ports), "port"))
		}
		port = sortedKeys(job.Ports)[0]
	}
	if job.Registration == nil {
		job.Registration = map[model.ServiceEndpoint]model.ServicePorts{}
	}
	if job.Registration[endpoint].Ports == nil {
		job.Registration[endpoint] = model.ServicePorts{Ports: map[string]model.ServicePortParameters{}}
	}
	job.Registration[endpoint].Ports[port] = model.ServicePortParameters{}
	return nil
}

// takeNumber reads a number that may be left out.
func takeNumber[T int | int64](f *jobForm, name string, into **T) {
	field := f.fields[name]
	if !field.touched() {
		return
	}
	*into = nil
	if text := field.value(); text != "" {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n < 0 {
			field.fault(0, fmt.Sprintf("%q is not a number: want 0 or more", text))
		}
		value := T(n)
		*into = &value
	}
}

func (f *jobForm) takeNumbers(job *model.Job) {
	takeNumber(f, "grace period", &job.GracePeriod)
	takeNumber(f, "kill after", &job.SecondsToWaitBeforeKill)
	touched := false
	for _, name := range []string{"memory", "memory + swap", "cpu shares", "cpus"} {
		touched = touched || f.fields[name].touched()
	}
	if !touched {
		return
	}
	r := model.Resources{}
	if job.Resources != nil {
		r = *job.Resources
	}
	f.takeSize("memory", &r.Memory)
	f.takeSize("memory + swap", &r.MemorySwap)
	takeNumber(f, "cpu shares", &r.CPUShares)
	r.Cpuset = f.fields["cpus"].value()
	job.Resources = &r
	if r == (model.Resources{}) {
		job.Resources = nil
	}
}

func (f *jobForm) takeSize(name string, into **int64) {
	field := f.fields[name]
	if !field.touched() {
		return
	}
	*into = nil
	if text := field.value(); text != "" {
		n, err := parseSize(text)
		f.mark(field, 0, err)
		*into = &n
	}
}

func (f *jobForm) takeHealth(job *model.Job) {
	touched := false
	for _, name := range []string{"health check", "check port", "check path", "check command", "interval", "sick after"} {
		touched = touched || f.fields[name].touched()
	}
	kind := f.fields["health check"].value()
	switch {
	case !touched:
		return
	case kind == "none":
		job.HealthCheck = nil
		return
	}
	check := model.HealthCheck{Type: kind}
	switch kind {
	case model.HealthCheckExec:
		check.Command = f.wordsOf(f.fields["check command"])
	case model.HealthCheckHTTP:
		if check.Path = f.fields["check path"].value(); !strings.HasPrefix(check.Path, "/") {
			check.Path = "/" + check.Path
		}
		fallthrough
	default:
		check.Port = f.fields["check port"].value()
	}
	for name, into := range map[string]*int{"interval": &check.Interval, "sick after": &check.UnhealthyAfter} {
		if text := f.fields[name].value(); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 {
				f.fields[name].fault(0, fmt.Sprintf("%q is not a number: want 0 or more", text))
			}
			*into = n
		}
	}
	job.HealthCheck = &check
}

// faultFields says which field a fault of the model belongs to, by how it begins.
var faultFields = []struct{ prefix, field string }{
	{"job name", "name"}, {"job version", "version"}, {"hash", "version"}, {"image", "image"}, {"hostname", "hostname"}, {"port", "ports"},
	{"registration", "registration"}, {"service", "registration"}, {"volume", "volumes"}, {"ramdisk", "volumes"}, {"network", "network"},
	{"expires", "expires"}, {"grace period", "grace period"}, {"added capabilities", "add capability"},
	{"health check interval", "interval"}, {"health check unhealthyAfter", "sick after"}, {"health check has unhealthyAfter", "sick after"},
	{"health check type", "health check"}, {"exec health check", "check command"}, {"http health check", "check port"},
	{"tcp health check", "check port"},
}

// place tells the fields what the model finds wrong. What belongs to none of them is told at the name.
func (f *jobForm) place(faults []string) {
	for _, text := range faults {
		at := f.fields["name"]
		for _, known := range faultFields {
			if strings.HasPrefix(text, known.prefix) {
				at = f.fields[known.field]
				break
			}
		}
		at.fault(at.entryOf(text), text)
	}
}

// entryOf is the entry of a list that a fault names.
func (f *field) entryOf(fault string) int {
	for i := range f.inputs {
		key, _, _ := strings.Cut(f.inputs[i].Value(), "=")
		if key != "" && strings.Contains(fault, strconv.Quote(key)) {
			return i
		}
	}
	return 0
}
