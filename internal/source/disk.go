package source

import (
	"maps"
	"slices"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// diskDir is a directory on disk.
type diskDir struct{ *disk.Dir }

func (d diskDir) Sub(name string) (Dir, error) {
	s, err := d.Dir.Sub(name)
	if err != nil {
		return nil, err
	}
	return diskDir{s}, nil
}

func (d diskDir) Open(name string, e *snapshot.Entry) (File, disk.Meta, error) {
	f, meta, err := d.Dir.Open(name, e)
	if err != nil {
		return nil, meta, err
	}
	return f, meta, nil
}

// OpenDisk opens a directory on disk.
func OpenDisk(path string) (Dir, error) {
	d, err := disk.OpenDir(path)
	if err != nil {
		return nil, err
	}
	return diskDir{d}, nil
}

// An ancestorDir is a directory above named paths: it is described, and only the names
// that lead to named paths are captured. Search permission suffices: it need not be
// readable.
type ancestorDir struct {
	diskDir
	selected *Selection
}

// openWay opens a directory above named paths, by its path.
func openWay(path string, selected *Selection) (Dir, error) {
	d, err := disk.OpenSearchOnly(path)
	if err != nil {
		return nil, err
	}
	return ancestorDir{diskDir{d}, selected}, nil
}

// OpenAncestor opens a directory above named paths, in a directory on disk.
func OpenAncestor(in Dir, name string, selected *Selection) (Dir, error) {
	return in.(diskDir).openAncestor(name, selected)
}

// openAncestor opens a directory above named paths.
func (d diskDir) openAncestor(name string, selected *Selection) (Dir, error) {
	sub, err := d.Dir.SubSearchOnly(name)
	if err != nil {
		return nil, err
	}
	return ancestorDir{diskDir{sub}, selected}, nil
}

func (d ancestorDir) Names() ([]string, error) {
	return slices.Sorted(maps.Keys(d.selected.Below)), nil
}

// Lstat describes the directory that a link leads to, in the link's place. A link to
// anything else is a link.
func (d ancestorDir) Lstat(name string, e *snapshot.Entry) (disk.Meta, error) {
	meta, err := d.Dir.Lstat(name, e)
	if err != nil || e.Type != snapshot.Symlink {
		return meta, err
	}
	var to snapshot.Entry
	if followed, err := d.Dir.Stat(name, &to); err == nil && to.Type == snapshot.Dir {
		*e, meta = to, followed
		meta.Followed = true
	}
	return meta, nil
}

func (d ancestorDir) Sub(name string) (Dir, error) {
	if selected := d.selected.In(name); selected.Named == "" {
		return d.openAncestor(name, selected)
	}
	sub, err := d.Dir.Follow(name)
	if err != nil {
		return nil, err
	}
	return diskDir{sub}, nil
}
