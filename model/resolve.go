package model

import (
	"slices"
	"strings"
)

// maxCandidates is how many jobs an ambiguous reference lists.
const maxCandidates = 5

// ResolveJob finds the one job that ref means among ids. A full id, a name:version or a name that is exactly a job's wins;
// otherwise ref may be the beginning of a full id, as the short ids that people see are. The error has CodeInvalidID,
// CodeJobNotFound or CodeAmbiguousJobReference.
func ResolveJob(ref string, ids []JobID) (JobID, error) {
	if ref == "" {
		return JobID{}, Errorf(CodeInvalidID, "job reference is empty: give a job's name, name:version or the beginning of its id")
	}
	for _, matches := range []func(JobID) bool{
		func(id JobID) bool { return ref == id.String() },
		func(id JobID) bool { return ref == id.Name+":"+id.Version },
		func(id JobID) bool { return ref == id.Name },
		func(id JobID) bool { return strings.HasPrefix(id.String(), ref) },
	} {
		var found []JobID
		for _, id := range ids {
			if matches(id) {
				found = append(found, id)
			}
		}
		switch len(found) {
		case 0:
			continue
		case 1:
			return found[0], nil
		default:
			return JobID{}, ambiguousReference(ref, found)
		}
	}
	return JobID{}, Errorf(CodeJobNotFound, "job %s not found: no job has this name or an id that begins so", ref)
}

func ambiguousReference(ref string, found []JobID) *Error {
	slices.SortFunc(found, JobID.Compare)
	var names []string
	for _, id := range found[:min(len(found), maxCandidates)] {
		names = append(names, id.Short())
	}
	if more := len(found) - len(names); more > 0 {
		return Errorf(CodeAmbiguousJobReference, "job reference %s is ambiguous: it means %s or %d more: give more of the id",
			ref, strings.Join(names, ", "), more)
	}
	return Errorf(CodeAmbiguousJobReference, "job reference %s is ambiguous: it means %s: give more of the id",
		ref, strings.Join(names, " or "))
}
