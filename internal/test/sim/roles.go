package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

func isAbsent(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// writes takes a snapshot of each tree in turn.
func writes(trees ...string) role { return writesSlowly(0, trees...) }

// writesSlowly takes a snapshot of each tree in turn, and about so long for each of
// their files that is in a directory.
func writesSlowly(each time.Duration, trees ...string) role {
	return func(ctx context.Context, a *actor) error {
		takes := atOnce
		if each > 0 {
			takes = eachTakes(each, fmt.Sprint(a.name, " ", a.life))
		}
		r, err := a.open(ctx)
		if err != nil {
			return err
		}
		defer r.Close()
		return a.writesAll(ctx, r, takes, trees)
	}
}

func (a *actor) writesAll(ctx context.Context, r *repo.Repo, takes func(string) time.Duration, trees []string) error {
	for _, tree := range trees {
		s := newSource(ctx, tree, takes)
		m, err := takeSnapshot(ctx, r, s)
		if err != nil {
			return err
		}
		a.tell(news{a.at, m, &s})
	}
	return nil
}

// staysAndWrites reads all that is there, as one does who has the repository open for
// long, and then takes snapshots.
func staysAndWrites(trees ...string) role {
	return func(ctx context.Context, a *actor) error {
		r, err := a.open(ctx)
		if err != nil {
			return err
		}
		defer r.Close()
		if err := a.readsAll(ctx, r); err != nil {
			return err
		}
		return a.writesAll(ctx, r, atOnce, trees)
	}
}

// reads reads all files of all snapshots. What it can't read must have been
// forgotten meanwhile.
func reads(ctx context.Context, a *actor) error {
	r, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	return a.readsAll(ctx, r)
}

func (a *actor) readsAll(ctx context.Context, r *repo.Repo) error {
	all, err := r.Snapshots(ctx, repo.Select{})
	if err != nil {
		return err
	}
	for _, m := range all {
		if err := readsAs(r.FS(ctx, m), m.Tags[0]); err != nil && a.world.stands(a.at, m.ID) {
			return fmt.Errorf("read snapshot of %q: %w", m.Tags[0], err)
		}
	}
	return nil
}

// undeletes brings back what was forgotten of a tree, as far as it is still there.
func undeletes(tree string) role {
	return func(ctx context.Context, a *actor) error {
		r, err := a.open(ctx)
		if err != nil {
			return err
		}
		defer r.Close()
		gone, err := r.Forgotten(ctx)
		for _, m := range gone {
			if err != nil || m.Tags[0] != tree {
				continue
			}
			if back, err := r.Undelete(ctx, m.ID); err == nil {
				a.tell(news{a.at, back, nil})
			}
		}
		return err
	}
}

// checks looks for damage. No file of a snapshot that stands may be touched by what it
// finds. Where a prune takes it for dead, packs may vanish under its hands.
func checks(ctx context.Context, a *actor) error {
	r, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	report, err := r.Check(ctx, repo.CheckOptions{ReadData: true, Workers: 1})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil && !errors.Is(err, repo.ErrDamaged) {
		return err
	}
	for _, f := range report.Findings {
		for _, file := range f.Files {
			if a.world.stands(a.at, file.Snapshot) {
				return fmt.Errorf("check finds %+v", f)
			}
		}
	}
	return nil
}

// stands reports whether a manifest is there.
func (w *world) stands(at string, id snapshot.ID) bool {
	name := "snapshots/" + id.String()
	return w.audit.isManifest(name, w.mem.Objects()[at+name])
}

// readsAs returns an error unless a file system holds just the files of that tree.
func readsAs(fsys fs.FS, tree string) error {
	want := simTree(tree)
	found := 0
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		found++
		b, err := fs.ReadFile(fsys, p)
		if err == nil && (want[p] == nil || !bytes.Equal(b, want[p].Data)) {
			err = fmt.Errorf("%s has other bytes", p)
		}
		return err
	})
	if err == nil && found != len(want) {
		err = fmt.Errorf("%d files instead of %d", found, len(want))
	}
	return err
}

// removesLeases removes all leases, as a person might who thinks that their owners
// are gone.
func removesLeases(ctx context.Context, a *actor) error {
	for info, err := range a.handle.List(ctx, a.at+"leases/") {
		if err != nil {
			return err
		}
		if err := a.handle.Delete(ctx, info.Name); err != nil && !isAbsent(err) {
			return err
		}
	}
	return nil
}

// foreseesAndPrunes does as one who first wants to know what a prune would do that
// moves nothing, and is slow to decide.
func foreseesAndPrunes(ctx context.Context, a *actor) error {
	if err := prunes(repo.PruneOptions{MaxUnused: new(math.Inf(1)), DryRun: true})(ctx, a); err != nil {
		return err
	}
	return prunes(repo.PruneOptions{MaxUnused: new(math.Inf(1))})(ctx, a)
}

// prunes wins back space, once. It may give up over a snapshot that is forgotten, and
// deleted by another prune, after it has read its manifest.
func prunes(o repo.PruneOptions) role {
	return func(ctx context.Context, a *actor) error {
		r, err := a.open(ctx)
		if err != nil {
			return err
		}
		defer r.Close()
		o.Workers, o.AllowNoSnapshots = 1, true
		_, err = r.Prune(ctx, o)
		if errors.Is(err, repo.ErrUnreadable) && len(a.world.forgotten) > 0 {
			return nil
		}
		return err
	}
}

// forgets forgets all snapshots of those trees.
func forgets(trees ...string) role {
	return func(ctx context.Context, a *actor) error {
		r, err := a.open(ctx)
		if err != nil {
			return err
		}
		defer r.Close()
		all, err := r.Snapshots(ctx, repo.Select{})
		for _, m := range all {
			if err == nil && slices.Contains(trees, m.Tags[0]) {
				err = r.Forget(ctx, m.ID)
			}
		}
		return err
	}
}
