package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"sync/atomic"
)

// A Retry repeats the operations of the target that it wraps when they fail with a
// Temporary error. It is safe for concurrent use.
//
// A failed operation may have been done all the same. When a repeated Put finds the
// object, it is read back: if it has the bytes of the body, the Put has succeeded;
// otherwise the error is fs.ErrExist. The answer to a first attempt is never questioned.
// So if two clients put the same bytes under one name at the same time, both may succeed.
// A repeated Delete that finds nothing has succeeded. A Get continues where it broke off,
// and so does a List.
//
// Objects can't be staged through a Retry: a half-written one is lost with the connection
// and could not be rewritten, while a body can be put as often as needed.
type Retry struct {
	t Target
	o RetryOptions
}

// NewRetry returns a Retry around a target.
func NewRetry(t Target, o RetryOptions) *Retry {
	o.fill()
	return &Retry{t, o}
}

// Unwrap returns the target beneath.
func (r *Retry) Unwrap() Target { return r.t }

// Cover hides Stager, and makes the Retry repeat optional calls.
func (r *Retry) Cover(want, found any) any {
	switch want.(type) {
	case *Stager:
		return nil
	case *SpaceReporter, *CreateOnlyReporter, *Locker, *VersionRestorer:
		return capability{r.ask, found}
	}
	return found
}

// Put implements Target.
func (r *Retry) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	e := r.operation("put", name)
	source := &retriedBody{body: body, size: size}
	for {
		err := r.t.Put(e.context(ctx), name, source, size)
		if err == nil || source.failed.Load() { // repeating doesn't help if the body fails
			return err
		}
		if e.failures > 0 && errors.Is(err, fs.ErrExist) {
			err = r.resolveExisting(ctx, name, source, size, err)
		}
		if err == nil || source.failed.Load() {
			return err
		}
		if err := e.retry(ctx, err); err != nil {
			return err
		}
	}
}

// resolveExisting returns nil if the existing object is the body that was to be put, and
// otherwise exists.
func (r *Retry) resolveExisting(ctx context.Context, name string, body io.ReaderAt, size int64, exists error) error {
	same, err := r.hasBytes(ctx, name, body, size)
	switch {
	case errors.Is(err, fs.ErrNotExist): // deleted meanwhile: the name is free again
		return vanishedError{err}
	case err != nil:
		return err
	case !same:
		return exists
	}
	return nil
}

// hasBytes reports whether an object has the bytes of a body.
func (r *Retry) hasBytes(ctx context.Context, name string, body io.ReaderAt, size int64) (bool, error) {
	info, err := r.Stat(ctx, name)
	if err != nil || info.Size != size {
		return false, err
	}
	there, err := r.Get(ctx, name, 0, size)
	if err != nil {
		return false, err
	}
	defer there.Close()
	mine := io.NewSectionReader(body, 0, size)
	a, b := make([]byte, min(size, 128<<10)), make([]byte, min(size, 128<<10))
	for left := size; left > 0; left -= int64(len(a)) {
		a, b = a[:min(left, int64(len(a)))], b[:min(left, int64(len(b)))]
		if _, err := io.ReadFull(mine, a); err != nil {
			return false, err
		}
		if _, err := io.ReadFull(there, b); err != nil {
			return false, err
		}
		if !bytes.Equal(a, b) {
			return false, nil
		}
	}
	return true, nil
}

type vanishedError struct{ error }

func (e vanishedError) Error() string {
	return fmt.Sprintf("the object existed and then did not: %v", e.error)
}

func (vanishedError) Temporary() bool { return true }

// A retriedBody records whether reading the body has failed.
type retriedBody struct {
	body   io.ReaderAt
	size   int64
	failed atomic.Bool
}

func (b *retriedBody) ReadAt(p []byte, off int64) (int, error) {
	n, err := b.body.ReadAt(p, off)
	if n < len(p) && off+int64(n) < b.size {
		b.failed.Store(true)
	}
	return n, err
}

// Stat implements Target.
func (r *Retry) Stat(ctx context.Context, name string) (info Info, err error) {
	err = r.operation("stat", name).do(ctx, func(ctx context.Context) error {
		info, err = r.t.Stat(ctx, name)
		return err
	})
	return info, err
}

// List implements Target.
func (r *Retry) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		e := r.operation("list", prefix)
		last := "" // the last name that was yielded
		for {
			var broken error
			here := "" // the last name in this attempt
			for info, err := range r.t.List(e.context(ctx), prefix) {
				if broken = err; err != nil {
					break
				}
				if info.Name <= here {
					broken = fmt.Errorf("list %s: %s comes after %s: the names are out of order", prefix, info.Name, here)
					break
				}
				if here = info.Name; here <= last {
					continue
				}
				last = here
				e.progress()
				if !yield(info, nil) {
					return
				}
			}
			if broken == nil {
				return
			}
			if err := e.retry(ctx, broken); err != nil {
				yield(Info{}, err)
				return
			}
		}
	}
}

// Delete implements Target.
func (r *Retry) Delete(ctx context.Context, name string) error {
	e := r.operation("delete", name)
	for {
		err := r.t.Delete(e.context(ctx), name)
		if err == nil || e.failures > 0 && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err := e.retry(ctx, err); err != nil {
			return err
		}
	}
}

// ask does what RetryOptions.Do does.
func (r *Retry) ask(ctx context.Context, method, name string, f func(context.Context) error) error {
	return r.operation(method, name).do(ctx, f)
}
