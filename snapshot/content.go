package snapshot

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"math"

	"github.com/qsnap/qsnap/chunk"
)

// Content lists are cut into pages like directories: after a chunk whose id ends in zero
// bits.
const (
	inlineChunks = 64 // a file with more has a content list
	minList      = 32
	maxList      = 2048
	listCutBits  = 6
)

// The fields of a page of a content list.
const (
	listLevel   = 1 // uint, absent where the ids are those of chunks
	listIDs     = 2 // byte string, 32 bytes each
	listLengths = 3 // array of uints: bytes of content beneath each
)

const errList malformed = "content list: malformed"

// A span is a chunk or a page, and the bytes of content that it stands for.
type span struct {
	id     chunk.ID
	length uint64
}

func listCutsAfter(id chunk.ID, level int) bool {
	bits := binary.BigEndian.Uint64(id[chunk.IDSize-8:]) >> (level * listCutBits)
	return bits&(1<<listCutBits-1) == 0
}

func appendList(b []byte, level int, spans []span) []byte {
	fields := uint64(2)
	if level > 0 {
		fields = 3
	}
	b = appendHead(b, cborMap, fields)
	if level > 0 {
		b = appendHead(appendHead(b, cborUint, listLevel), cborUint, uint64(level))
	}
	b = appendHead(appendHead(b, cborUint, listIDs), cborBytes, uint64(len(spans)*chunk.IDSize))
	for i := range spans {
		b = append(b, spans[i].id[:]...)
	}
	b = appendHead(appendHead(b, cborUint, listLengths), cborArray, uint64(len(spans)))
	for i := range spans {
		b = appendHead(b, cborUint, spans[i].length)
	}
	return b
}

func parseList(b []byte) (level int, spans []span, err error) {
	r := &reader{b: b}
	switch r.head(cborMap) {
	case 2:
	case 3:
		if r.head(cborUint) != listLevel {
			return 0, nil, errList
		}
		if level = int(r.uint(maxLevel)); level == 0 {
			return 0, nil, errList
		}
	default:
		return 0, nil, errList
	}
	if r.head(cborUint) != listIDs {
		return 0, nil, errList
	}
	ids := r.bytes()
	n := len(ids) / chunk.IDSize
	if n == 0 || len(ids)%chunk.IDSize != 0 || r.head(cborUint) != listLengths {
		return 0, nil, errList
	}
	r.array(n)
	spans = make([]span, n)
	for i := range spans {
		spans[i] = span{chunk.ID(ids[i*chunk.IDSize:]), r.uint(math.MaxInt64)}
		if spans[i].length == 0 || level == 0 && spans[i].length > math.MaxUint32 {
			return 0, nil, errList
		}
	}
	if r.bad || len(r.b) > 0 {
		return 0, nil, errList
	}
	return level, spans, nil
}

// A ContentWriter collects the chunks of a file.
type ContentWriter struct {
	put    func(page []byte) (chunk.ID, error)
	inline []Chunk
	levels [][]span
	counts []int // pages and chunks added so far, by level
}

// NewContentWriter returns a ContentWriter that stores pages with put. put must not keep
// the bytes.
func NewContentWriter(put func(page []byte) (chunk.ID, error)) *ContentWriter {
	return &ContentWriter{put: put}
}

// Add adds the next chunk, which must not be empty.
func (w *ContentWriter) Add(c Chunk) error {
	if w.levels == nil {
		w.inline = append(w.inline, c)
		if len(w.inline) <= inlineChunks {
			return nil
		}
		for _, c := range w.inline {
			if err := w.add(0, span{c.ID, uint64(c.Length)}); err != nil {
				return err
			}
		}
		w.inline = nil
		return nil
	}
	return w.add(0, span{c.ID, uint64(c.Length)})
}

func (w *ContentWriter) add(level int, s span) error {
	if len(w.levels) == level {
		w.levels = append(w.levels, nil)
		w.counts = append(w.counts, 0)
	}
	w.counts[level]++
	w.levels[level] = append(w.levels[level], s)
	n := len(w.levels[level])
	if n >= minList && listCutsAfter(s.id, level) || n >= maxList {
		return w.end(level)
	}
	return nil
}

// end stores the page of what was added on a level.
func (w *ContentWriter) end(level int) error {
	spans := w.levels[level]
	id, err := w.put(appendList(nil, level, spans))
	if err != nil {
		return err
	}
	var length uint64
	for i := range spans {
		length += spans[i].length
	}
	w.levels[level] = spans[:0]
	return w.add(level+1, span{id, length})
}

// Finish sets the Content or the List of the entry.
func (w *ContentWriter) Finish(e *Entry) error {
	e.Content, e.List = w.inline, chunk.ID{}
	if w.levels == nil {
		return nil
	}
	for level := 0; ; level++ {
		if len(w.levels[level]) > 0 {
			if level > 0 && w.counts[level] == 1 {
				e.List = w.levels[level][0].id
				return nil
			}
			if err := w.end(level); err != nil {
				return err
			}
		}
	}
}

// A PlacedChunk is a chunk and its offset in its file's content, holes left out.
type PlacedChunk struct {
	Chunk
	Offset int64
}

// Chunks yields the chunks of a file in order, starting with the chunk that holds byte
// from of its content. An error ends the sequence.
func Chunks(ctx context.Context, l Loader, e *Entry, from int64) iter.Seq2[PlacedChunk, error] {
	return func(yield func(PlacedChunk, error) bool) {
		if !e.List.IsZero() {
			walkList(ctx, l, e.List, -1, 0, from, yield)
			return
		}
		var at int64
		for _, c := range e.Content {
			if at+int64(c.Length) > from && !yield(PlacedChunk{c, at}, nil) {
				return
			}
			at += int64(c.Length)
		}
	}
}

// loadList loads a page of a content list.
func loadList(ctx context.Context, l Loader, id chunk.ID) (level int, spans []span, err error) {
	b, err := l.Tree(ctx, id)
	if err != nil {
		return 0, nil, err
	}
	if level, spans, err = parseList(b); err != nil {
		return 0, nil, fmt.Errorf("content list %s: %w", id.Short(), err)
	}
	return level, spans, nil
}

// walkList yields the chunks beneath a page at offset at, and reports whether to
// continue. want is the level that the page must have, or -1 for any.
func walkList(ctx context.Context, l Loader, id chunk.ID, want int, at, from int64, yield func(PlacedChunk, error) bool) bool {
	fail := func(err error) bool { yield(PlacedChunk{}, err); return false }
	level, spans, err := loadList(ctx, l, id)
	if err == nil && want >= 0 && level != want {
		err = fmt.Errorf("content list %s: %w", id.Short(), errList)
	}
	if err != nil {
		return fail(err)
	}
	for _, s := range spans {
		length := int64(s.length)
		if length > math.MaxInt64-at {
			return fail(fmt.Errorf("content list %s: %w", id.Short(), errList))
		}
		switch {
		case at+length <= from:
		case level == 0:
			if !yield(PlacedChunk{Chunk{s.id, uint32(length)}, at}, nil) {
				return false
			}
		default:
			if !walkList(ctx, l, s.id, level-1, at, from, yield) {
				return false
			}
		}
		at += length
	}
	return true
}
