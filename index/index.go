// Package index finds the places of blobs.
//
// # What is stored and what is a cache
//
// The footers of a repository's packs say where every blob is. A delta (see Delta)
// repeats the footers of the packs of one run, so that few objects have to be read
// instead of many. An Index is a local cache of all deltas: losing or damaging its files
// costs only time.
//
// # Tables
//
// An Index keeps tables: bbolt files, each built from some deltas by one sorted bulk load
// and never changed afterwards. New tables are added, and small ones are merged into
// larger ones, under names of their own. So processes only ever share a bbolt file's
// lock, and none waits for another. A few small deltas are not worth a table and stay in
// memory.
//
// When a delta is deleted from the target, its packs are gone too, unless another delta
// lists them: look-ups ignore their entries, and the next merge drops them.
package index

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/pack"
)

// A Place says where a blob is. Pack has no blobs; it is shared and must not be changed.
type Place struct {
	Pack    *pack.Info
	Segment uint32
	Offset  uint32 // in the plain segment
	Length  uint32
}

// An Index maps the ids of blobs to their places. It is safe for concurrent use by
// goroutines, and its directory by processes.
type Index struct {
	dir string

	flushing sync.Mutex // held while a table is written

	mu     sync.RWMutex
	tables []*table
	memory memory
}

// Open opens the index in a directory, and creates the directory if needed. Damaged
// tables are removed.
func Open(dir string) (*Index, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	removeLeftovers(dir)
	x := &Index{dir: dir}
	x.memory.reset()
	if err := x.openTables(); err != nil {
		_ = x.Close()
		return nil, err
	}
	return x, nil
}

// openTables opens the tables in the directory that are not open yet.
func (x *Index) openTables() error {
	for _, name := range filesIn(x.dir) {
		if !strings.HasSuffix(name, tableSuffix) || slices.ContainsFunc(x.tables, func(t *table) bool { return t.path == name }) {
			continue
		}
		t, err := openTable(name)
		switch {
		case err == nil:
			x.tables = append(x.tables, t)
		case errors.Is(err, errTable):
			// Another process may have merged and removed it meanwhile.
			if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("index: %w", err)
			}
		default:
			return err
		}
	}
	x.dropRedundant()
	return nil
}

// dropRedundant closes and removes tables whose deltas are all in other tables. Two
// processes that merge the same tables at once leave such tables.
func (x *Index) dropRedundant() {
	slices.SortFunc(x.tables, func(a, b *table) int { // the same order for every process
		return cmp.Or(cmp.Compare(a.count, b.count), cmp.Compare(a.path, b.path))
	})
	x.tables = slices.DeleteFunc(slices.Clone(x.tables), func(t *table) bool {
		for id := range t.deltas {
			if !slices.ContainsFunc(x.tables, func(o *table) bool { _, ok := o.deltas[id]; return ok && o != t && o.path != "" }) {
				return false
			}
		}
		_ = t.close()
		_ = os.Remove(t.path) // if that fails, the next opening tries again
		t.path = ""
		return true
	})
}

// filesIn returns the paths of the files in a directory. If it can't be listed, there are
// none, and the index works in memory.
func filesIn(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var paths []string
	for _, e := range entries {
		paths = append(paths, filepath.Join(dir, e.Name()))
	}
	return paths
}

// removeLeftovers removes unfinished files of crashed processes that are older than a
// day.
func removeLeftovers(dir string) {
	for _, name := range filesIn(dir) {
		base := filepath.Base(name)
		if !strings.HasPrefix(base, newPrefix) && !strings.HasPrefix(base, sortPrefix) {
			continue
		}
		if info, err := os.Lstat(name); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			_ = os.Remove(name)
		}
	}
}

// Close closes the tables. No other method may be called during or after it.
func (x *Index) Close() error {
	var errs []error
	for _, t := range x.tables {
		errs = append(errs, t.close())
	}
	x.tables = nil
	return errors.Join(errs...)
}

// Lookup returns all places of a blob, or none. An error means that the index is damaged:
// Reset and Update rebuild it.
func (x *Index) Lookup(id chunk.ID) ([]Place, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var places []Place
	if i, ok := x.memory.blobs[id]; ok {
		for ; i >= 0; i = x.memory.places[i].older {
			places = append(places, x.memory.places[i].Place)
		}
	}
	for _, t := range x.tables {
		var err error
		if places, err = t.lookup(id, places); err != nil {
			return places, err
		}
	}
	return places, nil
}

