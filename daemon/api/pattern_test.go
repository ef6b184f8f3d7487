package api

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// hostNames are what the patterns are looked for in.
var hostNames = []string{
	"", "a", "host1", "host2", "Host3", "web-1.example.net", "web-b12", "db_7", "a]", "[x]", "a b", "a\tb", "é", "ÄÖ", "日本", "x{2}", "a&b", "-", "^a", "a-z", "a.b",
	"&&", "\\", "zz", "9", "Q", "a\u00a0b", "😀", "line\n", "a:b",
}

// patterns are expressions that mean in Java, and here, what stands beside them: the host names in which they are found, or none at all
// where they must be refused. TestPatternsAreJavas has them checked by Java.
var patterns = []struct {
	text    string
	refused bool
}{
	{text: `host`}, {text: `^host\d$`}, {text: `ost[12]`}, {text: `^$`}, {text: ``}, {text: `(?<n>web)-(?<m>\w+)`}, {text: `(?:a|b)+?`}, {text: `a{1}`}, {text: `z{2,}`}, {text: `z{2,3}?`},
	{text: `\Q[x]\E`}, {text: `\Q[x]`}, {text: `\Qz\E+`}, {text: `\Qa.b\E`},
	{text: `\p{Alpha}`}, {text: `^\p{Lower}+\p{Digit}$`}, {text: `\p{Upper}`}, {text: `\p{Punct}`}, {text: `\P{ASCII}`}, {text: `\p{XDigit}`}, {text: `\p{Space}`}, {text: `\p{Blank}`},
	{text: `\p{Graph}`}, {text: `\p{Print}`}, {text: `\p{Cntrl}`}, {text: `\p{Alnum}`}, {text: `\p{L}`}, {text: `\pL`}, {text: `\PL`}, {text: `\p{Lu}`}, {text: `\p{IsLu}`}, {text: `\p{IsLatin}`},
	{text: `\p{IsHAN}`}, {text: `\p{script=Han}`}, {text: `\p{sc=Latin}`}, {text: `\p{gc=Lu}`}, {text: `\p{general_category=Nd}`}, {text: `[\p{L}&&[^\p{Lu}]]`}, {text: `[\P{L}]`},
	{text: `\h`}, {text: `a\hb`}, {text: `^\H+\z`}, {text: `\v`}, {text: `^\V*\z`}, {text: `line\R`}, {text: `\s`}, {text: `^\S+\z`}, {text: `\d`}, {text: `\D`}, {text: `\w`}, {text: `\W`},
	{text: `\bweb\b`}, {text: `\Bost`}, {text: `\Aa`}, {text: `b\z`}, {text: `line\Z`}, {text: `\Ghost`}, {text: `\t`}, {text: `\x61`}, {text: `\x{1F600}`}, {text: `\u0061`}, {text: `\ud83d\ude00`},
	{text: `\u00e9`}, {text: `\0141`}, {text: `\060`}, {text: `\0477`}, {text: `\cI`}, {text: `\e`}, {text: `\.`}, {text: `\-`}, {text: `\ `}, {text: `\_`}, {text: `\\`}, {text: `\é`},
	{text: `(?i)HOST`}, {text: `(?i)[h]ost`}, {text: `(?i)^[^h]`}, {text: `(?i:HOST)\d`}, {text: `(?s)line.`}, {text: `line.`}, {text: `(?d)line.`}, {text: `(?-i)host`}, {text: `(?u)host`},
	{text: `(?m)^line$`}, {text: `(?idm-s)HOST`},
	{text: `[a-c]`}, {text: `[^a-z]`}, {text: `[a-]`}, {text: `[-a]`}, {text: `[]a]`}, {text: `[^]a]`}, {text: `[a\]]`}, {text: `[a^]`}, {text: `[a[xz]]`}, {text: `[a-z&&[^ho]]`}, {text: `^[a-z&&[^h]]`},
	{text: `[a-z&&[aeiou]&&[^a]]`}, {text: `[a-z&&h-w]`}, {text: `[^a-z&&[aeiou]]`}, {text: `[a&b]`}, {text: `[&]`}, {text: `[a[b[c[0-9]]]]`}, {text: `[[:alpha:]]`}, {text: `[\d.]`}, {text: `[\w&&[^\d]]`},
	{text: `[\Q]^\E]`}, {text: `[a-[b]]`}, {text: `[\x61-\x63]`}, {text: `[\u0061-c]`}, {text: `[.]`}, {text: `[$]`}, {text: `[a-z&&[^a-z]]`}, {text: `[^\s]`}, {text: `[\h]`}, {text: `[[^a]]`}, {text: `[^[^a]]`},
	{text: `]`}, {text: `}`}, {text: `a|b|`}, {text: `()`}, {text: `a.b`}, {text: `$`}, {text: `^`}, {text: `\.example\.net$`},

	{text: `host(?=1)`, refused: true}, {text: `host(?!1)`, refused: true}, {text: `(?<=h)ost`, refused: true}, {text: `(?<!h)ost`, refused: true}, {text: `(?>host)`, refused: true},
	{text: `(h).*\1`, refused: true}, {text: `(?<n>h)\k<n>`, refused: true}, {text: `h*+`, refused: true}, {text: `h++`, refused: true}, {text: `h?+`, refused: true}, {text: `h{1}+`, refused: true},
	{text: `(?x) a`, refused: true}, {text: `(?U)\w`, refused: true}, {text: `\X`, refused: true}, {text: `\b{g}`, refused: true}, {text: `\p{InGreek}`, refused: true}, {text: `\p{javaLowerCase}`, refused: true},
	{text: `\p{IsAlphabetic}`, refused: true}, {text: `\N{DIGIT ONE}`, refused: true},
	{text: `(`, refused: true}, {text: `[`, refused: true}, {text: `[a`, refused: true}, {text: `[z-a]`, refused: true}, {text: `a{`, refused: true}, {text: `a{x}`, refused: true}, {text: `a{2,1}`, refused: true},
	{text: `{`, refused: true}, {text: `*`, refused: true}, {text: `+a`, refused: true}, {text: `a**`, refused: true}, {text: `\`, refused: true}, {text: `\y`, refused: true}, {text: `\E`, refused: true},
	{text: `\p{Nothing}`, refused: true}, {text: `\p{`, refused: true}, {text: `\p`, refused: true}, {text: `\x6`, refused: true}, {text: `\x{110000}`, refused: true}, {text: `\u00`, refused: true}, {text: `\08`, refused: true},
	{text: `\0`, refused: true}, {text: `(?z)`, refused: true}, {text: `(?`, refused: true}, {text: `)`, refused: true}, {text: `\c`, refused: true}, {text: `[&&a]`, refused: true},
}

func TestPatternsThatAreRefused(t *testing.T) {
	for _, p := range patterns {
		if _, err := compileJava(p.text); (err != nil) != p.refused {
			t.Errorf("%s: %v", p.text, err)
		}
	}
}

// TestRefusalsSayWhy holds that somebody who uses what Java has, and we have not, is told so.
func TestRefusalsSayWhy(t *testing.T) {
	for text, want := range map[string]string{
		strings.Repeat("a", 1001): "1000 characters",
		`a(?=b)`:                  "lookahead", `(?<!a)b`: "lookbehind", `(a)\1`: "back references", `a++`: "possessive", `(?>a)`: "atomic", `(?x)a`: "flag x", `\p{InGreek}`: "InGreek", `a{1,2000}`: "repeat",
	} {
		if _, err := compileJava(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", text, err, want)
		}
	}
}

// TestPatternsAreJavas asks Java of every pattern that is taken where it is found.
func TestPatternsAreJavas(t *testing.T) {
	java, err := exec.LookPath("java")
	if err != nil {
		t.Skip("there is no Java on this machine")
	}
	var questions strings.Builder
	for _, p := range patterns {
		for _, name := range hostNames {
			fmt.Fprintf(&questions, "%x %x\n", p.text, name)
		}
	}
	find := exec.Command(java, "testdata/Find.java")
	find.Stdin = strings.NewReader(questions.String())
	out, err := find.Output()
	if err != nil {
		t.Fatal(err)
	}
	answers := strings.Fields(string(out))
	if len(answers) != len(patterns)*len(hostNames) {
		t.Fatalf("%d answers", len(answers))
	}
	for i, p := range patterns {
		ours, err := compileJava(p.text)
		if err != nil {
			continue
		}
		for j, name := range hostNames {
			want := answers[i*len(hostNames)+j]
			if got := map[bool]string{true: "1", false: "0"}[ours.MatchString(name)]; got != want {
				t.Errorf("%s in %q: %s, in Java %s", p.text, name, got, want)
				break
			}
		}
	}
}

// FuzzPattern feeds the translator, which must come to an end with an expression or a refusal.
func FuzzPattern(f *testing.F) {
	for _, p := range patterns {
		f.Add(p.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if re, err := compileJava(text); err == nil {
			re.MatchString("host1")
		}
	})
}
