package capture

// A capture that spares the page cache drops from it what it has read, unless that was there
// before: then somebody else may need it. Where a small file was is known when the walk makes
// the system read it ahead. Of a large file, the state of each part is looked at long before
// the part is read, because the system reads ahead by itself.

// A pageCache is an open file whose part of the system's page cache can be looked at.
type pageCache interface {
	// Cached reports whether some of a range may be cached.
	Cached(offset, n int64) bool
	// DropCached removes a range from the cache.
	DropCached(offset, n int64)
}

const (
	cachePart  = 1 << 20
	cacheAhead = 32 // parts that are looked at before they are read: more than the system reads ahead
	// cacheBehind is how much before an offset is dropped again, because the system keeps
	// memory in units of up to some MiB and drops only whole ones.
	cacheBehind = 8 << 20
)

// A sparer drops the parts of a large file. Nil does nothing.
type sparer struct {
	file   pageCache
	size   int64
	looked int64    // bytes whose state is known
	cold   []extent // that weren't cached, in order; the first one may be read at present
}

type extent struct{ from, to int64 }

// sparing returns a sparer for a file, or nil.
func (c *capture) sparing(file any, size int64) *sparer {
	if f, ok := file.(pageCache); ok && c.SpareCache {
		return &sparer{file: f, size: size}
	}
	return nil
}

// reach is called before something at an offset is read.
func (s *sparer) reach(offset int64) {
	if s == nil {
		return
	}
	for s.looked < min(offset+cacheAhead*cachePart, s.size) {
		from, to := s.looked, min(s.looked+cachePart, s.size)
		s.looked = to
		last := len(s.cold) - 1
		switch {
		case s.file.Cached(from, to-from):
		case last >= 0 && s.cold[last].to == from:
			s.cold[last].to = to
		default:
			s.cold = append(s.cold, extent{from, to})
		}
	}
}

// leave is called when all before an offset was read.
func (s *sparer) leave(offset int64) {
	for s != nil && len(s.cold) > 0 {
		e := s.cold[0]
		if offset < e.to || e.to == s.looked && offset < s.size { // it may become longer
			if from := max(e.from, offset-cacheBehind); from < offset {
				s.file.DropCached(from, offset-from)
			}
			return
		}
		s.file.DropCached(e.from, e.to-e.from)
		s.cold = s.cold[1:]
	}
}

// dropSmall drops a small file that wasn't cached when the walk reached it.
func (c *capture) dropSmall(file any, wasCold bool) {
	if f, ok := file.(pageCache); ok && wasCold {
		f.DropCached(0, 0)
	}
}
