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

// leaf plans an entry that is not a directory.
func (x *extraction) leaf(ctx context.Context, d *dir, e *snapshot.Entry) error {
	full := func() string { return d.join(e.Name) }
	if d.failed {
		return nil
	}
	v, err := x.compare(ctx, d, e)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		x.problem(full(), err)
		return nil
	}
	if e.Links > 1 {
		first, w := x.firstOf(d, e, v)
		if first != nil {
			x.win.links = append(x.win.links, linkJob{first, d, e, v})
			return nil
		}
		return x.planWrite(ctx, w)
	}
	return x.planWrite(ctx, newWritten(d, e, v))
}

// planWrite plans a file that must be written, and does at once what needs no chunks.
func (x *extraction) planWrite(ctx context.Context, w *written) error {
	switch {
	case !w.todo:
		x.Progress.Same.Add(1)
	case w.entry.Type == snapshot.File && w.action != Touch:
		if err := x.plan(ctx, w); err != nil || w.failed {
			return err
		}
		x.planned(w.action, w.path, w.entry)
		return nil
	case x.planned(w.action, w.path, w.entry):
		if err := x.dirs.use(w.dir, func(out *disk.Out) error { return x.make(out, w) }); err != nil {
			x.problem(w.path(), err)
		}
	}
	x.count(w.entry)
	return nil
}

// make makes an entry that is not a file, or sets the attributes of an existing file.
func (x *extraction) make(out *disk.Out, w *written) error {
	switch {
	case w.action == Touch:
		out.Apply(w.entry, x.Keep, x.reportTo(w.path))
	case w.displaces:
		part, err := out.MakePart(w.entry, x.Keep, x.reportTo(w.path))
		if err != nil {
			return err
		}
		w.at = part
		x.hold(&deferred{dir: w.dir, entry: w.entry, part: part, file: w})
		return nil
	default:
		if err := out.Make(w.entry, x.Keep, x.reportTo(w.path)); err != nil {
			return err
		}
	}
	x.done(w.action, w.path, w.entry)
	return nil
}

// count counts an entry that is not a directory as done.
func (x *extraction) count(e *snapshot.Entry) {
	if e.Type == snapshot.File {
		x.Progress.Files.Add(1)
		x.Progress.Bytes.Add(uint64(e.Size))
	} else {
		x.Progress.Others.Add(1)
	}
}

// A verdict says what to do about an entry.
type verdict struct {
	action    Action
	todo      bool
	displaces bool // the directory in its place is moved aside in the end
}

// compare decides what to do about an entry, given what exists in its place.
func (x *extraction) compare(ctx context.Context, d *dir, e *snapshot.Entry) (v verdict, err error) {
	if d.made {
		return verdict{action: Create, todo: true}, nil
	}
	err = x.dirs.use(d, func(out *disk.Out) error {
		var have snapshot.Entry
		meta, err := out.Lstat(e.Name, &have)
		if errors.Is(err, fs.ErrNotExist) {
			v = verdict{action: Create, todo: true}
			return nil
		}
		if err == nil {
			v, err = x.compareWith(ctx, out, d, e, &have, meta.Device)
		}
		return err
	})
	return v, err
}

// compareWith compares an entry with what has its name, on that device.
func (x *extraction) compareWith(ctx context.Context, out *disk.Out, d *dir, e, have *snapshot.Entry, device uint64) (verdict, error) {
	replace := verdict{action: Replace, todo: true}
	switch {
	case x.Policy == Never || x.Policy == IfNewer && !older(have.MTime, e.MTime):
		return verdict{action: Replace}, nil
	case have.Type == snapshot.Dir:
		replace.displaces = true
		return replace, x.mayReplaceDir(ctx, out, d, e.Name)
	case have.Type != e.Type:
		return replace, nil
	}
	links, file := have.Links, disk.FileID{Device: device, Inode: have.Inode}
	same, err := x.sameContent(ctx, out, e, have)
	if err != nil || !same {
		return replace, err
	}
	if e.Type != snapshot.File {
		if err := out.Describe(have); err != nil {
			return verdict{}, err
		}
	}
	v := verdict{action: Touch, todo: !x.sameAttributes(e, have)}
	if links > 1 && (v.todo || !x.claim(file, e)) {
		return replace, nil
	}
	return v, nil
}

// claim assigns an existing file with several names to an entry of the snapshot. It
// reports whether the file belongs to no other entry: two separate files of the snapshot
// must not be one file here. Such a file is never changed, because not all its names are
// known.
func (x *extraction) claim(id disk.FileID, e *snapshot.Entry) bool {
	key := keyOf(e)
	other, claimed := x.claims[id]
	if !claimed {
		x.claims[id] = key
	}
	return !claimed || key == other && e.Links > 1
}

// keyOf returns the key of a file with several names, or else a key that no other entry
// has.
func keyOf(e *snapshot.Entry) snapshot.FileKey {
	if e.Links <= 1 {
		return snapshot.FileKey{}
	}
	return e.FileKey()
}

func older(a, b snapshot.Time) bool {
	return a.Sec < b.Sec || a.Sec == b.Sec && a.Nsec < b.Nsec
}

// sameContent reports whether the existing file needn't be written. If it is a file,
// sameContent sets the attributes in have.
func (x *extraction) sameContent(ctx context.Context, out *disk.Out, e, have *snapshot.Entry) (bool, error) {
	switch e.Type {
	case snapshot.File:
		if have.Size != e.Size {
			return false, nil
		}
		f, _, err := out.Dir.Open(e.Name, have)
		if err != nil {
			return false, nil // the file can't be read, so it is written
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

// holds reports whether a file of the entry's size has the entry's content.
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
			if err := x.Pace.Pace(ctx); err != nil {
				return false, err
			}
		}
		return true, x.Pace.Pace(ctx)
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
		if err := x.Pace.Pace(ctx); err != nil {
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
