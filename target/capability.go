package target

import (
	"context"
	"errors"
	"io/fs"
	"time"
)

// asked stands for a capability beneath a wrapper whose calls are questions or
// orders, such as SpaceReporter. It is made for one of them and beneath is that. around does
// what the wrapper is for.
type capability struct {
	around  func(ctx context.Context, method, name string, f func(context.Context) error) error
	beneath any
}

const askSpace = "ask for space"

// Space is part of SpaceReporter.
func (c capability) Space(ctx context.Context) (free, total int64, err error) {
	err = c.around(ctx, askSpace, "", func(ctx context.Context) error {
		free, total, err = c.beneath.(SpaceReporter).Space(ctx)
		return err
	})
	return free, total, err
}

// CreateOnly is part of CreateOnlyReporter.
func (c capability) CreateOnly(ctx context.Context) (yes bool, err error) {
	err = c.around(ctx, "try to replace", "", func(ctx context.Context) error {
		yes, err = c.beneath.(CreateOnlyReporter).CreateOnly(ctx)
		return err
	})
	return yes, err
}

// RetainUntil is part of Locker.
func (c capability) RetainUntil() time.Time { return c.beneath.(Locker).RetainUntil() }

// Lock is part of Locker.
func (c capability) Lock(ctx context.Context, name string, until time.Time) error {
	return c.around(ctx, "lock", name, func(ctx context.Context) error {
		return c.beneath.(Locker).Lock(ctx, name, until)
	})
}

// Locked is part of Locker.
func (c capability) Locked(ctx context.Context, name string) (until time.Time, err error) {
	err = c.around(ctx, "ask for the lock of", name, func(ctx context.Context) error {
		until, err = c.beneath.(Locker).Locked(ctx, name)
		return err
	})
	return until, err
}

// Hidden is part of VersionRestorer. What it yields isn't yielded again when it is repeated.
func (c capability) Hidden(ctx context.Context, prefix string, f func(Info) error) error {
	last := ""
	return c.around(ctx, "look for what is hidden below", prefix, func(ctx context.Context) error {
		return c.beneath.(VersionRestorer).Hidden(ctx, prefix, func(i Info) error {
			if i.Name <= last {
				return nil
			}
			last = i.Name
			return f(i)
		})
	})
}

// RestoreHidden is part of VersionRestorer. One that was repeated and finds nothing hidden has
// succeeded.
func (c capability) RestoreHidden(ctx context.Context, name string) error {
	tries := 0
	return c.around(ctx, "bring back", name, func(ctx context.Context) error {
		err := c.beneath.(VersionRestorer).RestoreHidden(ctx, name)
		if tries++; tries > 1 && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}
