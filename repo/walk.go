package repo

import (
	"context"
	"iter"

	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/snapshot"
)

func walkFrom(ctx context.Context, e *engine.Engine, dir *snapshot.Entry) iter.Seq2[snapshot.PathEntry, error] {
	return snapshot.Walk(ctx, e.Blobs, dir)
}

func notesOf(ctx context.Context, e *engine.Engine, m *snapshot.Manifest) iter.Seq2[snapshot.Note, error] {
	return snapshot.ReadNotes(ctx, e.Blobs, m.Notes)
}

func diffSnapshots(ctx context.Context, e *engine.Engine, before, after *snapshot.Entry) iter.Seq2[snapshot.Change, error] {
	return snapshot.Diff(ctx, e.Blobs, before, after)
}

func diffContent(ctx context.Context, e *engine.Engine, before, after *snapshot.Entry) (removed, added int64, err error) {
	return snapshot.DiffContent(ctx, e.Blobs, before, after)
}
