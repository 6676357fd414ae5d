package blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
)

// A Verifier reads segments back from the target, and verifies their seals and the hashes of
// all blobs in them. It reads no cache and no replica, and each segment once. It is safe for
// concurrent use.
//
// Segments that are needed have neighbours that are needed soon. So one request reads the
// segments around the one that is asked for, usually the whole pack, and one more reads the
// footer. A small pack takes one request.
type Verifier struct {
	r      *Reader
	ctx    context.Context
	reads  sync.WaitGroup
	room   chan struct{} // taken by each request that reads segments
	free   sync.Pool     // of *segmentBuffers
	opened atomic.Uint64 // bytes of segments that were verified, decompressed

	mu    sync.Mutex
	packs map[pack.ID]*verified
}

const (
	verifyBack  = 16 << 20 // stored bytes of the segments that a request reads before the one that is asked for
	verifyAhead = 32 << 20 // and of all that it reads, with that one
	verifyWhole = 1 << 20  // size of the largest packs that are read at once
	verifyReads = 4        // requests that read segments at the same time: each holds one segment
)

// A verified is what is known of a pack. The fields below info are guarded by the verifier.
type verified struct {
	info    *pack.Info    // without blobs
	good    []bool        // the segments that were verified
	reading bool          // segments are being read
	err     error         // why the pack can't be relied on, or why it can't be read
	changed chan struct{} // closed when one of the fields above has changed
}

type segmentBuffers struct{ sealed, plain []byte }

// Verifier returns a Verifier, which reads until the context ends. The caller must then call
// Wait.
func (r *Reader) Verifier(ctx context.Context) *Verifier {
	return &Verifier{r: r, ctx: ctx, room: make(chan struct{}, verifyReads), packs: map[pack.ID]*verified{}}
}

// Wait waits until nothing is read any more.
func (v *Verifier) Wait() { v.reads.Wait() }

// Bytes returns how many bytes of segments were verified, decompressed.
func (v *Verifier) Bytes() uint64 { return v.opened.Load() }

