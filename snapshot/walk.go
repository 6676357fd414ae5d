package snapshot

import (
	"context"
	"iter"
	"path"
)

// A PathEntry is an entry with its path relative to the start of the walk.
type PathEntry struct {
	Path string
	*Entry
	// Skip may be set to keep the walk from entering a directory.
	Skip *bool
}

// Walk yields everything below a directory, each directory before its contents, in the
// order of names. A directory that can't be read is yielded a second time, with the
// error. The walk then continues after it.
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
