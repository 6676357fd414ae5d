package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

// restorePlace sets the destination of a restore, and what it asks before it deletes.
func (p *program) restorePlace(c *cli.Context, r *repo.Repo, m *snapshot.Manifest, o *repo.RestoreOptions) error {
	own, err := ownPlace(c.Context, r, m, o.Path)
	if err != nil {
		return err
	}
	here := p.isHere(c, m)
	if c.Bool("in-place") {
		if o.To = own; !filepath.IsAbs(own) {
			return hint{fmt.Errorf("snapshot %s can't be put back in its place: %q is not a path on this machine", m.ID.Short(), own), "name a directory with --target"}
		}
		o.InPlace = true
		if !here && !o.DryRun {
			what := fmt.Sprintf("Snapshot %s is of another machine, %s. It would replace what this machine has at %s.", m.ID.Short(), m.Hostname, p.path(own))
			if err := p.confirm(c, what); err != nil {
				return err
			}
		}
	}
	same := here && samePath(o.To, own)
	o.Confirm = func(plan repo.DeletionPlan) error {
		if same && (plan.Delete <= 20 || 2*plan.Delete <= plan.There) {
			return nil
		}
		return p.confirm(c, p.deletionPlan(m, o, plan, same))
	}
	return nil
}

// ownPlace returns where a directory in a snapshot was on its machine or, for a file, the
// directory that held it.
func ownPlace(ctx context.Context, r *repo.Repo, m *snapshot.Manifest, at string) (string, error) {
	e, err := r.View(m).Entry(ctx, at)
	if err != nil || len(m.Paths) == 0 {
		return "", err
	}
	root := m.Paths[0]
	switch m.Layout {
	case snapshot.Single:
		root = filepath.Dir(root)
	case snapshot.Paths:
		root = filepath.VolumeName(root) + string(filepath.Separator)
	}
	if e.Type != snapshot.Dir {
		at = path.Dir(at)
	}
	return filepath.Join(root, filepath.FromSlash(at)), nil
}

// isHere reports whether a snapshot is of this machine, or of the one that --host names.
func (p *program) isHere(c *cli.Context, m *snapshot.Manifest) bool {
	return m.Hostname == cmp.Or(c.String("host"), p.thisHost())
}

// samePath reports whether two paths lead to the same directory.
func samePath(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

// deletionPlan describes what a restore would delete.
func (p *program) deletionPlan(m *snapshot.Manifest, o *repo.RestoreOptions, plan repo.DeletionPlan, same bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Restoring snapshot %s of %s:%s to %s would delete %s of %s there:\n", m.ID.Short(), m.Hostname, p.path(strings.Join(m.Paths, " ")),
		p.path(o.To), term.Count(plan.Delete), term.Plural(plan.There, "entry", "entries"))
	for _, name := range plan.Paths {
		fmt.Fprintf(&b, "  %s\n", p.path(name))
	}
	if more := plan.Delete - int64(len(plan.Paths)); more > 0 {
		fmt.Fprintf(&b, "  and %s more: --dry-run names all\n", term.Count(more))
	}
	if !same {
		b.WriteString("The snapshot was not taken of that directory on this machine.")
	} else {
		b.WriteString("That is more than half.")
	}
	return b.String()
}

// noRoom adds what to do to an error about a destination without room.
func (p *program) noRoom(err error, o repo.RestoreOptions) error {
	lack, ok := errors.AsType[*repo.RoomError](err)
	if !ok {
		return err
	}
	free, need := term.Size(lack.Free), term.Size(lack.Need)
	if lack.Inodes {
		free, need = term.Plural(lack.Free, "inode", "inodes"), term.Count(lack.Need)
	}
	if lack.Deleted {
		free += " even after --delete-first"
	}
	next := "nothing was written: free some space, restore a part with --include"
	switch {
	case o.DeleteFirst && !lack.Deleted:
		next = "nothing was written, and nothing can be deleted first (--dry-run --no-room-check says why): free some space, restore a part with --include"
	case o.Delete && !o.DeleteFirst:
		next += ", delete before writing with --delete-first"
	}
	next += ", or restore anyway with --no-room-check"
	return judged{hint{fmt.Errorf("%s has %s free, and this restore needs at least %s", p.path(lack.Path), free, need), next}, errFailed}
}
