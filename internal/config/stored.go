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

// Read returns the config's two copies, as far as they are there; unless both
// are asked for, the second only if the first can't be right.
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
			return nil, err // nor would the copy be read
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
	// Whether it can be opened doesn't depend on the secret alone.
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

// Open opens the config, from its copy where it is damaged.
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

// OpenOne opens a copy of the config.
func OpenOne(ring *seal.Keyring, sealed []byte) (*Config, error) {
	// A config has the same header whatever the cipher of its repository.
	body, err := seal.NewSealer(ring, [seal.KeySize]byte{}, seal.AES256GCM, nil).Open(seal.Config, sealed)
	if err != nil {
		return nil, err
	}
	return parse(body)
}

// Sound returns the config as stored, from its copy where it is damaged.
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

// Has reports whether any copy of a config has those bytes.
func Has(copies map[string][]byte, want []byte) bool {
	for _, b := range copies {
		if bytes.Equal(b, want) {
			return true
		}
	}
	return false
}
