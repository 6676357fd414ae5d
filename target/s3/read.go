package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/qsnap/qsnap/target"
)

// Get implements target.Target.
func (t *Target) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	key, err := t.key(name)
	if err != nil {
		return nil, err
	}
	if off < 0 {
		return nil, t.beyond(name, off, n, -1)
	}
	if n == 0 { // HTTP ranges can't be empty
		return t.getNothing(ctx, name, off, 0)
	}
	var opts minio.GetObjectOptions
	switch {
	case n > 0:
		opts.Set("Range", fmt.Sprintf("bytes=%d-%d", off, off+n-1))
	case off > 0:
		opts.Set("Range", fmt.Sprintf("bytes=%d-", off))
	}
	ctx, note := withNote(ctx)
	body, _, header, err := t.core.GetObject(ctx, t.o.Bucket, key, opts)
	if answer, ok := errors.AsType[minio.ErrorResponse](err); ok && (answer.Code == minio.InvalidRange || answer.StatusCode == http.StatusRequestedRangeNotSatisfiable) {
		return t.getNothing(ctx, name, off, n) // off is the size or more
	}
	if err != nil {
		return nil, t.fail(ctx, "get", name, note, err)
	}
	length, size, err := answered(header, off)
	switch {
	case err != nil:
	case length < n:
		err = t.beyond(name, off, n, size)
	case n < 0 && off+length != size:
		err = fmt.Errorf("the store sends %d bytes from %d on, of %d", length, off, size)
	}
	if err != nil {
		body.Close()
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, err
		}
		return nil, &Error{Op: "get", Path: t.path(name), text: err.Error(), err: err}
	}
	if n > 0 {
		length = n // the store may have ignored the range
	}
	return &reader{t: t, ctx: ctx, name: name, body: body, left: length}, nil
}

// getNothing returns the empty rest of an object at off, if the object has that many
// bytes, or an error.
func (t *Target) getNothing(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	info, err := t.stat(ctx, "get", name)
	if err != nil {
		return nil, err
	}
	if off > info.Size || n > info.Size-off || n < 0 && off != info.Size {
		return nil, t.beyond(name, off, n, info.Size)
	}
	return io.NopCloser(bytes.NewReader(nil)), nil
}

func (t *Target) beyond(name string, off, n, size int64) error {
	return &fs.PathError{Op: "get", Path: t.path(name), Err: fmt.Errorf("%d bytes at %d: %w of %d bytes", n, off, io.ErrUnexpectedEOF, size)}
}

// answered returns how many bytes the answer to a request from off on has, and the size
// of the object.
func answered(h http.Header, off int64) (length, size int64, err error) {
	length, err = strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	if err != nil || length < 0 {
		return 0, 0, errors.New("the store doesn't say how many bytes it sends")
	}
	r := h.Get("Content-Range")
	if r == "" {
		if off > 0 {
			return 0, 0, errors.New("the store sends the whole object instead of a part")
		}
		return length, length, nil
	}
	var first, last int64
	if _, err := fmt.Sscanf(r, "bytes %d-%d/%d", &first, &last, &size); err != nil {
		return 0, 0, errors.New("the store doesn't say which part it sends")
	}
	if first != off || last-first+1 != length || last >= size {
		return 0, 0, fmt.Errorf("the store sends %s in %d bytes, and was asked for what begins at %d", r, length, off)
	}
	return length, size, nil
}

