package snapshot

import (
	"context"
	"iter"
	"path"
	"slices"
)

// A Change is a difference between two trees at one path. Before or After is nil if there
// was nothing.
type Change struct {
	Path          string
	Before, After *Entry
	Content       bool // the type, a file's bytes, a link's target or a device's number
	Attributes    bool // mode, owner, modification time or extended attributes
}

// Diff yields the differences between two directories, in the order of names, a directory
// before its contents. The contents of an added or removed directory are yielded, too. An
// error ends the sequence.
func Diff(ctx context.Context, l Loader, before, after *Entry) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		diffDirs(ctx, l, "", before, after, yield)
	}
}

// subtree returns the id of a directory's tree, and whether it has one.
func (e *Entry) subtree() (root [32]byte, ok bool) {
	if e == nil || !hasSubtree(e) {
		return root, false
	}
	return e.Subtree, true
}

func diffDirs(ctx context.Context, l Loader, dir string, before, after *Entry, yield func(Change, error) bool) bool {
	a, okA := before.subtree()
	b, okB := after.subtree()
	if a == b && okA == okB {
		return true
	}
	nextA, stopA := pullDir(ctx, l, a, okA)
	defer stopA()
	nextB, stopB := pullDir(ctx, l, b, okB)
	defer stopB()
	x, errX := nextA()
	y, errY := nextB()
	for x != nil || y != nil || errX != nil || errY != nil {
		for _, err := range []error{errX, errY} {
			if err != nil {
				return yield(Change{Path: dir}, err) && false
			}
		}
		was, is := x, y
		if x != nil && y != nil && x.Name != y.Name {
			if x.Name < y.Name {
				is = nil
			} else {
				was = nil
			}
		}
		if !diffEntries(ctx, l, dir, was, is, yield) {
			return false
		}
		if was != nil {
			x, errX = nextA()
		}
		if is != nil {
			y, errY = nextB()
		}
	}
	return true
}

// pullDir returns the entries of a directory one by one, and nil after the last.
func pullDir(ctx context.Context, l Loader, root [32]byte, ok bool) (next func() (*Entry, error), stop func()) {
	if !ok {
		return func() (*Entry, error) { return nil, nil }, func() {}
	}
	pull, stop := iter.Pull2(ReadDir(ctx, l, root))
	return func() (*Entry, error) {
		e, err, _ := pull()
		return e, err
	}, stop
}

func diffEntries(ctx context.Context, l Loader, dir string, was, is *Entry, yield func(Change, error) bool) bool {
	some := was
	if some == nil {
		some = is
	}
	c := Change{Path: path.Join(dir, some.Name), Before: was, After: is}
	if was == nil || is == nil {
		c.Content, c.Attributes = true, true
	} else {
		c.Content = !SameContent(was, is)
		c.Attributes = !SameAttributes(was, is)
	}
	if (c.Content || c.Attributes) && !yield(c, nil) {
		return false
	}
	if was != nil && was.Type != Dir {
		was = nil
	}
	if is != nil && is.Type != Dir {
		is = nil
	}
	return was == nil && is == nil || diffDirs(ctx, l, c.Path, was, is, yield)
}

// SameContent reports whether two entries have the same type and the same bytes, target
// or device number. Any two directories have the same content.
func SameContent(a, b *Entry) bool {
	if a.Type != b.Type || (a.Problem == "") != (b.Problem == "") {
		return false
	}
	switch a.Type {
	case File:
		return a.Size == b.Size && a.List == b.List && slices.Equal(a.Content, b.Content) && slices.Equal(a.Holes, b.Holes)
	case Symlink:
		return a.Target == b.Target
	case CharDevice, BlockDevice:
		return a.Major == b.Major && a.Minor == b.Minor
	}
	return true
}

// SameAttributes reports whether two entries have the same mode, owner,
// modification time and extended attributes.
func SameAttributes(a, b *Entry) bool {
	return a.Mode == b.Mode && a.UID == b.UID && a.GID == b.GID && a.MTime == b.MTime && SameXattrs(a, b)
}

// SameXattrs reports whether two entries have the same extended attributes.
func SameXattrs(a, b *Entry) bool {
	return slices.EqualFunc(a.Xattrs, b.Xattrs, func(x, y Xattr) bool {
		return x.Name == y.Name && string(x.Value) == string(y.Value)
	})
}
