package extract

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// withoutAliases returns those names that a directory lists, except for those under which
// it lists what the snapshot has under another spelling, as a directory does that takes
// "A" and "a" for the same. Unlisted are the snapshot's names that it doesn't list as they
// are. The error says that such a spelling can't be found among the listed ones.
func withoutAliases(out *disk.Out, listed, unlisted []string) ([]string, error) {
	var known []sighting // of the listed names, once they are needed
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
			return nil, fmt.Errorf("%s is there, but is listed under another name, and which one that is can't be told", name)
		}
		for _, name := range same {
			alias[name] = true
		}
	}
	return slices.DeleteFunc(listed, func(name string) bool { return alias[name] }), nil
}

// A sighting is what a directory tells of a name.
type sighting struct {
	entry snapshot.Entry
	file  FileID
}

func sight(out *disk.Out, name string) (s sighting, err error) {
	meta, err := out.Lstat(name, &s.entry)
	s.file = FileID{meta.Device, s.entry.Inode}
	return s, err
}

func sightAll(out *disk.Out, names []string) (all []sighting, err error) {
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

// among returns the listed names that may be another spelling of this one. Those of the
// same file are. Some file systems have an inode number for each spelling: there it is
// those that differ in case only, or else those that look the same.
func (s *sighting) among(listed []sighting) []string {
	for _, same := range []func(l *sighting) bool{
		func(l *sighting) bool { return l.file == s.file && s.file.Inode != 0 },
		func(l *sighting) bool { return foldCase(l.entry.Name) == foldCase(s.entry.Name) },
		func(l *sighting) bool {
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
