package model

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// This file writes JSON by appending to a byte slice. Every function returns the extended slice. Map keys are written in order, so
// the same value always has the same bytes.

// appendKey writes the key of the next member of an object, after a comma unless it is the first.
func appendKey(dst []byte, key string) []byte {
	dst = appendComma(dst)
	dst = append(dst, '"')
	dst = append(dst, key...)
	return append(dst, '"', ':')
}

// appendComma separates the next element or member from the one before it, if there is one.
func appendComma(dst []byte) []byte {
	switch dst[len(dst)-1] {
	case '{', '[':
		return dst
	default:
		return append(dst, ',')
	}
}

const upperHex = "0123456789ABCDEF"

// appendString writes s as the original does: quotes, backslashes and control characters escaped with upper-case digits, characters
// beyond the basic plane as two escaped surrogates, everything else raw. Job ids depend on these bytes. Invalid UTF-8 becomes U+FFFD.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			dst = append(dst, s[start:i]...)
			dst = appendEscaped(dst, c)
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			dst = append(dst, s[start:i]...)
			dst = append(dst, "\uFFFD"...)
			start = i + size
		} else if r > 0xFFFF {
			dst = append(dst, s[start:i]...)
			r -= 0x10000
			dst = appendUnit(dst, uint16(0xD800+r>>10))
			dst = appendUnit(dst, uint16(0xDC00+r&0x3FF))
			start = i + size
		}
		i += size
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// appendEscaped writes a quote, a backslash or a control character.
func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\t':
		return append(dst, '\\', 't')
	case '\n':
		return append(dst, '\\', 'n')
	case '\f':
		return append(dst, '\\', 'f')
	case '\r':
		return append(dst, '\\', 'r')
	default:
		return appendUnit(dst, uint16(c))
	}
}

// appendUnit writes one UTF-16 code unit as an escape.
func appendUnit(dst []byte, unit uint16) []byte {
	return append(dst, '\\', 'u', upperHex[unit>>12], upperHex[unit>>8&0xF], upperHex[unit>>4&0xF], upperHex[unit&0xF])
}

// appendStringOrNull writes null for the empty string.
func appendStringOrNull(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return appendString(dst, s)
}

func appendInt[T ~int | ~int64 | ~uint64](dst []byte, n T) []byte {
	if n < 0 {
		return strconv.AppendInt(dst, int64(n), 10)
	}
	return strconv.AppendUint(dst, uint64(n), 10)
}

// appendIntOrNull writes null for nil.
func appendIntOrNull[T ~int | ~int64](dst []byte, n *T) []byte {
	if n == nil {
		return append(dst, "null"...)
	}
	return appendInt(dst, *n)
}

// appendFloat writes zero for what JSON cannot say.
func appendFloat(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		f = 0
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64)
}

// appendBoolOrNull writes null for nil.
func appendBoolOrNull(dst []byte, b *bool) []byte {
	if b == nil {
		return append(dst, "null"...)
	}
	return strconv.AppendBool(dst, *b)
}

// appendList writes [] for nil.
func appendList[T any](dst []byte, list []T, element func([]byte, T) []byte) []byte {
	dst = append(dst, '[')
	for _, e := range list {
		dst = element(appendComma(dst), e)
	}
	return append(dst, ']')
}

// appendMap writes {} for nil, and sorts by key.
func appendMap[V any](dst []byte, m map[string]V, element func([]byte, V) []byte) []byte {
	dst = append(dst, '{')
	var space [8]string
	keys := slices.AppendSeq(space[:0], maps.Keys(m))
	slices.SortFunc(keys, compareUTF16)
	for _, key := range keys {
		dst = appendString(appendComma(dst), key)
		dst = element(append(dst, ':'), m[key])
	}
	return append(dst, '}')
}

func appendStrings(dst []byte, list []string) []byte {
	return appendList(dst, list, appendString)
}

func appendStringMap(dst []byte, m map[string]string) []byte {
	return appendMap(dst, m, appendString)
}

// compareUTF16 orders strings by their UTF-16 code units, as Java does. It differs from the order of the bytes only between
// characters beyond the basic plane, which are surrogates, and U+E000 to U+FFFF.
func compareUTF16(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		const fourByteLead, privateLead = 0xF0, 0xEE
		if x >= fourByteLead != (y >= fourByteLead) && x >= privateLead && y >= privateLead {
			if x >= fourByteLead {
				return -1
			}
			return 1
		}
		return int(x) - int(y)
	}
	return len(a) - len(b)
}
