package samename

import (
	"hash/maphash"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Suspicion gathers the names of a directory. It keeps only hashes of them.
type Suspicion struct {
	seed maphash.Seed
	seen map[uint64]bool
	some bool
}

// NewSuspicion returns a Suspicion without names.
func NewSuspicion(seed maphash.Seed) *Suspicion {
	return &Suspicion{seed: seed, seen: map[uint64]bool{}}
}

// Add adds a name.
func (s *Suspicion) Add(name string) {
	key := maphash.String(s.seed, plainKey(name))
	s.some = s.some || !isPlain(name) || s.seen[key]
	s.seen[key] = true
}

// Some reports whether some of the names may be the same, on any file system.
func (s *Suspicion) Some() bool { return s.some }

// isPlain reports whether a name can be the same only as names with the same plainKey and
// as odd names, on any file system.
func isPlain(name string) bool {
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf {
			return false
		}
	}
	return len(name) <= 100
}

// isOdd reports whether a name may be the same as another for other reasons than ASCII
// case or dots and spaces at its end, in a directory that isn't wild.
func isOdd(name string) bool {
	for _, r := range name {
		if r >= utf8.RuneSelf && !unicode.Is(unicode.Unified_Ideograph, r) {
			return true // including invalid UTF-8
		}
	}
	return false
}

// plainKey returns the same key for two names that are not odd if they may be the same.
func plainKey(name string) string { return strings.ToLower(strings.TrimRight(name, ". ")) }
