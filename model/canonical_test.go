package model

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestComputeIDVectors checks ids against jobs whose canonical form and id were computed with the original's own code.
func TestComputeIDVectors(t *testing.T) {
	data, err := os.ReadFile("testdata/jobid-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Source     string
		Name       string
		Version    string
		Job        Job
		Canonical  string
		ConfigSHA1 string
		ID         string
	}
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) != 115 {
		t.Errorf("there are %d vectors, want 115", len(vectors))
	}
	for i, v := range vectors {
		t.Run(fmt.Sprintf("%d %s", i, v.Source), func(t *testing.T) {
			v.Job.ID = JobID{Name: v.Name, Version: v.Version}
			canonical := v.Job.appendCanonical(nil, javaSetOrder)
			if diff := cmp.Diff(v.Canonical, string(canonical)); diff != "" {
				t.Errorf("canonical form (-want +got):\n%s", diff)
			}
			sum := sha1.Sum(canonical)
			if got := hex.EncodeToString(sum[:]); got != v.ConfigSHA1 {
				t.Errorf("SHA-1 of the canonical form = %s, want %s", got, v.ConfigSHA1)
			}
			if got := v.Job.ComputeID().String(); got != v.ID {
				t.Errorf("id = %s, want %s", got, v.ID)
			}
			if faults := v.Job.WithID().Validate(ValidateOptions{CheckHash: true}); slices.ContainsFunc(faults, isHashFault) {
				t.Errorf("the job does not accept its own hash: %q", faults)
			}
		})
	}
}

// TestComputeIDSurvivesTheWire checks that a job has the same id after it was written and read.
func TestComputeIDSurvivesTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		job := drawJob(t)
		data, err := json.Marshal(job)
		if err != nil {
			t.Fatal(err)
		}
		var read Job
		if err := json.Unmarshal(data, &read); err != nil {
			t.Fatalf("%s\n%s", err, data)
		}
		if got, want := read.ComputeID(), job.ComputeID(); got != want {
			t.Errorf("id after the wire = %s, want %s\n%s", got, want, data)
		}
	})
}

func TestComputeIDIgnoresWhoCreatedTheJobAndWhen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		job := drawJob(t)
		want := job.ComputeID()
		created := Timestamp(rapid.Int64().Draw(t, "created"))
		job.Created = &created
		job.CreatingUser = rapid.String().Draw(t, "creatingUser")
		job.ID.Hash = rapid.String().Draw(t, "hash")
		if got := job.ComputeID(); got != want {
			t.Errorf("id = %s, want %s", got, want)
		}
	})
}

func TestComputeIDCoversEveryOtherField(t *testing.T) {
	base := fullJob()
	changes := map[string]func(*Job){
		"name":                              func(j *Job) { j.ID.Name += "x" },
		"version":                           func(j *Job) { j.ID.Version += "x" },
		"image":                             func(j *Job) { j.Image += "x" },
		"hostname":                          func(j *Job) { j.Hostname += "x" },
		"command":                           func(j *Job) { j.Command[0] += "x" },
		"env":                               func(j *Job) { j.Env["MODE"] = "" },
		"resources.memory":                  func(j *Job) { *j.Resources.Memory++ },
		"resources.memorySwap":              func(j *Job) { *j.Resources.MemorySwap++ },
		"resources.cpuShares":               func(j *Job) { *j.Resources.CPUShares++ },
		"resources.cpuset":                  func(j *Job) { j.Resources.Cpuset += ",7" },
		"ports.ip":                          func(j *Job) { changePort(j, func(m *PortMapping) { m.IP = "::2" }) },
		"ports.internalPort":                func(j *Job) { changePort(j, func(m *PortMapping) { m.InternalPort++ }) },
		"ports.externalPort":                func(j *Job) { changePort(j, func(m *PortMapping) { *m.ExternalPort++ }) },
		"ports.protocol":                    func(j *Job) { changePort(j, func(m *PortMapping) { m.Protocol = "udp" }) },
		"registration":                      func(j *Job) { j.Registration[ServiceEndpoint{"a", "b"}] = ServicePorts{} },
		"registration.ports":                func(j *Job) { j.Registration[webService].Ports["x"] = ServicePortParameters{} },
		"registration.ports.tags":           func(j *Job) { j.Registration[webService].Ports["http"].Tags[0] += "x" },
		"gracePeriod":                       func(j *Job) { *j.GracePeriod++ },
		"volumes":                           func(j *Job) { j.Volumes["/data:ro"] += "x" },
		"expires":                           func(j *Job) { *j.Expires++ },
		"registrationDomain":                func(j *Job) { j.RegistrationDomain += "x" },
		"token":                             func(j *Job) { j.Token += "x" },
		"healthCheck.type":                  func(j *Job) { j.HealthCheck.Type = HealthCheckTCP },
		"healthCheck.path":                  func(j *Job) { j.HealthCheck.Path += "x" },
		"healthCheck.port":                  func(j *Job) { j.HealthCheck.Port += "x" },
		"healthCheck.interval":              func(j *Job) { j.HealthCheck.Interval++ },
		"healthCheck.unhealthyAfter":        func(j *Job) { j.HealthCheck.UnhealthyAfter++ },
		"securityOpt":                       func(j *Job) { j.SecurityOpt[0] += "x" },
		"networkMode":                       func(j *Job) { j.NetworkMode = "" },
		"metadata":                          func(j *Job) { j.Metadata["team"] += "x" },
		"addCapabilities":                   func(j *Job) { j.AddCapabilities[0] += "x" },
		"dropCapabilities":                  func(j *Job) { j.DropCapabilities[0] += "x" },
		"labels":                            func(j *Job) { j.Labels["role"] += "x" },
		"secondsToWaitBeforeKill":           func(j *Job) { *j.SecondsToWaitBeforeKill++ },
		"ramdisks":                          func(j *Job) { j.Ramdisks["/tmp"] += "x" },
		"rolloutOptions.timeout":            func(j *Job) { *j.RolloutOptions.Timeout++ },
		"rolloutOptions.parallelism":        func(j *Job) { *j.RolloutOptions.Parallelism++ },
		"rolloutOptions.migrate":            func(j *Job) { *j.RolloutOptions.Migrate = false },
		"rolloutOptions.overlap":            func(j *Job) { *j.RolloutOptions.Overlap = false },
		"rolloutOptions.token":              func(j *Job) { *j.RolloutOptions.Token += "x" },
		"rolloutOptions.ignoreFailures":     func(j *Job) { *j.RolloutOptions.IgnoreFailures = false },
		"rolloutOptions.ignoreFailures nil": func(j *Job) { j.RolloutOptions.IgnoreFailures = nil },
		"rolloutOptions.canary":             func(j *Job) { j.RolloutOptions.Canary = ptr(1) },
		"rolloutOptions.maxFailures":        func(j *Job) { j.RolloutOptions.MaxFailures = "1" },
		"rolloutOptions.minHealthy":         func(j *Job) { j.RolloutOptions.MinHealthy = ptr(int64(1)) },
		"rolloutOptions.onFailure":          func(j *Job) { j.RolloutOptions.OnFailure = OnFailurePause },
		"runtime":                           func(j *Job) { j.Runtime += "x" },
	}
	seen := map[JobID]string{base.ComputeID(): "no change"}
	for name, change := range changes {
		job := base.Clone()
		change(&job)
		id := job.ComputeID()
		if other, ok := seen[id]; ok {
			t.Errorf("changing %s gives the id of %s", name, other)
		}
		seen[id] = name
	}
}

