package disk

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
)

// An Aside is something that was moved out of the way in its directory. It may be the
// user's only copy, so its name distinguishes it from parts.
type Aside struct {
	Name string // its present name
	Was  string
	dir  string // the directory it was put into, if its own name is too long to extend
}

// Path returns its path, relative to its directory.
func (a Aside) Path() string {
	if a.dir != "" {
		return a.dir + "/" + a.Was
	}
	return a.Name
}

// maxName is the maximal length of a name, in bytes.
const maxName = 255

// MoveAside renames something to a name that says that it was moved out of the way.
func (o *Out) MoveAside(name string) (Aside, error) {
	a := Aside{Name: asidePrefix + string(o.session) + "-" + name, Was: name}
	if len(a.Name) <= maxName {
		return a, o.Rename(name, a.Name)
	}
	var b [4]byte
	rand.Read(b[:])
	a.dir = asidePrefix + string(o.session) + "." + hex.EncodeToString(b[:])
	a.Name = a.dir
	if err := o.Mkdir(a.dir); err != nil {
		return a, err
	}
	sub, err := o.Sub(a.dir)
	if err != nil {
		return a, err
	}
	defer sub.Close()
	if err := o.move(name, sub); err != nil {
		return a, errors.Join(err, o.Rmdir(a.dir))
	}
	return a, nil
}

// PutBack gives an aside its own name back. If something has that name, the error is
// fs.ErrExist.
func (o *Out) PutBack(a Aside) error {
	if a.dir == "" {
		return o.Rename(a.Name, a.Was)
	}
	sub, err := o.Sub(a.dir)
	if err != nil {
		return err
	}
	defer sub.Close()
	if err := sub.move(a.Was, o); err != nil {
		return err
	}
	return o.Rmdir(a.dir)
}

// OpenAside calls f with the directory that holds an aside, and the aside's name there.
func (o *Out) OpenAside(a Aside, f func(out *Out, name string) error) error {
	if a.dir == "" {
		return f(o, a.Name)
	}
	sub, err := o.Sub(a.dir)
	if err != nil {
		return err
	}
	defer sub.Close()
	return f(sub, a.Was)
}

// Forget removes the directory that held an aside which is gone.
func (o *Out) Forget(a Aside) error {
	if a.dir == "" {
		return nil
	}
	return o.Rmdir(a.dir)
}

// Asides returns the asides that a name stands for, and the session that made them.
// IsAside must be true for the name.
func (o *Out) Asides(name string) (list []Aside, s Session, err error) {
	s, separator, rest := sessionOf(name, asidePrefix)
	switch {
	case separator == '-' && rest != "":
		return []Aside{{Name: name, Was: rest}}, s, nil
	case separator != '.':
		return nil, s, fmt.Errorf("%s: its former name is unknown", name)
	}
	sub, err := o.Sub(name)
	if err != nil {
		return nil, s, err
	}
	defer sub.Close()
	names, err := sub.Names()
	for _, was := range names {
		list = append(list, Aside{Name: name, Was: was, dir: name})
	}
	return list, s, err
}

// exists reports whether something has the name.
func (o *Out) exists(name string) bool {
	_, err := o.Identify(name)
	return !errors.Is(err, fs.ErrNotExist)
}
