package samename

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// FoldCase returns the same string for names that differ only in case.
func FoldCase(name string) string {
	if !utf8.ValidString(name) {
		return name
	}
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, name)
}
