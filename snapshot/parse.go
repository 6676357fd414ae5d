package snapshot

import (
	"fmt"
	"math"
	"strings"

	"github.com/qsnap/qsnap/chunk"
)

// parsePage parses an encoded page. The result doesn't refer to b.
func parsePage(b []byte) (*page, error) {
	r := &pageReader{reader: reader{b: b}}
	last := uint64(0)
	for range r.count(cborMap) {
		key := r.head(cborUint)
		if r.bad || key <= last {
			return nil, errPage
		}
		if key > pageXattrs {
			return nil, fmt.Errorf("tree page: unknown field %d: upgrade qsnap", key)
		}
		r.column(key)
		r.seen |= 1 << key
		last = key
	}
	if r.bad || len(r.b) > 0 || !r.complete() {
		return nil, errPage
	}
	return &r.page, nil
}

// A pageReader reads the columns in the order of their keys.
type pageReader struct {
	reader
	page
	seen    uint64 // bits by key
	counts  []int  // chunks of each file
	lengths []uint32
}

const (
	innerColumns = 1<<pageLevel | 1<<pageNames | 1<<pageIDs | 1<<pageCounts
	leafColumns  = 1<<pageNames | 1<<pageTypes | 1<<pageModes | 1<<pageUIDs | 1<<pageGIDs |
		1<<pageMSecs | 1<<pageMNsecs | 1<<pageCSecs | 1<<pageCNsecs | 1<<pageInodes
)

func (r *pageReader) saw(key uint64) bool { return r.seen&(1<<key) != 0 }

func (r *pageReader) column(key uint64) {
	inner := r.saw(pageLevel)
	switch {
	case key == pageLevel:
		r.level = int(r.uint(maxLevel))
		if r.level == 0 {
			r.fail()
		}
	case key == pageNames:
		r.names(inner)
	case inner && key == pageIDs:
		r.fixed(len(r.children), chunk.IDSize, func(i int, b []byte) { r.children[i].id = chunk.ID(b) })
	case inner && key == pageCounts:
		r.array(len(r.children))
		for i := range r.children {
			r.children[i].count = r.uint(math.MaxInt64)
		}
	case inner || key < pageTypes:
		r.fail()
	case key <= pageInodes:
		r.common(key)
	case r.seen&leafColumns != leafColumns:
		r.fail()
	default:
		r.special(key)
	}
}

func (r *pageReader) names(inner bool) {
	n := r.count(cborArray)
	if inner {
		r.children = make([]child, n)
	} else {
		r.entries = make([]Entry, n)
	}
	var text strings.Builder // one allocation for all names
	text.Grow(len(r.b))
	last := ""
	for i := range n {
		from := text.Len()
		text.Write(r.bytes())
		name := text.String()[from:]
		if !validName(name) || i > 0 && name <= last {
			r.fail()
			return
		}
		if inner {
			r.children[i].last = name
		} else {
			r.entries[i].Name = name
		}
		last = name
	}
}

// validName reports whether a name is one element of a path, so that joining it to a
// directory can't lead out of the directory.
func validName(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\x00")
}

// common reads the columns that have a value for every entry.
func (r *pageReader) common(key uint64) {
	switch key {
	case pageTypes:
		r.fixed(len(r.entries), 1, func(i int, b []byte) {
			if r.entries[i].Type = Type(b[0]); r.entries[i].Type > Socket {
				r.fail()
			}
		})
	case pageModes:
		r.uints(0o7777, func(e *Entry, v uint64) { e.Mode = uint32(v) })
	case pageUIDs:
		r.uints(math.MaxUint32, func(e *Entry, v uint64) { e.UID = uint32(v) })
	case pageGIDs:
		r.uints(math.MaxUint32, func(e *Entry, v uint64) { e.GID = uint32(v) })
	case pageUsers:
		r.owners(func(e *Entry) (uint32, *string) { return e.UID, &e.User })
	case pageGroups:
		r.owners(func(e *Entry) (uint32, *string) { return e.GID, &e.Group })
	case pageMSecs:
		var last int64
		r.ints(func(e *Entry, v int64) { last += v; e.MTime.Sec = last })
	case pageMNsecs:
		r.nsecs(func(e *Entry) *Time { return &e.MTime })
	case pageCSecs:
		r.ints(func(e *Entry, v int64) { e.CTime.Sec = e.MTime.Sec + v })
	case pageCNsecs:
		r.nsecs(func(e *Entry) *Time { return &e.CTime })
	case pageInodes:
		var last int64
		r.ints(func(e *Entry, v int64) { last += v; e.Inode = uint64(last) })
	}
}

// special reads the columns that only some entries have.
func (r *pageReader) special(key uint64) {
	switch key {
	case pageErrors:
		r.sparse(func(e *Entry) {
			e.Problem = string(r.string(cborText))
			r.require(e.Problem != "")
		})
	case pageSizes:
		r.each(1, isFile, func(e *Entry) { e.Size = int64(r.uint(math.MaxInt64)) })
	case pageHoles:
		r.sparse(r.holes)
	case pageLists:
		r.sparse(func(e *Entry) {
			id := r.bytes()
			if r.require(len(id) == chunk.IDSize && e.Type == File) {
				e.List = chunk.ID(id)
			}
		})
	case pageChunks:
		r.each(1, isFile, func(*Entry) { r.counts = append(r.counts, int(r.uint(math.MaxInt32))) })
	case pageLengths:
		for range r.count(cborArray) {
			n := uint32(r.uint(math.MaxUint32))
			r.require(n > 0)
			r.lengths = append(r.lengths, n)
		}
	case pageData:
		r.contents()
	case pageSubs:
		r.subtrees()
	case pageTargets:
		r.each(1, isSymlink, func(e *Entry) { e.Target = string(r.bytes()) })
	case pageRdevs:
		r.each(2, isDevice, func(e *Entry) {
			e.Major, e.Minor = uint32(r.uint(math.MaxUint32)), uint32(r.uint(math.MaxUint32))
		})
	case pageLinks:
		r.sparse(func(e *Entry) {
			r.array(2)
			e.Links, e.Device = uint32(r.uint(math.MaxUint32)), r.uint(math.MaxUint64)
			r.require(e.Links > 0)
		})
	case pageXattrs:
		r.sparse(r.xattrs)
	}
}

// complete checks that no column is missing, and that each file has exactly one kind of
// content.
func (r *pageReader) complete() bool {
	if r.saw(pageLevel) {
		return r.seen == innerColumns && len(r.children) > 0
	}
	if r.seen&leafColumns != leafColumns {
		return false
	}
	for key, pick := range map[uint64]func(*Entry) bool{
		pageSizes: isFile, pageChunks: isFile, pageSubs: hasSubtree, pageTargets: isSymlink, pageRdevs: isDevice,
	} {
		if r.saw(key) != (r.picked(pick) > 0) {
			return false
		}
	}
	if r.saw(pageLengths) && !r.saw(pageData) {
		return false
	}
	for i := range r.entries {
		e := &r.entries[i]
		has := len(e.Content) > 0
		listed := !e.List.IsZero()
		if e.Type == File && e.Problem == "" && (has && listed || (has || listed) != (e.DataSize() > 0)) || e.Problem != "" && (has || listed) {
			return false
		}
	}
	return true
}
