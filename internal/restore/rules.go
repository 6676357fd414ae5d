package restore

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/capture"
	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/internal/protect"
	"github.com/qsnap/qsnap/snapshot"
)

// deletionRules returns what a snapshot knows about paths that it doesn't hold.
func deletionRules(m *snapshot.Manifest, o *Options, l snapshot.Loader) (protect.Rules, error) {
	own, err := protectedFiles(o.Protect)
	if err != nil || !o.Delete {
		return protect.Rules{Own: own}, err
	}
	rules := protect.Rules{
		Base: strings.Trim(o.Path, "/"), Own: own,
		Listed: listedPaths(m),
		Load:   func(ctx context.Context) ([]snapshot.Entry, error) { return ancestors(ctx, l, m, o.Path) },
	}
	err = addRecorded(&rules, m, l)
	return rules, err
}

// addRecorded adds what the manifest records. Manifests of older programs have no rules. If
// their lists of paths are not complete, nothing is deleted.
func addRecorded(rules *protect.Rules, m *snapshot.Manifest, l snapshot.Loader) error {
	if m.Rules == nil && (!m.Skipped.Complete() || !m.Problems.Complete()) {
		rules.Nothing = "the snapshot left out more paths than it names"
	}
	if !m.Notes.IsZero() {
		rules.Noted = func(ctx context.Context, path string) (protect.Noted, error) { return noted(ctx, l, m.Notes, path) }
	}
	if m.Rules == nil {
		rules.Patterns = recordedExcludes(m)
		rules.IgnoreFiles, rules.SkipCaches = []string{capture.OwnIgnoreFile}, true
		return nil
	}
	var records []ignore.Record
	for _, p := range m.Rules.Patterns {
		records = append(records, ignore.Record{Source: p.Source, Text: p.Text})
	}
	var err error
	if rules.Patterns, err = ignore.Recorded(records); err != nil {
		return fmt.Errorf("snapshot %s: what it left out: %w", m.ID.Short(), err)
	}
	rules.IgnoreFiles = append(slices.Clone(m.Rules.IgnoreFiles), capture.OwnIgnoreFile)
	rules.SkipCaches, rules.MaxFileSize = m.Rules.SkipCaches, m.Rules.MaxFileSize
	return nil
}

// noted returns what a snapshot notes on a path, as far as it matters to deletion.
func noted(ctx context.Context, l snapshot.Loader, notes chunk.ID, path string) (protect.Noted, error) {
	here, below, err := snapshot.LookupNotes(ctx, l, notes, path)
	out := protect.Noted{Below: below}
	for _, n := range here {
		switch {
		case n.Kind.LeftOut() && out.LeftOut == "":
			out.LeftOut = strings.TrimSuffix("the snapshot left it out: "+string(n.Kind)+": "+n.Text, ": ")
		case n.Kind == snapshot.NoteMount:
			out.Mount = true
		}
	}
	return out, err
}

// heldWhole returns a function that reports whether a snapshot holds everything that was in
// a directory, as far as its paths say. It doesn't hold directories above its paths whole.
// The function's argument is relative to base, which is a path in the snapshot.
func heldWhole(m *snapshot.Manifest, base string) func(path string) bool {
	var tops []string
	switch m.Layout {
	case snapshot.Tree:
		return nil
	case snapshot.Single:
		return func(p string) bool { return path.Join(base, p) != "" }
	default:
		for _, p := range m.Paths {
			tops = append(tops, nameInRoot(p))
		}
	}
	return func(p string) bool {
		p = strings.Trim(path.Join(base, p), "/")
		for _, top := range tops {
			if top == "" || p == top || strings.HasPrefix(p, top+"/") {
				return true
			}
		}
		return false
	}
}

// nameInRoot returns the path that one of several paths has in the snapshot's root.
func nameInRoot(p string) string {
	return strings.Trim(filepath.ToSlash(strings.TrimPrefix(p, filepath.VolumeName(p))), "/")
}

// recordedExcludes returns the patterns of a manifest that has no Rules.
func recordedExcludes(m *snapshot.Manifest) *ignore.Set {
	var rules []ignore.Rule
	for _, text := range m.Excludes {
		if rule, err := ignore.Parse(text, "exclude"); err == nil { // an invalid one never left out anything
			rules = append(rules, rule)
		}
	}
	var set *ignore.Set
	return set.With("", rules)
}

// listedPaths returns the paths that a manifest lists as left out or unreadable, with the
// reasons.
func listedPaths(m *snapshot.Manifest) map[string]string {
	out := map[string]string{}
	for _, remark := range m.Skipped.List {
		out[strings.Trim(remark.Path, "/")] = "the snapshot left it out: " + remark.Text
	}
	for _, remark := range m.Problems.List {
		if p := strings.Trim(remark.Path, "/"); out[p] == "" {
			out[p] = "the snapshot could not read it: " + remark.Text
		}
	}
	return out
}

// ancestors returns the directories of a snapshot from its root to a path, which is the last.
func ancestors(ctx context.Context, l snapshot.Loader, m *snapshot.Manifest, p string) ([]snapshot.Entry, error) {
	dirs := []snapshot.Entry{m.Root}
	for name := range strings.SplitSeq(strings.Trim(p, "/"), "/") {
		if name == "" {
			continue
		}
		e, err := snapshot.Lookup(ctx, l, dirs[len(dirs)-1].Subtree, name)
		if err != nil {
			return nil, err
		}
		dirs = append(dirs, *e)
	}
	return dirs, nil
}