func changePort(j *Job, change func(*PortMapping)) {
	m := j.Ports["http"]
	change(&m)
	j.Ports["http"] = m
}

func TestComputeIDOfAnUnnamedJobHasNoHash(t *testing.T) {
	for _, id := range []JobID{{}, {Name: "a"}, {Version: "1"}} {
		if got := (Job{ID: id}).ComputeID(); got != id {
			t.Errorf("ComputeID of %v = %v", id, got)
		}
	}
}

func TestWithIDKeepsAHashThatIsThere(t *testing.T) {
	job := Job{ID: JobID{Name: "a", Version: "1", Hash: "wrong"}, Image: "x"}
	if got := job.WithID().ID; got != job.ID {
		t.Errorf("WithID changed %v to %v", job.ID, got)
	}
	job.ID.Hash = ""
	if got, want := job.WithID().ID.String(), "a:1:663791a765a1d0d74f0a5d3437f651dcbd92f2bb"; got != want {
		t.Errorf("WithID = %s, want %s", got, want)
	}
}

func TestCompareUTF16(t *testing.T) {
	words := []string{"", "A", "B", "Z", "_", "z", "zz", "\u00e9", "\uD7FF", "\U0001F600", "\U0010FFFF", "\uE000", "\uFF21", "\uFFFD"}
	for i, a := range words {
		for k, b := range words {
			if got := compareUTF16(a, b); (got < 0) != (i < k) || (got > 0) != (i > k) {
				t.Errorf("compareUTF16(%q, %q) = %d", a, b, got)
			}
		}
	}
}

func TestJavaSetOrder(t *testing.T) {
	tests := map[string]struct{ words, want []string }{
		"none":         {nil, nil},
		"one":          {[]string{"KILL"}, []string{"KILL"}},
		"repeated":     {[]string{"a", "a"}, []string{"a"}},
		"by bucket":    {[]string{"NET_ADMIN", "SYS_ADMIN", "SYS_TIME", "CHOWN"}, []string{"SYS_ADMIN", "CHOWN", "NET_ADMIN", "SYS_TIME"}},
		"in any order": {[]string{"SYS_TIME", "SYS_ADMIN", "CHOWN", "NET_ADMIN"}, []string{"SYS_ADMIN", "CHOWN", "NET_ADMIN", "SYS_TIME"}},
		"one bucket":   {[]string{"CHOWN", "SYS_ADMIN"}, []string{"CHOWN", "SYS_ADMIN"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			supplied := slices.Clone(test.words)
			if diff := cmp.Diff(test.want, javaSetOrder(test.words)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(supplied, test.words); diff != "" {
				t.Errorf("the argument was changed:\n%s", diff)
			}
		})
	}
}
