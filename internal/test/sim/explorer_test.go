package sim

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// does performs operations on the target itself, such as "put packs/a", one after
// another. What it is told changes what it does: an operation that ends in "?"
// skips the next if its object or list is empty.
func performs(ops ...string) role {
	return func(ctx context.Context, a *actor) error {
		for i := 0; i < len(ops); i++ {
			op, asks := strings.CutSuffix(ops[i], "?")
			method, name, _ := strings.Cut(op, " ")
			found, err := a.doesOne(ctx, method, name)
			if err != nil {
				return err
			}
			if asks && !found {
				i++
			}
		}
		return nil
	}
}

func (a *actor) doesOne(ctx context.Context, method, name string) (found bool, err error) {
	switch method {
	case "put":
		err = a.handle.Put(ctx, name, strings.NewReader(a.name), int64(len(a.name)))
	case "delete":
		err = a.handle.Delete(ctx, name)
	case "stat":
		_, err = a.handle.Stat(ctx, name)
		found = err == nil
	case "list":
		for _, e := range a.handle.List(ctx, name) {
			found, err = true, errors.Join(err, e)
		}
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		err = nil
	}
	return found, err
}

// rawPrograms have everything that orders of operations can depend on.
func rawPrograms(t *testing.T) []*program {
	s := newStage(t)
	return []*program{
		{name: "two that look and change", stage: s, interruptions: allInterruptions, crashes: 2, actors: []actor{
			{name: "a", role: performs("list x/?", "put y/1", "put x/1", "delete x/2"), footprint: footprint{"put y/", "put x/", "delete x/"}, mortal: true},
			{name: "b", role: performs("stat x/1?", "put x/2", "list y/?", "put z/1", "put x/1"), footprint: footprint{"put x/", "put z/"}, mortal: true},
		}},
		{name: "three in a row", stage: s, interruptions: allInterruptions, crashes: 1, actors: []actor{
			{name: "a", role: performs("put a/1", "list c/?", "put a/2"), footprint: footprint{"put a/"}, mortal: true},
			{name: "b", role: performs("list a/?", "put b/1", "delete a/1"), footprint: footprint{"put b/", "delete a/"}},
			{name: "c", role: performs("stat b/1?", "put c/1", "stat a/1"), footprint: footprint{"put c/"}},
		}},
	}
}

// plainly returns the sets of objects that a program can lead to, found without any
// reduction, and how many runs there are.
func exploreWithoutReduction(t *testing.T, p *program) (sets map[digest]bool, runs int) {
	e := &explorer{program: p, audit: newAuditor(t, p.stage)}
	sets = map[digest]bool{}
	paths := []*path{{running: -1}}
	for len(paths) > 0 {
		next := paths[len(paths)-1]
		paths = paths[:len(paths)-1]
		runs++
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, p, e.audit)
			defer w.close()
			for _, m := range next.moves() {
				if err := w.do(m); err != nil {
					t.Fatal(err)
				}
			}
			sets[w.stored] = true
			for _, m := range e.allMoves(w) {
				paths = append(paths, next.then(m, choices{}))
			}
		})
	}
	return sets, runs
}

func TestAnExplorerMissesNothing(t *testing.T) {
	t.Parallel()
	for _, p := range rawPrograms(t) {
		want, runs := exploreWithoutReduction(t, p)
		got := map[digest]bool{}
		e := newExplorer(t, p)
		e.observe = func(w *world) { got[w.stored] = true }
		e.explore(t)
		if e.found != nil {
			t.Error(e.found.err)
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: %d sets of objects instead of %d", p.name, len(got), len(want))
		}
		if e.replays*3 > runs {
			t.Errorf("%s: %d replays instead of %d runs", p.name, e.replays, runs)
		}
		t.Logf("%s: %d sets, %d states, %d replays instead of %d", p.name, len(got), len(e.visited), e.replays, runs)
	}
}

// What programs about writers and prunes can notice depends on this: a writer that reads
// its parent's files again relies on the packs that have them, and so can't miss that they
// were deleted.
func TestAWriterTakesFromItsParentWhatHasNotChanged(t *testing.T) {
	t.Parallel()
	s := newStage(t, "xY")
	src := newSource(t.Context(), "xYz", noDelay)
	asked := &askedPacks{Memory: s.mem.Clone(), names: map[string]bool{}}
	var old []string
	for info, err := range s.mem.List(t.Context(), "packs/") {
		if err != nil {
			t.Fatal(err)
		}
		old = append(old, info.Name)
	}
	r, err := repo.Open(t.Context(), asked, s.key, repo.Options{
		CacheDir: s.cacheRoot, Rand: seeded("premise"), Now: func() time.Time { return beginning },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := takeSnapshot(t.Context(), r, src); err != nil {
		t.Fatal(err)
	}
	for p := range src.MapFS {
		if read := p == "z"; p != "." && src.opened[p] != read {
			t.Errorf("%s: opened %v, want %v", p, src.opened[p], read)
		}
	}
	for _, name := range old {
		if asked.names[name] {
			t.Errorf("the writer asked for %s, which only its parent needs", name)
		}
	}
}

// askedPacks notes which objects somebody asks about one by one.
type askedPacks struct {
	*targettest.Memory
	mu    sync.Mutex
	names map[string]bool
}

func (a *askedPacks) Stat(ctx context.Context, name string) (target.Info, error) {
	a.mu.Lock()
	a.names[name] = true
	a.mu.Unlock()
	return a.Memory.Stat(ctx, name)
}
