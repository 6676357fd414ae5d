package replica

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/internal/object"
)

// kinds are the kinds of objects that a replica has of its repository, in the order in which
// they are copied; the config comes after the epochs. The others belong to one target: leases,
// pending manifests and the quarantine, which the runs on it use among themselves; and claims
// of names, which only twins have.
var kinds = []object.Kind{
	object.Keys, object.Epochs, object.Packs, object.Deltas, object.Losses,
	object.Forgotten, object.Marks, object.Snapshots,
}

// A listing is the sizes of objects, in bytes, by their names.
type listing map[string]int64

// listAll returns the objects that a replica has of its repository.
func listAll(ctx context.Context, store *object.Store) (listing, error) {
	all := listing{}
	for _, kind := range kinds {
		if err := all.addKind(ctx, store, kind); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{object.ConfigName, object.ConfigCopyName} {
		info, err := store.Stat(ctx, name)
		if err == nil {
			all[name] = info.Size
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return all, nil
}

// listKind returns the objects of a kind.
func listKind(ctx context.Context, store *object.Store, kind object.Kind) (listing, error) {
	all := listing{}
	return all, all.addKind(ctx, store, kind)
}

func (l listing) addKind(ctx context.Context, store *object.Store, kind object.Kind) error {
	for info, err := range store.List(ctx, kind) {
		if err != nil {
			return err
		}
		l[info.Name] = info.Size
	}
	return nil
}

func (l listing) has(name string) bool {
	_, ok := l[name]
	return ok
}

// missing returns the names, in order, of the wanted objects that are not there with the
// same size.
func (l listing) missing(wanted listing) (names []string) {
	for name, size := range wanted {
		if have, ok := l[name]; !ok || have != size {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// isHashNamed reports whether an object is named by the hash of its bytes.
func isHashNamed(name string) bool {
	kind, ok := object.KindOf(name)
	return ok && kind != object.Epochs && kind != object.Marks
}

// nameHash returns the hash in an object's name.
func nameHash(name string) (hash [32]byte, ok bool) {
	b, err := hex.DecodeString(name[strings.LastIndexByte(name, '/')+1:])
	if err != nil || len(b) != len(hash) {
		return hash, false
	}
	return [32]byte(b), true
}
