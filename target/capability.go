package target

import (
	"context"
	"errors"
	"io/fs"
	"time"
)

// capability stands for an optional interface of the target beneath a wrapper, such as
// SpaceReporter. It is made for one interface, which beneath implements. around does the
// work of the wrapper.
type capability struct {
	around  func(ctx context.Context, method, name string, f func(context.Context) error) error
	beneath any
}

const askSpace = "ask for space"

// Space implements SpaceReporter.
func (c capability) Space(ctx context.Context) (free, total int64, err error) {
	err = c.around(ctx, askSpace, "", func(ctx context.Context) error {
		free, total, err = c.beneath.(SpaceReporter).Space(ctx)
		return err
	})
	return free, total, err
}

// CreateOnly implements CreateOnlyReporter.
func (c capability) CreateOnly(ctx context.Context) (yes bool, err error) {
	err = c.around(ctx, "try to replace", "", func(ctx context.Context) error {
		yes, err = c.beneath.(CreateOnlyReporter).CreateOnly(ctx)
		return err
	})
	return yes, err
}

// RetainUntil implements Locker.
func (c capability) RetainUntil() time.Time { return c.beneath.(Locker).RetainUntil() }

// Lock implements Locker.
func (c capability) Lock(ctx context.Context, name string, until time.Time) error {
	return c.around(ctx, "lock", name, func(ctx context.Context) error {
		return c.beneath.(Locker).Lock(ctx, name, until)
	})
}

// Locked implements Locker.
func (c capability) Locked(ctx context.Context, name string) (until time.Time, err error) {
	err = c.around(ctx, "ask for the lock of", name, func(ctx context.Context) error {
		until, err = c.beneath.(Locker).Locked(ctx, name)
		return err
	})
	return until, err
}

// Hidden implements VersionRestorer. When the call is repeated, it yields no object a
// second time.
func (c capability) Hidden(ctx context.Context, prefix string, f func(Info) error) error {
	last := ""
	return c.around(ctx, "list hidden objects below", prefix, func(ctx context.Context) error {
		return c.beneath.(VersionRestorer).Hidden(ctx, prefix, func(i Info) error {
			if i.Name <= last {
				return nil
			}
			last = i.Name
			return f(i)
		})
	})
}

// RestoreHidden implements VersionRestorer. If a repeated call finds nothing hidden, it
// has succeeded.
func (c capability) RestoreHidden(ctx context.Context, name string) error {
	tries := 0
	return c.around(ctx, "restore", name, func(ctx context.Context) error {
		err := c.beneath.(VersionRestorer).RestoreHidden(ctx, name)
		if tries++; tries > 1 && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}
