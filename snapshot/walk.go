package snapshot

import (
	"context"
	"iter"
	"path"
)

// A PathEntry is an entry and its path, relative to where the walk began.
type PathEntry struct {
	Path string
	*Entry
	// Skip may be set to keep the walk from entering a directory.
	Skip *bool
}

// Walk yields all that is below a directory, each directory before what is in it,
// in the order of names. A directory that can't be read is yielded once more, with
// the error; the walk goes on behind it.
func Walk(ctx context.Context, l Loader, root *Entry) iter.Seq2[PathEntry, error] {
	return func(yield func(PathEntry, error) bool) {
		walkDir(ctx, l, PathEntry{Entry: root}, yield)
	}
}

func walkDir(ctx context.Context, l Loader, dir PathEntry, yield func(PathEntry, error) bool) bool {
	if dir.Problem != "" {
		return true
	}
	for e, err := range ReadDir(ctx, l, dir.Subtree) {
		if err != nil {
			return yield(dir, err) && ctx.Err() == nil
		}
		skip := false
		p := PathEntry{path.Join(dir.Path, e.Name), e, &skip}
		if !yield(p, nil) {
			return false
		}
		if e.Type == Dir && !skip && !walkDir(ctx, l, p, yield) {
			return false
		}
	}
	return true
}
