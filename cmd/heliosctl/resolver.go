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

// systemSearchDomains are the domains in which the system looks for names without one: those of LOCALDOMAIN, else of the resolver's file.
func systemSearchDomains() []string {
	return searchDomains(os.Getenv, resolvConf)
}

func searchDomains(getenv func(string) string, path string) []string {
	domains := strings.Fields(getenv("LOCALDOMAIN"))
	if len(domains) == 0 {
		text, _ := os.ReadFile(path) // without the file there is no domain
		for line := range strings.Lines(string(text)) {
			if words := strings.Fields(line); len(words) > 1 && (words[0] == "search" || words[0] == "domain") {
				domains = words[1:] // the last line counts
			}
		}
	}
	bare := make([]string, len(domains))
	for i, domain := range domains {
		bare[i] = strings.Trim(domain, ".")
	}
	return bare
}
