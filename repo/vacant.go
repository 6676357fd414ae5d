package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/target"
)

var (
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

// isVacant returns an error unless a repository can be made on a target, where begun
// says which objects may be there because making it was interrupted. A *DamageError
// means that there is a repository which has lost its config.
func isVacant(ctx context.Context, store *object.Store, begun func(name string) bool) error {
	for info, err := range store.List(ctx, "") {
		switch {
		case err != nil:
			return err
		case begun(info.Name):
		case object.IsOurs(info.Name):
			return &DamageError{Object: object.ConfigName, Err: fmt.Errorf("%w, and a repository's %s is here", ErrNoConfig, info.Name)}
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

// below returns a function for isVacant.
func below(prefixes ...string) func(string) bool {
	return func(name string) bool {
		for _, p := range prefixes {
			if name == p || strings.HasSuffix(p, "/") && strings.HasPrefix(name, p) {
				return true
			}
		}
		return false
	}
}

// whyNoConfig says what it means that neither config nor its copy is there, as
// ErrNoRepository says: the repository has lost both if there is what comes after it.
func whyNoConfig(ctx context.Context, store *object.Store, missing error) error {
	if !errors.Is(missing, ErrNoRepository) {
		return missing
	}
	for _, name := range []string{string(object.Packs), string(object.Snapshots), string(object.Deltas), object.ReserveName, string(object.Keys)} {
		found, err := anyOf(ctx, store, name)
		switch {
		case err != nil:
			return err
		case found == "":
		case name == string(object.Keys):
			return ErrUnfinished
		default:
			return &DamageError{Object: object.ConfigName, Err: fmt.Errorf("%w, and a repository's %s is here", ErrNoConfig, found)}
		}
	}
	return missing
}

// anyOf returns the name of an object: the one of that name, or some below a prefix.
func anyOf(ctx context.Context, store *object.Store, name string) (string, error) {
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

// begunRing returns the key ring and the slot of an Init that was interrupted on this
// target, or nil if there was none. Another's, with another secret, is ErrOccupied.
func begunRing(ctx context.Context, store *object.Store, secret Secret) (*seal.Keyring, string, error) {
	begun, err := anyOf(ctx, store, string(object.Keys))
	if err != nil || begun == "" {
		return nil, "", err
	}
	ring, slot, err := unlock(ctx, store, secret)
	if errors.Is(err, ErrWrongSecret) {
		err = fmt.Errorf("%w: making a repository here with another password or key was interrupted, or is under way: %q", ErrOccupied, begun)
	}
	return ring, slot, err
}
