package snapshot

import (
	"encoding/binary"
	"slices"

	"github.com/qsnap/qsnap/chunk"
)

// The fields of a page, by their keys.
const (
	pageLevel   = 1 // uint, absent for leaves
	pageNames   = 2 // array of byte strings
	pageIDs     = 3 // inner: byte string, 32 bytes for each child
	pageCounts  = 4 // inner: array of uints
	pageTypes   = 5 // byte string, a byte for each entry
	pageModes   = 6
	pageUIDs    = 7
	pageGIDs    = 8
	pageUsers   = 9  // map of uid to byte string
	pageGroups  = 10 // map of gid to byte string
	pageMSecs   = 11 // array of ints, each minus the one before
	pageMNsecs  = 12 // byte string, 4 bytes big-endian for each entry
	pageCSecs   = 13 // array of ints, each minus the entry's mtime
	pageCNsecs  = 14 // as 12
	pageInodes  = 15 // array of ints, each minus the one before (modulo 2⁶⁴)
	pageErrors  = 16 // map of entry number to text
	pageSizes   = 17 // array of uints, of files
	pageHoles   = 18 // map of entry number to array of uints: gap before, length, …
	pageLists   = 19 // map of entry number to byte string, of 32 bytes
	pageChunks  = 20 // array of uints: number of chunks of each file
	pageLengths = 21 // array of uints: of each file's chunks but its last
	pageData    = 22 // byte string, 32 bytes for each chunk
	pageSubs    = 23 // byte string, 32 bytes for each directory without an error
	pageTargets = 24 // array of byte strings, of symlinks
	pageRdevs   = 25 // array of uints, major and minor of each device
	pageLinks   = 26 // map of entry number to array: links, device
	pageXattrs  = 27 // map of entry number to array of byte strings: name, value, …
)

// A page is part of a directory: entries or, for an inner page, the pages below it.
type page struct {
	level    int
	entries  []Entry
	children []child
}

// A child is a page below another.
type child struct {
	last  string // the last name beneath it
	id    chunk.ID
	count uint64 // entries beneath it
}

// A column is written as the value of a key, unless it is empty.
type column struct {
	key   uint64
	write func(b []byte) []byte // nil to leave it out
}

func appendColumns(b []byte, columns []column) []byte {
	n := 0
	for _, c := range columns {
		if c.write != nil {
			n++
		}
	}
	b = appendHead(b, cborMap, uint64(n))
	for _, c := range columns {
		if c.write != nil {
			b = c.write(appendHead(b, cborUint, c.key))
		}
	}
	return b
}

// append appends the encoded page.
func (p *page) append(b []byte) []byte {
	if p.level > 0 {
		return p.appendInner(b)
	}
	w := leafWriter{p.entries}
	return appendColumns(b, []column{
		{pageNames, w.names},
		{pageTypes, w.types},
		{pageModes, w.uints(func(e *Entry) uint64 { return uint64(e.Mode) })},
		{pageUIDs, w.uints(func(e *Entry) uint64 { return uint64(e.UID) })},
		{pageGIDs, w.uints(func(e *Entry) uint64 { return uint64(e.GID) })},
		{pageUsers, w.owners(func(e *Entry) (uint32, string) { return e.UID, e.User })},
		{pageGroups, w.owners(func(e *Entry) (uint32, string) { return e.GID, e.Group })},
		{pageMSecs, w.deltas(func(e *Entry) int64 { return e.MTime.Sec })},
		{pageMNsecs, w.fixed(func(e *Entry) uint32 { return uint32(e.MTime.Nsec) })},
		{pageCSecs, w.ints(func(e *Entry) int64 { return e.CTime.Sec - e.MTime.Sec })},
		{pageCNsecs, w.fixed(func(e *Entry) uint32 { return uint32(e.CTime.Nsec) })},
		{pageInodes, w.deltas(func(e *Entry) int64 { return int64(e.Inode) })},
		{pageErrors, w.sparse(func(e *Entry) bool { return e.Problem != "" }, appendProblem)},
		{pageSizes, w.each(1, isFile, func(b []byte, e *Entry) []byte { return appendHead(b, cborUint, uint64(e.Size)) })},
		{pageHoles, w.sparse(func(e *Entry) bool { return len(e.Holes) > 0 }, appendHoles)},
		{pageLists, w.sparse(func(e *Entry) bool { return !e.List.IsZero() }, func(b []byte, e *Entry) []byte { return appendBytes(b, e.List[:]) })},
		{pageChunks, w.each(1, isFile, func(b []byte, e *Entry) []byte { return appendHead(b, cborUint, uint64(len(e.Content))) })},
		{pageLengths, w.some(cborArray, func(e *Entry) int { return max(0, len(e.Content)-1) }, appendLengths)},
		{pageData, w.some(cborBytes, func(e *Entry) int { return len(e.Content) * chunk.IDSize }, appendChunkIDs)},
		{pageSubs, w.some(cborBytes, func(e *Entry) int { return ifTrue(hasSubtree(e), chunk.IDSize) }, func(b []byte, e *Entry) []byte { return append(b, e.Subtree[:]...) })},
		{pageTargets, w.each(1, isSymlink, func(b []byte, e *Entry) []byte { return appendBytes(b, e.Target) })},
		{pageRdevs, w.each(2, isDevice, appendRdev)},
		{pageLinks, w.sparse(func(e *Entry) bool { return e.Links > 0 }, appendLinks)},
		{pageXattrs, w.sparse(func(e *Entry) bool { return len(e.Xattrs) > 0 }, appendXattrs)},
	})
}

