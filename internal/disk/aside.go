package disk

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
)

// An Aside is something that was moved out of the way in its directory. It may be the
// only copy that its user has, and is named so that it can be told from parts.
type Aside struct {
	Name string // it has now
	Was  string
	dir  string // it was put into, if its own name has no room for more
}

// Path returns where it is, from its directory.
func (a Aside) Path() string {
	if a.dir != "" {
		return a.dir + "/" + a.Was
	}
	return a.Name
}

// maxName is how long a name may be, in bytes.
const maxName = 255

// MoveAside gives what has a name one that tells that it was moved out of the way.
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

// PutBack gives back its name to what was moved aside, unless something has it: then the
// error is fs.ErrExist.
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

// OpenAside calls f with the directory that holds what was moved aside, and the name that
// it has there.
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

// Forget removes what held something that was moved aside and is gone.
func (o *Out) Forget(a Aside) error {
	if a.dir == "" {
		return nil
	}
	return o.Rmdir(a.dir)
}

// Asides returns what a name, for which IsAside holds, stands for, and whose it is.
func (o *Out) Asides(name string) (list []Aside, s Session, err error) {
	s, separator, rest := sessionOf(name, asidePrefix)
	switch {
	case separator == '-' && rest != "":
		return []Aside{{Name: name, Was: rest}}, s, nil
	case separator != '.':
		return nil, s, fmt.Errorf("%s: what it was moved from isn't known", name)
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

// exists reports whether something has a name.
func (o *Out) exists(name string) bool {
	_, err := o.Place(name)
	return !errors.Is(err, fs.ErrNotExist)
}
