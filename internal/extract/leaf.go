package extract

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// leaf plans an entry that is no directory.
func (x *extraction) leaf(ctx context.Context, d *dir, e *snapshot.Entry) error {
	full := func() string { return d.join(e.Name) }
	if d.failed {
		return nil
	}
	action, todo, err := x.compare(ctx, d, e)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		x.problem(full(), err)
		return nil
	}
	if e.Links > 1 {
		key := linkKey{e.Device, e.Inode}
		if first := x.links[key]; first != nil {
			x.win.links = append(x.win.links, linkJob{first, d, e, action, todo})
			return nil
		}
		w := newWritten(d, e, action)
		x.links[key] = w
		if todo && action != Touch && e.Type == snapshot.File {
			x.planned(action, full, e)
			return x.plan(ctx, w)
		}
	}
	switch {
	case !todo:
		x.Progress.Same.Add(1)
	case e.Type == snapshot.File && action != Touch:
		x.planned(action, full, e)
		return x.plan(ctx, newWritten(d, e, action))
	case x.planned(action, full, e):
		err = x.dirs.use(d, func(out *disk.Out) error {
			if action == Touch {
				out.Apply(e, x.Keep, x.reportTo(full))
				return nil
			}
			return out.Make(e, x.Keep, x.reportTo(full))
		})
		if err != nil {
			x.problem(full(), err)
		} else {
			x.done(action, full, e)
		}
	}
	x.count(e)
	return nil
}

// count counts an entry that is no directory as done.
func (x *extraction) count(e *snapshot.Entry) {
	if e.Type == snapshot.File {
		x.Progress.Files.Add(1)
		x.Progress.Bytes.Add(uint64(e.Size))
	} else {
		x.Progress.Others.Add(1)
	}
}

// compare says what is to be done about an entry, in view of what is there.
func (x *extraction) compare(ctx context.Context, d *dir, e *snapshot.Entry) (a Action, todo bool, err error) {
	if d.made {
		return Create, true, nil
	}
	err = x.dirs.use(d, func(out *disk.Out) error {
		var have snapshot.Entry
		_, err := out.Lstat(e.Name, &have)
		if errors.Is(err, fs.ErrNotExist) {
			a, todo = Create, true
			return nil
		}
		if err != nil {
			return err
		}
		a, todo, err = x.judge(ctx, out, d, e, &have)
		return err
	})
	return a, todo, err
}

// judge compares an entry with what has its name.
func (x *extraction) judge(ctx context.Context, out *disk.Out, d *dir, e, have *snapshot.Entry) (Action, bool, error) {
	switch {
	case x.Policy == Never || x.Policy == IfNewer && !older(have.MTime, e.MTime):
		return Replace, false, nil
	case have.Type == snapshot.Dir:
		if err := x.mayReplaceDir(ctx, out, d, e.Name); err != nil {
			return 0, false, err
		}
		if !x.DryRun {
			if err := out.Remove(e.Name); err != nil {
				return 0, false, err
			}
		}
		return Replace, true, nil
	case have.Type != e.Type:
		return Replace, true, nil
	}
	same, err := x.sameContent(ctx, out, e, have)
	if err != nil || !same {
		return Replace, true, err
	}
	if e.Type != snapshot.File {
		if err := out.Describe(have); err != nil {
			return 0, false, err
		}
	}
	return Touch, !x.sameAttributes(e, have), nil
}

func older(a, b snapshot.Time) bool {
	return a.Sec < b.Sec || a.Sec == b.Sec && a.Nsec < b.Nsec
}

// sameContent reports whether what is there needn't be written. It completes have
// with its attributes if it is a file.
func (x *extraction) sameContent(ctx context.Context, out *disk.Out, e, have *snapshot.Entry) (bool, error) {
	switch e.Type {
	case snapshot.File:
		if have.Size != e.Size {
			return false, nil
		}
		f, _, err := out.Dir.Open(e.Name, have)
		if err != nil {
			return false, nil // it can't be read, so it is written
		}
		defer f.Close()
		if have.Xattrs, err = f.Xattrs(); err != nil {
			return false, err
		}
		if x.Policy == IfChanged && have.MTime == e.MTime {
			return true, nil
		}
		return x.holds(ctx, f, e)
	case snapshot.Symlink:
		name := have.Name
		err := out.Describe(have)
		have.Name = name
		return have.Target == e.Target, err
	case snapshot.CharDevice, snapshot.BlockDevice:
		return have.Major == e.Major && have.Minor == e.Minor, nil
	}
	return true, nil
}

// holds reports whether a file has the content of an entry of its size.
func (x *extraction) holds(ctx context.Context, f *disk.File, e *snapshot.Entry) (bool, error) {
	pos := newPositions(e)
	at := int64(0)
	zeros := func(until int64) (bool, error) { // a hole must read as zeros
		buf := make([]byte, min(until-at, 256<<10))
		for at < until {
			n, err := io.ReadFull(f, buf[:min(until-at, int64(len(buf)))])
			if err != nil || slices.ContainsFunc(buf[:n], func(b byte) bool { return b != 0 }) {
				return false, nil
			}
			at += int64(n)
		}
		return true, ctx.Err()
	}
	var buf []byte
	for c, err := range snapshot.Chunks(ctx, x.Source, e, 0) {
		if err != nil {
			return false, err
		}
		buf = buf[:0]
		for _, p := range pos.of(c.Offset, int64(c.Length)) {
			if ok, err := zeros(p.at); !ok {
				return false, err
			}
			from := len(buf)
			buf = append(buf, make([]byte, p.length)...)
			if _, err := io.ReadFull(f, buf[from:]); err != nil {
				return false, nil
			}
			at += p.length
		}
		if x.Source.Verify(c.ID, buf) != nil {
			return false, nil
		}
		if err := ctx.Err(); err != nil {
			return false, err
		}
	}
	return zeros(e.Size)
}

// sameAttributes reports whether Apply would change nothing.
func (x *extraction) sameAttributes(e, have *snapshot.Entry) bool {
	if !x.Keep.Owner {
		e, _ = disk.Granted(e, have.UID, have.GID)
	}
	return (have.Mode == e.Mode || e.Type == snapshot.Symlink) && have.MTime == e.MTime &&
		(!x.Keep.Owner || have.UID == e.UID && have.GID == e.GID) && snapshot.SameXattrs(have, e)
}
