package capture

import (
	"io"

	"github.com/qsnap/qsnap/internal/source"
	"github.com/qsnap/qsnap/snapshot"
)

// A dataReader reads a file of that size without its holes.
type dataReader struct {
	f     source.File
	holes []snapshot.Hole
	size  int64
	at    int64 // offset in the file
	read  int64 // bytes of data so far
}

// start skips a hole at the beginning. It must be called first.
func (r *dataReader) start() error {
	if len(r.holes) == 0 {
		return nil
	}
	return r.seek()
}

// seek moves the file to r.at, or to the end of the hole there.
func (r *dataReader) seek() error {
	if len(r.holes) > 0 && r.holes[0].Offset == r.at {
		r.at += r.holes[0].Length
		r.holes = r.holes[1:]
	}
	return r.f.SeekTo(r.at)
}

// Read implements io.Reader.
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
