package usage

import (
	"context"
	"fmt"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/snapshot"
)

// An Amount is a part of what a repository stores. Each chunk and each page counts once.
type Amount struct {
	Chunks     int64 // of files
	ChunkBytes int64
	Trees      int64 // pages of directories and of lists of chunks
	TreeBytes  int64
	Stored     int64 // bytes in packs: a blob has a share of its segment, by its length
}

func (a *Amount) add(b Amount) {
	a.Chunks += b.Chunks
	a.ChunkBytes += b.ChunkBytes
	a.Trees += b.Trees
	a.TreeBytes += b.TreeBytes
	a.Stored += b.Stored
}

// Growth is what one snapshot contributes to the size of a repository, as it is now.
type Growth struct {
	Snapshot *snapshot.Manifest
	New      Amount // in this snapshot and in no older one
	Total    Amount // the sum of New up to this snapshot
	Only     Amount // in this snapshot and in no other one
}

// GrowthOf returns the growth of the snapshots that a filter selects, the oldest first,
// compared with all snapshots. It reads each page at most twice, and no data.
func GrowthOf(ctx context.Context, e *engine.Engine, f catalog.Filter) ([]Growth, error) {
	all, err := e.Catalog.Every(ctx)
	if err != nil {
		return nil, err
	}
	c := census{blobs: e.Blobs, marks: map[halfID]mark{}}
	for i, m := range all {
		for _, dir := range m.Dirs() {
			if err := c.visit(ctx, snapshot.Ref{ID: dir.Subtree, Kind: snapshot.TreePage}, mark(i)); err != nil {
				return nil, fmt.Errorf("snapshot %s: %w", m.ID.Short(), err)
			}
		}
	}
	if err := e.Blobs.WithIndex(ctx, func(x *index.Index) error { return c.weigh(x, len(all)) }); err != nil {
		return nil, err
	}
	number := map[*snapshot.Manifest]int{}
	for i, m := range all {
		number[m] = i
	}
	var out []Growth
	var total Amount
	for _, p := range f.Select(snapshot.Order(all, e.Now())) {
		i := number[p.Manifest]
		total.add(c.added[i])
		out = append(out, Growth{Snapshot: p.Manifest, New: c.added[i], Total: total, Only: c.only[i]})
	}
	return out, nil
}

// A census finds out, for each blob, the first snapshot that reaches it and whether any other
// does. It takes about 40 bytes of memory for each blob.
type census struct {
	blobs *blob.Reader
	marks map[halfID]mark
	// By the number of the snapshot:
	added, only []Amount
}

// A halfID is half of an id, which is enough to tell any two apart.
type halfID [16]byte

// A mark is the number of the first snapshot that reaches a blob, with two flags.
type mark uint32

const (
	shared  mark = 1 << 31 // another snapshot reaches it, too
	weighed mark = 1 << 30 // the index has listed it
	first        = weighed - 1
)

// visit marks a blob that a snapshot reaches, and everything below it. Two snapshots that
// share a page share all that is below it, so a page that is already shared is not read.
func (c *census) visit(ctx context.Context, ref snapshot.Ref, number mark) error {
	id := halfID(ref.ID[:16])
	have, known := c.marks[id]
	switch {
	case !known:
		c.marks[id] = number
	case have&shared != 0 || have == number:
		return nil
	default:
		c.marks[id] = have | shared
	}
	if ref.Kind == snapshot.FileData {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	page, err := c.blobs.Blob(ctx, ref.ID, true)
	if err != nil {
		return err
	}
	refs, err := snapshot.Refs(page, ref.Kind)
	if err != nil {
		return fmt.Errorf("tree %s: %w", ref.ID.Short(), err)
	}
	for _, below := range refs {
		if err := c.visit(ctx, below, number); err != nil {
			return err
		}
	}
	return nil
}

// weigh adds up what was marked, by what the index lists of it. It may be called again.
func (c *census) weigh(x *index.Index, snapshots int) error {
	c.added, c.only = make([]Amount, snapshots), make([]Amount, snapshots)
	for id, m := range c.marks {
		if m&weighed != 0 {
			c.marks[id] = m &^ weighed
		}
	}
	left := len(c.marks)
	for item, err := range x.All() {
		if err != nil {
			return err
		}
		id := halfID(item.ID[:16])
		m, ok := c.marks[id]
		if !ok || m&weighed != 0 || int(item.Segment) >= len(item.Pack.Segments) {
			continue
		}
		c.marks[id] = m | weighed
		left--
		a := amountOf(item)
		c.added[m&first].add(a)
		if m&shared == 0 {
			c.only[m&first].add(a)
		}
	}
	if left == 0 {
		return nil
	}
	return c.missing()
}

// missing returns the error for a blob that the index doesn't list.
func (c *census) missing() error {
	for id, m := range c.marks {
		if m&weighed == 0 {
			var lost chunk.ID
			copy(lost[:], id[:])
			return &blob.LostError{ID: lost}
		}
	}
	return nil
}

// amountOf returns what a blob takes.
func amountOf(item index.Item) Amount {
	a := Amount{Chunks: 1, ChunkBytes: int64(item.Length)}
	if item.Pack.IsTree() {
		a = Amount{Trees: 1, TreeBytes: int64(item.Length)}
	}
	if s := item.Pack.Segments[item.Segment]; s.Plain > 0 {
		// The share is the difference of two shares that begin with the segment, so that the
		// shares of all its blobs add up to it.
		upTo := func(end uint64) int64 { return int64(end * uint64(s.Stored) / uint64(s.Plain)) }
		a.Stored = upTo(uint64(item.Offset)+uint64(item.Length)) - upTo(uint64(item.Offset))
	}
	return a
}
