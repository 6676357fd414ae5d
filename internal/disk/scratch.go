package disk

import (
	"errors"
	"io"
	"strconv"

	"github.com/qsnap/qsnap/snapshot"
)

// A Scratch is a directory for trying names. It inherits from its parent directory which
// names are treated as the same. Its own name is that of a part, so that the next restore
// removes it if Close was never called.
type Scratch struct {
	parent, dir *Out
	part        string
	added       []string
}

// Scratch makes a directory for trying names.
func (o *Out) Scratch() (*Scratch, error) {
	part, err := o.MkdirPart()
	if err != nil {
		return nil, err
	}
	dir, err := o.Sub(part)
	if err != nil {
		return nil, errors.Join(err, o.Remove(part))
	}
	return &Scratch{parent: o, dir: dir, part: part}, nil
}

// Close removes the directory.
func (s *Scratch) Close() error { return errors.Join(s.dir.Close(), s.parent.Remove(s.part)) }

// Add adds a name, unless the name leads to one that was added before: then it returns
// that one.
func (s *Scratch) Add(name string) (same string, err error) {
	if same := s.Find(name); same != "" {
		return same, nil
	}
	f, err := s.dir.Create(&snapshot.Entry{Name: name, Mode: 0o600}, true, Keep{}, func(error) {})
	if err != nil {
		return "", err
	}
	if f.part != name { // the name exists, although it could not be opened
		return "", errors.Join(errors.New("the name can be neither opened nor created"), s.dir.Abort(f))
	}
	// Inode numbers don't identify the file: some file systems have one for each spelling.
	// The content of the file does.
	_, err = f.WriteAt([]byte(strconv.Itoa(len(s.added))), 0)
	if err = errors.Join(err, f.Pause()); err != nil {
		return "", err
	}
	s.added = append(s.added, name)
	return "", nil
}

// CanLink reports whether a file can have several names.
func (s *Scratch) CanLink() bool {
	const name = "link"
	if _, err := s.Add(name); err != nil {
		return true // unknown
	}
	_, err := s.dir.LinkPart(s.dir, name, name)
	return err == nil
}

// Find returns the added name that a name leads to, or nothing.
func (s *Scratch) Find(name string) (same string) {
	var e snapshot.Entry
	f, _, err := s.dir.Dir.Open(name, &e)
	if err != nil {
		return ""
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 20))
	if n, bad := strconv.Atoi(string(text)); err == nil && bad == nil && n >= 0 && n < len(s.added) {
		return s.added[n]
	}
	return ""
}
