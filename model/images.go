package model

import (
	"strconv"
	"strings"
)

const (
	maxImagePathLength = 255
	maxTagLength       = 128
)

// checkImage checks an image reference: [ENDPOINT/]PATH[:TAG][@DIGEST].
func (f *faults) checkImage(image string) {
	if image == "" {
		f.add("image is not specified")
		return
	}
	repository := image
	if at := strings.LastIndexByte(repository, '@'); at >= 0 {
		f.checkDigest(image, repository[at+1:])
		repository = repository[:at]
	}
	if colon := strings.LastIndexByte(repository, ':'); colon >= 0 && !strings.Contains(repository[colon:], "/") {
		f.checkTag(image, repository[colon+1:])
		repository = repository[:colon]
	}
	f.checkRepository(image, repository)
}

func (f *faults) checkDigest(image, digest string) {
	algorithm, sum, _ := strings.Cut(digest, ":")
	switch {
	case digest == "":
		f.add("image %q has an empty digest", image)
	case algorithm == "" || sum == "" || strings.Contains(sum, ":"):
		f.add("image %q has digest %q: want ALGORITHM:HEX", image, digest)
	}
}

func (f *faults) checkTag(image, tag string) {
	switch {
	case tag == "":
		f.add("image %q has an empty tag", image)
	case len(tag) > maxTagLength, !consistsOf(tag, isNameByte), tag[0] == '.', tag[0] == '-':
		f.add("image %q has tag %q: want at most %d letters, digits, . _ and -, not beginning with . or -", image, tag, maxTagLength)
	}
}

func (f *faults) checkRepository(image, repository string) {
	if strings.Contains(repository, "://") {
		f.add("image %q is not a repository name: leave out the scheme", image)
		return
	}
	path := repository
	first, rest, found := strings.Cut(repository, "/")
	if strings.ContainsAny(first, ".:") || first == "localhost" {
		if !found {
			f.add("image %q is not a repository name: %q stands for a registry, so want %s/NAME", image, first, first)
			return
		}
		f.checkEndpoint(image, first)
		path = rest
	}
	f.checkImagePath(image, path)
}

func (f *faults) checkEndpoint(image, endpoint string) {
	host, port, hasPort := strings.Cut(endpoint, ":")
	if !isDottedQuad(host) && !isDomainName(host) {
		f.add("image %q has registry host %q: want a domain name or an IPv4 address", image, host)
	}
	if !hasPort {
		return
	}
	if n, err := strconv.Atoi(port); err != nil || !consistsOf(port, isDigit) || n > maxPort {
		f.add("image %q has registry port %q: want 0 to %d", image, port, maxPort)
	}
}

// isDottedQuad does not look at the size of the numbers.
func isDottedQuad(host string) bool {
	groups := strings.Split(host, ".")
	if len(groups) != 4 {
		return false
	}
	for _, group := range groups {
		if len(group) > 3 || !consistsOf(group, isDigit) {
			return false
		}
	}
	return true
}

// isDomainName wants labels of letters, digits and inner hyphens, and something else than digits and dots.
func isDomainName(host string) bool {
	if consistsOf(host, isDottedByte) {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(host, "."), ".") {
		legal := func(c byte) bool { return isLetter(c) || isDigit(c) || c == '-' }
		if !consistsOf(label, legal) || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return true
}

func (f *faults) checkImagePath(image, path string) {
	legal := func(c byte) bool { return isNameByte(c) && (c < 'A' || c > 'Z') }
	for component := range strings.SplitSeq(strings.TrimRight(path, "/"), "/") {
		if !consistsOf(component, legal) {
			f.add("image %q has component %q: want lower-case letters, digits, . _ and -", image, component)
		}
	}
	if len(path) > maxImagePathLength {
		f.add("image %q is too long: its path has %d characters, at most %d are allowed", image, len(path), maxImagePathLength)
	}
}
