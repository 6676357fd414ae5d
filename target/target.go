// Package target defines where a repository's objects are stored: the contract that local
// directories, servers and tapes fulfil, each in a package below.
//
// Wrappers can be put around any target. From the target outwards: a Meter counts, a
// Watchdog ends operations that hang, a Throttle limits the rate, and a Retry repeats
// failed operations. The packages below put none of them around what they open: a program
// that opens a server by itself adds a Retry, or calls repo/connect, which adds all of them.
package target

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strings"
)

// A Target stores immutable objects by name. It is safe for concurrent use by any number
// of goroutines, processes and hosts.
//
// Names are what ValidName accepts: elements of lower-case letters, digits, dots and
// dashes, joined by slashes. Every method returns an error for a name that ValidName refuses.
// An object appears complete, under its final name, and never changes. Until it is deleted,
// everybody sees the same bytes.
//
// Every method returns promptly with the context's error once the context is cancelled.
// The errors are fs.ErrExist and fs.ErrNotExist, tested with errors.Is, where the methods
// say so. Any other error means that the outcome is unknown: a Put or Delete may or may
// not have happened. Package targettest checks all of this.
type Target interface {
	// Put creates an object from the size bytes of body, atomically: if several callers
	// try, one succeeds and the others get fs.ErrExist. It returns once the object is
	// durable, so that a power failure can't lose it. It may read body more than once, but
	// not after it has returned. After any failure the name is either free or has the
	// complete object.
	Put(ctx context.Context, name string, body io.ReaderAt, size int64) error

	// Get returns n bytes of an object from offset off, or all that follow if n is
	// negative. An absent object is fs.ErrNotExist. Bytes beyond the end of the object are
	// an error, from Get or from reading: never a silent short read. The caller closes the
	// reader.
	Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error)

	// Stat returns the Info that List would yield. An absent object is fs.ErrNotExist.
	Stat(ctx context.Context, name string) (Info, error)

	// List yields the objects whose name begins with prefix, in lexical order of their
	// names. prefix is empty or ends in a slash. List yields every object that exists
	// during the whole call, and may or may not yield those put or deleted meanwhile. An
	// error ends the sequence. A prefix without objects yields nothing.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]

	// Delete removes an object. An absent object is fs.ErrNotExist. It returns once the
	// removal is durable: if a power failure brought back a forgotten manifest, but not the
	// packs that were deleted after it, the snapshot would be broken.
	Delete(ctx context.Context, name string) error
}

// Info describes a stored object.
type Info struct {
	Name string
	Size int64
}

// SpaceReporter is a target that knows how much space it has.
type SpaceReporter interface {
	// Space returns the bytes that are free for this user, and the total. If they can't be
	// known, the error is errors.ErrUnsupported.
	Space(ctx context.Context) (free, total int64, err error)
}

// CacheSparer is a target that fills this machine's page cache and can leave it as it was.
type CacheSparer interface {
	// SpareCache makes the target drop what is stored, and what is read and wasn't cached
	// before, for as long as the target is used. It is called before other methods.
	SpareCache()
}

// Pager is a target that lists objects in pages, whatever directories their names are in.
// Other targets need a request for each directory.
type Pager interface {
	// Page returns how many objects one request lists, or 0 if the target does not list in
	// pages.
	Page() int
}

// Stager is a target to which objects can be written before they have a name, so that
// they need not be held in memory until then.
type Stager interface {
	// Stage begins an object. It takes space on the target until Commit or Discard, and
	// none after a crash. The context must stay valid until then: once it is cancelled,
	// reads and writes may return its error.
	Stage(ctx context.Context) (Staged, error)
}

// Staged is an object without a name. Several goroutines may write and read it if their
// ranges don't overlap, but not during Commit.
type Staged interface {
	io.ReaderAt
	io.WriterAt
	// Commit does what Put does, with the first size bytes. It may be repeated, under the
	// same or another name, until it succeeds.
	Commit(ctx context.Context, name string, size int64) error
	// Discard releases the object. It must always be called. It keeps what was committed.
	Discard() error
}

// As finds the first of the target and the targets that it wraps that is a T, such as
// SpaceReporter. A wrapper has a method Unwrap() Target. A wrapper that must not be
// bypassed also has a method Cover(want, found any) any: it gets a *T and the T found
// beneath it, and returns the T to use instead, or nil for none.
func As[T any](t Target) (T, bool) {
	if found, ok := t.(T); ok {
		return found, true
	}
	var none T
	wrapper, ok := t.(interface{ Unwrap() Target })
	if !ok {
		return none, false
	}
	found, ok := As[T](wrapper.Unwrap())
	if !ok {
		return none, false
	}
	if c, covers := t.(interface{ Cover(want, found any) any }); covers {
		found, ok = c.Cover((*T)(nil), found).(T)
	}
	return found, ok
}

// Inspect returns the body of a Put for reading that does not send it, such as hashing it
// first. Such reads are neither counted nor throttled.
func Inspect(body io.ReaderAt) io.ReaderAt {
	if b, ok := body.(interface{ Inspect() io.ReaderAt }); ok {
		return b.Inspect()
	}
	return body
}

// maxName is a length that every back end can store, below a prefix of its own.
const maxName = 200

// ValidName returns an error unless every target can store an object of that name.
func ValidName(name string) error {
	bad := func(why string) error { return fmt.Errorf("object name %q: %s", name, why) }
	if len(name) > maxName {
		return bad("too long")
	}
	for element := range strings.SplitSeq(name, "/") {
		if element == "" || element[0] == '.' {
			return bad("an element is empty or begins with a dot")
		}
		for i := range len(element) {
			switch c := element[i]; {
			case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '.':
			default:
				return bad(fmt.Sprintf("invalid character %q", c))
			}
		}
	}
	return nil
}

// ValidPrefix returns an error unless List accepts the prefix.
func ValidPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	dir, ok := strings.CutSuffix(prefix, "/")
	if !ok {
		return fmt.Errorf("object prefix %q: must end in a slash", prefix)
	}
	return ValidName(dir)
}

// ReadAll returns a whole object, or an error if it has more than limit bytes.
func ReadAll(ctx context.Context, t Target, name string, limit int64) ([]byte, error) {
	r, err := t.Get(ctx, name, 0, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("larger than the %d bytes such an object can have", limit)}
	}
	return b, nil
}