func (p *page) appendInner(b []byte) []byte {
	return appendColumns(b, []column{
		{pageLevel, func(b []byte) []byte { return appendHead(b, cborUint, uint64(p.level)) }},
		{pageNames, func(b []byte) []byte {
			b = appendHead(b, cborArray, uint64(len(p.children)))
			for i := range p.children {
				b = appendBytes(b, p.children[i].last)
			}
			return b
		}},
		{pageIDs, func(b []byte) []byte {
			b = appendHead(b, cborBytes, uint64(len(p.children)*chunk.IDSize))
			for i := range p.children {
				b = append(b, p.children[i].id[:]...)
			}
			return b
		}},
		{pageCounts, func(b []byte) []byte {
			b = appendHead(b, cborArray, uint64(len(p.children)))
			for i := range p.children {
				b = appendHead(b, cborUint, p.children[i].count)
			}
			return b
		}},
	})
}

// A leafWriter writes the columns of a leaf.
type leafWriter struct{ entries []Entry }

func (w leafWriter) names(b []byte) []byte {
	b = appendHead(b, cborArray, uint64(len(w.entries)))
	for i := range w.entries {
		b = appendBytes(b, w.entries[i].Name)
	}
	return b
}

func (w leafWriter) types(b []byte) []byte {
	b = appendHead(b, cborBytes, uint64(len(w.entries)))
	for i := range w.entries {
		b = append(b, byte(w.entries[i].Type))
	}
	return b
}

func (w leafWriter) uints(f func(*Entry) uint64) func([]byte) []byte {
	return func(b []byte) []byte {
		b = appendHead(b, cborArray, uint64(len(w.entries)))
		for i := range w.entries {
			b = appendHead(b, cborUint, f(&w.entries[i]))
		}
		return b
	}
}

func (w leafWriter) ints(f func(*Entry) int64) func([]byte) []byte {
	return func(b []byte) []byte {
		b = appendHead(b, cborArray, uint64(len(w.entries)))
		for i := range w.entries {
			b = appendInt(b, f(&w.entries[i]))
		}
		return b
	}
}

func (w leafWriter) deltas(f func(*Entry) int64) func([]byte) []byte {
	var last int64
	return w.ints(func(e *Entry) int64 {
		v := f(e)
		d := v - last
		last = v
		return d
	})
}

func (w leafWriter) fixed(f func(*Entry) uint32) func([]byte) []byte {
	return func(b []byte) []byte {
		b = appendHead(b, cborBytes, uint64(4*len(w.entries)))
		for i := range w.entries {
			b = binary.BigEndian.AppendUint32(b, f(&w.entries[i]))
		}
		return b
	}
}

