package samename

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// WithoutAliases returns the names that a directory lists, without aliases. An alias is a
// listed spelling of a name that the snapshot has in another spelling: such a directory
// treats "A" and "a" as the same. unlisted are the snapshot's names that the directory
// doesn't list as they are. The error says that a name's spelling can't be found among
// the listed ones.
func WithoutAliases(out *disk.Out, listed, unlisted []string) ([]string, error) {
	var known []listedName // the listed names, read when needed
	alias := map[string]bool{}
	for _, name := range unlisted {
		it, err := sight(out, name)
		if errors.Is(err, fs.ErrNotExist) || disk.Unnameable(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if known == nil {
			if known, err = sightAll(out, listed); err != nil {
				return nil, err
			}
		}
		same := it.among(known)
		if len(same) == 0 {
			return nil, fmt.Errorf("%s exists, but is listed under another name that can't be determined", name)
		}
		for _, name := range same {
			alias[name] = true
		}
	}
	return slices.DeleteFunc(listed, func(name string) bool { return alias[name] }), nil
}

// A listedName is what a directory reports of a name.
type listedName struct {
	entry snapshot.Entry
	file  disk.FileID
}

func sight(out *disk.Out, name string) (s listedName, err error) {
	meta, err := out.Lstat(name, &s.entry)
	s.file = disk.FileID{Device: meta.Device, Inode: s.entry.Inode}
	return s, err
}

func sightAll(out *disk.Out, names []string) (all []listedName, err error) {
	for _, name := range names {
		s, err := sight(out, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// among returns the listed names that may be another spelling of this one: those of the
// same file. Some file systems have a different inode number for each spelling. There it
// returns those that differ only in case or, if there are none, those that look the same.
func (s *listedName) among(listed []listedName) []string {
	for _, same := range []func(l *listedName) bool{
		func(l *listedName) bool { return l.file == s.file && s.file.Inode != 0 },
		func(l *listedName) bool { return FoldCase(l.entry.Name) == FoldCase(s.entry.Name) },
		func(l *listedName) bool {
			return l.entry.Type == s.entry.Type && l.entry.Size == s.entry.Size && l.entry.MTime == s.entry.MTime
		},
	} {
		var names []string
		for i := range listed {
			if same(&listed[i]) {
				names = append(names, listed[i].entry.Name)
			}
		}
		if len(names) > 0 {
			return names
		}
	}
	return nil
}
