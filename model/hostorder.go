package model

import (
	"cmp"
	"slices"
	"strings"
)

// SortHosts sorts host names for people, in the order of the original's deployment groups: runs of digits compare as numbers,
// everything else as words, so that web9 comes before web10 and web-9.
func SortHosts(hosts []string) {
	slices.SortFunc(hosts, CompareHosts)
}

// CompareHosts compares the names run by run, a run being all digits or no digits. Names with equal runs are ordered by length
// (host2 before host02), and at last by their bytes.
func CompareHosts(a, b string) int {
	restA, restB := a, b
	for restA != "" && restB != "" {
		var runA, runB string
		runA, restA = cutRun(restA)
		runB, restB = cutRun(restB)
		if c := compareRuns(runA, runB); c != 0 {
			return c
		}
	}
	return cmp.Or(len(a)-len(b), strings.Compare(a, b))
}

func cutRun(s string) (run, rest string) {
	end := 1
	for end < len(s) && isDigit(s[end]) == isDigit(s[0]) {
		end++
	}
	return s[:end], s[end:]
}

func compareRuns(a, b string) int {
	if !isDigit(a[0]) || !isDigit(b[0]) {
		return collate(a, b)
	}
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(len(a)-len(b), strings.Compare(a, b))
}

// collate compares as Java's English collator does, exactly for ASCII: first by the characters without their case, passing over
// blanks, hyphens and control characters; then the word without a blank or hyphen comes first; then lower case does. Characters
// beyond ASCII come last, in the order of their bytes.
func collate(a, b string) int {
	ignored, lowerFirst := 0, 0
	for {
		var weightA, weightB, passedA, passedB int
		var charA, charB byte
		weightA, passedA, charA, a = nextWeight(a)
		weightB, passedB, charB, b = nextWeight(b)
		ignored = cmp.Or(ignored, passedA-passedB)
		if weightA != weightB || weightA == 0 {
			return cmp.Or(weightA-weightB, ignored, lowerFirst)
		}
		lowerFirst = cmp.Or(lowerFirst, int(charB)-int(charA))
	}
}

// punctuation lists the characters that come before the digits, in order.
const punctuation = "_,;:!?/.`^'\"()[]{}@$+<=>|~&#%*\\"

// nextWeight takes the next character that counts off s. It returns its weight, which is 0 at the end and leaves case aside, and
// the sum of the weights of the blanks and hyphens passed over on the way.
func nextWeight(s string) (weight, passed int, char byte, rest string) {
	for i := range len(s) {
		c := s[i]
		switch {
		case isLetter(c):
			return 1000 + int(c|0x20), passed, c, s[i+1:]
		case isDigit(c):
			return 500 + int(c), passed, c, s[i+1:]
		case c >= 0x80:
			return 2000 + int(c), passed, c, s[i+1:]
		}
		if at := strings.IndexByte(punctuation, c); at >= 0 {
			return 1 + at, passed, c, s[i+1:]
		}
		passed += 1 + strings.IndexByte(" \r\t\n\f\v-", c)
	}
	return 0, passed, 0, ""
}
