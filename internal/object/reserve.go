package object

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"syscall"

	"github.com/qsnap/qsnap/internal/seal"
)

// The reserve is an object that only takes space. Deleting frees it when the target is
// full: before anything can be deleted, a few small objects have to be stored. It holds
// random bytes, which no file system can compress.
const reserveSize = 256 << 10

// MaxReserve bounds what is read as the reserve.
const MaxReserve = 2 * reserveSize

// KeepReserve stores the reserve if it isn't there and there is space for it.
func (s *Store) KeepReserve(ctx context.Context, box *seal.Sealer, random io.Reader) error {
	if _, err := s.Stat(ctx, ReserveName); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	b := make([]byte, reserveSize)
	if _, err := io.ReadFull(random, b); err != nil {
		return err
	}
	object, err := box.Seal(seal.Reserve, b)
	if err != nil {
		return err
	}
	err = s.Create(ctx, ReserveName, object)
	if errors.Is(err, fs.ErrExist) || IsFull(err) {
		return nil
	}
	return err
}

// WithReserve does something that stores a little, in order to delete more. If the target
// is full, it deletes the reserve and does it again.
func (s *Store) WithReserve(ctx context.Context, do func() error) error {
	err := do()
	if !IsFull(err) {
		return err
	}
	if e := s.Delete(ctx, ReserveName); e != nil {
		return err
	}
	return do()
}

// IsFull reports whether an error says that the target has no space left.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
