//go:build !linux

package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/qsnap/qsnap/snapshot"
)

// An Out is an open directory to write to. Several goroutines may call its methods, until
// Close.
type Out struct {
	*Dir // the same directory, for reading
	root *os.Root
	top  *os.Root // the directory of OpenOut: hard links are made below it
	rel  string   // path of this directory below top

	session Session
}

// OpenOut opens a directory to write to it, and to nothing outside of it, for a session.
func OpenOut(path string, s Session) (*Out, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	dir, err := dirOf(root, path)
	if err != nil {
		root.Close()
		return nil, err
	}
	return &Out{Dir: dir, root: root, top: root, rel: ".", session: s}, nil
}

// dirOf opens the directory of a root for reading.
func dirOf(root *os.Root, path string) (*Dir, error) {
	again, err := root.OpenRoot(".")
	if err != nil {
		return nil, err
	}
	return &Dir{again, path}, nil
}

// check refuses a name that could lead elsewhere.
func (o *Out) check(name string) error {
	if err := checkName(runtime.GOOS, name); err != nil {
		return &fs.PathError{Op: "write", Path: filepath.Join(o.path, name), Err: err}
	}
	return nil
}

// Sub opens a subdirectory. A symbolic link is not one.
func (o *Out) Sub(name string) (*Out, error) {
	if err := o.check(name); err != nil {
		return nil, err
	}
	info, err := o.root.Lstat(name)
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "open", Path: filepath.Join(o.path, name), Err: errors.New("not a directory")}
	}
	if err != nil {
		return nil, err
	}
	root, err := o.root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	// A link that took its place meanwhile would have led elsewhere in the tree.
	opened, err := root.Stat(".")
	if err == nil && !os.SameFile(info, opened) {
		err = &fs.PathError{Op: "open", Path: filepath.Join(o.path, name), Err: errors.New("replaced while it was opened")}
	}
	var dir *Dir
	if err == nil {
		dir, err = dirOf(root, filepath.Join(o.path, name))
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	return &Out{Dir: dir, root: root, top: o.top, rel: filepath.Join(o.rel, name), session: o.session}, nil
}

// Close closes the directory.
func (o *Out) Close() error { return errors.Join(o.Dir.Close(), o.root.Close()) }

// Mkdir makes a directory that only the user can access. Finish sets its mode later.
func (o *Out) Mkdir(name string) error {
	if err := o.check(name); err != nil {
		return err
	}
	return ofName(o.root.Mkdir(name, 0o700))
}

// Remove removes whatever has the name, with everything in it.
func (o *Out) Remove(name string) error {
	if err := o.check(name); err != nil {
		return err
	}
	return o.root.RemoveAll(name)
}

// A NewFile is a file being written, under its own name or under a temporary one until
// Commit. Its File is nil while closed.
type NewFile struct {
	*os.File
	part string
	keep Keep
}

// Create begins a file that will become the entry. If named is set and its name is free,
// it has its name at once; otherwise it gets its name when it is complete.
func (o *Out) Create(e *snapshot.Entry, named bool, keep Keep, report func(error)) (*NewFile, error) {
	if err := o.check(e.Name); err != nil {
		return nil, err
	}
	f := &NewFile{part: e.Name, keep: keep}
	var err error
	if named {
		err = o.open(f, os.O_CREATE|os.O_EXCL)
	}
	if !named || errors.Is(err, fs.ErrExist) {
		f.part = o.partName()
		err = o.open(f, os.O_CREATE|os.O_EXCL)
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// IsOpen reports whether the file can be written to.
func (f *NewFile) IsOpen() bool { return f.File != nil }

// Reopen opens an incomplete file that was closed.
func (o *Out) Reopen(f *NewFile) error { return o.open(f, 0) }

func (o *Out) open(f *NewFile, flags int) (err error) {
	f.File, err = o.root.OpenFile(f.part, flags|os.O_RDWR, 0o600)
	return err
}

// Pause closes the file temporarily.
func (f *NewFile) Pause() error {
	file := f.File
	f.File = nil
	return file.Close()
}

// Abort removes the file, open or not.
func (o *Out) Abort(f *NewFile) error {
	var err error
	if f.File != nil {
		err = f.Pause()
	}
	return errors.Join(err, o.root.Remove(f.part))
}

// Commit closes the file, which must be open, sets the entry's attributes and gives the
// file its name. It replaces what has the name, unless that is a directory. Attributes
// that can't be set are reported and are no error. After an error the file is gone.
func (o *Out) Commit(f *NewFile, e *snapshot.Entry, report func(error)) error {
	part, err := o.Complete(f, e, report)
	if err != nil || part == e.Name {
		return err
	}
	return o.place(part, e.Name)
}

// Complete does what Commit does, but leaves the file its present name.
func (o *Out) Complete(f *NewFile, e *snapshot.Entry, report func(error)) (part string, err error) {
	o.attributes(f.part, e, f.keep, report)
	if err := f.Pause(); err != nil {
		return "", errors.Join(err, o.root.Remove(f.part))
	}
	return f.part, nil
}

// place gives a part its name.
func (o *Out) place(part, name string) error {
	if err := o.root.Rename(part, name); err != nil {
		return errors.Join(ofName(err), o.root.Remove(part))
	}
	return nil
}

// Link gives a file that was written below the same top another name. It replaces what
// has the name, unless that is a directory.
func (o *Out) Link(from *Out, fromName, name string) error {
	part, err := o.LinkPart(from, fromName, name)
	if err != nil {
		return err
	}
	err = o.root.Rename(part, name)
	// Rename does nothing if both names are those of one file.
	if e := o.root.Remove(part); err == nil && e != nil && !errors.Is(e, fs.ErrNotExist) {
		err = e
	}
	return err
}

// LinkPart gives a file that was written below the same top a temporary name here, from
// which it can get its own name.
func (o *Out) LinkPart(from *Out, fromName, name string) (part string, err error) {
	if err := errors.Join(from.check(fromName), o.check(name)); err != nil {
		return "", err
	}
	if o.top != from.top {
		return "", &fs.PathError{Op: "link", Path: filepath.Join(o.path, name), Err: errors.New("the file is below another directory link")}
	}
	part = o.partName()
	return part, o.top.Link(filepath.Join(from.rel, fromName), filepath.Join(o.rel, part))
}

// Make makes an entry that is neither file nor directory. It replaces what has its name,
// unless that is a directory.
func (o *Out) Make(e *snapshot.Entry, keep Keep, report func(error)) error {
	part, err := o.MakePart(e, keep, report)
	if err != nil {
		return err
	}
	return o.place(part, e.Name)
}

// MakePart does what Make does, but under a temporary name, from which the entry can get
// its own.
func (o *Out) MakePart(e *snapshot.Entry, keep Keep, report func(error)) (name string, err error) {
	if err := o.check(e.Name); err != nil {
		return "", err
	}
	part := *e
	part.Name = o.partName()
	if e.Type == snapshot.Symlink {
		err = o.root.Symlink(e.Target, part.Name)
	} else {
		err = o.mknod(&part)
	}
	if err != nil {
		_ = o.root.Remove(part.Name) // some file systems create a file and then fail
		return "", fmt.Errorf("%s: %w", filepath.Join(o.path, e.Name), err)
	}
	o.attributesOfName(&part, keep, report)
	return part.Name, nil
}

// Apply sets the entry's attributes on what has its name and type: a file, or what Make
// makes.
func (o *Out) Apply(e *snapshot.Entry, keep Keep, report func(error)) {
	if err := o.check(e.Name); err != nil {
		report(err)
		return
	}
	o.attributesOfName(e, keep, report)
}
