package object

import (
	"context"
	"io"
)

// A SalvageReader reads the bytes of an object that its disk can still read. It replaces
// unreadable bytes by zeros, so that all others keep their offsets.
type SalvageReader struct {
	ReadBytes, Unread int64 // so far; unread bytes count when they are skipped

	ctx   context.Context
	store *Store
	name  string
	size  int64

	rc    io.ReadCloser // reads from off on; nil before the first read and after a failed one
	off   int64
	zeros int64 // zeros to return before the next read
	step  int64 // bytes that the last failed read skipped; 0 after one that succeeded
}

// Salvage returns a reader of the readable bytes of an object of that size.
func (s *Store) Salvage(ctx context.Context, name string, size int64) *SalvageReader {
	return &SalvageReader{ctx: ctx, store: s, name: name, size: size}
}

// Bounds on the bytes that are skipped after a failed read. They double each time, so that a
// disk fails a few dozen times on a pack that it can't read at all. Each time may take
// seconds.
const (
	minSkip = 4 << 10
	maxSkip = 1 << 20
)

// Read is part of io.Reader.
func (r *SalvageReader) Read(p []byte) (int, error) {
	for {
		switch {
		case r.zeros > 0:
			n := int(min(int64(len(p)), r.zeros))
			clear(p[:n])
			r.zeros -= int64(n)
			r.off += int64(n)
			return n, nil
		case r.off >= r.size:
			return 0, io.EOF
		}
		n, err := r.try(p)
		if IsDamage(err) {
			r.skip()
			err = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// try reads from off on.
func (r *SalvageReader) try(p []byte) (n int, err error) {
	if r.rc == nil {
		if r.rc, err = r.store.Get(r.ctx, r.name, r.off, -1); err != nil {
			r.rc = nil
			return 0, err
		}
	}
	n, err = r.rc.Read(p)
	if n > 0 {
		r.off += int64(n)
		r.ReadBytes += int64(n)
		r.step = 0
	}
	return n, err
}

// skip skips the bytes that follow, after a failed read.
func (r *SalvageReader) skip() {
	_ = r.Close() // the next try opens the object again
	r.step = max(minSkip, min(2*r.step, maxSkip))
	next := min(r.off/minSkip*minSkip+r.step, r.size)
	r.zeros = next - r.off
	r.Unread += r.zeros
}

// Close is part of io.Closer.
func (r *SalvageReader) Close() error {
	if r.rc == nil {
		return nil
	}
	rc := r.rc
	r.rc = nil
	return rc.Close()
}
