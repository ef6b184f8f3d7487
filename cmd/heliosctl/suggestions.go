package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

// maxSuggestions is how many names are suggested at most.
const maxSuggestions = 3

// didYouMean is the part of a message that suggests what a word was meant to be, "" when nothing is like it.
func didYouMean(word string, names []string) string {
	if similar := closest(word, names); len(similar) > 0 {
		return "; did you mean " + alternatives(similar) + "?"
	}
	return ""
}

// alternatives lists words: a, b or c.
func alternatives(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// closest returns the names that a word is likely to be a mistake for, the likeliest first.
func closest(word string, names []string) []string {
	type candidate struct {
		name     string
		distance int
	}
	limit := max(1, len([]rune(word))/3)
	var found []candidate
	for _, name := range names {
		distance := typos(strings.ToLower(word), strings.ToLower(name))
		if head, _, cut := strings.Cut(name, "."); cut { // of a host
			distance = min(distance, typos(strings.ToLower(word), strings.ToLower(head)))
		}
		if len(word) > 1 && strings.Contains(strings.ToLower(name), strings.ToLower(word)) {
			distance = min(distance, 1)
		}
		if distance <= limit && word != "" {
			found = append(found, candidate{name, distance})
		}
	}
	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.name, b.name))
	})
	var similar []string
	for _, c := range found[:min(len(found), maxSuggestions)] {
		similar = append(similar, c.name)
	}
	return slices.Compact(similar)
}

// typos counts the letters to add, leave out, replace, or swap with their neighbour, to make one word of the other.
func typos(from, to string) int {
	a, b := []rune(from), []rune(to)
	last, row := make([]int, len(b)+1), make([]int, len(b)+1)
	var beforeLast []int
	for j := range row {
		row[j] = j
	}
	for i := range a {
		beforeLast, last, row = last, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range b {
			replaced := last[j]
			if a[i] != b[j] {
				replaced++
			}
			row[j+1] = min(replaced, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], beforeLast[j-1]+1)
			}
		}
	}
	return row[len(b)]
}

// suggest adds to an error of a code what the reference was meant to be, perhaps. It asks for names only then.
func suggest(err error, code model.Code, reference string, names func() ([]string, error)) error {
	var coded *model.Error
	if !errors.As(err, &coded) || coded.Code != code {
		return err
	}
	known, listErr := names()
	if listErr != nil {
		return err
	}
	explained := *coded
	explained.Message += didYouMean(reference, known)
	return &explained
}

// suggestJob suggests names, or names with versions where that is what was given.
func suggestJob(ctx context.Context, api *client.Client, reference string, err error) error {
	return suggest(err, model.CodeJobNotFound, reference, func() ([]string, error) {
		jobs, err := api.Jobs(ctx, "", "")
		var names []string
		for id := range jobs {
			name := id.Name
			if strings.Contains(reference, ":") {
				name += ":" + id.Version
			}
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		return names, err
	})
}

// suggestHosts completes the errors of hosts that do not exist.
func suggestHosts(ctx context.Context, api *client.Client, hosts []hostReference) {
	var names []string
	for i := range hosts {
		hosts[i].err = suggest(hosts[i].err, model.CodeHostNotFound, hosts[i].name, func() (_ []string, err error) {
			if names == nil {
				names, err = api.Hosts(ctx, "", nil)
			}
			return names, err
		})
	}
}

// suggestGroup completes the error of a group that does not exist, for commands that have one as an argument.
func (env *environment) suggestGroup(api *client.Client, err error) error {
	reference, ok := env.arguments["GROUP"]
	if !ok {
		return err
	}
	return suggest(err, model.CodeGroupNotFound, reference, func() ([]string, error) { return api.Groups(env.running) })
}

// argumentsOf returns the arguments of a command by the words of its usage line.
func argumentsOf(cmd *cobra.Command, args []string) map[string]string {
	named := map[string]string{}
	for i, word := range strings.Fields(cmd.Use)[1:] {
		if i < len(args) {
			named[word] = args[i]
		}
	}
	return named
}
