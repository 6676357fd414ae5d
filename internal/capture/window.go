package capture

import (
	"bytes"
	"context"
	"io"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/snapshot"
)

// A stretch of a large file is larger: less of it is looked at twice.
const (
	stretchBytes = 1 << 20
	pieceBytes   = 2 << 20
)

// A stretch is the bytes of a file that are cut at a time.
//
// Stretches of one file can be cut at once: two chains of cuts, wherever they began,
// soon cut at the same place, and from there on are one. So each stretch is cut from its
// beginning, as if a chunk began there; when it is known where in it the chunks of the
// stretches before end, the cuts from there on are looked for only until they meet
// those. That is some hundred KiB looked at twice. (Ni, Lin and Jiang, "SS-CDC",
// SYSTOR 2019, look for candidates everywhere instead, also where none can be taken.)
type stretch struct {
	buf    []byte // room for the rest of the stretch before it, then its own bytes
	room   int
	offset int64 // in the file, holes left out, of the byte behind the room
	ends   bool  // the file ends with it
	begin  chain // with nothing expected

	guess cuts // as if a chunk began at its first byte, or near it
}

// Cuts are chunks of a stretch, one behind the other.
type cuts struct {
	start int // where in buf the first one begins
	ends  []end
	chain chain // as it is behind them
}

// A rest is what of a stretch belongs to a chunk that ends in the next one.
type rest struct {
	data  []byte
	chain chain
}

// newChain returns the chain for the first byte of a file, which has that older version
// or nil.
func (c *capture) newChain(ctx context.Context, before *snapshot.Entry) chain {
	return chain{cutter: c.cutter, most: c.Params.Max, name: c.Sink.Name, older: newOlder(ctx, c.Loader, before)}
}

// readStretch reads the next stretch of a file, of which first is the first chain.
func (c *capture) readStretch(data *dataReader, buf []byte, first chain) (stretch, error) {
	s := stretch{room: c.Params.Max, offset: data.read, begin: first}
	s.begin.next = none
	n, err := io.ReadFull(data, buf[s.room:])
	c.Progress.BytesRead.Add(uint64(n))
	if s.buf = buf[:s.room+n]; err == io.EOF || err == io.ErrUnexpectedEOF {
		s.ends, err = true, nil
	}
	return s, err
}

// cutAhead cuts the stretch before it is known where its first chunk begins. It begins
// where the older version lets expect a chunk.
func (s *stretch) cutAhead() {
	s.guess = cuts{start: s.room, chain: s.begin}
	number, old, shift := s.begin.older.guess(s.offset)
	if ahead := old.Offset + shift - s.offset; number != none && ahead < int64(len(s.buf)-s.room) {
		s.guess.start += int(ahead)
		s.guess.chain.next, s.guess.chain.shift = number, shift
	}
	for at := s.guess.start; at < len(s.buf); {
		n, id := s.cut(&s.guess.chain, at)
		if n == 0 {
			return
		}
		at += n
		s.guess.ends = append(s.guess.ends, end{at, id})
	}
}

func (s *stretch) cut(c *chain, at int) (n int, id chunk.ID) {
	return c.cut(s.buf[at:], s.offset+int64(at-s.room), s.ends)
}

// cutBehind returns the stretch's chunks, of which the first begins with the rest of the
// stretch before it, and its own rest.
func (s *stretch) cutBehind(ctx context.Context, before rest) (cuts, rest) {
	at := s.room - len(before.data)
	copy(s.buf[at:], before.data)
	found := cuts{start: at, chain: before.chain}
	known, guessed := s.guess.start, s.guess.ends
	for at < len(s.buf) {
		for known < at && len(guessed) > 0 {
			known, guessed = guessed[0].at, guessed[1:]
		}
		if known == at && len(guessed) > 0 {
			found.ends, found.chain = append(found.ends, guessed...), s.guess.chain
			at = guessed[len(guessed)-1].at
			break
		}
		n, id := s.cut(&found.chain, at)
		if n == 0 {
			break
		}
		at += n
		found.ends = append(found.ends, end{at, id})
	}
	found.chain.older.pass(ctx, found.chain.next)
	return found, rest{bytes.Clone(s.buf[at:]), found.chain}
}
