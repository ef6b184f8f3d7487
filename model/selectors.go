package model

import (
	"slices"
	"strings"
)

// SelectorOperator says how a HostSelector compares.
type SelectorOperator string

// The operators.
const (
	SelectorEquals    SelectorOperator = "EQUALS"
	SelectorNotEquals SelectorOperator = "NOT_EQUALS"
	SelectorIn        SelectorOperator = "IN"
	SelectorNotIn     SelectorOperator = "NOT_IN"
)

// HostSelector selects hosts by one of their labels. EQUALS and NOT_EQUALS compare with Operand, IN and NOT_IN with Operands; both
// are "operand" on the wire.
type HostSelector struct {
	Label    string           `json:"label"`
	Operator SelectorOperator `json:"operator"`
	Operand  string           `json:"operand"`
	Operands []string         `json:"-"`
}

// ParseHostSelector reads LABEL OP OPERAND, where OP is one of = != in notin and the operand of in and notin may be a list in
// parentheses. Blanks around OP may be left out: then the label is as long as it can be. The error has CodeInvalid.
func ParseHostSelector(s string) (HostSelector, error) {
	longest := 0
	for longest < len(s) && isNameByte(s[longest]) {
		longest++
	}
	for end := longest; end > 0; end-- {
		if selector, ok := parseComparison(s[end:]); ok {
			selector.Label = s[:end]
			return selector, nil
		}
	}
	return HostSelector{}, Errorf(CodeInvalid,
		"bad host selector %q: want LABEL=VALUE, LABEL!=VALUE, LABEL in (A, B) or LABEL notin (A, B); labels and values are letters, digits, . _ and -", s)
}

// parseComparison reads what follows the label.
func parseComparison(s string) (HostSelector, bool) {
	s = strings.TrimLeft(s, selectorBlanks)
	for _, op := range []struct {
		text     string
		operator SelectorOperator
	}{
		{"!=", SelectorNotEquals},
		{"=", SelectorEquals},
		{"in", SelectorIn},
		{"notin", SelectorNotIn},
	} {
		operand, found := strings.CutPrefix(s, op.text)
		if !found {
			continue
		}
		operand = strings.TrimLeft(operand, selectorBlanks)
		if !legalOperand(operand) {
			return HostSelector{}, false
		}
		selector := HostSelector{Operator: op.operator}
		if selector.takesList() {
			selector.Operands = parseOperands(operand)
		} else {
			selector.Operand = operand
		}
		return selector, true
	}
	return HostSelector{}, false
}

const selectorBlanks = " \t\n\v\f\r"

func legalOperand(s string) bool {
	if len(s) >= 2 && s[0] == '(' && s[len(s)-1] == ')' {
		inner := s[1 : len(s)-1]
		return inner == "" || consistsOf(inner, func(c byte) bool {
			return isNameByte(c) || c == ',' || strings.IndexByte(selectorBlanks, c) >= 0
		})
	}
	return consistsOf(s, isNameByte)
}

// parseOperands splits a list. Spaces are dropped, as are empty elements at the end; an empty list is one empty element. The order
// is that of the original, whose masters compare selectors in order.
func parseOperands(s string) []string {
	s = strings.NewReplacer("(", "", ")", "", " ", "").Replace(s)
	parts := strings.Split(s, ",")
	for len(parts) > 1 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	return javaSetOrder(parts)
}

func (s HostSelector) takesList() bool {
	return s.Operator == SelectorIn || s.Operator == SelectorNotIn
}

// Matches reports whether a host with these labels is selected. A host that lacks the label never is, whatever the operator.
func (s HostSelector) Matches(labels map[string]string) bool {
	value, ok := labels[s.Label]
	if !ok {
		return false
	}
	switch s.Operator {
	case SelectorEquals:
		return value == s.Operand
	case SelectorNotEquals:
		return value != s.Operand
	case SelectorIn:
		return slices.Contains(s.Operands, value)
	case SelectorNotIn:
		return !slices.Contains(s.Operands, value)
	default:
		return false
	}
}

// Equal reports whether both select the same hosts in the same words; the order of a list does not matter.
func (s HostSelector) Equal(other HostSelector) bool {
	if s.Label != other.Label || s.Operator != other.Operator {
		return false
	}
	if !s.takesList() {
		return s.Operand == other.Operand
	}
	return containsAll(s.Operands, other.Operands) && containsAll(other.Operands, s.Operands)
}

func containsAll(set, words []string) bool {
	return !slices.ContainsFunc(words, func(word string) bool { return !slices.Contains(set, word) })
}

// String returns the selector as ParseHostSelector reads it, except that lists print in brackets.
func (s HostSelector) String() string {
	switch s.Operator {
	case SelectorEquals:
		return s.Label + " = " + s.Operand
	case SelectorNotEquals:
		return s.Label + " != " + s.Operand
	case SelectorIn:
		return s.Label + " in [" + strings.Join(s.Operands, ", ") + "]"
	case SelectorNotIn:
		return s.Label + " notin [" + strings.Join(s.Operands, ", ") + "]"
	default:
		return s.Label + " " + string(s.Operator) + " " + s.Operand
	}
}
