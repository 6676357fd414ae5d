package snapshot

import (
	"context"
	"fmt"

	"github.com/qsnap/qsnap/chunk"
)

// Reach calls visit for the pages of a directory, the chunks and content lists of its
// files, and so on for the directories below, each page before what is beneath it. If
// visit returns false for a page, Reach skips what is beneath and doesn't read the page.
// An error ends the traversal and is returned.
func Reach(ctx context.Context, l Loader, dir *Entry, visit func(id chunk.ID, tree bool) (enter bool, err error)) error {
	if dir.Problem != "" {
		return nil
	}
	return reach(ctx, l, Ref{dir.Subtree, TreePage}, visit)
}

// ReachAll calls Reach for all directories that a manifest names.
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
