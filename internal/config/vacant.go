package config

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/target"
)

var (
	// ErrNoRepository means that the target holds no repository.
	ErrNoRepository = errors.New("there is no repository here")
	// ErrOccupied means that a repository can't be made on a target, because foreign files
	// are there.
	ErrOccupied = errors.New("the target is not empty")
	// ErrUnfinished means that a target holds key slots and nothing else. Init stores these
	// first, and Init with the same secret completes the repository. It matches
	// ErrNoRepository, too.
	ErrUnfinished = fmt.Errorf("%w, only key slots: making one was interrupted, or is under way", ErrNoRepository)
	// ErrNoConfig, in a *DamageError, means that a repository has lost its config and the
	// copy of it. All other objects may be whole.
	ErrNoConfig = errors.New("it is missing, and so is its copy")
)

// Vacant returns an error unless a repository can be made on a target. begun reports whether
// an interrupted Init may have stored the object of that name. A *DamageError means that the
// target holds a repository which has lost its config.
func Vacant(ctx context.Context, store *object.Store, begun func(name string) bool) error {
	for info, err := range store.List(ctx, "") {
		switch {
		case err != nil:
			return err
		case begun(info.Name):
		case object.IsObjectName(info.Name):
			return &object.DamageError{Object: object.ConfigName, Err: fmt.Errorf("%w, and a repository's %s is here", ErrNoConfig, info.Name)}
		default:
			return fmt.Errorf("%w: it holds %q", ErrOccupied, info.Name)
		}
	}
	finder, ok := object.As[target.ForeignFinder](store)
	if !ok {
		return nil
	}
	found, err := finder.Foreign(ctx)
	if err == nil && found != "" {
		err = fmt.Errorf("%w: it holds %q", ErrOccupied, found)
	}
	return err
}

// Below returns a function for Vacant. It accepts names that equal a prefix, and names that
// begin with a prefix which ends in a slash.
func Below(prefixes ...string) func(string) bool {
	return func(name string) bool {
		for _, p := range prefixes {
			if name == p || strings.HasSuffix(p, "/") && strings.HasPrefix(name, p) {
				return true
			}
		}
		return false
	}
}

// ExplainMissing returns why a target has neither a config nor its copy, if missing is
// ErrNoRepository. If the target holds objects that are stored after the config, the
// repository has lost both. ExplainMissing returns all other errors as they are.
func ExplainMissing(ctx context.Context, store *object.Store, missing error) error {
	if !errors.Is(missing, ErrNoRepository) {
		return missing
	}
	for _, name := range []string{string(object.Packs), string(object.Snapshots), string(object.Deltas), object.ReserveName, string(object.Keys)} {
		found, err := FirstObject(ctx, store, name)
		switch {
		case err != nil:
			return err
		case found == "":
		case name == string(object.Keys):
			return ErrUnfinished
		default:
			return &object.DamageError{Object: object.ConfigName, Err: fmt.Errorf("%w, and a repository's %s is here", ErrNoConfig, found)}
		}
	}
	return missing
}

// FirstObject returns the name of an object, or "" if there is none. A name that ends in a
// slash is a prefix, and FirstObject returns any object below it.
func FirstObject(ctx context.Context, store *object.Store, name string) (string, error) {
	if !strings.HasSuffix(name, "/") {
		_, err := store.Stat(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
		return name, err
	}
	for info, err := range store.List(ctx, object.Kind(name)) {
		return info.Name, err
	}
	return "", nil
}

// Probe returns nil if the target holds a repository. It returns an *object.DamageError if
// the repository has lost its config, and ErrNoRepository if there is none. It needs no
// secret.
func Probe(ctx context.Context, store *object.Store) error {
	_, err := Read(ctx, store, false)
	return ExplainMissing(ctx, store, err)
}
