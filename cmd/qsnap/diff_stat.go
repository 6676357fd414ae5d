package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

// A diffStat shows how many bytes differ, file by file as they come, and then by
// directory on top.
type diffStat struct {
	p      *program
	repo   *repo.Repo
	all    diffBytes
	beside dirBytes   // of what is in no directory on top
	dirs   []dirBytes // in the order of names, as changes are
	begun  bool       // the head of the table is shown
}

// diffBytes are bytes in chunks that only one side has.
type diffBytes struct {
	Added   uint64 `json:"added_bytes"`
	Removed uint64 `json:"removed_bytes"`
}

func (d *diffBytes) add(o diffBytes) {
	d.Added += o.Added
	d.Removed += o.Removed
}

// dirBytes are what differs below a directory on top.
type dirBytes struct {
	diffBytes
	Paths       int    `json:"paths"`
	Path        string `json:"path"`
	PathBase64  string `json:"path_base64,omitempty"`
	MessageType string `json:"message_type"`
}

// add counts a change of content, and shows it: as a line of columns, or in the line
// that is to be JSON.
func (s *diffStat) add(ctx context.Context, modifier string, change snapshot.Change, line map[string]any) error {
	if !hasContent(change.Before) && !hasContent(change.After) {
		return nil
	}
	removed, added, err := s.repo.DiffContent(ctx, change.Before, change.After)
	if err != nil {
		return fmt.Errorf("%s: %w", change.Path, err)
	}
	bytes := diffBytes{uint64(added), uint64(removed)}
	before, after := fileSize(change.Before), fileSize(change.After)
	s.all.add(bytes)
	dir := s.top(change.Path)
	dir.Paths++
	dir.add(bytes)
	if s.p.json {
		for name, n := range map[string]*int64{"before_bytes": before, "after_bytes": after} {
			if n != nil {
				line[name] = *n
			}
		}
		line["added_bytes"], line["removed_bytes"] = bytes.Added, bytes.Removed
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
		return size(uint64(*n))
	}
	return s.row(modifier, show(before), show(after), size(bytes.Added), size(bytes.Removed), s.p.path(change.Path))
}

func (s *diffStat) row(modifier, a, b, added, removed, path string) error {
	_, err := fmt.Fprintf(s.p.stdout, "%-1s  %9s  %9s  %9s  %9s  %s\n", modifier, a, b, added, removed, path)
	return err
}

// top returns the directory on top that a path is in.
func (s *diffStat) top(path string) *dirBytes {
	name, _, below := strings.Cut(path, "/")
	if !below {
		return &s.beside
	}
	if n := len(s.dirs); n == 0 || s.dirs[n-1].Path != name {
		s.dirs = append(s.dirs, dirBytes{Path: name})
	}
	return &s.dirs[len(s.dirs)-1]
}

// showDirs shows the sums, if they tell more than that of all.
func (s *diffStat) showDirs() error {
	dirs := s.dirs
	if s.beside.Paths > 0 {
		dirs = append([]dirBytes{s.beside}, dirs...)
	}
	if s.p.json {
		for _, dir := range dirs {
			dir.MessageType, dir.PathBase64, dir.Path = "directory", rawBytes(dir.Path), "/"+dir.Path
			if err := s.p.emit(dir); err != nil {
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
		if dir.Path != "" {
			name = s.p.path(dir.Path) + "/"
		}
		if err := s.row("", "", count(dir.Paths), size(dir.Added), size(dir.Removed), name); err != nil {
			return err
		}
	}
	return nil
}

// fileSize returns the size of a file, or nil of what is none.
func fileSize(e *snapshot.Entry) *int64 {
	if e == nil || e.Type != snapshot.File {
		return nil
	}
	return &e.Size
}

func hasContent(e *snapshot.Entry) bool { return e != nil && e.Type != snapshot.Dir }
