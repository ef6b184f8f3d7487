package main

import (
	"os"
	"strings"
)

// resolvConf is where the system's resolver is configured.
const resolvConf = "/etc/resolv.conf"

// resolverDomain returns the domain that a resolver's file names, "" when it names none or cannot be read.
func resolverDomain(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == "domain" {
			return words[1]
		}
	}
	return ""
}
