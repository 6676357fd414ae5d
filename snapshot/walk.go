package snapshot

import (
	"context"
	"io/fs"
	"path"
)

// A WalkFunc is called by Walk for an entry, with its path relative to where the walk
// began. An error that it returns ends the walk, except that fs.SkipDir and fs.SkipAll mean
// what they mean to fs.WalkDir: to skip the directory, or the rest of the one that the entry
// is in if it is no directory; and to skip all that is left.
//
// For a directory that can't be read, the function is called a second time, with the error.
// If it returns nil, the walk continues behind that directory.
type WalkFunc func(path string, e *Entry, err error) error

// Walk calls f for everything below a directory, for each directory before its contents, in
// the order of names.
func Walk(ctx context.Context, l Loader, root *Entry, f WalkFunc) error {
	err := walkDir(ctx, l, "", root, f)
	if err == fs.SkipDir || err == fs.SkipAll {
		return nil
	}
	return err
}

// walkDir returns fs.SkipDir when the rest of the directory is to be skipped.
func walkDir(ctx context.Context, l Loader, name string, dir *Entry, f WalkFunc) error {
	if dir.Problem != "" {
		return nil
	}
	for e, err := range ReadDir(ctx, l, dir.Subtree) {
		if err != nil {
			if err := f(name, dir, err); err != nil {
				return err
			}
			return ctx.Err()
		}
		below := path.Join(name, e.Name)
		err := f(below, e, nil)
		if err == nil && e.Type == Dir {
			err = walkDir(ctx, l, below, e, f)
		}
		if err == fs.SkipDir && e.Type == Dir {
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}
