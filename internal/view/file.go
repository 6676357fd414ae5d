package view

import (
	"io"
	"io/fs"
	"sync"
)

// An openFile is an open file of a fileSystem. It implements fs.File, io.Seeker, io.ReaderAt
// and io.WriterTo.
type openFile struct {
	fs   *fileSystem
	info entryInfo
	path string

	mu     sync.Mutex
	offset int64

	lastMu sync.Mutex
	last   piece // read last: kept for callers that read little at a time
}

var (
	_ io.Seeker   = (*openFile)(nil)
	_ io.ReaderAt = (*openFile)(nil)
	_ io.WriterTo = (*openFile)(nil)
)

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

func (f *openFile) fail(op string, err error) error {
	return &fs.PathError{Op: op, Path: f.path, Err: err}
}

// Read implements fs.File.
func (f *openFile) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.ReadAt(p, f.offset)
	f.offset += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// Seek implements io.Seeker.
func (f *openFile) Seek(offset int64, whence int) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch whence {
	case io.SeekCurrent:
		offset += f.offset
	case io.SeekEnd:
		offset += f.info.e.Size
	}
	if offset < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return f.offset, f.fail("seek", fs.ErrInvalid)
	}
	f.offset = offset
	return offset, nil
}

// ReadAt implements io.ReaderAt.
func (f *openFile) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, f.fail("read", fs.ErrInvalid)
	}
	n := 0
	if e := f.info.e; off < e.Size {
		n = copy(p[:min(int64(len(p)), e.Size-off)], f.readLast(off))
	}
	if n == len(p) {
		return n, nil
	}
	more, err := readAt(f.fs.ctx, f.fs.blobs, f.info.e, p[n:], off+int64(n), f.keepLast)
	if err != nil && err != io.EOF {
		err = f.fail("read", err)
	}
	return n + more, err
}

func (f *openFile) keepLast(p piece) {
	f.lastMu.Lock()
	defer f.lastMu.Unlock()
	f.last = p
}

// readLast returns the bytes from an offset on, as far as they were read last.
func (f *openFile) readLast(off int64) []byte {
	f.lastMu.Lock()
	defer f.lastMu.Unlock()
	if skip := off - f.last.offset; skip >= 0 && skip < int64(len(f.last.data)) {
		return f.last.data[skip:]
	}
	return nil
}

// WriteTo implements io.WriterTo.
func (f *openFile) WriteTo(w io.Writer) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var n int64
	err := readContent(f.fs.ctx, f.fs.blobs, f.info.e, f.offset, func(data []byte) error {
		k, err := w.Write(data)
		n += int64(k)
		return err
	})
	f.offset += n
	return n, err
}
