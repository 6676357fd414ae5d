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

// writesSlowly takes a snapshot of each tree in turn, and needs about that long for each file
// in a directory.
func writesSlowly(each time.Duration, trees ...string) role {
	return func(ctx context.Context, a *actor) error {
		delay := noDelay
		if each > 0 {
			delay = slowly(each, fmt.Sprint(a.name, " ", a.life))
		}
		r, err := a.open(ctx)
		if err != nil {
			return err
		}
		defer r.Close()
		return a.writesAll(ctx, r, delay, trees)
	}
}

func (a *actor) writesAll(ctx context.Context, r *repo.Repo, delay func(string) time.Duration, trees []string) error {
	for _, tree := range trees {
		s := newSource(ctx, tree, delay)
		m, err := takeSnapshot(ctx, r, s)
		if err != nil {
			return err
		}
		a.report(publication{a.prefix, m, &s})
	}
	return nil
}

// verifies takes a full snapshot of each tree in turn.
func verifies(trees ...string) role {
	return func(ctx context.Context, a *actor) error {
		r, err := a.open(ctx)
		if err != nil {
			return err
		}
		defer r.Close()
		for _, tree := range trees {
			s := newSource(ctx, tree, noDelay)
			m, err := takeLevel(ctx, r, s, snapshot.LevelFull)
			if err != nil {
				return err
			}
			a.report(publication{a.prefix, m, &s})
		}
		return nil
	}
}

// readsThenWrites reads everything, so that its index knows it, and then takes snapshots.
func readsThenWrites(trees ...string) role {
	return func(ctx context.Context, a *actor) error {
		r, err := a.open(ctx)
		if err != nil {
			return err
		}
		defer r.Close()
		if err := a.readsAll(ctx, r); err != nil {
			return err
		}
		return a.writesAll(ctx, r, noDelay, trees)
	}
}

// reads reads all files of all snapshots. What can't be read must have been forgotten
// meanwhile.
func reads(ctx context.Context, a *actor) error {
	r, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	return a.readsAll(ctx, r)
}

func (a *actor) readsAll(ctx context.Context, r *repo.Repo) error {
	all, err := r.Snapshots(ctx, repo.Filter{})
	if err != nil {
		return err
	}
	for _, m := range all {
		if err := readsAs(r.View(m).FS(ctx), m.Tags[0]); err != nil && a.world.isPublished(a.prefix, m.ID) {
			return fmt.Errorf("read snapshot of %q: %w", m.Tags[0], err)
		}
	}
	return nil
}

// undeletes brings back forgotten snapshots of a tree, as far as their data still exists.
func undeletes(tree string) role {
	return func(ctx context.Context, a *actor) error {
		r, err := a.open(ctx)
		if err != nil {
			return err
		}
		defer r.Close()
		gone, err := r.Catalog().Forgotten(ctx)
		for _, m := range gone {
			if err != nil || m.Tags[0] != tree {
				continue
			}
			if back, err := r.Catalog().Undelete(ctx, m.ID); err == nil {
				a.report(publication{a.prefix, back, nil})
			}
		}
		return err
	}
}

// checks looks for damage. No finding may touch a file of a published snapshot. If a prune
// declares the check dead, packs may vanish while it reads them.
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
			if a.world.isPublished(a.prefix, file.Snapshot) {
				return fmt.Errorf("check finds %+v", f)
			}
		}
	}
	return nil
}

// isPublished reports whether a manifest is published below a prefix.
func (w *world) isPublished(prefix string, id snapshot.ID) bool {
	name := "snapshots/" + id.String()
	return w.audit.isManifest(name, w.mem.Objects()[prefix+name])
}

// readsAs returns an error unless a file system holds exactly the files of a tree.
func readsAs(fsys fs.FS, tree string) error {
	want := treeNamed(tree)
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

// removesLeases deletes all leases, as a person might who believes that their runs are dead.
func removesLeases(ctx context.Context, a *actor) error {
	for info, err := range a.handle.List(ctx, a.prefix+"leases/") {
		if err != nil {
			return err
		}
		if err := a.handle.Delete(ctx, info.Name); err != nil && !isAbsent(err) {
			return err
		}
	}
	return nil
}

// dryRunsThenPrunes first asks what a prune without repacking would do, and then does it.
func dryRunsThenPrunes(ctx context.Context, a *actor) error {
	if err := prunes(repo.PruneOptions{MaxUnused: new(math.Inf(1)), DryRun: true})(ctx, a); err != nil {
		return err
	}
	return prunes(repo.PruneOptions{MaxUnused: new(math.Inf(1))})(ctx, a)
}

// prunes deletes what no snapshot needs, once. It may give up at a snapshot that is forgotten
// and deleted by another prune after it has read its manifest.
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

// forgets forgets all snapshots of some trees.
func forgets(trees ...string) role {
	return func(ctx context.Context, a *actor) error {
		r, err := a.open(ctx)
		if err != nil {
			return err
		}
		defer r.Close()
		all, err := r.Snapshots(ctx, repo.Filter{})
		for _, m := range all {
			if err == nil && slices.Contains(trees, m.Tags[0]) {
				err = r.Forget(ctx, []snapshot.ID{m.ID})
			}
		}
		return err
	}
}
