package target

import (
	"context"
	"errors"
	"time"
)

// CreateOnlyReporter is a target that knows whether its Put can be relied on never to replace
// an object, also where several try one name at once.
type CreateOnlyReporter interface {
	// CreateOnly reports whether it can. It may ask the target the first time.
	CreateOnly(ctx context.Context) (bool, error)
}

// CreateOnly reports whether a target's Put never replaces an object, as far as it
// knows: one that isn't a CreateOnlyReporter keeps the contract.
func CreateOnly(ctx context.Context, t Target) (bool, error) {
	c, ok := As[CreateOnlyReporter](t)
	if !ok {
		return true, nil
	}
	return c.CreateOnly(ctx)
}

// Locker is a target that can keep objects from being deleted for some time, by
// anyone. Delete then fails with an error that LockedUntil knows.
type Locker interface {
	// RetainUntil returns until when what is put now is locked, of those objects that the
	// target was opened to lock; the zero time if there are none. It is the same for a
	// while, so that who locks older objects as long needs do so now and then only. It
	// asks nobody.
	RetainUntil() time.Time
	// Lock keeps an object from being deleted before a time. It never shortens a lock.
	// An absent object is fs.ErrNotExist.
	Lock(ctx context.Context, name string, until time.Time) error
	// Locked returns the time before which an object can't be deleted: zero, or one
	// that has passed, if it can be. An absent object is fs.ErrNotExist.
	Locked(ctx context.Context, name string) (time.Time, error)
}

// Forever is the time until which an object is locked whose lock has no end.
var Forever = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// LockedUntil reports whether an operation failed because an object is locked, and
// until when that is. A target's errors say so by a method LockedUntil() time.Time.
func LockedUntil(err error) (until time.Time, locked bool) {
	l, ok := errors.AsType[interface {
		error
		LockedUntil() time.Time
	}](err)
	if !ok {
		return time.Time{}, false
	}
	return l.LockedUntil(), true
}

// VersionRestorer is a target that keeps what was deleted or replaced, and can bring it
// back. Nobody hides by Delete what is locked; others, who write to the store by
// other ways, may.
type VersionRestorer interface {
	// Hidden calls f with each object below a prefix that is locked, and that was
	// deleted or replaced all the same. An error of f ends it.
	Hidden(ctx context.Context, prefix string, f func(Info) error) error
	// RestoreHidden brings back the first version of a hidden object.
	RestoreHidden(ctx context.Context, name string) error
}
