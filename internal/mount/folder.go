package mount

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

// A folder is a directory outside of all snapshots: it lists snapshots or other folders.
type folder struct {
	items  map[string]item
	newest time.Time // time of the newest snapshot below it
}

// An item is one name in a folder. Exactly one field is set.
type item struct {
	folder   *folder
	manifest *snapshot.Manifest
	link     string // the target of a symbolic link
}

func newFolder() *folder { return &folder{items: map[string]item{}} }

// names returns the names in a folder, sorted.
func (f *folder) names() []string { return slices.Sorted(maps.Keys(f.items)) }

// at returns the folder of a path, or nil.
func (f *folder) at(path []string) *folder {
	for _, name := range path {
		if f == nil {
			return nil
		}
		f = f.items[name].folder
	}
	return f
}

// The names of the top folders, and of the link to the newest snapshot.
const (
	byTime     = "snapshots"
	byID       = "ids"
	byHost     = "hosts"
	byTag      = "tags"
	latestLink = "latest"
)

// layOut returns the top folder for snapshots in order, oldest first.
func layOut(list []*snapshot.Manifest) *folder {
	top := newFolder()
	sub := func(f *folder, name string) *folder {
		if f.items[name].folder == nil {
			f.items[name] = item{folder: newFolder()}
		}
		return f.items[name].folder
	}
	all, ids, hosts, tags := sub(top, byTime), sub(top, byID), sub(top, byHost), sub(top, byTag)
	for _, m := range list {
		host := sub(hosts, fileName(m.Hostname))
		for _, f := range []*folder{all, host} {
			if name := f.addByTime(m); m.Kind == snapshot.KindSource {
				f.items[latestLink] = item{link: name}
			}
		}
		ids.add(m, m.ID.Short(), m.ID.String())
		for _, tag := range m.Tags {
			sub(tags, fileName(tag)).addByTime(m)
		}
		for _, f := range []*folder{top, ids, hosts, tags} {
			f.newest = m.End
		}
	}
	return top
}

// addByTime adds a snapshot under its time, and returns the name.
func (f *folder) addByTime(m *snapshot.Manifest) string {
	when := m.End.Local().Format("2006-01-02T15:04:05")
	return f.add(m, when, when+"-"+m.ID.Short(), when+"-"+m.ID.String())
}

// add adds a snapshot under the first name that is free, and returns the name. If a
// snapshot gets the same name twice, such as by two tags that are shown alike, it is
// added once.
func (f *folder) add(m *snapshot.Manifest, names ...string) string {
	f.newest = m.End
	for _, name := range names {
		there, taken := f.items[name]
		if !taken {
			f.items[name] = item{manifest: m}
		}
		if !taken || there.manifest == m {
			return name
		}
	}
	return names[len(names)-1]
}

// maxName is the maximal length of a name in most file systems.
const maxName = 255

// fileName returns a host or tag in the form of a file name.
func fileName(s string) string {
	var out strings.Builder
	for i := range len(s) {
		switch c := s[i]; c {
		case '/', '%', 0:
			fmt.Fprintf(&out, "%%%02X", c)
		default:
			out.WriteByte(c)
		}
	}
	switch name := out.String(); {
	case name == "":
		return "%"
	case name == "." || name == "..":
		return strings.ReplaceAll(name, ".", "%2E")
	case len(name) > maxName:
		hash := sha256.Sum256([]byte(s))
		return name[:maxName-17] + "%" + hex.EncodeToString(hash[:8])
	default:
		return name
	}
}
