package model

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

func TestKeyFingerprints(t *testing.T) {
	const key = "AAAAAAAAAAAAAAAAAAAAAA=="
	// printf AAAAAAAAAAAAAAAAAAAAAA== | base64 -d | sha256sum | cut -c 1-16
	if got := KeyFingerprint(key); got != "374708fff7719dd5" {
		t.Errorf("the fingerprint is %s", got)
	}
	if got := KeyFingerprint("no base64!"); got != "" {
		t.Errorf("what is no key has the fingerprint %s", got)
	}
	for text, want := range map[string]bool{
		"3747": true, "374708fff7719dd5": true, "374": false, "374708fff7719dd5a": false, "374G": false, "ABCD": false, "": false, key: false,
	} {
		if got := IsKeyFingerprint(text); got != want {
			t.Errorf("%q is a fingerprint: %v", text, got)
		}
	}
}

func TestKeysByFingerprint(t *testing.T) {
	var keys []string
	byStart := map[string]int{}
	twice := ""
	for i := 0; twice == ""; i++ { // until two fingerprints begin alike
		key := base64.StdEncoding.EncodeToString([]byte(fmt.Sprintf("%016d", i)))
		keys = append(keys, key)
		start := KeyFingerprint(key)[:4]
		if byStart[start]++; byStart[start] == 2 {
			twice = start
		}
	}
	for _, key := range keys {
		if got, err := KeyByFingerprint(KeyFingerprint(key), keys); got != key || err != nil {
			t.Fatalf("%s names %q, %v", KeyFingerprint(key), got, err)
		}
	}
	_, err := KeyByFingerprint(twice, keys)
	if CodeOf(err) != CodeInvalid || !strings.Contains(err.Error(), "2 keys have fingerprints that begin with "+twice) {
		t.Errorf("an ambiguous one: %v", err)
	}
	_, err = KeyByFingerprint(KeyFingerprint(keys[0]), keys[1:])
	if CodeOf(err) != CodeInvalid || !strings.Contains(err.Error(), "no member has a key with the fingerprint") {
		t.Errorf("an unknown one: %v", err)
	}
}
