package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/snapshot"
)

// The kinds of ignore files, by which the rules of a level are kept.
const (
	ofSnapshot = iota
	ofDestination
)

// above applies the ignore files of the directories above the root.
func (s *sweep) above(ctx context.Context, l *level, dirs []snapshot.Entry) error {
	at := ""
	for i := range dirs[:max(0, len(dirs)-1)] {
		sub := &level{path: at, rules: l.rules}
		if _, err := s.readSnapshotRules(ctx, sub, &dirs[i]); err != nil {
			return err
		}
		l.rules = sub.rules
		at = path.Join(at, dirs[i+1].Name)
	}
	return nil
}

// with adds rules of one kind to those of the level.
func (l *level) with(sort int, text []byte, name string) error {
	parsed, err := ignore.ParseFile(bytes.NewReader(text), name)
	if err != nil {
		return err
	}
	rules := slices.Clone(l.rules)
	rules[sort] = rules[sort].With(l.path, parsed)
	l.rules = rules
	return nil
}

// readSnapshotRules applies the ignore files that the snapshot has in a directory, and
// returns their names.
func (s *sweep) readSnapshotRules(ctx context.Context, l *level, dir *snapshot.Entry) (heeded []string, err error) {
	for _, name := range s.rules.IgnoreFiles {
		e, err := snapshot.Lookup(ctx, s.x.Source, dir.Subtree, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			s.unsure = true
			return nil, err
		}
		if e.Type != snapshot.File || e.Problem != "" || e.Size > maxIgnoreFile {
			continue // the snapshot did not apply it either
		}
		text, err := s.content(ctx, e)
		if err == nil {
			err = l.with(ofSnapshot, text, name)
		}
		if err != nil {
			s.unsure = true
			return nil, fmt.Errorf("%s, which says what the snapshot leaves out: %w", name, err)
		}
		heeded = append(heeded, name)
	}
	return heeded, nil
}

// content returns the content of a small file of the snapshot.
func (s *sweep) content(ctx context.Context, e *snapshot.Entry) ([]byte, error) {
	out, pos := make([]byte, e.Size), newPositions(e)
	for c, err := range snapshot.Chunks(ctx, s.x.Source, e, 0) {
		if err != nil {
			return nil, err
		}
		data, err := s.x.Source.Chunk(ctx, c.ID)
		if err != nil {
			return nil, err
		}
		for _, p := range pos.of(c.Offset, int64(len(data))) {
			if p.at > e.Size {
				return nil, fs.ErrInvalid
			}
			data = data[copy(out[p.at:], data[:p.length]):]
		}
	}
	return out, nil
}

// replacesAll reports whether existing files are always made equal to the snapshot's.
func (x *extraction) replacesAll() bool {
	return x.Policy == Always && x.Include == nil && x.Exclude == nil
}

// readRules applies the ignore files in a directory of the destination, except some:
// ignore files that exclude themselves are in no snapshot. An ignore file that the
// snapshot has is replaced before anything is deleted, so its present rules count neither
// then nor in a plan.
func (s *sweep) readRules(l *level, out *disk.Out, except []string) error {
	for _, name := range s.rules.IgnoreFiles {
		if slices.Contains(except, name) {
			continue
		}
		text, err := head(out, name, maxIgnoreFile)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = l.with(ofDestination, text, name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ignoresLast separates the names of ignore files. They are examined after everything
// that they apply to: an ignore file that protects something must stay, or that would be
// deleted the next time.
func (s *sweep) ignoresLast(names []string) (others, ignores []string) {
	for _, name := range names {
		if slices.Contains(s.rules.IgnoreFiles, name) {
			ignores = append(ignores, name)
		} else {
			others = append(others, name)
		}
	}
	return others, ignores
}

// excludes returns the rule that leaves out a path, or "".
func (s *sweep) excludes(l *level, full string, isDir bool) string {
	says := func(r *ignore.Rule) string { return "the snapshot leaves it out: " + r.Source() + ": " + r.String() }
	rule, excluded := s.rules.Patterns.Match(full, isDir)
	if excluded {
		return says(rule)
	}
	if rule == nil { // otherwise that rule decides
		for sort, set := range l.rules {
			if rule, excluded := set.Match(full, isDir); excluded {
				if sort == ofDestination {
					s.kept++
				}
				return says(rule)
			}
		}
	}
	return ""
}
