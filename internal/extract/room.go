package extract

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// A RoomError says that a destination has too little space. Nothing was written.
type RoomError struct {
	Path       string // on the file system that lacks space
	Free, Need uint64 // bytes, or inodes; Need is the minimum
	Inodes     bool
	Deleted    bool // Free includes what would be deleted first
}

// Error says how much is free and how much is needed.
func (e *RoomError) Error() string {
	unit := "bytes"
	if e.Inodes {
		unit = "inodes"
	}
	return fmt.Sprintf("%s has %d %s free, and this restore needs at least %d", e.Path, e.Free, unit, e.Need)
}

// Most is the most that a snapshot takes.
type Most struct{ Bytes, Inodes uint64 }

// A need is the least space that an extraction takes: for files that are absent or have
// another size. What can't be known without reading is not counted.
type need struct {
	x       *extraction
	device  uint64 // of the destination; other devices are not counted
	unknown bool   // there may be space that can't be seen

	absent, inodes uint64
	grown, shrunk  uint64 // by files that are replaced one by one
	largest        uint64 // the largest of these, which exists beside what it replaces; see replaced
	dead           uint64 // parts of dead extractions, which are removed
	links          map[snapshot.FileKey]uint64
}

// checkRoom returns a *RoomError if there is too little space, even after what is freed
// before.
func (x *extraction) checkRoom(ctx context.Context, freed Most) error {
	free := disk.SpaceAt(x.RoomAt)
	if x.IgnoreRoom || !free.Known {
		return nil
	}
	free.Bytes += freed.Bytes
	free.Inodes += freed.Inodes
	most := x.Most
	if most.Bytes <= free.Bytes && (!free.InodesKnown || most.Inodes <= free.Inodes) {
		return nil
	}
	n := &need{x: x, links: map[snapshot.FileKey]uint64{}}
	place, err := x.dirs.root.Identify("")
	if err != nil {
		return nil // writing to it will report what is wrong
	}
	n.device = place.Device
	if err := n.dir(ctx, &dir{x: x, entry: &x.Root, exists: true, picked: x.Include == nil}); err != nil || n.unknown {
		return err
	}
	bytes := n.bytes()
	switch {
	case bytes > free.Bytes:
		return &RoomError{Path: x.RoomAt, Free: free.Bytes, Need: bytes, Deleted: freed != Most{}}
	case free.InodesKnown && n.inodes > free.Inodes:
		return &RoomError{Path: x.RoomAt, Free: free.Inodes, Need: n.inodes, Inodes: true, Deleted: freed != Most{}}
	}
	return nil
}

// bytes returns how many bytes must be free. A replaced file exists until its replacement
// is complete, but the other files may be replaced before.
func (n *need) bytes() uint64 {
	for _, size := range n.links {
		n.absent += size
	}
	end := n.absent + n.grown
	return less(max(end, n.largest), n.shrunk+n.dead)
}

func less(a, b uint64) uint64 { return a - min(a, b) }

// dir adds what a directory needs.
func (n *need) dir(ctx context.Context, d *dir) error {
	n.parts(d)
	for e, err := range snapshot.ReadDir(ctx, n.x.Source, d.entry.Subtree) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return nil // the extraction reports it
		}
		picked, enter := n.x.pick(d, e)
		switch {
		case e.Problem != "" || n.x.colliding[d.join(e.Name)]:
		case enter:
			sub := &dir{x: n.x, parent: d, entry: e, path: d.join(e.Name), picked: picked}
			if !n.enters(sub) {
				continue
			}
			if err := n.dir(ctx, sub); err != nil {
				return err
			}
		case picked:
			n.leaf(d, e)
		}
	}
	return nil
}

// enters adds a directory, and reports whether its contents may take space.
func (n *need) enters(d *dir) bool {
	if !d.parent.exists {
		n.inodes += one(d.picked)
		return true
	}
	have, meta, there := n.look(d.parent, d.entry.Name)
	switch {
	case !there:
		n.inodes += one(d.picked)
	case have.Type != snapshot.Dir || meta.Device != n.device:
		return false
	}
	d.exists = there
	return true
}

func one(yes bool) uint64 {
	if yes {
		return 1
	}
	return 0
}

// leaf adds an entry that is not a directory.
func (n *need) leaf(d *dir, e *snapshot.Entry) {
	have, meta, there := n.look(d, e.Name)
	key := keyOf(e)
	_, linked := n.links[key]
	linked = linked && e.Links > 1
	switch {
	case !there && !linked:
		n.inodes++
		n.add(e, key)
	case !there || meta.Device != n.device || have.Type == snapshot.Dir || n.x.Policy == Never || n.x.Policy == IfNewer && !older(have.MTime, e.MTime):
	case have.Type != e.Type:
		if !linked {
			n.add(e, key)
		}
	case e.Type != snapshot.File:
	case have.Size == e.Size && e.Links > 1: // the other names may become names of this file
		n.links[key] = 0
	case have.Size != e.Size && e.Links <= 1:
		was := uint64(max(have.Size, meta.Allocated, 0))
		n.replaced(uint64(e.DataSize()), was)
	}
}

func (n *need) add(e *snapshot.Entry, key snapshot.FileKey) {
	var size uint64
	if e.Type == snapshot.File {
		size = uint64(e.DataSize())
	}
	if e.Links > 1 {
		n.links[key] = size
	} else {
		n.absent += size
	}
}

// replaced adds a file that is replaced. If it is the last of all, the others have freed
// what they can, and it exists beside what it replaces.
func (n *need) replaced(size, was uint64) {
	n.grown += less(size, was)
	n.shrunk += less(was, size)
	n.largest = max(n.largest, size+less(was, size))
}

// look returns what has a name in a directory.
func (n *need) look(d *dir, name string) (have snapshot.Entry, meta disk.Meta, there bool) {
	if !d.exists {
		return have, meta, false
	}
	err := n.x.dirs.use(d, func(out *disk.Out) (err error) {
		meta, err = out.Lstat(name, &have)
		return err
	})
	return have, meta, !errors.Is(err, fs.ErrNotExist)
}

// parts counts what dead extractions left in a directory, which will be removed.
func (n *need) parts(d *dir) {
	if !d.exists {
		return
	}
	_ = n.x.dirs.use(d, func(out *disk.Out) error {
		names, err := out.Names()
		for _, name := range slices.DeleteFunc(names, func(name string) bool { return !disk.IsPart(name) }) {
			var have snapshot.Entry
			if _, err := out.Lstat(name, &have); err != nil || disk.PartSession(name).State() != disk.Dead {
				continue
			}
			n.unknown = n.unknown || have.Type == snapshot.Dir
			n.dead += uint64(max(have.Size, 0))
		}
		return err
	})
}