// A reader passes on all bytes of an answer, or an error.
type reader struct {
	t    *Target
	ctx  context.Context
	name string
	body io.ReadCloser
	left int64
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.body.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	switch {
	case err == nil || err == io.EOF && r.left == 0:
		return n, err
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return n, r.t.fail(r.ctx, "get", r.name, nil, err)
}

func (r *reader) Close() error { return r.body.Close() }

// Stat implements target.Target.
func (t *Target) Stat(ctx context.Context, name string) (target.Info, error) {
	info, err := t.stat(ctx, "stat", name)
	if err != nil {
		return target.Info{}, err
	}
	return target.Info{Name: name, Size: info.Size}, nil
}

// stat requests an object with HEAD. A HEAD is refused without a reason, and a missing
// bucket looks like a missing object, so then it requests again with GET.
func (t *Target) stat(ctx context.Context, op, name string) (*stated, error) {
	key, err := t.key(name)
	if err != nil {
		return nil, err
	}
	return t.statKey(ctx, op, name, key)
}

// stated is the information of a HEAD.
type stated struct {
	minio.ObjectInfo
	clock time.Time // time by the store's clock
}

func (t *Target) statKey(ctx context.Context, op, name, key string) (*stated, error) {
	ctx, n := withNote(ctx)
	const tries = 3 // others may put and delete the object meanwhile
	for range tries {
		info, err := t.core.StatObject(ctx, t.o.Bucket, key, minio.StatObjectOptions{})
		if err == nil {
			if info.Size < 0 {
				return nil, &Error{Op: op, Path: t.path(name), text: "the store doesn't say how large the object is"}
			}
			return &stated{info, n.clock(t.o.Now)}, nil
		}
		if answer, ok := errors.AsType[minio.ErrorResponse](err); !ok || answer.StatusCode >= 500 {
			return nil, t.fail(ctx, op, name, n, err)
		}
		var first minio.GetObjectOptions
		first.Set("Range", "bytes=0-0")
		body, _, _, err := t.core.GetObject(ctx, t.o.Bucket, key, first)
		if err == nil {
			body.Close()
			continue
		}
		if answer, ok := errors.AsType[minio.ErrorResponse](err); ok && answer.StatusCode == http.StatusRequestedRangeNotSatisfiable {
			continue // it is there, and empty
		}
		return nil, t.fail(ctx, op, name, n, err)
	}
	return nil, &Error{Op: op, Path: t.path(name), text: "the store says that the object doesn't exist, and sends it", temporary: true}
}

// Page implements target.Pager.
func (t *Target) Page() int { return 1000 }

// List implements target.Target.
func (t *Target) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	return func(yield func(target.Info, error) bool) {
		if err := target.ValidPrefix(prefix); err != nil {
			yield(target.Info{}, err)
			return
		}
		if err := t.list(ctx, prefix, yield); err != nil {
			yield(target.Info{}, err)
		}
	}
}

// list yields objects until yield returns false. After a temporary failure it continues
// where it was, as long as that makes progress.
func (t *Target) list(ctx context.Context, prefix string, yield func(target.Info, error) bool) error {
	last := ""
	for {
		before := last
		err := t.listAfter(ctx, prefix, &last, yield)
		e, ok := errors.AsType[*Error](err)
		if !ok || !e.Temporary() || last == before {
			return err
		}
		if err := wait(ctx, max(e.RetryAfter(), pause)); err != nil {
			return t.fail(ctx, "list", prefix, nil, err)
		}
	}
}

// listAfter yields the objects after the key last, which it advances.
func (t *Target) listAfter(ctx context.Context, prefix string, last *string, yield func(target.Info, error) bool) error {
	ctx, n := withNote(ctx)
	for o := range t.core.ListObjectsIter(ctx, t.o.Bucket, minio.ListObjectsOptions{
		Prefix: t.prefix + prefix, StartAfter: *last, Recursive: true, FetchOwner: new(bool),
	}) {
		if o.Err != nil || ctx.Err() != nil {
			return t.fail(ctx, "list", prefix, n, o.Err)
		}
		name, ok := strings.CutPrefix(o.Key, t.prefix)
		switch {
		case !ok || !strings.HasPrefix(name, prefix):
			return &Error{Op: "list", Path: t.path(prefix), text: fmt.Sprintf("the store lists %q too", t.scrub(o.Key))}
		case o.Key <= *last: // a store with wrong pages would never end
			return &Error{Op: "list", Path: t.path(prefix), text: fmt.Sprintf("the store lists %q after %q: qsnap needs one that lists in order", t.scrub(o.Key), t.scrub(*last))}
		}
		*last = o.Key
		if target.ValidName(name) != nil {
			continue // a probe, or an object of another program
		}
		if !yield(target.Info{Name: name, Size: o.Size}, nil) {
			return nil
		}
	}
	if err := ctx.Err(); err != nil {
		return t.fail(ctx, "list", prefix, n, err)
	}
	return nil
}
