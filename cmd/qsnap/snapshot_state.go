package main

import (
	"strings"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/snapshot"
)

// stateOf returns what a snapshot lacks, such as "good, 2 unread" or "incomplete: /srv/db
// missing". It is empty if the snapshot lacks nothing.
func stateOf(m *snapshot.Manifest) string {
	files, dirs := m.Unread.Files, m.Unread.Dirs
	if m.Rules == nil { // an older program made it
		files = m.Problems.Total
	}
	if m.Good() {
		if n := files + dirs; n > 0 {
			return "good, " + term.Count(n) + " unread"
		}
		if n := m.Problems.Total; n > 0 { // such as files that changed while they were read
			return "good, " + term.Plural(n, "problem", "problems")
		}
		return ""
	}
	var lacks []string
	for _, path := range missingPaths(m) {
		lacks = append(lacks, path+" missing")
	}
	if dirs > 0 {
		lacks = append(lacks, term.Plural(dirs, "directory", "directories")+" unread")
	}
	if files > 0 {
		lacks = append(lacks, term.Plural(files, "file", "files")+" unread")
	}
	return "incomplete: " + strings.Join(lacks, ", ")
}

func missingPaths(m *snapshot.Manifest) (out []string) {
	for _, missing := range m.Missing {
		out = append(out, missing.Path)
	}
	return out
}
