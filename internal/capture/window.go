package capture

import (
	"bytes"
	"context"
	"io"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/snapshot"
)

// Windows of large files are larger, so that fewer bytes are examined twice.
const (
	windowBytes = 1 << 20
	pieceBytes  = 2 << 20
)

// A window is the part of a file that is cut at a time.
//
// Windows of one file can be cut concurrently: two chains of cuts, wherever they began,
// soon cut at the same place, and are the same from there on. So each window is cut from
// its beginning, as if a chunk began there. Once it is known where the chunks of the
// previous windows end, cuts are searched from there only until they meet those already
// found. That examines a few hundred KiB twice. (Ni, Lin and Jiang, "SS-CDC", SYSTOR
// 2019, search for candidates everywhere instead, even where no cut can be.)
type window struct {
	buf    []byte // space for the rest of the previous window, then the window's own bytes
	room   int
	offset int64    // offset in the file, without holes, of the window's first own byte
	ends   bool     // the file ends with this window
	begin  cutChain // a chain that expects no chunk

	guess cuts // cuts as if a chunk began at the first byte, or near it
}

// cuts are consecutive chunks of a window.
type cuts struct {
	start    int // offset in buf of the first chunk
	ends     []end
	cutChain cutChain // state after the chunks
}

// A rest is the bytes of a window that belong to a chunk that ends in the next window.
type rest struct {
	data     []byte
	cutChain cutChain
}

// newCutChain returns the chain for the first byte of a file. before is the file's older
// version, or nil.
func (c *capture) newCutChain(ctx context.Context, before *snapshot.Entry) cutChain {
	return cutChain{cutter: c.cutter, most: c.Params.Max, name: c.Sink.Name, baseVersion: newBaseVersion(ctx, c.Loader, before)}
}

// readWindow reads the next window of a file. first is the chain of the file's first
// byte.
func (c *capture) readWindow(data *dataReader, buf []byte, first cutChain) (window, error) {
	s := window{room: c.Params.Max, offset: data.read, begin: first}
	s.begin.next = none
	n, err := io.ReadFull(data, buf[s.room:])
	c.Progress.BytesRead.Add(uint64(n))
	if s.buf = buf[:s.room+n]; err == io.EOF || err == io.ErrUnexpectedEOF {
		s.ends, err = true, nil
	}
	return s, err
}

// cutAhead cuts the window before it is known where its first chunk begins. It begins
// where the older version suggests that a chunk begins.
func (s *window) cutAhead() {
	s.guess = cuts{start: s.room, cutChain: s.begin}
	number, old, shift := s.begin.baseVersion.guess(s.offset)
	if ahead := old.Offset + shift - s.offset; number != none && ahead < int64(len(s.buf)-s.room) {
		s.guess.start += int(ahead)
		s.guess.cutChain.next, s.guess.cutChain.shift = number, shift
	}
	for at := s.guess.start; at < len(s.buf); {
		n, id := s.cut(&s.guess.cutChain, at)
		if n == 0 {
			return
		}
		at += n
		s.guess.ends = append(s.guess.ends, end{at, id})
	}
}

func (s *window) cut(c *cutChain, at int) (n int, id chunk.ID) {
	return c.cut(s.buf[at:], s.offset+int64(at-s.room), s.ends)
}

// cutBehind returns the window's chunks, the first of which begins with the rest of the
// previous window, and the window's own rest.
func (s *window) cutBehind(ctx context.Context, before rest) (cuts, rest) {
	at := s.room - len(before.data)
	copy(s.buf[at:], before.data)
	found := cuts{start: at, cutChain: before.cutChain}
	known, guessed := s.guess.start, s.guess.ends
	for at < len(s.buf) {
		for known < at && len(guessed) > 0 {
			known, guessed = guessed[0].at, guessed[1:]
		}
		if known == at && len(guessed) > 0 {
			found.ends, found.cutChain = append(found.ends, guessed...), s.guess.cutChain
			at = guessed[len(guessed)-1].at
			break
		}
		n, id := s.cut(&found.cutChain, at)
		if n == 0 {
			break
		}
		at += n
		found.ends = append(found.ends, end{at, id})
	}
	found.cutChain.baseVersion.pass(ctx, found.cutChain.next)
	return found, rest{bytes.Clone(s.buf[at:]), found.cutChain}
}
