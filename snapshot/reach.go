package snapshot

import (
	"context"
	"fmt"

	"github.com/qsnap/qsnap/chunk"
)

// Reach calls visit for the pages of a directory, the chunks and content lists of
// the files in it, and so on for the directories below, each page before what is
// beneath it. What is beneath a page is passed over, and not even read, if visit
// returns false. An error ends it and is returned.
func Reach(ctx context.Context, l Loader, dir *Entry, visit func(id chunk.ID, tree bool) (enter bool, err error)) error {
	if dir.Problem != "" {
		return nil
	}
	return reach(ctx, l, Ref{dir.Subtree, TreePage}, visit)
}

// ReachAll does what Reach does for all directories that a manifest names.
func ReachAll(ctx context.Context, l Loader, m *Manifest, visit func(id chunk.ID, tree bool) (enter bool, err error)) error {
	for _, dir := range m.Dirs() {
		if err := Reach(ctx, l, dir, visit); err != nil {
			return err
		}
	}
	return nil
}

func reach(ctx context.Context, l Loader, ref Ref, visit func(id chunk.ID, tree bool) (enter bool, err error)) error {
	enter, err := visit(ref.ID, ref.Kind != FileData)
	if err != nil || !enter || ref.Kind == FileData {
		return err
	}
	page, err := l.Tree(ctx, ref.ID)
	if err != nil {
		return err
	}
	refs, err := Refs(page, ref.Kind)
	if err != nil {
		return fmt.Errorf("tree %s: %w", ref.ID.Short(), err)
	}
	for _, r := range refs {
		if err := reach(ctx, l, r, visit); err != nil {
			return err
		}
	}
	return nil
}
