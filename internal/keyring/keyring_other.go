//go:build !linux

package keyring

import "errors"

// Load is not supported on this system.
func (Keyring) Load(string) ([]byte, error) { return nil, errors.ErrUnsupported }

// Store is not supported on this system.
func (Keyring) Store(string, []byte) error { return errors.ErrUnsupported }
