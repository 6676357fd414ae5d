package capture

import (
	"context"
	"io"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/snapshot"
)

// pieceBytes is how much of a file is cut at a time, at least.
const pieceBytes = 1 << 20

// pieceSize is the size of the buffer that a piece is read into.
func (c *capture) pieceSize() int { return pieceBytes + c.Params.Max }

// An end is where a chunk ends, and its id unless that is zero.
type end struct {
	at int
	id chunk.ID
}

// cut reads data into buf and calls put with the whole chunks in it, where each
// ends, and the rest behind them. put returns the buffer to go on with, in which
// the rest stands first. before is the file's older version, or nil.
func (c *capture) cut(ctx context.Context, data *dataReader, before *snapshot.Entry, buf []byte, put func(chunks []byte, ends []end, rest []byte) ([]byte, error)) (problem, fatal error) {
	p := newPredictor(ctx, c.Loader, c.cutter, c.Sink.Name, before)
	defer p.close()
	filled, eof := 0, false
	for !eof || filled > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !eof {
			n, err := io.ReadFull(data, buf[filled:])
			filled += n
			c.Progress.BytesRead.Add(uint64(n))
			eof = err == io.EOF || err == io.ErrUnexpectedEOF
			if err != nil && !eof {
				return err, nil
			}
		}
		var ends []end
		at := 0
		for at < filled && (eof || filled-at >= c.Params.Max) {
			n, id := p.cut(buf[at:filled])
			at += n
			ends = append(ends, end{at, id})
		}
		if at > 0 {
			if buf, fatal = put(buf[:at], ends, buf[at:filled]); fatal != nil {
				return nil, fatal
			}
			filled -= at
		}
	}
	return nil, nil
}

// A dataReader reads a file of that size without its holes.
type dataReader struct {
	f     file
	holes []snapshot.Hole
	size  int64
	at    int64 // in the file
	read  int64 // bytes of data so far
}

// start skips a hole at the beginning. It must be called first.
func (r *dataReader) start() error {
	if len(r.holes) == 0 {
		return nil
	}
	return r.seek()
}

// seek moves the file to r.at, or behind the hole that is there.
func (r *dataReader) seek() error {
	if len(r.holes) > 0 && r.holes[0].Offset == r.at {
		r.at += r.holes[0].Length
		r.holes = r.holes[1:]
	}
	return r.f.SeekTo(r.at)
}

// Read is io.Reader.
func (r *dataReader) Read(p []byte) (int, error) {
	end := r.size
	if len(r.holes) > 0 {
		end = r.holes[0].Offset
	}
	if r.at >= end {
		return 0, io.EOF
	}
	n, err := r.f.Read(p[:min(int64(len(p)), end-r.at)])
	r.at += int64(n)
	r.read += int64(n)
	if err == nil && r.at == end && len(r.holes) > 0 {
		err = r.seek()
	}
	return n, err
}
