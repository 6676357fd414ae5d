package snapshot

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"sort"

	"github.com/qsnap/qsnap/chunk"
)

// A Loader returns stored pages. The bytes are shared and must not be changed.
type Loader interface {
	Tree(ctx context.Context, id chunk.ID) ([]byte, error)
}

// Directories are cut into pages. A page ends after an entry whose name has a matching
// hash, but not before it has minPage entries, and in any case after maxPage entries or
// maxPageBytes. So a change rewrites the page that it is in, and rarely the next one.
// Inner pages are cut in the same way, by the last name below each child.
const (
	minPage      = 16
	maxPage      = 2048
	maxPageBytes = 256 << 10
	leafCutBits  = 5
	innerCutBits = 6
	maxLevel     = 8
)

// cutsAfter reports whether a page of that level may end after the name: bits of its
// mixed FNV-1a hash are zero. Each level uses bits of its own.
func cutsAfter(name string, level int) bool {
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	h ^= h >> 32
	h *= 0x9E3779B97F4A7C15 // 2⁶⁴ divided by the golden ratio: spreads to the high bits
	if level == 0 {
		return h>>(64-leafCutBits) == 0
	}
	return h<<leafCutBits<<((level-1)*innerCutBits)>>(64-innerCutBits) == 0
}

// A TreeWriter stores the pages of one directory.
type TreeWriter struct {
	put     func(page []byte) (chunk.ID, error)
	entries []Entry // of the next leaf
	bytes   int     // their approximate size
	levels  [][]child
	counts  []int // pages stored so far, by level
	last    string
}

// NewTreeWriter returns a TreeWriter that stores pages with put. put must not keep the
// bytes.
func NewTreeWriter(put func(page []byte) (chunk.ID, error)) *TreeWriter {
	return &TreeWriter{put: put}
}

// Add adds an entry. Entries must come in the order of their names, as bytes.
func (w *TreeWriter) Add(e *Entry) error {
	if !validName(e.Name) || w.last != "" && e.Name <= w.last {
		return fmt.Errorf("tree: entry %q comes after %q, which is out of order", e.Name, w.last)
	}
	w.last = e.Name
	w.entries = append(w.entries, *e)
	w.bytes += 64 + len(e.Name) + len(e.Target) + len(e.Content)*chunk.IDSize + len(e.Holes)*12
	for _, x := range e.Xattrs {
		w.bytes += len(x.Name) + len(x.Value)
	}
	n := len(w.entries)
	if n >= minPage && cutsAfter(e.Name, 0) || n >= maxPage || w.bytes >= maxPageBytes {
		return w.endLeaf()
	}
	return nil
}

// Reuse adds all entries of a leaf of an older version without storing it again, if the
// leaf would be stored unchanged, and reports whether it has. If not, the entries must be
// added one by one. Nothing may follow the older version's last leaf.
func (w *TreeWriter) Reuse(l Leaf) (bool, error) {
	if len(w.entries) > 0 || l.Count == 0 || l.Last <= w.last {
		return false, nil
	}
	w.last = l.Last
	return true, w.addChild(0, child{l.Last, l.ID, uint64(l.Count)})
}

func (w *TreeWriter) endLeaf() error {
	p := page{entries: w.entries}
	id, err := w.put(p.append(nil))
	if err != nil {
		return err
	}
	c := child{w.last, id, uint64(len(w.entries))}
	clear(w.entries)
	w.entries, w.bytes = w.entries[:0], 0
	return w.addChild(0, c)
}

// addChild adds a stored page to its level, and ends the page above if it is full.
func (w *TreeWriter) addChild(level int, c child) error {
	if len(w.levels) == level {
		w.levels = append(w.levels, nil)
		w.counts = append(w.counts, 0)
	}
	w.counts[level]++
	w.levels[level] = append(w.levels[level], c)
	n := len(w.levels[level])
	if n >= minPage && cutsAfter(c.last, level+1) || n >= maxPage {
		return w.endInner(level)
	}
	return nil
}

// endInner stores the inner page above the pages of a level.
func (w *TreeWriter) endInner(level int) error {
	children := w.levels[level]
	p := page{level: level + 1, children: children}
	id, err := w.put(p.append(nil))
	if err != nil {
		return err
	}
	c := child{last: children[len(children)-1].last, id: id}
	for i := range children {
		c.count += children[i].count
	}
	w.levels[level] = w.levels[level][:0]
	return w.addChild(level+1, c)
}

