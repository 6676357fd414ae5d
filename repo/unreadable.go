package repo

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/target"
)

// A telling target tells damage from failure: an object that its disk can't read is
// damaged, and costs what depends on it; a target that fails costs the run. Of a pack the
// error is a *pack.DamageError, of anything else a *DamageError.
type telling struct {
	target.Target
	near bool
}

// tell returns a target as one whose errors tell damage.
func tell(t target.Target) target.Target {
	if _, ok := t.(telling); ok {
		return t
	}
	return telling{t, !isFar(t)}
}

// Unwrap returns the target beneath.
func (t telling) Unwrap() target.Target { return t.Target }

// Get is part of target.Target.
func (t telling) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	rc, err := t.Target.Get(ctx, name, off, n)
	if err != nil {
		return nil, t.verdict(name, err)
	}
	return &tellingReader{rc, t, name}, nil
}

type tellingReader struct {
	io.ReadCloser
	t    telling
	name string
}

// Read is part of io.Reader.
func (r *tellingReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = r.t.verdict(r.name, err)
	}
	return n, err
}

// verdict returns an error of reading an object as damage, if it is.
func (t telling) verdict(name string, err error) error {
	if isDamage(err) || !isUnreadable(err) && !(t.near && errors.Is(err, fs.ErrPermission)) {
		return err
	}
	if id, ok := packOfName(name); ok {
		return &pack.DamageError{Pack: id, Err: err}
	}
	return &DamageError{name, err}
}

// isDamage reports whether an error is a *DamageError or a *pack.DamageError.
func isDamage(err error) bool {
	object, pack := (*DamageError)(nil), (*pack.DamageError)(nil)
	return errors.As(err, &object) || errors.As(err, &pack)
}
