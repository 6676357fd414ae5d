package target

import (
	"context"
	"errors"
	"time"
)

// CreateOnlyReporter is a target that knows whether its Put never replaces an object,
// even if several clients put one name at once.
type CreateOnlyReporter interface {
	// CreateOnly reports whether Put never replaces an object. The first call may send
	// requests to the target.
	CreateOnly(ctx context.Context) (bool, error)
}

// CreateOnly reports whether a target's Put never replaces an object, as far as the
// target knows. A target that is no CreateOnlyReporter keeps the contract.
func CreateOnly(ctx context.Context, t Target) (bool, error) {
	c, ok := As[CreateOnlyReporter](t)
	if !ok {
		return true, nil
	}
	return c.CreateOnly(ctx)
}

// Locker is a target that can protect objects from deletion by anyone for some time.
// Delete then fails with an error that LockedUntil recognizes.
type Locker interface {
	// RetainUntil returns the time until which new objects are locked, for those objects
	// that the target was opened to lock. It is zero if there are none. The time stays the
	// same for a while, so that locking older objects as long is needed only now and then.
	// RetainUntil sends no request.
	RetainUntil() time.Time
	// Lock protects an object from deletion before a time. It never shortens a lock. An
	// absent object is fs.ErrNotExist.
	Lock(ctx context.Context, name string, until time.Time) error
	// Locked returns the time before which an object can't be deleted. The time is zero or
	// in the past if the object can be deleted. An absent object is fs.ErrNotExist.
	Locked(ctx context.Context, name string) (time.Time, error)
}

// Forever is the end of a lock that has no end.
var Forever = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// LockedUntil reports whether an operation failed because an object is locked, and until
// when it is locked. Such errors have a method LockedUntil() time.Time.
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

// VersionRestorer is a target that keeps deleted and replaced objects, and can restore
// them. Delete never hides a locked object; others, who access the store in other ways,
// may.
type VersionRestorer interface {
	// Hidden calls f with each object below a prefix that is locked and was deleted or
	// replaced all the same. An error of f ends it.
	Hidden(ctx context.Context, prefix string, f func(Info) error) error
	// RestoreHidden restores the first version of a hidden object.
	RestoreHidden(ctx context.Context, name string) error
}
