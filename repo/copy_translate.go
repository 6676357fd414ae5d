package repo

import (
	"context"
	"iter"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/view"
	"github.com/qsnap/qsnap/snapshot"
)

// A translator brings snapshots to a repository with other ids. First all chunks of a
// snapshot that are new are packed there, by several goroutines; then its trees are
// made anew, with the ids that the chunks have got. What is the same as in an older
// version that was copied has the ids it has there.
type translator struct {
	walker
	c      *copier
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

// forget is part of fetcher.
func (t *translator) forget() {
	clear(t.seen)
	clear(t.chunks)
	clear(t.lists)
	clear(t.dirs)
}

// fetch is part of fetcher.
func (t *translator) fetch(ctx context.Context, m *snapshot.Manifest, base *version) (treeIDs, error) {
	if len(t.chunks) > maxTranslated {
		clear(t.chunks)
		clear(t.seen)
	}
	var ids treeIDs
	var was, is *snapshot.Entry
	if base != nil {
		was, is = &base.from.Root, &base.to.Root
		t.learn(ctx, m, base)
	}
	b := t.c.batch(func(from, to chunk.ID) { t.chunks[from] = to })
	source := sourceTrees{t.c.from}
	visited, err := t.walk(ctx, m, source, source, was, func(ref blob.Ref) error {
		if _, known := t.chunks[ref.ID]; known || ref.Tree {
			return nil
		}
		return b.add(ctx, ref)
	})
	if err == nil {
		err = b.flush(ctx)
	}
	if err == nil {
		ids.root, err = t.dir(ctx, &m.Root, was, is)
	}
	if err == nil && !m.Notes.IsZero() {
		ids.notes, err = t.dir(ctx, &snapshot.Entry{Type: snapshot.Dir, Subtree: m.Notes}, nil, nil)
	}
	if err != nil {
		return treeIDs{}, err
	}
	t.brought(visited)
	return ids, nil
}

// learn notes which ids the chunks of files that have changed have in an older
// version, here and there. What it can't read isn't learned, and has to be copied.
func (t *translator) learn(ctx context.Context, m *snapshot.Manifest, base *version) {
	for c, err := range snapshot.Diff(ctx, t.c.from.Blobs, &base.from.Root, &m.Root) {
		if err != nil {
			return
		}
		was := c.Before
		if was == nil || c.After == nil || !c.Content || was.Type != snapshot.File || c.After.Type != snapshot.File ||
			len(was.Content) < 2 && was.List.IsZero() { // a single chunk that has changed
			continue
		}
		if is, err := view.Entry(ctx, t.c.to.Blobs, base.to, c.Path); err == nil && is.Type == snapshot.File {
			t.learnFile(ctx, was, is)
		}
	}
}

func (t *translator) learnFile(ctx context.Context, was, is *snapshot.Entry) {
	next, stop := iter.Pull2(snapshot.Chunks(ctx, t.c.to.Blobs, is, 0))
	defer stop()
	for here, err := range snapshot.Chunks(ctx, t.c.from.Blobs, was, 0) {
		there, err2, ok := next()
		if err != nil || err2 != nil || !ok || here.Length != there.Length {
			return
		}
		t.chunks[here.ID] = there.ID
	}
}

// dir returns the id that a directory has in the destination. was and is are an older
// version of it, here and there, or nil.
func (t *translator) dir(ctx context.Context, e, was, is *snapshot.Entry) (chunk.ID, error) {
	if id, ok := t.dirs[e.Subtree]; ok {
		return id, nil
	}
	older := t.older(ctx, was, is)
	if older != nil && was.Subtree == e.Subtree {
		return is.Subtree, nil
	}
	w := snapshot.NewTreeWriter(func(page []byte) (chunk.ID, error) { return t.putPage(ctx, page) })
	for entry, err := range snapshot.ReadDir(ctx, sourceTrees{t.c.from}, e.Subtree) {
		if err != nil {
			return chunk.ID{}, err
		}
		x := *entry
		was, is := older.find(ctx, x.Name)
		switch {
		case x.Problem != "":
		case x.Type == snapshot.Dir:
			x.Subtree, err = t.dir(ctx, entry, was, is)
		case x.Type == snapshot.File:
			err = t.content(ctx, &x, was, is)
		}
		if err == nil {
			err = w.Add(&x)
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

func (t *translator) putPage(ctx context.Context, page []byte) (chunk.ID, error) {
	id, err := t.c.s.PutTree(ctx, page)
	if err != nil {
		err = &halt{err}
	}
	return id, err
}

// content gives a file's entry the ids that its chunks have in the destination.
func (t *translator) content(ctx context.Context, e, was, is *snapshot.Entry) error {
	if was != nil && snapshot.SameContent(was, e) && was.Size == is.Size && len(was.Content) == len(is.Content) {
		e.Content, e.List = is.Content, is.List
		return nil
	}
	if id, ok := t.lists[e.List]; ok {
		e.List = id
		return nil
	}
	list := e.List
	w := snapshot.NewContentWriter(func(page []byte) (chunk.ID, error) { return t.putPage(ctx, page) })
	for c, err := range snapshot.Chunks(ctx, sourceTrees{t.c.from}, e, 0) {
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

// A pair finds entries of an older version of a directory, here and there.
type pair struct{ here, there *snapshot.Cursor }

// older returns what finds the entries of an older version, or nil if there is none
// or it can't be read.
func (t *translator) older(ctx context.Context, was, is *snapshot.Entry) *pair {
	if was == nil || is == nil || was.Type != snapshot.Dir || is.Type != snapshot.Dir || was.Problem != "" || is.Problem != "" {
		return nil
	}
	here, err := snapshot.NewCursor(ctx, t.c.from.Blobs, was.Subtree)
	if err != nil {
		return nil
	}
	there, err := snapshot.NewCursor(ctx, t.c.to.Blobs, is.Subtree)
	if err != nil {
		return nil
	}
	return &pair{here, there}
}

// find returns the entry of a name in both, or nil twice. It is safe on nil.
func (p *pair) find(ctx context.Context, name string) (was, is *snapshot.Entry) {
	if p == nil {
		return nil, nil
	}
	was, err1 := p.here.Find(ctx, name)
	is, err2 := p.there.Find(ctx, name)
	if err1 != nil || err2 != nil || was == nil || is == nil || was.Type != is.Type {
		return nil, nil
	}
	return was, is
}
