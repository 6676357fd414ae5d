package repo

import (
	"context"
	"fmt"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/snapshot"
)

// An Amount is some of what a repository stores, each chunk and tree counted once.
type Amount struct {
	Chunks     uint64 `json:"chunks"` // of files
	ChunkBytes uint64 `json:"chunk_bytes"`
	Trees      uint64 `json:"trees"` // directories and lists of chunks
	TreeBytes  uint64 `json:"tree_bytes"`
	// Stored is what these take in packs. What is compressed together is divided by
	// size.
	Stored uint64 `json:"stored_bytes"`
}

func (a *Amount) add(b Amount) {
	a.Chunks += b.Chunks
	a.ChunkBytes += b.ChunkBytes
	a.Trees += b.Trees
	a.TreeBytes += b.TreeBytes
	a.Stored += b.Stored
}

// Growth says what one snapshot means for the size of a repository, as it is now:
// what was forgotten or removed since doesn't count.
type Growth struct {
	Snapshot *snapshot.Manifest `json:"-"`
	// New is what this snapshot consists of and no older one does.
	New Amount `json:"new"`
	// Total is what is New in this snapshot and in those before it in the list.
	Total Amount `json:"total"`
	// Only is what this snapshot consists of and no other one does, older or newer: if
	// it alone were forgotten, that is what could be removed.
	Only Amount `json:"only"`
}

func growthOf(ctx context.Context, e *engine.Engine, s Select) ([]Growth, error) {
	all, err := everySnapshot(ctx, e)
	if err != nil {
		return nil, err
	}
	g := grower{e: e, marks: map[markKey]owner{}}
	for i, m := range all {
		for _, dir := range m.Dirs() {
			if err := g.visit(ctx, snapshot.Ref{ID: dir.Subtree, Kind: snapshot.TreePage}, owner(i)); err != nil {
				return nil, fmt.Errorf("snapshot %s: %w", m.ID.Short(), err)
			}
		}
	}
	if err := e.Blobs.WithIndex(ctx, func(x *index.Index) error { return g.weigh(x, len(all)) }); err != nil {
		return nil, err
	}
	var out []Growth
	number := map[*snapshot.Manifest]int{}
	for i, m := range all {
		number[m] = i
	}
	for _, p := range s.pick(snapshot.Order(all, e.Now())) {
		i := number[p.Manifest]
		out = append(out, Growth{Snapshot: p.Manifest, New: g.fresh[i], Only: g.only[i]})
	}
	var total Amount
	for i := range out {
		total.add(out[i].New)
		out[i].Total = total
	}
	return out, nil
}

// A grower finds out which snapshots consist of what.
type grower struct {
	e     *engine.Engine
	marks map[markKey]owner
	// By snapshot:
	fresh, only []Amount
}

// A markKey is half an id: enough to tell any two apart.
type markKey [16]byte

func keyOf(id chunk.ID) markKey { return markKey(id[:16]) }

// An owner is the number of the first snapshot that has something, and what else is
// known of it.
type owner uint32

const (
	shared  owner = 1 << 31 // another snapshot has it too
	weighed owner = 1 << 30
	first         = weighed - 1
)

// visit notes that a snapshot consists of something, and of all beneath it. What two
// snapshots are known to share, they share with all beneath it, so that there is
// nothing more to find.
func (g *grower) visit(ctx context.Context, ref snapshot.Ref, number owner) error {
	key := keyOf(ref.ID)
	have, known := g.marks[key]
	switch {
	case !known:
		g.marks[key] = number
	case have&shared != 0 || have == number:
		return nil
	default:
		g.marks[key] = have | shared
	}
	if ref.Kind == snapshot.FileData {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	page, err := g.e.Blobs.Blob(ctx, ref.ID, true)
	if err != nil {
		return err
	}
	refs, err := snapshot.Refs(page, ref.Kind)
	if err != nil {
		return fmt.Errorf("tree %s: %w", ref.ID.Short(), err)
	}
	for _, below := range refs {
		if err := g.visit(ctx, below, number); err != nil {
			return err
		}
	}
	return nil
}

// weigh adds up what was visited, by what the index says of it. It may be called
// again.
func (g *grower) weigh(x *index.Index, snapshots int) error {
	g.fresh, g.only = make([]Amount, snapshots), make([]Amount, snapshots)
	for key, m := range g.marks {
		if m&weighed != 0 {
			g.marks[key] = m &^ weighed
		}
	}
	left := len(g.marks)
	for item, err := range x.All() {
		if err != nil {
			return err
		}
		key := keyOf(item.ID)
		m, ok := g.marks[key]
		if !ok || m&weighed != 0 || int(item.Segment) >= len(item.Pack.Segments) {
			continue
		}
		g.marks[key] = m | weighed
		left--
		a := amountOf(item)
		g.fresh[m&first].add(a)
		if m&shared == 0 {
			g.only[m&first].add(a)
		}
	}
	if left == 0 {
		return nil
	}
	for key, m := range g.marks {
		if m&weighed == 0 {
			lost := &LostError{}
			copy(lost.ID[:], key[:])
			return lost
		}
	}
	return nil
}

// amountOf returns what a blob takes.
func amountOf(item index.Item) Amount {
	a := Amount{Chunks: 1, ChunkBytes: uint64(item.Length)}
	if item.Pack.IsTree() {
		a = Amount{Trees: 1, TreeBytes: uint64(item.Length)}
	}
	if s := item.Pack.Segments[item.Segment]; s.Plain > 0 {
		// By where it ends and begins, so that all in a segment add up to it.
		upTo := func(at uint64) uint64 { return at * uint64(s.Stored) / uint64(s.Plain) }
		a.Stored = upTo(uint64(item.Offset)+uint64(item.Length)) - upTo(uint64(item.Offset))
	}
	return a
}
