package protect

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

const maxIgnoreFile = 1 << 20 // bytes

// above applies the ignore files of the directories above the root.
func (g *Guard) above(ctx context.Context, l *Level, dirs []snapshot.Entry) error {
	at := ""
	for i := range dirs[:max(0, len(dirs)-1)] {
		sub := &Level{path: at, rules: l.rules}
		if _, err := g.readSnapshotRules(ctx, sub, &dirs[i]); err != nil {
			return err
		}
		l.rules = sub.rules
		at = path.Join(at, dirs[i+1].Name)
	}
	return nil
}

// with adds rules of one kind to those of the level.
func (l *Level) with(sort int, text []byte, name string) error {
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
func (g *Guard) readSnapshotRules(ctx context.Context, l *Level, dir *snapshot.Entry) (heeded []string, err error) {
	for _, name := range g.Rules.IgnoreFiles {
		e, err := snapshot.Lookup(ctx, g.Source, dir.Subtree, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			g.Unsure = true
			return nil, err
		}
		if e.Type != snapshot.File || e.Problem != "" || e.Size > maxIgnoreFile {
			continue // the snapshot did not apply it either
		}
		text, err := g.content(ctx, e)
		if err == nil {
			err = l.with(ofSnapshot, text, name)
		}
		if err != nil {
			g.Unsure = true
			return nil, fmt.Errorf("%s, which says what the snapshot leaves out: %w", name, err)
		}
		heeded = append(heeded, name)
	}
	return heeded, nil
}

// content returns the content of a small file of the snapshot.
func (g *Guard) content(ctx context.Context, e *snapshot.Entry) ([]byte, error) {
	var data []byte // without the holes
	for c, err := range snapshot.Chunks(ctx, g.Source, e, 0) {
		if err != nil {
			return nil, err
		}
		more, err := g.Source.Chunk(ctx, c.ID)
		if err != nil {
			return nil, err
		}
		data = append(data, more...)
	}
	if int64(len(data)) != e.DataSize() {
		return nil, fs.ErrInvalid
	}
	out, at := make([]byte, e.Size), int64(0)
	for _, h := range e.Holes {
		data = data[copy(out[at:h.Offset], data):]
		at = h.Offset + h.Length
	}
	copy(out[at:], data)
	return out, nil
}

// readRules applies the ignore files in a directory of the destination, except some:
// ignore files that exclude themselves are in no snapshot. An ignore file that the
// snapshot has is replaced before anything is deleted, so its present rules count neither
// then nor in a plan.
func (g *Guard) readRules(l *Level, out *disk.Out, except []string) error {
	for _, name := range g.Rules.IgnoreFiles {
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

// IgnoreFilesLast separates the names of ignore files. They are examined after everything
// that they apply to: an ignore file that protects something must stay, or that would be
// deleted the next time.
func (g *Guard) IgnoreFilesLast(names []string) (others, ignores []string) {
	for _, name := range names {
		if slices.Contains(g.Rules.IgnoreFiles, name) {
			ignores = append(ignores, name)
		} else {
			others = append(others, name)
		}
	}
	return others, ignores
}

// excludes returns the rule that leaves out a path, or "".
func (g *Guard) excludes(l *Level, full string, isDir bool) string {
	says := func(r *ignore.Rule) string { return "the snapshot leaves it out: " + r.Source() + ": " + r.String() }
	rule, excluded := g.Rules.Patterns.Match(full, isDir)
	if excluded {
		return says(rule)
	}
	if rule == nil { // otherwise that rule decides
		for sort, set := range l.rules {
			if rule, excluded := set.Match(full, isDir); excluded {
				if sort == ofDestination {
					g.Kept++
				}
				return says(rule)
			}
		}
	}
	return ""
}
