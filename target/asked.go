package target

import (
	"context"
	"errors"
	"io/fs"
	"time"
)

// asked stands for a capability beneath a wrapper whose calls are questions or
// orders, such as Spacer. It is made for one of them and beneath is that. around does
// what the wrapper is for.
type asked struct {
	around  func(ctx context.Context, method, name string, f func(context.Context) error) error
	beneath any
}

const askSpace = "ask for space"

// Space is part of Spacer.
func (a asked) Space(ctx context.Context) (free, total int64, err error) {
	err = a.around(ctx, askSpace, "", func(ctx context.Context) error {
		free, total, err = a.beneath.(Spacer).Space(ctx)
		return err
	})
	return free, total, err
}

// CreateOnly is part of Creator.
func (a asked) CreateOnly(ctx context.Context) (yes bool, err error) {
	err = a.around(ctx, "try to replace", "", func(ctx context.Context) error {
		yes, err = a.beneath.(Creator).CreateOnly(ctx)
		return err
	})
	return yes, err
}

// Retain is part of Locker.
func (a asked) Retain() time.Time { return a.beneath.(Locker).Retain() }

// Lock is part of Locker.
func (a asked) Lock(ctx context.Context, name string, until time.Time) error {
	return a.around(ctx, "lock", name, func(ctx context.Context) error {
		return a.beneath.(Locker).Lock(ctx, name, until)
	})
}

// Locked is part of Locker.
func (a asked) Locked(ctx context.Context, name string) (until time.Time, err error) {
	err = a.around(ctx, "ask for the lock of", name, func(ctx context.Context) error {
		until, err = a.beneath.(Locker).Locked(ctx, name)
		return err
	})
	return until, err
}

// Hidden is part of Unhider. What it yields isn't yielded again when it is repeated.
func (a asked) Hidden(ctx context.Context, prefix string, f func(Info) error) error {
	last := ""
	return a.around(ctx, "look for what is hidden below", prefix, func(ctx context.Context) error {
		return a.beneath.(Unhider).Hidden(ctx, prefix, func(i Info) error {
			if i.Name <= last {
				return nil
			}
			last = i.Name
			return f(i)
		})
	})
}

// Unhide is part of Unhider. One that was repeated and finds nothing hidden has
// succeeded.
func (a asked) Unhide(ctx context.Context, name string) error {
	tries := 0
	return a.around(ctx, "bring back", name, func(ctx context.Context) error {
		err := a.beneath.(Unhider).Unhide(ctx, name)
		if tries++; tries > 1 && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}
