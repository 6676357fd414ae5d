package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

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
func isVacant(ctx context.Context, t target.Target, begun func(name string) bool) error {
	for info, err := range t.List(ctx, "") {
		switch {
		case err != nil:
			return err
		case begun(info.Name):
		case isLayout(info.Name):
			return &DamageError{configName, fmt.Errorf("%w, and a repository's %s is here", ErrNoConfig, info.Name)}
		default:
			return fmt.Errorf("%w: it holds %q", ErrOccupied, info.Name)
		}
	}
	in, ok := target.As[target.ForeignFinder](t)
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

// isLayout reports whether an object has the name of a repository's.
var isLayout = below(configName, configCopyName, keysPrefix, packsPrefix, indexPrefix, snapshotPrefix,
	leasesPrefix, pendingPrefix, quarantinePrefix, forgottenPrefix, marksPrefix, lossesPrefix,
	epochsPrefix, namesPrefix, twinName, reserveName, replicaName, replicatingPrefix)

// whyNoConfig says what it means that neither config nor its copy is there, as
// ErrNoRepository says: the repository has lost both if there is what comes after it.
func whyNoConfig(ctx context.Context, t target.Target, missing error) error {
	if !errors.Is(missing, ErrNoRepository) {
		return missing
	}
	for _, name := range []string{packsPrefix, snapshotPrefix, indexPrefix, reserveName, keysPrefix} {
		found, err := anyOf(ctx, t, name)
		switch {
		case err != nil:
			return err
		case found == "":
		case name == keysPrefix:
			return ErrUnfinished
		default:
			return &DamageError{configName, fmt.Errorf("%w, and a repository's %s is here", ErrNoConfig, found)}
		}
	}
	return missing
}

// anyOf returns the name of an object: the one of that name, or some below a prefix.
func anyOf(ctx context.Context, t target.Target, name string) (string, error) {
	if !strings.HasSuffix(name, "/") {
		_, err := t.Stat(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
		return name, err
	}
	for info, err := range t.List(ctx, name) {
		return info.Name, err
	}
	return "", nil
}

// begunRing returns the key ring and the slot of an Init that was interrupted on this
// target, or nil if there was none. Another's, with another secret, is ErrOccupied.
func begunRing(ctx context.Context, t target.Target, secret Secret) (*seal.Keyring, string, error) {
	begun, err := anyOf(ctx, t, keysPrefix)
	if err != nil || begun == "" {
		return nil, "", err
	}
	ring, slot, err := unlock(ctx, t, secret)
	if errors.Is(err, ErrWrongSecret) {
		err = fmt.Errorf("%w: making a repository here with another password or key was interrupted, or is under way: %q", ErrOccupied, begun)
	}
	return ring, slot, err
}
