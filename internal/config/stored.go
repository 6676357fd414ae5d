package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/target"
)

// Read returns the sealed copies of the config that exist, by their names. Unless both is
// set, it reads the second one only if the first can't be a config.
func Read(ctx context.Context, store *object.Store, both bool) (map[string][]byte, error) {
	out := map[string][]byte{}
	var unread error
	for _, name := range []string{object.ConfigName, object.ConfigCopyName} {
		b, err := store.ReadAll(ctx, name, object.MaxConfig)
		switch {
		case err == nil:
			out[name] = b
		case errors.Is(err, fs.ErrNotExist):
		case ctx.Err() != nil || target.Temporary(err) || errors.Is(err, target.ErrGivenUp):
			return nil, err // the copy can't be read either
		case unread == nil:
			unread = err
		}
		if _, err := seal.ParseHeader(b); err == nil && !both {
			return out, nil
		}
	}
	if len(out) == 0 && unread != nil {
		return nil, unread
	}
	if len(out) == 0 {
		return nil, ErrNoRepository
	}
	// A copy that isn't sealed, or is of a newer version, can't be opened by any secret.
	var first error
	for _, name := range []string{object.ConfigName, object.ConfigCopyName} {
		_, err := seal.ParseHeader(out[name])
		if err == nil || errors.Is(err, seal.ErrDamaged) {
			return out, nil
		}
		if first == nil && out[name] != nil {
			first = fmt.Errorf("%s: %w", name, err)
		}
	}
	if errors.Is(first, seal.ErrNotSealed) {
		return nil, fmt.Errorf("%w: there is a file %q, but qsnap has not made it", ErrNoRepository, object.ConfigName)
	}
	return nil, first
}

// Open opens the config. If it is damaged, Open opens its copy.
func Open(ring *seal.Keyring, sealed map[string][]byte) (*Config, error) {
	var first error
	for _, name := range []string{object.ConfigName, object.ConfigCopyName} {
		c, err := OpenOne(ring, sealed[name])
		if err == nil {
			return c, nil
		}
		if first == nil {
			first = &object.DamageError{Object: name, Err: err}
		}
	}
	return nil, first
}

// OpenOne opens one copy of the config.
func OpenOne(ring *seal.Keyring, sealed []byte) (*Config, error) {
	// The cipher of the sealer doesn't matter: a header names the cipher that opens it.
	body, err := seal.NewSealer(ring, [seal.KeySize]byte{}, seal.AES256GCM, nil).Open(seal.Config, sealed)
	if err != nil {
		return nil, err
	}
	return parse(body)
}

// ReadSound returns the sealed config from a copy that is not damaged.
func ReadSound(ctx context.Context, store *object.Store, ring *seal.Keyring) ([]byte, error) {
	sealed, err := Read(ctx, store, true)
	if err != nil {
		return nil, err
	}
	for _, b := range sealed {
		if _, err = OpenOne(ring, b); err == nil {
			return b, nil
		}
	}
	return nil, &object.DamageError{Object: object.ConfigName, Err: err}
}

// Has reports whether one of the copies of a config has those bytes.
func Has(copies map[string][]byte, want []byte) bool {
	for _, b := range copies {
		if bytes.Equal(b, want) {
			return true
		}
	}
	return false
}
