package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/capture"
	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/extract"
	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/internal/place"
	"github.com/qsnap/qsnap/snapshot"
)

// coverage returns what a snapshot knows of what it does not hold.
func coverage(e *engine.Engine, m *snapshot.Manifest, o *RestoreOptions, from *restoreReader) (extract.Rules, error) {
	own, err := protected(o.Protect)
	if err != nil || !o.Delete {
		return extract.Rules{Own: own}, err
	}
	rules := extract.Rules{
		Base: strings.Trim(o.Path, "/"), Own: own,
		Listed: listedPaths(m),
		Load:   func(ctx context.Context) ([]snapshot.Entry, error) { return dirsOnTheWay(ctx, from, m, o.Path) },
	}
	err = addRules(&rules, m, from)
	return rules, err
}

// addRules adds what the manifest itself tells. One of an older program tells little:
// then nothing goes if its lists don't have all.
func addRules(rules *extract.Rules, m *snapshot.Manifest, l snapshot.Loader) error {
	if m.Rules == nil && (!m.Skipped.Complete() || !m.Problems.Complete()) {
		rules.Nothing = "the snapshot left out more paths than it names"
	}
	if !m.Notes.IsZero() {
		rules.Noted = func(ctx context.Context, path string) (extract.Noted, error) { return noted(ctx, l, m.Notes, path) }
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

// noted returns what is noted of a path, for deletion.
func noted(ctx context.Context, l snapshot.Loader, notes chunk.ID, path string) (extract.Noted, error) {
	here, below, err := snapshot.LookupNotes(ctx, l, notes, path)
	out := extract.Noted{Below: below}
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

// wholeDirs returns which directories a snapshot holds whole, as far as its paths tell:
// not those on the way to its paths. What it is asked about is relative to base, which is
// a path in the snapshot.
func wholeDirs(m *snapshot.Manifest, base string) func(path string) bool {
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

// recordedExcludes returns the patterns of a manifest that has no Rules. They decided
// before the ignore files then, too.
func recordedExcludes(m *snapshot.Manifest) *ignore.Set {
	var rules []ignore.Rule
	for _, text := range m.Excludes {
		if rule, err := ignore.Parse(text, "exclude"); err == nil { // else it never left out anything
			rules = append(rules, rule)
		}
	}
	var set *ignore.Set
	return set.With("", rules)
}

// listedPaths returns the paths that a manifest names as left out, or not read.
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

// dirsOnTheWay returns the directories of a snapshot from its root to that of a path.
func dirsOnTheWay(ctx context.Context, s *restoreReader, m *snapshot.Manifest, p string) ([]snapshot.Entry, error) {
	dirs := []snapshot.Entry{m.Root}
	for name := range strings.SplitSeq(strings.Trim(p, "/"), "/") {
		if name == "" {
			continue
		}
		e, err := snapshot.Lookup(ctx, s, dirs[len(dirs)-1].Subtree, name)
		if err != nil {
			return nil, err
		}
		dirs = append(dirs, *e)
	}
	return dirs, nil
}

// protected returns what files and directories no restore may harm: those of the paths,
// and where symbolic links lead that are among these.
func protected(paths []string) (map[extract.FileID]string, error) {
	own := map[extract.FileID]string{}
	for _, p := range paths {
		real, err := filepath.EvalSymlinks(p)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			continue // the user can't harm it
		}
		if err != nil {
			return nil, err
		}
		for _, at := range []string{p, real} {
			id, err := fileID(at)
			if err != nil {
				return nil, err
			}
			own[id] = "qsnap itself uses it"
		}
	}
	return own, nil
}

// fileID tells a file from others. The directories on the way need not be readable.
func fileID(p string) (extract.FileID, error) {
	parent, err := disk.OpenSearchOnly(filepath.Dir(filepath.Clean(p)))
	if err != nil {
		return extract.FileID{}, err
	}
	defer parent.Close()
	name := filepath.Base(filepath.Clean(p))
	if name == "." || name == string(filepath.Separator) || name == ".." {
		name = ""
		d, err := disk.OpenSearchOnly(p)
		if err != nil {
			return extract.FileID{}, err
		}
		defer d.Close()
		parent = d
	}
	place, err := parent.Identify(name)
	return extract.FileID{Device: place.Device, Inode: place.Inode}, err
}

// checkDestination refuses a destination that lies in something qsnap itself uses.
func checkDestination(to string, own map[extract.FileID]string) error {
	if len(own) == 0 || to == "" {
		return nil
	}
	at, err := filepath.Abs(to)
	if err != nil {
		return err
	}
	for {
		real, err := filepath.EvalSymlinks(at)
		if err == nil {
			at = real
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || filepath.Dir(at) == at {
			return &fs.PathError{Op: "restore to", Path: to, Err: err}
		}
		at = filepath.Dir(at)
	}
	for ; ; at = filepath.Dir(at) {
		id, err := fileID(at)
		if err != nil {
			return err
		}
		if own[id] != "" && id.Inode != 0 {
			return &fs.PathError{Op: "restore to", Path: to, Err: errors.New("it is, or lies in, what qsnap itself uses: " + at)}
		}
		if filepath.Dir(at) == at {
			return nil
		}
	}
}

// pickedBy sets the patterns of a restore.
func pickedBy(x *extract.Options, m *snapshot.Manifest, o *RestoreOptions) (err error) {
	part := o.Path
	if x.Bare {
		part = path.Dir(path.Clean("/" + part))
	}
	if x.Include, err = place.Set(m, part, o.Include, "--include"); err != nil {
		return err
	}
	x.Exclude, err = place.Set(m, part, o.Exclude, "--exclude")
	return err
}

// unmatchedIn returns which patterns of a restore have met nothing, and an error if some
// of these were to pick something.
func unmatchedIn(x *extract.Options, err error) ([]string, error) {
	includes := slices.DeleteFunc(x.Include.Unmatched(), func(r ignore.Record) bool { return strings.HasPrefix(r.Text, "!") })
	incomplete, is := errors.AsType[*IncompleteError](err)
	if err == nil {
		incomplete, is = &IncompleteError{Done: "restored"}, true
	}
	if len(includes) > 0 && is {
		for _, r := range includes {
			incomplete.Unmatched = append(incomplete.Unmatched, place.Written(r))
		}
		err = incomplete
	}
	return slices.Concat(place.Unmatched(x.Include), place.Unmatched(x.Exclude)), err
}
