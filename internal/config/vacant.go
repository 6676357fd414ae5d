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
	// ErrOccupied means that a repository can't be made on a target, because something
	// else is there.
	ErrOccupied = errors.New("the target is not empty")
	// ErrUnfinished means that a target holds what making a repository begins with, and
	// nothing else: Init with the same secret completes it. It is ErrNoRepository, too.
	ErrUnfinished = fmt.Errorf("%w, only key slots: making one was interrupted, or is under way", ErrNoRepository)
	// ErrNoConfig, in a *DamageError, means that a repository has lost its config and
	// the copy of it. All else may be whole.
	ErrNoConfig = errors.New("it is missing, and so is its copy")
)

// Vacant returns an error unless a repository can be made on a target, where begun
// says which objects may be there because making it was interrupted. A *DamageError
// means that there is a repository which has lost its config.
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
	in, ok := object.As[target.ForeignFinder](store)
	if !ok {
		return nil
	}
	found, err := in.Foreign(ctx)
	if err == nil && found != "" {
		err = fmt.Errorf("%w: it holds %q", ErrOccupied, found)
	}
	return err
}

// Below returns a function for Vacant.
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

// ExplainMissing says what it means that neither config nor its copy is there, as
// ErrNoRepository says: the repository has lost both if there is what comes after it.
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

// First returns the name of an object: the one of that name, or some below a prefix.
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

// Probe returns ErrNoRepository unless there is a repository, or a *object.DamageError for
// one that has lost its config; it needs no secret.
func Probe(ctx context.Context, store *object.Store) error {
	_, err := Read(ctx, store, false)
	return ExplainMissing(ctx, store, err)
}