// Finish stores the remaining pages and returns the id of the root page.
func (w *TreeWriter) Finish() (chunk.ID, error) {
	if len(w.entries) > 0 || len(w.levels) == 0 {
		if err := w.endLeaf(); err != nil {
			return chunk.ID{}, err
		}
	}
	for level := 0; ; level++ {
		if w.counts[level] == 1 {
			return w.levels[level][0].id, nil
		}
		if len(w.levels[level]) > 0 {
			if err := w.endInner(level); err != nil {
				return chunk.ID{}, err
			}
		}
	}
}

// A Leaf is a page of entries.
type Leaf struct {
	ID      chunk.ID
	Last    string // the name of its last entry, empty if it has none
	Count   int
	entries []Entry // if loaded
}

// Leaves returns the leaves of a directory in order. Only an empty directory has an empty
// leaf.
func Leaves(ctx context.Context, l Loader, root chunk.ID) ([]Leaf, error) {
	p, err := load(ctx, l, root)
	if err != nil {
		return nil, err
	}
	if p.level == 0 {
		leaf := Leaf{ID: root, Count: len(p.entries), entries: p.entries}
		if leaf.Count > 0 {
			leaf.Last = p.entries[leaf.Count-1].Name
		}
		return []Leaf{leaf}, nil
	}
	return p.leaves(ctx, l, nil)
}

func (p *page) leaves(ctx context.Context, l Loader, leaves []Leaf) ([]Leaf, error) {
	for _, c := range p.children {
		if p.level == 1 {
			leaves = append(leaves, Leaf{ID: c.id, Last: c.last, Count: int(c.count)})
			continue
		}
		below, err := p.loadChild(ctx, l, c)
		if err != nil {
			return nil, err
		}
		if leaves, err = below.leaves(ctx, l, leaves); err != nil {
			return nil, err
		}
	}
	return leaves, nil
}

// Entries returns the entries of a leaf in order.
func (lf *Leaf) Entries(ctx context.Context, l Loader) ([]Entry, error) {
	if lf.entries != nil || lf.Count == 0 {
		return lf.entries, nil
	}
	p, err := load(ctx, l, lf.ID)
	if err != nil {
		return nil, err
	}
	if n := len(p.entries); n != lf.Count || p.entries[n-1].Name != lf.Last {
		return nil, fmt.Errorf("tree %s: %w", lf.ID.Short(), errParent)
	}
	return p.entries, nil
}

// ReadDir yields the entries of a directory in the order of their names. An error ends
// the sequence.
func ReadDir(ctx context.Context, l Loader, root chunk.ID) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		leaves, err := Leaves(ctx, l, root)
		if err != nil {
			yield(nil, err)
			return
		}
		last := ""
		for _, leaf := range leaves {
			entries, err := leaf.Entries(ctx, l)
			if err == nil && len(entries) > 0 && entries[0].Name <= last {
				err = fmt.Errorf("tree %s: %w", root.Short(), errOrder)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			last = leaf.Last
			for i := range entries {
				if !yield(&entries[i], nil) {
					return
				}
			}
		}
	}
}

// Lookup returns the entry with that name, or fs.ErrNotExist.
func Lookup(ctx context.Context, l Loader, root chunk.ID, name string) (*Entry, error) {
	p, err := load(ctx, l, root)
	if err != nil {
		return nil, err
	}
	for p.level > 0 {
		i := sort.Search(len(p.children), func(i int) bool { return p.children[i].last >= name })
		if i == len(p.children) {
			return nil, fs.ErrNotExist
		}
		if p, err = p.loadChild(ctx, l, p.children[i]); err != nil {
			return nil, err
		}
	}
	i := sort.Search(len(p.entries), func(i int) bool { return p.entries[i].Name >= name })
	if i == len(p.entries) || p.entries[i].Name != name {
		return nil, fs.ErrNotExist
	}
	return &p.entries[i], nil
}

const (
	errParent malformed = "not the page that its parent names"
	errOrder  malformed = "the entries are out of order"
)

func load(ctx context.Context, l Loader, id chunk.ID) (*page, error) {
	b, err := l.Tree(ctx, id)
	if err != nil {
		return nil, err
	}
	p, err := parsePage(b)
	if err != nil {
		return nil, fmt.Errorf("tree %s: %w", id.Short(), err)
	}
	return p, nil
}

// loadChild loads a page below this one, and checks that its level is lower.
func (p *page) loadChild(ctx context.Context, l Loader, c child) (*page, error) {
	below, err := load(ctx, l, c.id)
	if err == nil && below.level != p.level-1 {
		err = fmt.Errorf("tree %s: %w", c.id.Short(), errParent)
	}
	return below, err
}
