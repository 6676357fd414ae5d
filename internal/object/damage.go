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

// A DamageError names an object of a repository that is missing or damaged.
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

// ErrHash means that the hash of an object's bytes is not the one in its name.
var ErrHash = errors.New("the hash of its bytes is not the one in its name")

// IsDamage reports whether an error is a *DamageError or a *pack.DamageError.
func IsDamage(err error) bool {
	if _, ok := errors.AsType[*DamageError](err); ok {
		return true
	}
	_, ok := errors.AsType[*pack.DamageError](err)
	return ok
}

// Join returns an error that reports both errors in one line. Either may be nil. It is for an
// error that cleaning up after a failed operation returns.
func Join(err, other error) error {
	switch {
	case other == nil:
		return err
	case err == nil:
		return other
	}
	return fmt.Errorf("%w; %w", err, other)
}

// A damageClassifier is a target that returns errors of reading as damage or as failure. If
// a disk can't read an object, the object is damaged, and the run loses only what depends on
// it. If the target fails, the run ends.
type damageClassifier struct {
	target.Target
	local bool
}

func classifyDamage(t target.Target) target.Target {
	if _, ok := t.(damageClassifier); ok {
		return t
	}
	return damageClassifier{t, !isRemote(t)}
}

// Unwrap returns the target beneath.
func (t damageClassifier) Unwrap() target.Target { return t.Target }

// Get is part of target.Target.
func (t damageClassifier) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	rc, err := t.Target.Get(ctx, name, off, n)
	if err != nil {
		return nil, t.classify(name, err)
	}
	return &damageReader{rc, t, name}, nil
}

type damageReader struct {
	io.ReadCloser
	t    damageClassifier
	name string
}

// Read is part of io.Reader.
func (r *damageReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = r.t.classify(r.name, err)
	}
	return n, err
}

// classify returns an error of reading an object, as a damage error if it means damage.
func (t damageClassifier) classify(name string, err error) error {
	if IsDamage(err) || !isUnreadable(err) && !(t.local && errors.Is(err, fs.ErrPermission)) {
		return err
	}
	if id, ok := Packs.ID(name); ok {
		return &pack.DamageError{Pack: id, Err: err}
	}
	return &DamageError{name, err}
}

// OpenError returns an error of opening a sealed object with the object's name. If the key is
// missing, the error matches seal.ErrNoKey; all else is damage.
func OpenError(name string, err error) error {
	if errors.Is(err, seal.ErrNoKey) {
		return fmt.Errorf("%s: %w", name, err)
	}
	return &DamageError{name, err}
}
