package model

import "testing"

func TestParseVersion(t *testing.T) {
	for text, want := range map[string]Version{
		"0.9.1":           {0, 9, 1, false},
		"0.9.1-SNAPSHOT":  {0, 9, 1, true},
		"10.200.3000":     {10, 200, 3000, false},
		ServerVersion:     {0, 10, 0, false},
		"01.02.03":        {1, 2, 3, false},
		"0.0.0-SNAPSHOT":  {0, 0, 0, true},
		"2147483647.0.00": {2147483647, 0, 0, false},
	} {
		if got, err := ParseVersion(text); err != nil || got != want {
			t.Errorf("ParseVersion(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "1.2", "1.2.3.4", "x.y.z", "0.9.1-rc1", "0.9.1-snapshot", "deadbeef", "1.2.-3", "1.2.+3", "1..3", " 1.2.3", "1.2.99999999999", "1.2.3-SNAPSHOT-SNAPSHOT"} {
		if got, err := ParseVersion(text); CodeOf(err) != CodeVersionHeaderUnreadable {
			t.Errorf("ParseVersion(%q) = %v, %v, want %s", text, got, err, CodeVersionHeaderUnreadable)
		}
	}
}

func TestVersionString(t *testing.T) {
	for _, text := range []string{"0.9.1", "0.9.1-SNAPSHOT"} {
		version, err := ParseVersion(text)
		if err != nil || version.String() != text {
			t.Errorf("%s prints as %s, %v", text, version, err)
		}
	}
}

func TestCheckClientVersion(t *testing.T) {
	server := Version{Major: 1, Minor: 3, Patch: 9}
	for client, want := range map[string]VersionCompatibility{
		"":               VersionMissing,
		"1.3":            VersionInvalid,
		"1.3.9-rc1":      VersionInvalid,
		"1.3.9":          VersionEqual,
		"1.3.9-SNAPSHOT": VersionCompatible,
		"1.3.10":         VersionCompatible,
		"1.2.8":          VersionCompatible,
		"1.4.8":          VersionMaybe,
		"9.0.0":          VersionIncompatible,
		"0.3.9":          VersionIncompatible,
	} {
		if got := CheckClientVersion(client, server); got != want {
			t.Errorf("client %q: %s, want %s", client, got, want)
		}
	}
}
