package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

// A diffStat shows how many bytes differ: for each file when it is compared, and then for
// each top-level directory.
type diffStat struct {
	p      *program
	view   *repo.View
	all    report.ContentBytes
	beside dirBytes   // of what is in no top-level directory
	dirs   []dirBytes // in the order of names, like the changes
	begun  bool       // the head of the table was printed
}

// dirBytes counts what differs below a top-level directory.
type dirBytes struct {
	report.ContentBytes
	paths int
	name  string
}

func addBytes(sum *report.ContentBytes, more report.ContentBytes) {
	sum.Added += more.Added
	sum.Removed += more.Removed
}

// add counts a change of content. It prints a row or, with --json, adds the counts to the
// line.
func (s *diffStat) add(ctx context.Context, modifier string, change snapshot.Change, line *report.Change) error {
	if !hasContent(change.Before) && !hasContent(change.After) {
		return nil
	}
	removed, added, err := s.view.DiffContent(ctx, change.Before, change.After)
	if err != nil {
		return fmt.Errorf("%s: %w", change.Path, err)
	}
	bytes := report.ContentBytes{Added: uint64(added), Removed: uint64(removed)}
	before, after := fileSize(change.Before), fileSize(change.After)
	addBytes(&s.all, bytes)
	dir := s.top(change.Path)
	dir.paths++
	addBytes(&dir.ContentBytes, bytes)
	if s.p.json {
		line.BeforeBytes, line.AfterBytes, line.ContentBytes = before, after, &bytes
		return nil
	}
	if !s.begun {
		s.begun = true
		if err := s.row("", "BEFORE", "AFTER", "ADDED", "REMOVED", "PATH"); err != nil {
			return err
		}
	}
	show := func(n *int64) string {
		if n == nil {
			return "-"
		}
		return term.Size(uint64(*n))
	}
	return s.row(modifier, show(before), show(after), term.Size(bytes.Added), term.Size(bytes.Removed), s.p.path(change.Path))
}

func (s *diffStat) row(modifier, a, b, added, removed, path string) error {
	_, err := fmt.Fprintf(s.p.stdout, "%-1s  %9s  %9s  %9s  %9s  %s\n", modifier, a, b, added, removed, path)
	return err
}

// top returns the counts of the top-level directory that a path is in.
func (s *diffStat) top(path string) *dirBytes {
	name, _, below := strings.Cut(path, "/")
	if !below {
		return &s.beside
	}
	if n := len(s.dirs); n == 0 || s.dirs[n-1].name != name {
		s.dirs = append(s.dirs, dirBytes{name: name})
	}
	return &s.dirs[len(s.dirs)-1]
}

// showDirs prints the sum of each directory. Without --json it prints none if there is only
// one, whose sum is that of all.
func (s *diffStat) showDirs() error {
	dirs := s.dirs
	if s.beside.paths > 0 {
		dirs = append([]dirBytes{s.beside}, dirs...)
	}
	if s.p.json {
		for _, dir := range dirs {
			if err := s.p.emit(report.NewDirectory(dir.name, dir.paths, dir.ContentBytes)); err != nil {
				return err
			}
		}
		return nil
	}
	if len(dirs) < 2 {
		return nil
	}
	if err := s.row("", "", "PATHS", "ADDED", "REMOVED", "DIRECTORY"); err != nil {
		return err
	}
	for _, dir := range dirs {
		name := "."
		if dir.name != "" {
			name = s.p.path(dir.name) + "/"
		}
		if err := s.row("", "", term.Count(dir.paths), term.Size(dir.Added), term.Size(dir.Removed), name); err != nil {
			return err
		}
	}
	return nil
}

// fileSize returns the size of a file, or nil for anything else.
func fileSize(e *snapshot.Entry) *int64 {
	if e == nil || e.Type != snapshot.File {
		return nil
	}
	return &e.Size
}

func hasContent(e *snapshot.Entry) bool { return e != nil && e.Type != snapshot.Dir }
