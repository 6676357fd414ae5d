package s3

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/qsnap/qsnap/target"
)

// Delete implements target.Target. An object that is locked is a *LockedError.
func (t *Target) Delete(ctx context.Context, name string) error {
	key, err := t.key(name)
	if err != nil {
		return err
	}
	there, err := t.stat(ctx, "delete", name) // S3 reports no error if there is no object
	if err != nil {
		return err
	}
	// The store would hide a locked object behind a delete marker.
	until, held := lockOf(there.Headers)
	if held {
		until = target.Forever
	}
	if until.After(there.clock) {
		return &LockedError{Path: t.path(name), Until: until}
	}
	var opts minio.RemoveObjectOptions
	if t.o.DeleteVersions {
		opts.VersionID = there.VersionID
	}
	ctx, n := withNote(ctx)
	if err := t.core.RemoveObject(ctx, t.o.Bucket, key, opts); err != nil {
		return t.fail(ctx, "delete", name, n, err)
	}
	return nil
}

// lockOf returns the end of an object's lock, from an answer's headers. A legal hold is a
// lock without an end.
func lockOf(h http.Header) (until time.Time, held bool) {
	if strings.EqualFold(h.Get("X-Amz-Object-Lock-Legal-Hold"), "ON") {
		return time.Time{}, true
	}
	until, _ = time.Parse(time.RFC3339, h.Get("X-Amz-Object-Lock-Retain-Until-Date"))
	return until, false
}

// locks reports whether an object of that name is locked when it is put.
func (t *Target) locks(name string) bool {
	if t.o.ObjectLock == 0 {
		return false
	}
	for _, prefix := range t.o.LockPrefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func (t *Target) lockMode() minio.RetentionMode {
	if t.o.LockMode == "compliance" {
		return minio.Compliance
	}
	return minio.Governance
}

// steps is how many steps the end of locks takes per lock period: a client that has
// locked old objects once in a step need not do so again before the next step.
const steps = 4

// RetainUntil implements target.Locker: the first whole quarter of ObjectLock, counted from
// 1970, that is that long away.
func (t *Target) RetainUntil() time.Time {
	if t.o.ObjectLock == 0 {
		return time.Time{}
	}
	step := max(time.Second, t.o.ObjectLock/steps)
	end := t.o.Now().Add(t.o.ObjectLock)
	since := end.Sub(time.Unix(0, 0))
	if rest := since % step; rest > 0 {
		end = end.Add(step - rest)
	}
	return end.UTC()
}

// Locked implements target.Locker. The time is by the store's clock. That of legal hold
// is target.Forever.
func (t *Target) Locked(ctx context.Context, name string) (time.Time, error) {
	if can, err := t.canLock(ctx); err == nil && !can {
		return time.Time{}, nil
	}
	there, err := t.stat(ctx, "stat", name)
	if err != nil {
		return time.Time{}, err
	}
	until, held := lockOf(there.Headers)
	if held {
		return target.Forever, nil
	}
	return until, nil
}

// Lock implements target.Locker. The bucket must have object lock.
func (t *Target) Lock(ctx context.Context, name string, until time.Time) error {
	key, err := t.key(name)
	if err != nil {
		return err
	}
	there, err := t.stat(ctx, "lock", name)
	if err != nil {
		return err
	}
	if already, _ := lockOf(there.Headers); !until.After(already) { // S3 stores whole seconds
		return nil
	}
	mode := t.lockMode()
	if strings.EqualFold(there.Headers.Get("X-Amz-Object-Lock-Mode"), "compliance") {
		mode = minio.Compliance // can't be weakened
	}
	ctx, n := withNote(ctx)
	if err := t.core.PutObjectRetention(ctx, t.o.Bucket, key, minio.PutObjectRetentionOptions{Mode: &mode, RetainUntilDate: &until}); err != nil {
		return t.fail(ctx, "lock", name, n, err)
	}
	return nil
}
