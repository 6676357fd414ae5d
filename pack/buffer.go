package pack

import (
	"io"
	"sync"
)

// blockSize is how much memory a Buffer allocates at a time. It is small because most
// packs of hourly snapshots are small.
const blockSize = 64 << 10

// A Buffer is a Spool in memory. Its zero value is empty and ready to use. Several
// goroutines may use it if their ranges don't overlap. Reset empties it and keeps its
// memory for the next pack.
type Buffer struct {
	mu     sync.RWMutex
	blocks [][]byte
	size   int64
}

// Reset makes the buffer empty.
func (b *Buffer) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.size = 0
}

// WriteAt implements io.WriterAt. It grows the buffer as needed.
func (b *Buffer) WriteAt(p []byte, off int64) (int, error) {
	blocks := b.grow(off + int64(len(p)))
	for done := 0; done < len(p); {
		at := off + int64(done)
		done += copy(blocks[at/blockSize][at%blockSize:], p[done:])
	}
	return len(p), nil
}

// grow grows the buffer to that size and returns its blocks.
func (b *Buffer) grow(size int64) [][]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.size = max(b.size, size)
	for int64(len(b.blocks))*blockSize < size {
		b.blocks = append(b.blocks, make([]byte, blockSize))
	}
	return b.blocks
}

// ReadAt implements io.ReaderAt.
func (b *Buffer) ReadAt(p []byte, off int64) (int, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	done := 0
	for done < len(p) {
		at := off + int64(done)
		if at >= b.size {
			return done, io.EOF
		}
		block := b.blocks[at/blockSize]
		end := min(int64(len(block)), at%blockSize+b.size-at)
		done += copy(p[done:], block[at%blockSize:end])
	}
	return done, nil
}
