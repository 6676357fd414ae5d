//go:build !linux

package keyring

import "errors"

// Load has nothing to return here.
func (Keyring) Load(string) ([]byte, error) { return nil, errors.ErrUnsupported }

// Store keeps nothing here.
func (Keyring) Store(string, []byte) error { return errors.ErrUnsupported }
