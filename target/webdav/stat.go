package webdav

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"

	"github.com/qsnap/qsnap/target"
)

// lookup requests the properties of one resource: an object's name, or "" for the base.
func (t *Target) lookup(ctx context.Context, op, name string) (resource, error) {
	c := call{op: op, name: cmp.Or(name, t.base.String()), url: t.url(name)}
	found := []resource{}
	_, err := t.propfind(ctx, c, "0", func(p string, r resource) error {
		if got, ok := t.below(p); ok && got == name {
			found = append(found, r)
		}
		return nil
	})
	switch {
	case err != nil:
		return resource{}, err
	case len(found) != 1:
		return resource{}, t.nonsense(c, "says nothing of what it was asked for")
	case found[0].status == http.StatusNotFound:
		return resource{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	case found[0].status != 0 && found[0].status != http.StatusOK:
		return resource{}, t.nonsense(c, fmt.Sprintf("says %d of it", found[0].status))
	}
	return found[0], nil
}

// Stat implements target.Target.
func (t *Target) Stat(ctx context.Context, name string) (target.Info, error) {
	if err := checkName(ctx, name); err != nil {
		return target.Info{}, err
	}
	return t.stat(ctx, "stat", name)
}

// stat uses PROPFIND, which, unlike HEAD, distinguishes files from collections, and from
// login pages, on all servers.
func (t *Target) stat(ctx context.Context, op, name string) (target.Info, error) {
	r, err := t.lookup(ctx, op, name)
	if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusBadRequest {
		r.size, err = t.head(ctx, op, name) // Apache, for a name below a file
	}
	if err == nil && r.dir {
		err = &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	if err == nil && r.size < 0 {
		r.size, err = t.head(ctx, op, name)
	}
	if err != nil {
		return target.Info{}, err
	}
	return target.Info{Name: name, Size: r.size}, nil
}

// head returns an object's size by HEAD.
func (t *Target) head(ctx context.Context, op, name string) (int64, error) {
	c := call{op: op, name: name, method: http.MethodHead, url: t.url(name), header: plain()}
	resp, err := t.send(ctx, c)
	if err != nil {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return 0, t.failed(c, resp)
	}
	discard(resp)
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.ContentLength < 0 || kind == "text/html" {
		return 0, t.nonsense(c, "doesn't say how large it is")
	}
	return resp.ContentLength, nil
}
