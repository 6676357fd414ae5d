package webdav

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/qsnap/qsnap/target"
)

// An entry is a member of a collection.
type entry struct {
	name string // the last element
	dir  bool
	size int64 // -1 if the server doesn't say
}

// children returns the members of a collection whose names are wanted, in no particular
// order. Errors name name. It tries several times: if a member vanishes during the
// listing, nginx answers 500, and rclone breaks off.
func (t *Target) children(ctx context.Context, op, name, dir string, wanted func(name string) bool) ([]entry, error) {
	for pause := (&pauses{10 * time.Millisecond, time.Second}); ; {
		found, err := t.childrenOnce(ctx, call{op: op, name: name, url: t.url("")}, dir, wanted)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Status != http.StatusInternalServerError && !errors.Is(err, errTrailing) || pause.over() {
			return found, err
		}
		if err := pause.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// childrenOnce requires a listing that names the collection itself, so that the listing
// of something else isn't taken for empty.
func (t *Target) childrenOnce(ctx context.Context, c call, dir string, wanted func(name string) bool) ([]entry, error) {
	if dir != "" {
		c.url = t.url(dir + "/")
	}
	var found []entry
	self, isDir := false, false
	_, err := t.propfind(ctx, c, "1", func(p string, r resource) error {
		name, ok := t.below(p)
		if ok && name == dir {
			self, isDir = true, r.dir
			return nil
		}
		parent, last := path.Split(name)
		if !ok || strings.TrimSuffix(parent, "/") != dir {
			return fmt.Errorf("it has %q", p)
		}
		if !wanted(name) || r.status == http.StatusNotFound {
			return nil
		}
		if r.status != 0 && r.status != http.StatusOK {
			return fmt.Errorf("it says %d of %q", r.status, p)
		}
		found = append(found, entry{last, r.dir, r.size})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !self {
		return nil, t.nonsense(c, "lists something else")
	}
	if !isDir {
		return nil, &fs.PathError{Op: c.op, Path: c.name, Err: fs.ErrNotExist}
	}
	return found, nil
}

// List implements target.Target. It holds the entries of one collection at a time in
// memory, and of those that this lies in.
func (t *Target) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	return func(yield func(target.Info, error) bool) {
		err := target.ValidPrefix(prefix)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			yield(target.Info{}, err)
			return
		}
		dir := strings.TrimSuffix(prefix, "/")
		found, err := t.children(ctx, "list", dir+"/", dir, isValid)
		if err != nil {
			if err = t.whyNot(ctx, dir, err); err != nil {
				yield(target.Info{}, err)
			}
			return
		}
		t.walk(ctx, dir, found, yield)
	}
}

func isValid(name string) bool { return target.ValidName(name) == nil }

// whyNot returns the error of listing a prefix, or nil if the prefix has no objects: its
// collection doesn't exist but the base does, or it is below an object.
func (t *Target) whyNot(ctx context.Context, dir string, err error) error {
	e, ok := errors.AsType[*Error](err)
	absent := errors.Is(err, fs.ErrNotExist)
	if dir == "" || !absent && !(ok && e.Status == http.StatusBadRequest) {
		return err
	}
	if absent {
		_, err := t.lookup(ctx, "list", "")
		return err
	}
	for i := range len(dir) + 1 {
		if i < len(dir) && dir[i] != '/' {
			continue
		}
		r, err := t.lookup(ctx, "list", dir[:i])
		if errors.Is(err, fs.ErrNotExist) || err == nil && !r.dir {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return err
}

// walk yields what is below a collection, and reports whether to continue.
func (t *Target) walk(ctx context.Context, dir string, entries []entry, yield func(target.Info, error) bool) bool {
	// A collection counts as its name with a slash, which comes after "a.b".
	key := func(e entry) string {
		if e.dir {
			return e.name + "/"
		}
		return e.name
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(key(a), key(b)) })
	for i, e := range entries {
		name := strings.TrimPrefix(dir+"/"+e.name, "/")
		var err error
		if i > 0 && key(entries[i-1]) == key(e) { // listed on two pages
			continue
		}
		if e.dir {
			var found []entry
			found, err = t.children(ctx, "list", name+"/", name, isValid)
			if err == nil && !t.walk(ctx, name, found, yield) {
				return false
			}
		} else {
			if e.size < 0 {
				e.size, err = t.head(ctx, "list", name)
			}
			if err == nil && !yield(target.Info{Name: name, Size: e.size}, nil) {
				return false
			}
		}
		if err == nil || errors.Is(err, fs.ErrNotExist) { // deleted meanwhile
			err = ctx.Err()
		}
		if err != nil {
			return yield(target.Info{}, err) && false
		}
	}
	return true
}
