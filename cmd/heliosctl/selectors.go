package main

import (
	"strings"

	"github.com/heliosctl/heliosctl/model"
)

// parseSelector reads a selector as masters do, except that "in" and "notin" must be words: "finance" is more often a label whose value was
// forgotten than "f in (ance)".
func parseSelector(text string) (model.HostSelector, error) {
	selector, err := model.ParseHostSelector(text)
	if err != nil {
		return selector, usagef("%v", err)
	}
	word := map[model.SelectorOperator]string{model.SelectorIn: "in", model.SelectorNotIn: "notin"}[selector.Operator]
	if word == "" {
		return selector, nil
	}
	const blanks = " \t"
	behind := text[len(selector.Label):]
	operand := strings.TrimPrefix(strings.TrimLeft(behind, blanks), word)
	if !strings.ContainsAny(behind[:1], blanks) || !strings.ContainsAny(operand[:1], blanks+"(") {
		return selector, usagef("host selector %q has no operator: give LABEL=VALUE, LABEL!=VALUE, 'LABEL in (A, B)' or 'LABEL notin (A, B)'", text)
	}
	return selector, nil
}
