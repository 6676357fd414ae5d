package extract

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// verify reads back what was restored and reports differences from the snapshot.
func (x *extraction) verify(ctx context.Context) error {
	x.verifiedLinks, x.verifiedFiles = map[snapshot.FileKey]disk.FileID{}, map[disk.FileID]snapshot.FileKey{}
	root := &dir{x: x, entry: &x.Root, exists: true, picked: x.Include == nil}
	return x.verifyDir(ctx, root)
}

func (x *extraction) verifyDir(ctx context.Context, d *dir) error {
	for e, err := range snapshot.ReadDir(ctx, x.Source, d.entry.Subtree) {
		if err != nil {
			return x.unreadable(ctx, d, err)
		}
		picked, enter := x.pick(d, e)
		switch {
		case e.Problem != "", x.colliding[d.join(e.Name)]: // already reported
		case enter:
			sub := &dir{x: x, parent: d, entry: e, path: d.join(e.Name), exists: true, picked: picked}
			if x.find(sub); !sub.exists && picked {
				x.unverified(d, sub.path, differs("it is no directory"))
			}
			if !sub.exists {
				continue
			}
			if err := x.verifyDir(ctx, sub); err != nil {
				return err
			}
		case picked:
			if err := x.verifyLeaf(ctx, d, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// ErrVerification means that restored data differs from the snapshot when it is read
// back.
var ErrVerification = errors.New("verification")

// differs returns an error that matches ErrVerification.
func differs(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrVerification}, args...)...)
}

var (
	errDiffers = differs("it is not as in the snapshot")
	errAbsent  = differs("it is not there")
)

// unverified reports a difference from the snapshot. What was already reported as not
// restored is not reported again, and does not fail verification as well.
func (x *extraction) unverified(d *dir, path string, err error) {
	all, some := x.unrestored[path]
	for ; d != nil && d.parent != nil; d = d.parent {
		all = all || x.unrestored[d.path]
	}
	if all || some && errors.Is(err, ErrVerification) && err != errDiffers && err != errAbsent {
		return
	}
	x.report(path, err)
}

// verifyLeaf returns an error only if nothing further can be verified.
func (x *extraction) verifyLeaf(ctx context.Context, d *dir, e *snapshot.Entry) error {
	if err := x.Pace.Pace(ctx); err != nil {
		return err
	}
	err := x.dirs.use(d, func(out *disk.Out) error {
		var have snapshot.Entry
		meta, err := out.Lstat(e.Name, &have)
		if err != nil {
			return err
		}
		if (x.Policy == Never || x.Policy == IfNewer) && have.MTime != e.MTime {
			return nil // it was left alone
		}
		if have.Type != e.Type || have.Size != e.Size {
			return errDiffers
		}
		attributes := x.verifyAttributes(d, e, &have, meta.Device)
		if e.Type != snapshot.File {
			return attributes
		}
		f, _, err := out.Dir.Open(e.Name, &have)
		if err != nil {
			return err
		}
		defer f.Close()
		same, err := x.holds(ctx, f, e)
		switch {
		case err != nil:
			return err
		case !same:
			return errDiffers
		}
		return attributes
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = errAbsent
		}
		x.unverified(d, d.join(e.Name), err)
	}
	return nil
}

// verifyAttributes verifies mode and owner, and that two names are one file here if and
// only if they are in the snapshot.
func (x *extraction) verifyAttributes(d *dir, e, have *snapshot.Entry, device uint64) error {
	want, _ := disk.Granted(e, have.UID, have.GID)
	switch {
	case runtime.GOOS != "windows" && e.Type != snapshot.Symlink && have.Mode != want.Mode:
		return differs("its mode is %04o, in the snapshot %04o", have.Mode, want.Mode)
	case x.Keep.Owner && (have.UID != e.UID || have.GID != e.GID):
		return differs("its owner is %d:%d, in the snapshot %d:%d", have.UID, have.GID, e.UID, e.GID)
	}
	id, key := disk.FileID{Device: device, Inode: have.Inode}, keyOf(e)
	if e.Links > 1 && have.Inode != 0 {
		if first, known := x.verifiedLinks[key]; known && first != id {
			return differs("it is no hard link, as it is in the snapshot")
		}
		x.verifiedLinks[key] = id
	}
	if have.Links > 1 {
		if other, known := x.verifiedFiles[id]; known && (other != key || e.Links <= 1) {
			return differs("it is a hard link to another file of the snapshot, from which it is separate there")
		}
		x.verifiedFiles[id] = key
	}
	return nil
}
