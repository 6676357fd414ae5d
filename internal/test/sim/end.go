package sim

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target/targettest"
)

// checkEnd checks what must hold when all actors have ended. One undisturbed prune, after the
// leases of dead runs have expired, wins back all dead space. Nothing of the protocol is left.
// Check finds nothing, and every snapshot reads as its tree.
func checkEnd(w *world) error {
	if err, seen := w.audit.endsChecked[w.stored]; seen {
		return err
	}
	var err error
	for _, prefix := range w.program.stage.prefixes {
		err = errors.Join(err, w.audit.checkEnd(w.ctx, w.program.stage, w.mem.Clone(), prefix, w.forgotten))
	}
	w.audit.endsChecked[w.stored] = err
	return err
}

// checkEnd does that for one of the repositories.
func (a *auditor) checkEnd(ctx context.Context, s *stage, mem *targettest.Memory, prefix string, forgotten map[string]bool) error {
	dir, err := s.cacheDir("the end", 0)
	if err != nil {
		return err
	}
	later := time.Duration(0)
	r, err := repo.Open(ctx, subTarget{mem, prefix}, s.key, repo.Options{
		CacheDir: dir, Rand: seeded("the end"), Now: func() time.Time { return time.Now().Add(later) },
	})
	if err != nil {
		return err
	}
	defer r.Close()
	if count(mem, prefix+"leases/") > 0 {
		if _, err := r.Prune(ctx, repo.PruneOptions{AllowNoSnapshots: true, Workers: 1}); err != nil {
			return fmt.Errorf("at the end, prune: %w", err)
		}
		later = 25 * time.Hour
	}
	report, err := r.Prune(ctx, repo.PruneOptions{AllowNoSnapshots: true, Workers: 1, MaxUnused: new(1e-9)})
	if err != nil {
		return fmt.Errorf("at the end, prune: %w", err)
	}
	if err := a.checkNoWaste(objectsBelow(mem.Objects(), prefix)); err != nil {
		return fmt.Errorf("at the end, after a prune that reports %+v: %w", report, err)
	}
	return checkReadable(ctx, r, prefix, forgotten)
}

// count returns how many objects there are below a prefix.
func count(mem *targettest.Memory, prefix string) (n int) {
	for name := range mem.Objects() {
		if strings.HasPrefix(name, prefix) {
			n++
		}
	}
	return n
}

// checkNoWaste returns an error if a blob is not needed or stored twice, or if a lease, a
// pending manifest or a quarantine is left.
func (a *auditor) checkNoWaste(objects map[string][]byte) error {
	needed := map[need]bool{}
	for name, b := range objects {
		for _, prefix := range []string{"leases/", "pending/", "quarantine/"} {
			if strings.HasPrefix(name, prefix) {
				return fmt.Errorf("%s is left", name)
			}
		}
		if m := a.manifest(name, b); m != nil {
			for _, n := range m.needs {
				needed[n] = true
			}
		}
	}
	held := map[need]bool{}
	for name, b := range objects {
		if !strings.HasPrefix(name, "packs/") {
			continue
		}
		contents, tree := a.pack(name, b)
		for id := range contents {
			n := need{id, tree}
			if !needed[n] || held[n] {
				return fmt.Errorf("%s is left, with %s that nothing needs there", shortObject(name), chunk.ID(id).Short())
			}
			held[n] = true
		}
	}
	return nil
}

// checkReadable returns an error unless check finds nothing and every snapshot reads as its
// tree.
func checkReadable(ctx context.Context, r *repo.Repo, prefix string, forgotten map[string]bool) error {
	report, err := r.Check(ctx, repo.CheckOptions{ReadData: true, Workers: 1})
	if err != nil && !errors.Is(err, repo.ErrDamaged) {
		return err
	}
	for _, f := range report.Findings {
		// A prune beside a writer may drop the record by which forgotten differs from lost.
		if f.Kind != repo.FindingMissingManifest || !forgotten[prefix+f.Object] {
			return fmt.Errorf("at the end, check finds %+v", f)
		}
	}
	all, err := r.Snapshots(ctx, repo.Filter{})
	for _, m := range all {
		if err := readsAs(r.View(m).FS(ctx), m.Tags[0]); err != nil {
			return fmt.Errorf("at the end, snapshot of %q: %w", m.Tags[0], err)
		}
	}
	return err
}
