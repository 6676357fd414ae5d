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

	mu      sync.Mutex
	info    Info
	next    int64         // where the next segment goes
	hashed  int64         // up to where the pack is hashed
	written map[int64]int // lengths of segments beyond that, by where they lie
	hashing bool          // somebody is

	hasher *blake3.Hasher // of who is

	// writing lets one write at a time to the spool. A file system does that for a
	// file, but whoever waits there keeps a processor.
	writing sync.Mutex
}

// NewBuilder begins a pack of that kind in an empty spool. It belongs to a run.
func NewBuilder(box *seal.Sealer, run seal.Run, kind seal.Kind, spool Spool) (*Builder, error) {
	cipher, err := box.NewCipher(run, kind)
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
	_, _ = b.hasher.Write(header[:]) // which never fails
	return b, nil
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
	b.writing.Lock()
	_, err := b.spool.WriteAt(sealed, slot.offset)
	b.writing.Unlock()
	if err != nil {
		return fmt.Errorf("write to pack: %w", err)
	}
	if err := b.hash(slot.offset, sealed); err != nil {
		return fmt.Errorf("read what was written to pack: %w", err)
	}
	return nil
}

// hash hashes a segment that is written, and those after it that were before it; or
// else leaves it to whoever is hashing, or writes what is missing before it. So most
// are hashed while they are in the processor's cache, and nobody waits.
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
			return err // and Finish won't
		}
		b.hashed += int64(size)
	}
}

// Finish writes footer and trailer once every reserved segment is written, and
// returns what the pack is. The spool then holds it, Size bytes long.
func (b *Builder) Finish() (*Info, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hashed != b.next {
		return nil, errors.New("finish pack: not all that was reserved is written")
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
