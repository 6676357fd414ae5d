package capture

import (
	"encoding/binary"
	"hash/fnv"
	"path"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// A place is a file system where the source meets it: the root, a mount point or another
// directory where the number of the device changes. That number tells file systems apart
// only while both are mounted, so the path does: files of two places are never one, and
// entries record a number that stands for the path.
type place struct {
	path   string // relative to the root
	device uint64
	number uint64

	known   sync.Once // what follows
	stamped bool      // changes are stamped by this machine, in fine ticks
	live    bool      // it is in use on this machine, where its clock was seen to go
	racy    racyTime  // of what is compared with the parent
	sizes   disk.Sizes

	hung atomic.Int32 // reads of unsized files that didn't return in time and still go on

	mu   sync.Mutex
	seen stamps
}

func newPlace(path string, device uint64) *place {
	h := fnv.New64a()
	h.Write([]byte(path))
	return &place{path: path, device: device, number: h.Sum64()}
}

// deviceOf returns what to record for a device of the place. Some file systems have
// several, such as those that lay one on another.
func (p *place) deviceOf(device uint64) uint64 {
	if device == p.device {
		return p.number
	}
	h := fnv.New64a()
	h.Write(binary.LittleEndian.AppendUint64([]byte(p.path+"\x00"), device))
	return h.Sum64()
}

// identify sets the device that an entry records. What has no inode number can't be known
// to be another name of anything.
func (c *capture) identify(n *node, e *snapshot.Entry, meta disk.Meta) {
	if e.Inode == 0 {
		e.Links, e.Device = 0, 0
	}
	if e.Links > 0 && c.src.selected != nil { // other sources know themselves
		e.Device = n.place.deviceOf(meta.Device)
	}
}

// placeOf returns the place of a directory in another.
func (c *capture) placeOf(sub, parent *node) *place {
	if _, mounted := c.mounts[sub.path]; !mounted && sub.device == parent.device {
		return parent.place
	}
	return c.addPlace(sub.path, sub.device)
}

func (c *capture) addPlace(path string, device uint64) *place {
	p := newPlace(path, device)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.places = append(c.places, p)
	return p
}

// learn finds out what there is to know of a directory's place, once.
func (c *capture) learn(n *node) {
	p := n.place
	p.known.Do(func() {
		p.stamped, p.sizes = n.dir.StampsHere(), sizesOf(n.dir)
		if now, ok := c.clocks[p.device]; ok && c.src.selected != nil {
			p.live = true
			p.seen.add(now, now)
		}
		p.racy = c.racyAt(p)
	})
	if n.resumed {
		n.racy = legacyRacy(c.Resume.Start, p)
	} else {
		n.racy = p.racy
	}
}

// mountsIn returns the types of what is mounted in the source, by the paths relative to
// its root.
func (s *Source) mountsIn(mounts disk.Mounts) map[string]string {
	in := map[string]string{}
	if s.selected != nil {
		s.selected.mountsIn("", mounts, in)
	}
	return in
}

func (s *selection) mountsIn(rel string, mounts disk.Mounts, in map[string]string) {
	if s.named != "" {
		real, err := filepath.EvalSymlinks(s.named)
		if err != nil {
			real = s.named
		}
		for dir, kind := range mounts {
			if below(dir, real) {
				in[path.Join(append([]string{rel}, elements(dir, real)...)...)] = kind
			}
		}
	}
	for name, sub := range s.below {
		sub.mountsIn(path.Join(rel, name), mounts, in)
	}
}

// A sealedMount is a mount point of which nothing is asked.
type sealedMount struct{ directory }

func (sealedMount) Names() ([]string, error)                { return nil, nil }
func (sealedMount) Close() error                            { return nil }
func (sealedMount) StampsHere() bool                        { return false }
func (sealedMount) Self(*snapshot.Entry) (disk.Meta, error) { return disk.Meta{}, nil }

// sealed makes the entry of a mount point that is not to be looked at, since another
// machine or process would have to answer: of one that isn't to be entered.
func (c *capture) sealed(n *node, name, full string, before, e *snapshot.Entry) bool {
	kind, mounted := c.mounts[full]
	if !mounted || !c.OneFileSystem || n.only || n.selected.in(name) != nil || disk.Answers(kind) {
		return false
	}
	if known, ok := n.typeOf(name); ok && known != snapshot.Dir {
		return false
	}
	self := n.entry()
	*e = snapshot.Entry{Mode: 0o755, UID: self.UID, GID: self.GID, User: self.User, Group: self.Group}
	if before != nil && before.Type == snapshot.Dir {
		*e = *before
		e.Subtree, e.Problem = [32]byte{}, ""
	}
	e.Name, e.Type = name, snapshot.Dir
	return true
}

// typeOf returns the type of a name in a directory if reading it tells.
func (n *node) typeOf(name string) (snapshot.Type, bool) {
	n.typesOnce.Do(func() {
		if d, ok := n.dir.(interface {
			Types() map[string]snapshot.Type
		}); ok && !n.only {
			n.types = d.Types()
		}
	})
	t, ok := n.types[name]
	return t, ok
}
