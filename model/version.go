package model

import (
	"strconv"
	"strings"
)

// ServerVersion is the level of the original's API that masters announce. It must stay below 1.0.0: clients of another major version
// refuse to talk to a server.
const ServerVersion = "0.10.0"

// Version is a version of the original's protocol.
type Version struct {
	Major    int  `json:"major"`
	Minor    int  `json:"minor"`
	Patch    int  `json:"patch"`
	Snapshot bool `json:"snapshot"`
}

const snapshotSuffix = "-SNAPSHOT"

// ParseVersion reads n.n.n or n.n.n-SNAPSHOT. The error has CodeVersionHeaderUnreadable.
func ParseVersion(s string) (Version, error) {
	numbers, snapshot := strings.CutSuffix(s, snapshotSuffix)
	parts := strings.Split(numbers, ".")
	version := Version{Snapshot: snapshot}
	into := []*int{&version.Major, &version.Minor, &version.Patch}
	legal := len(parts) == len(into)
	for i := 0; legal && i < len(into); i++ {
		n, err := strconv.ParseInt(parts[i], 10, 32)
		legal = err == nil && consistsOf(parts[i], isDigit)
		*into[i] = int(n)
	}
	if !legal {
		return Version{}, Errorf(CodeVersionHeaderUnreadable, "bad version %q: want three numbers such as 0.9.1, or 0.9.1-SNAPSHOT", s)
	}
	return version, nil
}

// String returns the version as ParseVersion reads it.
func (v Version) String() string {
	s := strconv.Itoa(v.Major) + "." + strconv.Itoa(v.Minor) + "." + strconv.Itoa(v.Patch)
	if v.Snapshot {
		s += snapshotSuffix
	}
	return s
}

// VersionCompatibility says whether a client and a server understand each other. It is the only text that original clients accept in
// the header Helios-Version-Status.
type VersionCompatibility string

// The words of compatibility.
const (
	VersionEqual        VersionCompatibility = "EQUAL"
	VersionCompatible   VersionCompatibility = "COMPATIBLE"
	VersionMaybe        VersionCompatibility = "MAYBE" // the client is newer than the server
	VersionIncompatible VersionCompatibility = "INCOMPATIBLE"
	VersionInvalid      VersionCompatibility = "INVALID" // the client's version cannot be read
	VersionMissing      VersionCompatibility = "MISSING" // the client does not tell its version
)

// CompareVersions tells how a client gets on with a server.
func CompareVersions(client, server Version) VersionCompatibility {
	switch {
	case client == server:
		return VersionEqual
	case client.Major != server.Major:
		return VersionIncompatible
	case server.Minor >= client.Minor:
		return VersionCompatible
	default:
		return VersionMaybe
	}
}

// CheckClientVersion tells how a client that announces itself with this text gets on with a server. Empty text is VersionMissing,
// unreadable text VersionInvalid.
func CheckClientVersion(client string, server Version) VersionCompatibility {
	if client == "" {
		return VersionMissing
	}
	version, err := ParseVersion(client)
	if err != nil {
		return VersionInvalid
	}
	return CompareVersions(version, server)
}

// VersionCheckResponse answers GET /version/check.
type VersionCheckResponse struct {
	Status             VersionCompatibility `json:"status"`
	ServerVersion      Version              `json:"serverVersion"`
	RecommendedVersion string               `json:"recommendedVersion"`
}