// owners maps ids to names.
func (w leafWriter) owners(f func(*Entry) (uint32, string)) func([]byte) []byte {
	var ids []uint32
	names := map[uint32]string{}
	for i := range w.entries {
		id, name := f(&w.entries[i])
		if _, ok := names[id]; name != "" && !ok {
			names[id] = name
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	return func(b []byte) []byte {
		b = appendHead(b, cborMap, uint64(len(ids)))
		for _, id := range ids {
			b = appendBytes(appendHead(b, cborUint, uint64(id)), names[id])
		}
		return b
	}
}

// some writes a column of a property that some entries have. size is what each entry adds
// to the column's length. An empty column is left out.
func (w leafWriter) some(major byte, size func(*Entry) int, write func([]byte, *Entry) []byte) func([]byte) []byte {
	total := 0
	for i := range w.entries {
		total += size(&w.entries[i])
	}
	if total == 0 {
		return nil
	}
	return func(b []byte) []byte {
		b = appendHead(b, major, uint64(total))
		for i := range w.entries {
			if size(&w.entries[i]) > 0 {
				b = write(b, &w.entries[i])
			}
		}
		return b
	}
}

// each writes an array of n items for each picked entry.
func (w leafWriter) each(n int, pick func(*Entry) bool, write func([]byte, *Entry) []byte) func([]byte) []byte {
	return w.some(cborArray, func(e *Entry) int { return ifTrue(pick(e), n) }, write)
}

func ifTrue(cond bool, n int) int {
	if cond {
		return n
	}
	return 0
}

func isFile(e *Entry) bool     { return e.Type == File }
func isSymlink(e *Entry) bool  { return e.Type == Symlink }
func isDevice(e *Entry) bool   { return e.Type == CharDevice || e.Type == BlockDevice }
func hasSubtree(e *Entry) bool { return e.Type == Dir && e.Problem == "" }

func appendLengths(b []byte, e *Entry) []byte {
	for _, c := range e.Content[:len(e.Content)-1] {
		b = appendHead(b, cborUint, uint64(c.Length))
	}
	return b
}

func appendChunkIDs(b []byte, e *Entry) []byte {
	for i := range e.Content {
		b = append(b, e.Content[i].ID[:]...)
	}
	return b
}

func appendRdev(b []byte, e *Entry) []byte {
	return appendHead(appendHead(b, cborUint, uint64(e.Major)), cborUint, uint64(e.Minor))
}

// sparse writes a map from the numbers of the entries for which has returns true.
func (w leafWriter) sparse(has func(*Entry) bool, write func([]byte, *Entry) []byte) func([]byte) []byte {
	n := 0
	for i := range w.entries {
		n += ifTrue(has(&w.entries[i]), 1)
	}
	if n == 0 {
		return nil
	}
	return func(b []byte) []byte {
		b = appendHead(b, cborMap, uint64(n))
		for i := range w.entries {
			if e := &w.entries[i]; has(e) {
				b = write(appendHead(b, cborUint, uint64(i)), e)
			}
		}
		return b
	}
}

func appendLinks(b []byte, e *Entry) []byte {
	return appendHead(appendHead(appendHead(b, cborArray, 2), cborUint, uint64(e.Links)), cborUint, e.Device)
}

func appendHoles(b []byte, e *Entry) []byte {
	b = appendHead(b, cborArray, uint64(2*len(e.Holes)))
	var end int64
	for _, h := range e.Holes {
		b = appendHead(b, cborUint, uint64(h.Offset-end))
		b = appendHead(b, cborUint, uint64(h.Length))
		end = h.Offset + h.Length
	}
	return b
}

func appendXattrs(b []byte, e *Entry) []byte {
	b = appendHead(b, cborArray, uint64(2*len(e.Xattrs)))
	for _, x := range e.Xattrs {
		b = appendBytes(appendBytes(b, x.Name), x.Value)
	}
	return b
}

func appendProblem(b []byte, e *Entry) []byte {
	return append(appendHead(b, cborText, uint64(len(e.Problem))), e.Problem...)
}
