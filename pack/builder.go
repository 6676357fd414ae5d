package pack

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/seal"
)

func hash(b []byte) ID { return blake3.Sum256(b) }

// A Spool holds a pack while it is built: a Buffer, or a file if packs should not be held
// in memory.
type Spool interface {
	io.ReaderAt
	io.WriterAt
}

// A Builder builds one pack. Segments are reserved in the order of their places in the
// pack. Any number of goroutines then seal and write them.
type Builder struct {
	cipher *seal.Cipher
	spool  Spool

	mu      sync.Mutex
	info    Info
	next    int64         // offset of the next segment
	hashed  int64         // offset up to which the pack is hashed
	written map[int64]int // lengths of the segments written beyond hashed, by offset
	hashing bool          // a goroutine is hashing

	hasher *blake3.Hasher // used only by the goroutine that is hashing

	// writing allows one write to the spool at a time. A file system does the same for a
	// file, but a goroutine that waits there occupies a processor.
	writing sync.Mutex
}

// NewBuilder begins a pack of that kind, which belongs to a run, in an empty spool.
func NewBuilder(sealer *seal.Sealer, run seal.Run, kind seal.Kind, spool Spool) (*Builder, error) {
	cipher, err := sealer.NewCipher(run, kind)
	if err != nil {
		return nil, err
	}
	header := cipher.Header()
	if _, err := spool.WriteAt(header[:], 0); err != nil {
		return nil, fmt.Errorf("new pack: %w", err)
	}
	b := &Builder{
		cipher: cipher, spool: spool, info: Info{Header: header},
		next: seal.HeaderSize, hashed: seal.HeaderSize, written: map[int64]int{}, hasher: blake3.New(),
	}
	_, _ = b.hasher.Write(header[:]) // never fails
	return b, nil
}

// A Part names a blob of a segment that is being built, and its length. The parts of a
// segment are consecutive.
type Part struct {
	ID     chunk.ID
	Length int
}

// A Slot is the place of a reserved segment.
type Slot struct {
	number uint64
	offset int64
}

// Reserve assigns the next place in the pack to a segment whose compressed size is size
// bytes. A Write to that place must follow. Reserve also returns the size of the pack so
// far, without its footer.
func (b *Builder) Reserve(codec Codec, size, plain int, parts []Part) (Slot, int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	number := uint32(len(b.info.Segments))
	slot := Slot{uint64(number), b.next}
	b.info.Segments = append(b.info.Segments, Segment{Offset: b.next, Stored: size + seal.Overhead, Plain: plain, Codec: codec})
	var offset uint32
	for _, p := range parts {
		b.info.Blobs = append(b.info.Blobs, Blob{p.ID, number, offset, uint32(p.Length)})
		offset += uint32(p.Length)
	}
	b.next += int64(size + seal.Overhead)
	return slot, b.next
}

// Write seals a compressed segment in place and writes it. It overwrites data, whose
// capacity should leave seal.Overhead bytes to spare.
func (b *Builder) Write(slot Slot, data []byte) error {
	sealed := b.cipher.Seal(data[:0], data, slot.number)
	b.writing.Lock()
	_, err := b.spool.WriteAt(sealed, slot.offset)
	b.writing.Unlock()
	if err != nil {
		return fmt.Errorf("write to pack: %w", err)
	}
	if err := b.hash(slot.offset, sealed); err != nil {
		return fmt.Errorf("read back the pack being written: %w", err)
	}
	return nil
}

// hash hashes the written segment, and the written segments that directly follow it. If
// another goroutine is hashing, or a segment before it is still missing, that is left to
// the goroutine that hashes or that writes the missing segment. So most segments are
// hashed while they are in the processor's cache, and nobody waits.
func (b *Builder) hash(offset int64, sealed []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.written[offset] = len(sealed)
	if b.hashing {
		return nil
	}
	b.hashing = true
	defer func() { b.hashing = false }()
	for {
		at := b.hashed
		size, ok := b.written[at]
		if !ok {
			return nil
		}
		delete(b.written, at)
		b.mu.Unlock()
		var err error
		if at == offset {
			_, err = b.hasher.Write(sealed)
		} else {
			_, err = io.CopyBuffer(b.hasher, io.NewSectionReader(b.spool, at, int64(size)), make([]byte, min(size, 256<<10)))
		}
		b.mu.Lock()
		if err != nil {
			return err // Finish fails too, because hashed stays behind
		}
		b.hashed += int64(size)
	}
}

// Finish writes the footer and the trailer after every reserved segment was written, and
// returns the description of the pack. The spool then holds the pack, Size bytes long.
func (b *Builder) Finish() (*Info, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hashed != b.next {
		return nil, errors.New("finish pack: a reserved segment was not written")
	}
	footer := b.info.AppendFooter(nil)
	end := b.cipher.Seal(footer[:0], footer, footerPart)
	end = appendTrailer(end, end)
	if _, err := b.spool.WriteAt(end, b.next); err != nil {
		return nil, fmt.Errorf("finish pack: %w", err)
	}
	b.info.Size = b.next + int64(len(end))
	_, _ = b.hasher.Write(end)
	b.hasher.Sum(b.info.ID[:0])
	info := b.info
	return &info, nil
}
