package transfer

import (
	"context"
	"iter"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/view"
	"github.com/qsnap/qsnap/snapshot"
)

// A translator copies what snapshots reach to a repository with other ids. First it packs
// all new chunks of a snapshot there, with several goroutines. Then it writes the trees
// again, with the ids that the chunks have there. What is the same as in an older version
// that both have gets the ids of that version.
//
// In what follows, old is an entry of the older version in the origin, and oldCopy is the
// same entry in the destination. Both are nil if there is none.
type translator struct {
	walker
	c *copier
	// The ids in the destination, by those in the origin.
	chunks map[chunk.ID]chunk.ID
	lists  map[chunk.ID]chunk.ID // content lists
	dirs   map[chunk.ID]chunk.ID // by the first page
}

// maxTranslated bounds the chunks that are remembered from one snapshot to the next.
const maxTranslated = 2 << 20

func newTranslator(c *copier) *translator {
	return &translator{
		walker: walker{map[chunk.ID]bool{}}, c: c,
		chunks: map[chunk.ID]chunk.ID{}, lists: map[chunk.ID]chunk.ID{}, dirs: map[chunk.ID]chunk.ID{},
	}
}

// reset is part of fetcher.
func (t *translator) reset() {
	clear(t.stored)
	clear(t.chunks)
	clear(t.lists)
	clear(t.dirs)
}

// fetch is part of fetcher.
func (t *translator) fetch(ctx context.Context, m *snapshot.Manifest, base *version) (ids treeIDs, err error) {
	if len(t.chunks) > maxTranslated {
		clear(t.chunks)
		clear(t.stored)
	}
	var old, oldCopy *snapshot.Entry
	if base != nil {
		old, oldCopy = &base.from.Root, &base.to.Root
		t.learn(ctx, m, base)
	}
	visited, err := t.packChunks(ctx, m, old)
	if err != nil {
		return treeIDs{}, err
	}
	if ids.root, err = t.dir(ctx, &m.Root, old, oldCopy); err != nil {
		return treeIDs{}, err
	}
	if !m.Notes.IsZero() {
		if ids.notes, err = t.dir(ctx, &snapshot.Entry{Type: snapshot.Dir, Subtree: m.Notes}, nil, nil); err != nil {
			return treeIDs{}, err
		}
	}
	t.addStored(visited)
	return ids, nil
}

// packChunks packs the chunks of a snapshot whose ids in the destination aren't known yet, and
// returns the trees that it has visited.
func (t *translator) packChunks(ctx context.Context, m *snapshot.Manifest, old *snapshot.Entry) (visited map[chunk.ID]bool, err error) {
	b := t.c.newBatch(func(from, to chunk.ID) { t.chunks[from] = to })
	trees := originTrees{t.c.from}
	visited, err = t.walk(ctx, m, trees, trees, old, func(ref blob.Ref) error {
		if _, known := t.chunks[ref.ID]; known || ref.Tree {
			return nil
		}
		return b.add(ctx, ref)
	})
	if err != nil {
		return nil, err
	}
	return visited, b.flush(ctx)
}

// learn finds out, from the older version, which ids the chunks of changed files have in the
// destination. Chunks whose ids it can't read are copied.
func (t *translator) learn(ctx context.Context, m *snapshot.Manifest, base *version) {
	for c, err := range snapshot.Diff(ctx, t.c.from.Blobs, &base.from.Root, &m.Root) {
		if err != nil {
			return
		}
		old := c.Before
		if old == nil || c.After == nil || !c.Content || old.Type != snapshot.File || c.After.Type != snapshot.File ||
			len(old.Content) < 2 && old.List.IsZero() { // a single chunk that has changed
			continue
		}
		oldCopy, err := view.Entry(ctx, t.c.to.Blobs, base.to, c.Path)
		if err == nil && oldCopy.Type == snapshot.File {
			t.learnFile(ctx, old, oldCopy)
		}
	}
}

// learnFile finds out which ids the chunks of a file have in the destination, as far as both
// entries can be read.
func (t *translator) learnFile(ctx context.Context, old, oldCopy *snapshot.Entry) {
	next, stop := iter.Pull2(snapshot.Chunks(ctx, t.c.to.Blobs, oldCopy, 0))
	defer stop()
	for from, err := range snapshot.Chunks(ctx, t.c.from.Blobs, old, 0) {
		to, err2, ok := next()
		if err != nil || err2 != nil || !ok || from.Length != to.Length {
			return
		}
		t.chunks[from.ID] = to.ID
	}
}

