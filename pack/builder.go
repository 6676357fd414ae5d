package pack

import (
	"fmt"
	"io"
	"sync"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/seal"
)

func hash(b []byte) ID { return blake3.Sum256(b) }

// A Spool holds a pack while it is built: a Buffer, or a file where packs are
// larger than memory should be.
type Spool interface {
	io.ReaderAt
	io.WriterAt
}

// A Builder makes one pack. Segments are reserved in the order in which they
// will lie, then sealed and written by as many goroutines as like to.
type Builder struct {
	cipher *seal.Cipher
	spool  Spool

	mu   sync.Mutex
	info Info
	next int64 // where the next segment goes
}

// NewBuilder begins a pack of that kind in an empty spool. It belongs to a run.
func NewBuilder(box *seal.Box, run seal.Run, kind seal.Kind, spool Spool) (*Builder, error) {
	cipher, err := box.CreateIn(run, kind)
	if err != nil {
		return nil, err
	}
	header := cipher.Header()
	if _, err := spool.WriteAt(header[:], 0); err != nil {
		return nil, fmt.Errorf("new pack: %w", err)
	}
	return &Builder{cipher: cipher, spool: spool, info: Info{Header: header}, next: seal.HeaderSize}, nil
}

// A Part names a blob of a segment to be, and its length. The parts of a segment
// lie in it one after another.
type Part struct {
	ID     chunk.ID
	Length int
}

// A Slot is the place of a reserved segment.
type Slot struct {
	number uint64
	offset int64
}

// Reserve gives the next place to a segment that compressed to size bytes. It
// must be followed by a Write to that place. It also returns how large the pack
// has become, without its footer.
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

// Write seals a compressed segment in place and writes it. It uses data's
// storage, whose capacity should have seal.Overhead bytes to spare.
func (b *Builder) Write(slot Slot, data []byte) error {
	sealed := b.cipher.Seal(data[:0], data, slot.number)
	if _, err := b.spool.WriteAt(sealed, slot.offset); err != nil {
		return fmt.Errorf("write to pack: %w", err)
	}
	return nil
}

// Finish writes footer and trailer once every reserved segment is written, and
// returns what the pack is. The spool then holds it, Size bytes long.
func (b *Builder) Finish() (*Info, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	footer := b.info.AppendFooter(nil)
	end := b.cipher.Seal(footer[:0], footer, footerPart)
	end = appendTrailer(end, end)
	if _, err := b.spool.WriteAt(end, b.next); err != nil {
		return nil, fmt.Errorf("finish pack: %w", err)
	}
	b.info.Size = b.next + int64(len(end))
	h := blake3.New()
	if _, err := io.CopyBuffer(h, io.NewSectionReader(b.spool, 0, b.info.Size), make([]byte, min(b.info.Size, 256<<10))); err != nil {
		return nil, fmt.Errorf("finish pack: %w", err)
	}
	h.Sum(b.info.ID[:0])
	info := b.info
	return &info, nil
}
