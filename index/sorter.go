package index

import (
	"bufio"
	"bytes"
	"cmp"
	"container/heap"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"

	"github.com/qsnap/qsnap/chunk"
)

// An entry is a blob and its place, with the pack's number in the new table.
type entry struct {
	id    chunk.ID
	pack  uint32
	place Place // without Pack
}

func compareEntries(a, b entry) int {
	if c := bytes.Compare(a.id[:], b.id[:]); c != 0 {
		return c
	}
	if c := cmp.Compare(a.pack, b.pack); c != 0 {
		return c
	}
	if c := cmp.Compare(a.place.Segment, b.place.Segment); c != 0 {
		return c
	}
	return cmp.Compare(a.place.Offset, b.place.Offset)
}

const sortPrefix = "sort-"

// runEntries is how many entries are sorted in memory: 8 MiB.
const runEntries = 128 << 10

// A sorter sorts any number of entries in bounded memory: it sorts runs of them, writes
// the runs to a temporary file and merges them.
type sorter struct {
	dir  string
	run  []entry
	file *os.File
	ends []int64 // where the runs end in the file
}

func (s *sorter) add(e entry) error {
	if len(s.run) == runEntries {
		if err := s.spill(); err != nil {
			return err
		}
	}
	s.run = append(s.run, e)
	return nil
}

const entrySize = chunk.IDSize + 4*4

func (s *sorter) spill() error {
	if s.file == nil {
		f, err := os.CreateTemp(s.dir, sortPrefix+"*")
		if err != nil {
			return fmt.Errorf("index: %w", err)
		}
		s.file = f
	}
	slices.SortFunc(s.run, compareEntries)
	w := bufio.NewWriterSize(s.file, 256<<10)
	var b [entrySize]byte
	for _, e := range s.run {
		copy(b[:], e.id[:])
		for i, v := range []uint32{e.pack, e.place.Segment, e.place.Offset, e.place.Length} {
			binary.LittleEndian.PutUint32(b[chunk.IDSize+4*i:], v)
		}
		w.Write(b[:]) // Flush returns the error
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	var end int64
	if n := len(s.ends); n > 0 {
		end = s.ends[n-1]
	}
	s.ends = append(s.ends, end+int64(len(s.run))*entrySize)
	s.run = s.run[:0]
	return nil
}

// sorted yields all entries in order. add must not be called after it.
func (s *sorter) sorted() iter.Seq2[entry, error] {
	slices.SortFunc(s.run, compareEntries)
	sources := []iter.Seq2[entry, error]{func(yield func(entry, error) bool) {
		for _, e := range s.run {
			if !yield(e, nil) {
				return
			}
		}
	}}
	var start int64
	for _, end := range s.ends {
		sources = append(sources, readRun(io.NewSectionReader(s.file, start, end-start)))
		start = end
	}
	return mergeEntries(sources)
}

func readRun(r io.Reader) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		buffered := bufio.NewReaderSize(r, 64<<10)
		var b [entrySize]byte
		for {
			_, err := io.ReadFull(buffered, b[:])
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(entry{}, fmt.Errorf("index: %w", err))
				return
			}
			e := entry{id: chunk.ID(b[:]), pack: binary.LittleEndian.Uint32(b[chunk.IDSize:])}
			for i, v := range []*uint32{&e.place.Segment, &e.place.Offset, &e.place.Length} {
				*v = binary.LittleEndian.Uint32(b[chunk.IDSize+4+4*i:])
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// close removes the temporary file.
func (s *sorter) close() {
	if s.file != nil {
		s.file.Close()
		os.Remove(s.file.Name())
	}
}

// mergeEntries merges sorted sources into one.
func mergeEntries(sources []iter.Seq2[entry, error]) iter.Seq2[entry, error] {
	if len(sources) == 1 {
		return sources[0]
	}
	return func(yield func(entry, error) bool) {
		var h mergeHeap
		for _, s := range sources {
			next, stop := iter.Pull2(s)
			defer stop()
			e, err, ok := next()
			if err != nil {
				yield(entry{}, err)
				return
			}
			if ok {
				h = append(h, mergeSource{e, next})
			}
		}
		heap.Init(&h)
		for len(h) > 0 {
			if !yield(h[0].entry, nil) {
				return
			}
			e, err, ok := h[0].next()
			if err != nil {
				yield(entry{}, err)
				return
			}
			if ok {
				h[0].entry = e
				heap.Fix(&h, 0)
			} else {
				heap.Pop(&h)
			}
		}
	}
}

type mergeSource struct {
	entry
	next func() (entry, error, bool)
}

// A mergeHeap has the source with the smallest entry first.
type mergeHeap []mergeSource

func (h mergeHeap) Len() int           { return len(h) }
func (h mergeHeap) Less(i, j int) bool { return compareEntries(h[i].entry, h[j].entry) < 0 }
func (h mergeHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *mergeHeap) Push(x any)        { *h = append(*h, x.(mergeSource)) }
func (h *mergeHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
