package webdav

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/qsnap/qsnap/target"
)

// propfind asks for a resource, with depth 1 also for what is in it, and passes on
// the path of each, cleaned, and what is said of it. It returns the address that
// answered. Long listings come in pages.
func (t *Target) propfind(ctx context.Context, c call, depth string, each func(path string, r resource) error) (*url.URL, error) {
	c.method = "PROPFIND"
	if c.body == nil {
		c.body = textBody(propfindBody)
	}
	c.header = http.Header{"Depth": {depth}, "Content-Type": {`application/xml; charset="utf-8"`}}
	first, seen := c.url, map[string]bool{}
	for !seen[c.url.String()] {
		seen[c.url.String()] = true
		resp, err := t.sendAgain(ctx, c)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode != http.StatusMultiStatus {
			if resp.StatusCode < 300 {
				discard(resp)
				return nil, t.nonsense(c, fmt.Sprintf("answers %d to a question that only 207 answers", resp.StatusCode))
			}
			return nil, t.failed(c, resp)
		}
		at := resp.Request.URL
		if c.url == first {
			first = at
		}
		err = parseMultistatus(resp.Body, func(r resource) error {
			u, err := at.Parse(r.href)
			if err != nil || u.RawQuery != "" || u.Fragment != "" {
				return nil // no name that objects have
			}
			return each(path.Clean("/"+u.Path), r)
		})
		next := nextPage(resp.Header.Values("Link"))
		discard(resp)
		if e, ok := errors.AsType[*Error](err); ok || ctx.Err() != nil {
			return nil, cmp.Or(ctx.Err(), error(e))
		}
		if err != nil {
			return nil, t.nonsense(c, "answers what is no listing: "+err.Error())
		}
		if next == "" || depth == "0" {
			return first, nil
		}
		u, err := at.Parse(next)
		if err != nil || origin(u) != origin(at) {
			return nil, t.nonsense(c, "continues a listing elsewhere")
		}
		u.User, u.Fragment = nil, ""
		c.url = u
	}
	return nil, t.nonsense(c, "continues a listing with what it has listed before")
}

// sendAgain sends a question, several times if the server fails: nginx does when what
// it is just listing vanishes.
func (t *Target) sendAgain(ctx context.Context, c call) (*http.Response, error) {
	for pause := (&pauses{10 * time.Millisecond, 500 * time.Millisecond}); ; {
		resp, err := t.send(ctx, c)
		if err != nil || resp.StatusCode != http.StatusInternalServerError || pause.over() {
			return resp, err
		}
		discard(resp)
		if err := pause.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// nonsense makes an error of an answer that can't be from a working WebDAV server.
func (t *Target) nonsense(c call, what string) error {
	return &Error{Op: c.op, Name: c.name, Text: t.line("the server " + what)}
}

// nextPage returns the target of the link with the relation "next" (RFC 8288), or "".
func nextPage(headers []string) string {
	for _, header := range headers {
		for {
			_, rest, ok := strings.Cut(header, "<")
			if !ok {
				break
			}
			link, params, ok := strings.Cut(rest, ">")
			if !ok {
				break
			}
			// The parameters go on to the next link, or the end.
			header = ""
			if i := strings.IndexByte(params, '<'); i >= 0 {
				params, header = params[:i], params[i:]
			}
			for p := range strings.FieldsFuncSeq(params, func(r rune) bool { return r == ';' || r == ',' }) {
				name, value, _ := strings.Cut(p, "=")
				relations := strings.Fields(strings.ToLower(strings.Trim(strings.TrimSpace(value), `"`)))
				if strings.EqualFold(strings.TrimSpace(name), "rel") && slices.Contains(relations, "next") {
					return link
				}
			}
		}
	}
	return ""
}

// below returns what a path that the server names is called below the base.
func (t *Target) below(p string) (name string, ok bool) {
	if p == t.hrefs {
		return "", true
	}
	return strings.CutPrefix(p, strings.TrimSuffix(t.hrefs, "/")+"/")
}

// lookup asks for one resource: an object's name, or "" for the base.
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

// Stat is part of target.Target.
func (t *Target) Stat(ctx context.Context, name string) (target.Info, error) {
	if err := checkName(ctx, name); err != nil {
		return target.Info{}, err
	}
	return t.stat(ctx, "stat", name)
}

// stat asks by PROPFIND, which unlike HEAD tells files from collections, and from
// login pages, on all servers.
func (t *Target) stat(ctx context.Context, op, name string) (target.Info, error) {
	r, err := t.lookup(ctx, op, name)
	if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusBadRequest {
		r.size, err = t.head(ctx, op, name) // Apache, of what would be below a file
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

// head returns an object's size as GET would have it.
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

// An entry is what lies in a collection.
type entry struct {
	name string // the last element
	dir  bool
	size int64 // -1 if the server doesn't say
}

// children returns what lies in a collection and has a name that is wanted, in no
// order. The listing has to name the collection itself, so that one of something else
// isn't taken for empty.
func (t *Target) children(ctx context.Context, dir string, wanted func(name string) bool) ([]entry, error) {
	c := call{op: "list", name: dir + "/", url: t.url("")}
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
		return nil, &fs.PathError{Op: "list", Path: dir, Err: fs.ErrNotExist}
	}
	return found, nil
}

// List is part of target.Target. It holds the entries of one collection at a time in
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
		found, err := t.children(ctx, dir, isValid)
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

// whyNot returns the error of listing a prefix, or nil if that has no objects: it isn't
// there, though the base is, or it lies below an object.
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

// walk yields what is below a collection, and reports whether to go on.
func (t *Target) walk(ctx context.Context, dir string, entries []entry, yield func(target.Info, error) bool) bool {
	// A collection counts as its name with a slash, which "a.b" comes before.
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
		if i > 0 && key(entries[i-1]) == key(e) { // it moved from page to page
			continue
		}
		if e.dir {
			var found []entry
			found, err = t.children(ctx, name, isValid)
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
