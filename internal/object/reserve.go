package object

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"syscall"

	"github.com/qsnap/qsnap/internal/seal"
)

// The reserve is an object that only takes space. A prune stores a few small objects before
// it deletes any. If the target is full, it deletes the reserve to make room for them. The
// reserve holds random bytes, which no file system can compress.
const reserveSize = 256 << 10

// MaxReserve bounds the reserve that is read, in bytes.
const MaxReserve = 2 * reserveSize

// KeepReserve stores the reserve if it is missing and the target has space for it.
func (s *Store) KeepReserve(ctx context.Context, sealer *seal.Sealer, random io.Reader) error {
	if _, err := s.Stat(ctx, ReserveName); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	b := make([]byte, reserveSize)
	if _, err := io.ReadFull(random, b); err != nil {
		return err
	}
	object, err := sealer.Seal(seal.Reserve, b)
	if err != nil {
		return err
	}
	err = s.Create(ctx, ReserveName, object)
	if errors.Is(err, fs.ErrExist) || IsFull(err) {
		return nil
	}
	return err
}

// WithReserve calls do, which stores a little so that more can be deleted. If the target is
// full, WithReserve deletes the reserve and calls do again.
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
