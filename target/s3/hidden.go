package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/qsnap/qsnap/target"
)

// A history is all versions of an object. Objects are created once, so the first version
// is the one that was put by qsnap. Newer versions and markers came from elsewhere.
type history struct {
	first    minio.ObjectInfo
	versions int      // number of versions with bytes
	markers  []string // ids of the versions without bytes
}

// hidden reports whether something newer hides the first version.
func (h *history) hidden() bool { return h.versions > 0 && !h.first.IsLatest }

// histories returns the histories of the objects whose keys have a prefix, by name.
// Stores don't agree on the order of markers among versions, but all list the newest
// version first.
func (t *Target) histories(ctx context.Context, prefix string) (map[string]*history, error) {
	out := map[string]*history{}
	noted, n := withNote(ctx)
	for o := range t.core.ListObjectsIter(noted, t.o.Bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true, WithVersions: true}) {
		if o.Err != nil || ctx.Err() != nil {
			return nil, t.fail(ctx, "list", "", n, o.Err)
		}
		name := strings.TrimPrefix(o.Key, t.prefix)
		if target.ValidName(name) != nil {
			continue // a probe, or another program's
		}
		h := out[name]
		if h == nil {
			h = new(history)
			out[name] = h
		}
		if o.IsDeleteMarker {
			h.markers = append(h.markers, o.VersionID)
		} else {
			h.versions++
			h.first = o
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, t.fail(ctx, "list", "", n, err)
	}
	return out, nil
}

// Hidden implements target.VersionRestorer. It lists all versions, and asks for the lock of
// those that others hide.
func (t *Target) Hidden(ctx context.Context, prefix string, f func(target.Info) error) error {
	if can, err := t.canLock(ctx); err != nil || !can {
		return err
	}
	if err := target.ValidPrefix(prefix); err != nil {
		return err
	}
	all, err := t.histories(ctx, t.prefix+prefix)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		h := all[name]
		if !h.hidden() {
			continue
		}
		locked, err := t.versionLocked(ctx, name, h.first.VersionID)
		if err == nil && locked {
			err = f(target.Info{Name: name, Size: h.first.Size})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// versionLocked reports whether a version can't be deleted yet.
func (t *Target) versionLocked(ctx context.Context, name, version string) (bool, error) {
	noted, n := withNote(ctx)
	info, err := t.core.StatObject(noted, t.o.Bucket, t.prefix+name, minio.StatObjectOptions{VersionID: version})
	if err != nil {
		return false, t.fail(ctx, "ask for the lock of", name, n, err)
	}
	until, held := lockOf(info.Headers)
	if until.IsZero() && !held { // versitygw 1.8 reports the lock of the newest version only, and here with its own error
		_, asked, err := t.core.GetObjectRetention(noted, t.o.Bucket, t.prefix+name, version)
		answer, answered := errors.AsType[minio.ErrorResponse](err)
		_, ownWords := errors.AsType[xml.UnmarshalError](err)
		switch {
		case answered && answer.StatusCode < 500:
			return false, nil
		case ownWords:
			return true, nil // the end of the lock is unknown
		case err != nil:
			return false, t.fail(ctx, "ask for the lock of", name, n, err)
		case asked != nil:
			until = *asked
		}
	}
	return held || until.After(n.clock(t.o.Now)), nil
}

// RestoreHidden implements target.VersionRestorer. It removes markers; over a newer version it copies
// the first, as that may be locked as well.
func (t *Target) RestoreHidden(ctx context.Context, name string) error {
	key, err := t.key(name)
	if err != nil {
		return err
	}
	all, err := t.histories(ctx, key)
	if err != nil {
		return err
	}
	h := all[name]
	if h == nil || !h.hidden() {
		return &fs.PathError{Op: "bring back", Path: t.path(name), Err: fs.ErrNotExist}
	}
	noted, n := withNote(ctx)
	if h.versions > 1 {
		to := minio.CopyDestOptions{Bucket: t.o.Bucket, Object: key, Encryption: t.sse}
		if t.locks(name) {
			to.Mode, to.RetainUntilDate = t.lockMode(), t.RetainUntil()
		}
		from := minio.CopySrcOptions{Bucket: t.o.Bucket, Object: key, VersionID: h.first.VersionID}
		if _, err = t.core.Client.CopyObject(noted, to, from); err != nil {
			return t.fail(ctx, "bring back", name, n, err)
		}
		return nil
	}
	for _, marker := range h.markers {
		if err := t.core.RemoveObject(noted, t.o.Bucket, key, minio.RemoveObjectOptions{VersionID: marker}); err != nil {
			return t.fail(ctx, "bring back", name, n, err)
		}
	}
	return nil
}