// Verify returns nil if the segment of a place is stored as it should be. If it is damaged or
// missing, or another segment of the pack was found so before, the error is a
// *pack.DamageError.
func (v *Verifier) Verify(ctx context.Context, at index.Place) error {
	n := int(at.Segment)
	if n >= len(at.Pack.Segments) {
		return &pack.DamageError{Pack: at.Pack.ID, Err: errors.New("the pack has fewer segments than the index says")}
	}
	for {
		changed, done, err := v.look(at.Pack, n)
		if done {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// look reports whether a segment is known to be good or damaged. If it is not, look begins to
// read the pack, and returns a channel that is closed when more is known.
func (v *Verifier) look(info *pack.Info, n int) (changed <-chan struct{}, done bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	p := v.packs[info.ID]
	if p == nil {
		p = &verified{info: info, good: make([]bool, len(info.Segments)), changed: make(chan struct{})}
		v.packs[info.ID] = p
	}
	if p.err != nil || p.good[n] {
		return nil, true, p.err
	}
	if !p.reading {
		p.reading = true
		v.reads.Go(func() { v.read(p, n) })
	}
	return p.changed, false, nil
}

// update changes what is known of a pack.
func (v *Verifier) update(p *verified, change func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

// read verifies a segment of a pack, and others around it.
func (v *Verifier) read(p *verified, n int) {
	var err error
	select {
	case v.room <- struct{}{}:
		from, to := v.around(p, n)
		err = v.readFrom(p, from, to)
		<-v.room
	case <-v.ctx.Done():
		err = v.ctx.Err()
	}
	v.update(p, func() { p.reading, p.err = false, err })
}

// readFrom verifies segments of a pack, from one number up to another, or all of a small pack.
func (v *Verifier) readFrom(p *verified, from, to int) error {
	if p.info.Size <= verifyWhole {
		whole := make([]byte, p.info.Size)
		if err := v.r.ReadRange(v.ctx, p.info.ID, 0, whole); err != nil {
			return err
		}
		info, err := v.info(p, bytes.NewReader(whole))
		if err != nil {
			return err
		}
		return v.segments(p, info, 0, len(info.Segments), bytes.NewReader(whole[seal.HeaderSize:]))
	}
	info, err := v.info(p, &knownHeader{rangeReader{v.ctx, v.r, p.info.ID}, p.info.Header[:]})
	if err != nil {
		return err
	}
	start, last := p.info.Segments[from].Offset, p.info.Segments[to-1]
	end := last.Offset + int64(last.Stored)
	if from == 0 {
		start = 0
	}
	rc, err := v.r.store.Get(v.ctx, object.Packs.Name(p.info.ID), start, end-start)
	if err != nil {
		return v.r.asDamage(v.ctx, p.info.ID, end, err)
	}
	if from == 0 {
		err = v.header(p, rc)
	}
	if err == nil {
		err = v.segments(p, info, from, to, rc)
	}
	return object.Join(err, rc.Close())
}

// info reads from a pack what it holds, which must be what the index says.
func (v *Verifier) info(p *verified, in io.ReaderAt) (*pack.Info, error) {
	info, err := v.r.describe(v.ctx, p.info.ID, p.info.Size, in)
	if err == nil && (info.Header != p.info.Header || !slices.Equal(info.Segments, p.info.Segments)) {
		err = &pack.DamageError{Pack: p.info.ID, Part: "footer", Err: errors.New("it isn't what the index says")}
	}
	return info, err
}

// A knownHeader reads a pack, but not its header, which the index has.
type knownHeader struct {
	rangeReader
	header []byte
}

// ReadAt is io.ReaderAt.
func (k *knownHeader) ReadAt(p []byte, off int64) (int, error) {
	if off == 0 && len(p) == len(k.header) {
		return copy(p, k.header), nil
	}
	return k.rangeReader.ReadAt(p, off)
}

// around returns the numbers of the segments to read with one: up to the nearest that were
// verified, within some bytes.
func (v *Verifier) around(p *verified, n int) (from, to int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := p.info.Segments
	for from = n; from > 0 && !p.good[from-1] && s[n].Offset-s[from-1].Offset <= verifyBack; {
		from--
	}
	for to = n + 1; to < len(s) && !p.good[to] && s[to].Offset+int64(s[to].Stored)-s[from].Offset <= verifyAhead; {
		to++
	}
	return from, to
}

// header verifies the header of a pack that is read from its beginning.
func (v *Verifier) header(p *verified, in io.Reader) error {
	head := make([]byte, seal.HeaderSize)
	if _, err := io.ReadFull(in, head); err != nil {
		return v.r.asDamage(v.ctx, p.info.ID, seal.HeaderSize, err)
	}
	if !bytes.Equal(head, p.info.Header[:]) {
		return &pack.DamageError{Pack: p.info.ID, Part: "header", Err: errors.New("it isn't what the index says")}
	}
	return nil
}

// segments verifies the segments from one number up to another, which a reader yields. It
// stops at the first that is damaged.
func (v *Verifier) segments(p *verified, info *pack.Info, from, to int, in io.Reader) error {
	buf, _ := v.free.Get().(*segmentBuffers)
	if buf == nil {
		buf = new(segmentBuffers)
	}
	defer v.free.Put(buf)
	blobs := info.Blobs[sort.Search(len(info.Blobs), func(i int) bool { return int(info.Blobs[i].Segment) >= from }):]
	for n := from; n < to; n++ {
		s := info.Segments[n]
		buf.sealed = slices.Grow(buf.sealed[:0], s.Stored)[:s.Stored]
		if _, err := io.ReadFull(in, buf.sealed); err != nil {
			return v.r.asDamage(v.ctx, info.ID, s.Offset+int64(s.Stored), err)
		}
		if err := v.r.pacer.Pace(v.ctx); err != nil {
			return err
		}
		buf.plain = slices.Grow(buf.plain[:0], s.Plain)
		plain, err := v.r.OpenSegment(info, n, buf.sealed, buf.plain)
		for ; err == nil && len(blobs) > 0 && int(blobs[0].Segment) == n; blobs = blobs[1:] {
			b := blobs[0]
			_, err = v.r.cutBlob(plain, index.Place{Pack: info, Segment: b.Segment, Offset: b.Offset, Length: b.Length}, b.ID, info.IsTree())
		}
		if err != nil {
			return err
		}
		v.opened.Add(uint64(len(plain)))
		v.update(p, func() { p.good[n] = true })
	}
	return nil
}