// dir writes a directory in the destination, with all below it, and returns its id there.
func (t *translator) dir(ctx context.Context, e, old, oldCopy *snapshot.Entry) (chunk.ID, error) {
	if id, ok := t.dirs[e.Subtree]; ok {
		return id, nil
	}
	older := t.openOlder(ctx, old, oldCopy)
	if older != nil && old.Subtree == e.Subtree {
		return oldCopy.Subtree, nil
	}
	w := snapshot.NewTreeWriter(func(page []byte) (chunk.ID, error) { return t.c.putPage(ctx, page) })
	for entry, err := range snapshot.ReadDir(ctx, originTrees{t.c.from}, e.Subtree) {
		if err != nil {
			return chunk.ID{}, err
		}
		copied := *entry
		old, oldCopy := older.find(ctx, entry.Name)
		switch {
		case entry.Problem != "":
		case entry.Type == snapshot.Dir:
			copied.Subtree, err = t.dir(ctx, entry, old, oldCopy)
		case entry.Type == snapshot.File:
			err = t.content(ctx, &copied, old, oldCopy)
		}
		if err == nil {
			err = w.Add(&copied)
		}
		if err != nil {
			return chunk.ID{}, err
		}
	}
	id, err := w.Finish()
	if err == nil {
		t.dirs[e.Subtree] = id
	}
	return id, err
}

// content gives a file's entry the ids that its chunks have in the destination.
func (t *translator) content(ctx context.Context, e, old, oldCopy *snapshot.Entry) error {
	if old != nil && snapshot.SameContent(old, e) && old.Size == oldCopy.Size && len(old.Content) == len(oldCopy.Content) {
		e.Content, e.List = oldCopy.Content, oldCopy.List
		return nil
	}
	if id, ok := t.lists[e.List]; ok {
		e.List = id
		return nil
	}
	list := e.List
	w := snapshot.NewContentWriter(func(page []byte) (chunk.ID, error) { return t.c.putPage(ctx, page) })
	for c, err := range snapshot.Chunks(ctx, originTrees{t.c.from}, e, 0) {
		if err == nil {
			c.ID, err = t.chunk(ctx, c.ID)
		}
		if err == nil {
			err = w.Add(c.Chunk)
		}
		if err != nil {
			return err
		}
	}
	err := w.Finish(e)
	if err == nil && !list.IsZero() {
		t.lists[list] = e.List
	}
	return err
}

// chunk returns the id that a chunk has in the destination.
func (t *translator) chunk(ctx context.Context, id chunk.ID) (chunk.ID, error) {
	if to, ok := t.chunks[id]; ok {
		return to, nil
	}
	ids, err := t.c.repack(ctx, []blob.Ref{{ID: id}})
	if err == nil {
		t.chunks[id] = ids[0]
	}
	return ids[0], err
}

// An olderDir finds entries of an older version of a directory, in both repositories.
type olderDir struct{ from, to *snapshot.Cursor }

// openOlder returns what finds the entries of an older version, or nil if there is none
// or it can't be read.
func (t *translator) openOlder(ctx context.Context, old, oldCopy *snapshot.Entry) *olderDir {
	if old == nil || oldCopy == nil || old.Type != snapshot.Dir || oldCopy.Type != snapshot.Dir || old.Problem != "" || oldCopy.Problem != "" {
		return nil
	}
	from, err := snapshot.NewCursor(ctx, t.c.from.Blobs, old.Subtree)
	if err != nil {
		return nil
	}
	to, err := snapshot.NewCursor(ctx, t.c.to.Blobs, oldCopy.Subtree)
	if err != nil {
		return nil
	}
	return &olderDir{from, to}
}

// find returns the entry of a name in both, or nil twice. It is safe on nil.
func (d *olderDir) find(ctx context.Context, name string) (old, oldCopy *snapshot.Entry) {
	if d == nil {
		return nil, nil
	}
	old, err1 := d.from.Find(ctx, name)
	oldCopy, err2 := d.to.Find(ctx, name)
	if err1 != nil || err2 != nil || old == nil || oldCopy == nil || old.Type != oldCopy.Type {
		return nil, nil
	}
	return old, oldCopy
}
