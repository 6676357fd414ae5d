package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/target"
)

// A DamageError names an object of a repository that can't be used as it is.
type DamageError struct {
	Object string // its name on the target
	Err    error  // what is wrong with it
}

// Error names the object and what is wrong with it.
func (e *DamageError) Error() string { return e.Object + ": " + e.Err.Error() }

// Unwrap returns what is wrong.
func (e *DamageError) Unwrap() error { return e.Err }

// Is reports whether target is chunk.ErrDamaged.
func (e *DamageError) Is(target error) bool { return target == chunk.ErrDamaged }

// ErrHash means that an object's bytes are not those that its name was made from.
var ErrHash = errors.New("its bytes are not those its name was made from")

// IsDamage reports whether an error is a *DamageError or a *pack.DamageError.
func IsDamage(err error) bool {
	if _, ok := errors.AsType[*DamageError](err); ok {
		return true
	}
	_, ok := errors.AsType[*pack.DamageError](err)
	return ok
}

// Join returns an error that reports both in one line. Either may be nil. It is for what
// fails while a failed operation is cleaned up.
func Join(err, other error) error {
	switch {
	case other == nil:
		return err
	case err == nil:
		return other
	}
	return fmt.Errorf("%w; %w", err, other)
}

// A damageTeller is a target whose errors of reading tell damage from failure. An object
// that its disk can't read is damaged, and costs what depends on it; a target that fails
// ends the run.
type damageTeller struct {
	target.Target
	local bool
}

func tellDamage(t target.Target) target.Target {
	if _, ok := t.(damageTeller); ok {
		return t
	}
	return damageTeller{t, !isRemote(t)}
}

// Unwrap returns the target beneath.
func (t damageTeller) Unwrap() target.Target { return t.Target }

// Get is part of target.Target.
func (t damageTeller) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	rc, err := t.Target.Get(ctx, name, off, n)
	if err != nil {
		return nil, t.verdict(name, err)
	}
	return &damageReader{rc, t, name}, nil
}

type damageReader struct {
	io.ReadCloser
	t    damageTeller
	name string
}

// Read is part of io.Reader.
func (r *damageReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = r.t.verdict(r.name, err)
	}
	return n, err
}

// verdict returns an error of reading an object as damage, if it is.
func (t damageTeller) verdict(name string, err error) error {
	if IsDamage(err) || !isUnreadable(err) && !(t.local && errors.Is(err, fs.ErrPermission)) {
		return err
	}
	if id, ok := Packs.ID(name); ok {
		return &pack.DamageError{Pack: id, Err: err}
	}
	return &DamageError{name, err}
}

// OpenError returns an error of opening a sealed object as what it means: damage, or a key
// that is missing.
func OpenError(name string, err error) error {
	if errors.Is(err, seal.ErrNoKey) {
		return fmt.Errorf("%s: %w", name, err)
	}
	return &DamageError{name, err}
}
