package model

import "strconv"

// MarshalJSON writes all fields.
func (v Version) MarshalJSON() ([]byte, error) {
	return appendVersion(nil, v), nil
}

// UnmarshalJSON reads a version. The error has CodeInvalid.
func (v *Version) UnmarshalJSON(data []byte) error {
	return decode(data, v, readVersion)
}

func appendVersion(dst []byte, v Version) []byte {
	dst = appendInt(append(dst, `{"major":`...), v.Major)
	dst = appendInt(append(dst, `,"minor":`...), v.Minor)
	dst = appendInt(append(dst, `,"patch":`...), v.Patch)
	dst = strconv.AppendBool(append(dst, `,"snapshot":`...), v.Snapshot)
	return append(dst, '}')
}

func readVersion(r *reader, v *Version) error {
	return r.object(func(key []byte) error {
		switch string(key) {
		case "major":
			return readInt(r, &v.Major)
		case "minor":
			return readInt(r, &v.Minor)
		case "patch":
			return readInt(r, &v.Patch)
		case "snapshot":
			return readBool(r, &v.Snapshot)
		default:
			return r.skip()
		}
	})
}

// MarshalJSON writes all fields.
func (c VersionCheckResponse) MarshalJSON() ([]byte, error) {
	dst := appendStringOrNull([]byte(`{"status":`), string(c.Status))
	dst = appendVersion(append(dst, `,"serverVersion":`...), c.ServerVersion)
	dst = appendString(append(dst, `,"recommendedVersion":`...), c.RecommendedVersion)
	return append(dst, '}'), nil
}

// UnmarshalJSON reads an answer, the server's version from "serverVersion" or "version". The error has CodeInvalid.
func (c *VersionCheckResponse) UnmarshalJSON(data []byte) error {
	return decode(data, c, readVersionCheckResponse)
}

func readVersionCheckResponse(r *reader, c *VersionCheckResponse) error {
	return r.object(func(key []byte) error {
		switch string(key) {
		case "status":
			return readWord(r, &c.Status, "version status", versionWords)
		case "serverVersion", "version":
			var present bool
			return readPresent(r, &present, &c.ServerVersion, readVersion)
		case "recommendedVersion":
			return readString(r, &c.RecommendedVersion)
		default:
			return r.skip()
		}
	})
}
