package index

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// Deltas move from memory to a table when there are so many blobs or deltas that reading
// them at every opening would be noticeable. maxMemory limits what a session may add
// before it should store a delta and call Flush.
const (
	flushBlobs  = 16 << 10
	flushDeltas = 16
	maxMemory   = 128 << 10
	maxTables   = 6
)

// NeedsFlush reports whether the packs added since the last delta take so much memory
// that the session should list them in a delta and call Flush.
func (x *Index) NeedsFlush() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.memory.places) > maxMemory
}

// Flush moves the listed deltas to a table if there are many, and merges tables if there
// are many. Lookups continue meanwhile.
func (x *Index) Flush() error {
	x.flushing.Lock()
	defer x.flushing.Unlock()
	x.mu.RLock()
	due := len(x.memory.deltas) > flushDeltas || len(x.memory.places) > flushBlobs
	x.mu.RUnlock()
	if !due {
		return nil
	}
	x.mu.RLock()
	c, entries, err := x.memory.tabulate(x.dir)
	x.mu.RUnlock()
	if err != nil {
		return err
	}
	t, err := newTable(x.dir, c, entries)
	if err != nil {
		return err
	}
	x.mu.Lock()
	x.addTable(t)
	x.mu.Unlock()
	return x.merge()
}

// flushLocked moves the deltas in memory to a table. The caller holds x.mu.
func (x *Index) flushLocked() error {
	c, entries, err := x.memory.tabulate(x.dir)
	if err != nil {
		return err
	}
	t, err := newTable(x.dir, c, entries)
	if err != nil {
		return err
	}
	x.addTable(t)
	return nil
}

func newTable(dir string, c *contents, entries *sorter) (*table, error) {
	defer entries.close()
	path, err := writeTable(dir, c, entries.sorted())
	if err != nil {
		return nil, err
	}
	return openTable(path)
}

// addTable adds a table and drops its deltas from memory.
func (x *Index) addTable(t *table) {
	x.tables = append(x.tables, t)
	x.memory.forget(func(id ID) bool { _, ok := t.deltas[id]; return ok })
}

// tabulate returns the contents and the sorted entries of a table of the deltas in
// memory.
func (m *memory) tabulate(dir string) (*contents, *sorter, error) {
	c, entries := newContents(), &sorter{dir: dir}
	for _, id := range m.inOrder() {
		d := m.deltas[id]
		numbers := make([]uint32, 0, len(d))
		for _, p := range d {
			n, fresh := c.number(p)
			numbers = append(numbers, n)
			if !fresh {
				continue
			}
			for _, b := range p.Blobs {
				if err := entries.add(entry{b.ID, n, Place{nil, b.Segment, b.Offset, b.Length}}); err != nil {
					entries.close()
					return nil, nil, err
				}
			}
		}
		c.deltas[id] = numbers
	}
	return c, entries, nil
}

// merge makes one table of several while there are too many, or small ones
// beside which a large one would hardly grow.
func (x *Index) merge() error {
	x.mu.RLock()
	tables := slices.Clone(x.tables)
	x.mu.RUnlock()
	old := mergeable(tables)
	if len(old) < 2 {
		return nil
	}
	c := newContents()
	var sources []iter.Seq2[entry, error]
	for _, t := range old {
		numbers, err := t.addPacksTo(c)
		if err != nil {
			return err
		}
		sources = append(sources, t.entries(numbers))
	}
	path, err := writeTable(x.dir, c, mergeEntries(sources))
	if err != nil {
		return err
	}
	t, err := openTable(path)
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.tables = append(slices.DeleteFunc(x.tables, func(t *table) bool { return slices.Contains(old, t) }), t)
	for _, t := range old {
		err = errors.Join(err, t.close())
		// The system may refuse while another process has the file open. The next merge
		// removes it.
		if e := os.Remove(t.path); e != nil && !errors.Is(e, fs.ErrNotExist) && !errors.Is(e, fs.ErrPermission) {
			err = errors.Join(err, fmt.Errorf("index: %w", e))
		}
	}
	return err
}

// mergeable returns the small tables that are worth merging, such that each entry is
// rewritten only as often as the logarithm of their number.
func mergeable(tables []*table) []*table {
	slices.SortFunc(tables, func(a, b *table) int { return cmp.Compare(a.count, b.count) })
	var sum uint64
	n := 0
	for n < len(tables) && (tables[n].count <= 2*sum || len(tables)-n >= maxTables) {
		sum += tables[n].count
		n++
	}
	return tables[:n]
}

// addPacksTo adds the table's live packs to the contents of a new table, and returns the
// new number of each old one.
func (t *table) addPacksTo(c *contents) (map[uint32]uint32, error) {
	numbers := map[uint32]uint32{}
	err := t.view(func(tx *bolt.Tx) error {
		return tx.Bucket(packsBucket).ForEach(func(k, v []byte) error {
			if len(k) != 4 {
				return errTable
			}
			old := binary.BigEndian.Uint32(k)
			p, err := t.pack(tx, old)
			if err == nil && p != nil {
				numbers[old], _ = c.number(p)
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, packs := range t.deltas {
		if t.gone[id] {
			continue
		}
		alive := make([]uint32, len(packs))
		for i, old := range packs {
			alive[i] = numbers[old]
		}
		c.deltas[id] = alive
	}
	return numbers, nil
}

// entries yields the entries of live packs, with their new numbers.
func (t *table) entries(numbers map[uint32]uint32) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		err := t.view(func(*bolt.Tx) error {
			for n := range t.groups {
				g := &t.groups[n]
				for i := range g.len() {
					number, place, err := g.place(i)
					if err != nil {
						return err
					}
					number, alive := numbers[number]
					if alive && !yield(entry{g.id(i), number, place}, nil) {
						return nil
					}
				}
			}
			return nil
		})
		if err != nil {
			yield(entry{}, err)
		}
	}
}
