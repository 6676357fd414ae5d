package capture

import (
	"encoding/binary"
	"hash/fnv"
	"sync"
	"sync/atomic"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/source"
	"github.com/qsnap/qsnap/snapshot"
)

// A volume is a file system where the source enters it: the root, a mount point or
// another directory where the device number changes. The device number distinguishes file
// systems only while both are mounted. So volumes are distinguished by path: files of two
// volumes are never the same file, and entries record a number that stands for the path.
type volume struct {
	path   string // relative to the root
	device uint64
	number uint64

	known   sync.Once // guards the following fields
	stamped bool      // this machine stamps changes, with a fine clock
	live    bool      // in use on this machine, with a clock that was seen to run
	racy    racyTime  // for what is compared with the parent
	sizes   disk.Sizes

	hung atomic.Int32 // reads of unsized files that exceeded their time and are still running

	mu   sync.Mutex
	seen stamps
}

func newPlace(path string, device uint64) *volume {
	h := fnv.New64a()
	h.Write([]byte(path))
	return &volume{path: path, device: device, number: h.Sum64()}
}

// deviceOf returns the number to record for a device of the volume. Some file systems
// have several device numbers, such as overlays.
func (p *volume) deviceOf(device uint64) uint64 {
	if device == p.device {
		return p.number
	}
	h := fnv.New64a()
	h.Write(binary.LittleEndian.AppendUint64([]byte(p.path+"\x00"), device))
	return h.Sum64()
}

// identify sets the device that an entry records. A file without an inode number can't be
// identified as another name of a file.
func (c *capture) identify(n *node, e *snapshot.Entry, meta disk.Meta) {
	if e.Inode == 0 {
		e.Links, e.Device = 0, 0
	}
	if e.Links > 0 && c.src.Selected != nil { // other sources set it themselves
		e.Device = n.volume.deviceOf(meta.Device)
	}
}

// volumeOf returns the volume of a directory in another.
func (c *capture) volumeOf(sub, parent *node) *volume {
	if _, mounted := c.mounts[sub.path]; !mounted && sub.device == parent.device {
		return parent.volume
	}
	return c.addVolume(sub.path, sub.device)
}

func (c *capture) addVolume(path string, device uint64) *volume {
	p := newPlace(path, device)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.volumes = append(c.volumes, p)
	return p
}

// learnVolume determines the properties of a directory's volume, once.
func (c *capture) learnVolume(n *node) {
	p := n.volume
	p.known.Do(func() {
		p.stamped, p.sizes = n.dir.StampsHere(), sizesOf(n.dir)
		if now, ok := c.clocks[p.device]; ok && c.src.Selected != nil {
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

// A sealedMount is a mount point that is not accessed.
type sealedMount struct{ source.Dir }

func (sealedMount) Names() ([]string, error)                { return nil, nil }
func (sealedMount) Close() error                            { return nil }
func (sealedMount) StampsHere() bool                        { return false }
func (sealedMount) Self(*snapshot.Entry) (disk.Meta, error) { return disk.Meta{}, nil }

// sealed makes the entry of a mount point that must not be accessed, because another
// machine or process would have to answer, and that isn't to be entered.
func (c *capture) sealed(n *node, name, full string, before, e *snapshot.Entry) bool {
	kind, mounted := c.mounts[full]
	if !mounted || !c.OneFileSystem || n.only || n.selected.In(name) != nil || disk.Answers(kind) {
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

// typeOf returns the type of a name in a directory if reading the directory reveals it.
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
