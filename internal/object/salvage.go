package object

import (
	"context"
	"io"
)

// A SalvageReader reads what a disk can still read of an object. What it can't read becomes
// zeros, so that everything else stays in its place.
type SalvageReader struct {
	ReadBytes, Unread int64 // so far; unread bytes count when they are skipped

	ctx   context.Context
	store *Store
	name  string
	size  int64

	rc    io.ReadCloser // from off on, or nil
	off   int64
	zeros int64 // to come before anything is read
	step  int64 // how far the last try was skipped, or 0 if it wasn't
}

// Salvage returns what can be read of an object that has so many bytes.
func (s *Store) Salvage(ctx context.Context, name string, size int64) *SalvageReader {
	return &SalvageReader{ctx: ctx, store: s, name: name, size: size}
}

// Bounds on what is skipped after a read that failed. It doubles each time, so that a disk
// is asked a few dozen times of a pack it can't read at all, each of which may take seconds.
const (
	leastSkip = 4 << 10
	mostSkip  = 1 << 20
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

// try reads on, or begins to.
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

// skip passes over what follows.
func (r *SalvageReader) skip() {
	_ = r.Close() // nothing more is read of it
	r.step = max(leastSkip, min(2*r.step, mostSkip))
	next := min(r.off/leastSkip*leastSkip+r.step, r.size)
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
