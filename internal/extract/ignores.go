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

// The sorts of ignore files, by which rules of a level are kept.
const (
	ofSnapshot = iota
	ofDestination
)

// above heeds the ignore files of the directories above the root.
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

// with adds rules to those of the level, of one sort.
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

// readSnapshotRules heeds the ignore files that the snapshot has in a directory, and returns
// their names.
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
			continue // it wasn't heeded either
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

// content returns what is in a small file of the snapshot.
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

// replacesAll reports whether what is there becomes what the snapshot has, in any case.
func (x *extraction) replacesAll() bool {
	return x.Policy == Always && x.Include == nil && x.Exclude == nil
}

// readRules heeds the ignore files that are in a directory of the destination, but for some:
// those that leave out themselves are in no snapshot. One that the snapshot has is replaced
// before anything is deleted, so what it says now counts neither then nor in a plan.
func (s *sweep) readRules(l *level, out *disk.Out, but []string) error {
	for _, name := range s.rules.IgnoreFiles {
		if slices.Contains(but, name) {
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

// ignoresLast returns the names of ignore files apart. They are looked at after all that
// they have a say in: one that keeps something has to stay, or that would go the next time.
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

// excludes returns the rule that leaves out a path, or nothing.
func (s *sweep) excludes(l *level, full string, isDir bool) string {
	says := func(r *ignore.Rule) string { return "the snapshot leaves it out: " + r.Source() + ": " + r.String() }
	rule, excluded := s.rules.Patterns.Match(full, isDir)
	if excluded {
		return says(rule)
	}
	if rule == nil { // else it has the last word
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