// IsDamaged reports whether an error means that the local index is damaged, and nothing
// else.
func IsDamaged(err error) bool { return errors.Is(err, errTable) }

// Has reports whether Lookup would return a place. If the index is damaged it may return
// false instead of true, which only makes the caller store a blob twice.
func (x *Index) Has(id chunk.ID) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if _, ok := x.memory.blobs[id]; ok {
		return true
	}
	for _, t := range x.tables {
		if found, err := t.has(id); err == nil && found {
			return true
		}
	}
	return false
}

// Packs returns the ids of all packs in the index.
func (x *Index) Packs() (map[pack.ID]bool, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	known := map[pack.ID]bool{}
	for _, d := range x.memory.deltas {
		for _, p := range d {
			known[p.ID] = true
		}
	}
	for _, p := range x.memory.unlisted {
		known[p.ID] = true
	}
	for _, t := range x.tables {
		c := newContents()
		if _, err := t.addPacksTo(c); err != nil {
			return nil, err
		}
		for _, p := range c.packs {
			known[p.ID] = true
		}
	}
	return known, nil
}

// Add adds packs that a session has stored and not yet listed in a delta.
func (x *Index) Add(packs ...*pack.Info) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, p := range packs {
		x.memory.unlisted = append(x.memory.unlisted, p)
		x.memory.add(p)
	}
}

// MarkListed records that a session has stored a delta that lists packs given to Add.
func (x *Index) MarkListed(id ID, d Delta) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.memory.deltas[id] = d
	x.memory.unlisted = slices.DeleteFunc(x.memory.unlisted, func(p *pack.Info) bool {
		return slices.Contains(d, p)
	})
}

// Update brings the index up to date with the deltas that are on the target now. It
// fetches the deltas that it doesn't have, and then forgets packs that only vanished
// deltas list. The index can be used during a fetch, which may take long; it then answers
// with what it has. If fetch returns a nil delta, Update skips it and asks for it again
// next time. An error of fetch ends Update and is returned.
func (x *Index) Update(ctx context.Context, listed []ID, fetch func(context.Context, ID) (Delta, error)) error {
	unknown, err := x.Missing(listed)
	if err != nil {
		return err
	}
	for _, id := range unknown {
		d, err := fetch(ctx, id)
		if err == nil && d != nil {
			err = x.addDelta(id, d)
		}
		if err != nil {
			return err
		}
	}
	x.forgetOthers(listed)
	return nil
}

// Missing returns the listed deltas that the index doesn't have.
func (x *Index) Missing(listed []ID) ([]ID, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.openTables(); err != nil { // other processes may have added tables
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(listed), x.knows), nil
}

// addDelta adds a delta unless the index has it.
func (x *Index) addDelta(id ID, d Delta) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.knows(id) {
		return nil // another Update has added it meanwhile
	}
	x.memory.deltas[id] = d
	for _, p := range d {
		x.memory.add(p)
	}
	if len(x.memory.places) > maxMemory {
		return x.flushLocked()
	}
	return nil
}

// forgetOthers forgets the packs that only deltas outside listed list.
func (x *Index) forgetOthers(listed []ID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	now := map[ID]bool{}
	for _, id := range listed {
		now[id] = true
	}
	x.memory.forget(func(id ID) bool { return !now[id] || x.inTable(id) })
	for _, t := range x.tables {
		t.markDead(now)
	}
}

func (x *Index) knows(id ID) bool {
	_, known := x.memory.deltas[id]
	return known || x.inTable(id)
}

func (x *Index) inTable(id ID) bool {
	for _, t := range x.tables {
		if _, ok := t.deltas[id]; ok {
			return true
		}
	}
	return false
}

// Reset empties the index and removes its tables. Update then rebuilds it.
func (x *Index) Reset() error {
	x.flushing.Lock()
	defer x.flushing.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	var errs []error
	for _, t := range x.tables {
		errs = append(errs, t.close(), os.Remove(t.path))
	}
	x.tables = nil
	x.memory.reset()
	return errors.Join(errs...)
}
