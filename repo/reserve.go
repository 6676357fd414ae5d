package repo

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"syscall"

	"github.com/qsnap/qsnap/internal/seal"
)

// A reserve is an object that only takes space, so that there is some when all is
// taken: to delete anything, a few small objects have to be stored first. It holds
// random bytes, which no file system can make smaller.
const (
	reserveName = "reserve"
	reserveSize = 256 << 10
)

// keepReserve stores the reserve if it isn't there.
func (r *Repo) keepReserve(ctx context.Context) error {
	if _, err := r.target.Stat(ctx, reserveName); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	b := make([]byte, reserveSize)
	if _, err := io.ReadFull(r.opts.Rand, b); err != nil {
		return err
	}
	object, err := r.box.Seal(seal.Reserve, b)
	if err != nil {
		return err
	}
	err = r.createOnly(ctx, reserveName, object)
	if errors.Is(err, fs.ErrExist) || isFull(err) {
		return nil
	}
	return err
}

// tight does something that stores a little, to delete more. If there is no space
// for it, it takes that of the reserve.
func (r *Repo) tight(ctx context.Context, do func() error) error {
	err := do()
	if !isFull(err) {
		return err
	}
	if e := r.target.Delete(ctx, reserveName); e != nil {
		return err
	}
	return do()
}

// isFull reports whether an error says that the target has no space left.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
