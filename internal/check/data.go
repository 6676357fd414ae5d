package check

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync/atomic"

	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"

	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
)

// readPacks reads the data of the packs that the options choose.
func (c *checker) readPacks(ctx context.Context) error {
	if !c.o.ReadData {
		return nil
	}
	chosen, total, err := c.choosePacks()
	if err != nil {
		return err
	}
	var done atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(c.o.Workers)
	if c.e.Store.Remote() {
		g.SetLimit(max(c.o.Workers, blob.PrefetchGets)) // each waits for the target, and holds a segment
	}
	for _, id := range chosen {
		g.Go(func() error {
			err := c.readPack(ctx, id, &done)
			c.progress(PhasePacks, done.Load(), total, outcome.Bytes)
			return err
		})
	}
	err = g.Wait()
	c.report.BytesRead = done.Load()
	return err
}

// choosePacks returns the packs to read, in order, and how many bytes they have.
func (c *checker) choosePacks() (chosen []pack.ID, total int64, err error) {
	var sample *rand.Rand
	if c.o.Percent > 0 {
		var seed [32]byte
		if _, err := io.ReadFull(c.e.Rand, seed[:]); err != nil {
			return nil, 0, err
		}
		sample = rand.New(rand.NewChaCha8(seed))
	}
	for _, id := range c.packIDs() {
		size := c.packs[id].size
		switch {
		case size == 0:
			continue
		case c.only != nil && !c.only[id]:
			continue
		case c.o.Of > 0 && int(binary.BigEndian.Uint64(id[:])%uint64(c.o.Of)) != c.o.Part-1:
			continue
		case sample != nil && sample.Float64()*100 >= c.o.Percent:
			continue
		}
		chosen = append(chosen, id)
		total += size
	}
	return chosen, total, nil
}

// readPack reads a pack from front to back: its bytes against its id, every segment
// against its seal, and every blob against its id. It adds the bytes it has read to done.
func (c *checker) readPack(ctx context.Context, id pack.ID, done *atomic.Int64) error {
	info, err := c.e.Blobs.PackInfo(ctx, id, c.packs[id].size)
	if damage, ok := errors.AsType[*pack.DamageError](err); ok {
		// Its segments can be read all the same if an index delta says where they are.
		if _, err := c.addBadPack(ctx, id, damage); err != nil {
			return err
		}
		info, err = c.e.Blobs.ListedInfo(ctx, id)
	}
	if err != nil || info == nil {
		return err
	}
	hash, err := c.readAs(ctx, id, info, done)
	if damage, ok := errors.AsType[*pack.DamageError](err); ok {
		if _, err := c.addBadPack(ctx, id, damage); err != nil {
			return err
		}
		return c.readBySegments(ctx, info)
	}
	if err != nil || hash == id {
		return err
	}
	if _, err := c.addBadPack(ctx, id, object.ErrHash); err != nil {
		return err
	}
	// It may be another pack altogether, and whole. What counts is what the index expects
	// of it.
	listed, err := c.e.Blobs.ListedInfo(ctx, id)
	if err == nil && listed != nil {
		_, err = c.readAs(ctx, id, listed, new(atomic.Int64))
	}
	return err
}

// readBySegments reads each segment of a pack by itself, where the pack can't be read in
// one go, and records which can't be read.
func (c *checker) readBySegments(ctx context.Context, info *pack.Info) error {
	for n, s := range info.Segments {
		sealed := make([]byte, s.Stored)
		err := c.e.Blobs.ReadRange(ctx, info.ID, s.Offset, sealed)
		if err == nil {
			_, err = c.e.Blobs.OpenSegment(info, n, sealed, nil)
		}
		if damage, ok := errors.AsType[*pack.DamageError](err); ok {
			err = c.addBadSegment(ctx, info.ID, n, damage)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readAs reads a pack as one that holds what info says, and returns its hash.
func (c *checker) readAs(ctx context.Context, id pack.ID, info *pack.Info, done *atomic.Int64) (pack.ID, error) {
	rc, err := c.e.Store.Get(ctx, object.Packs.Name(id), 0, -1)
	if err != nil {
		return id, err
	}
	defer rc.Close()
	h := blake3.New()
	in := &countingReader{r: io.TeeReader(rc, h), n: done}
	if _, err := io.CopyN(io.Discard, in, seal.HeaderSize); err != nil && err != io.EOF {
		return id, err
	}
	if err := c.readSegments(ctx, in, info); err != nil {
		return id, err
	}
	_, err = io.Copy(io.Discard, in)
	return pack.ID(h.Sum(nil)), err
}

// A countingReader adds the bytes that are read through it to a counter.
type countingReader struct {
	r io.Reader
	n *atomic.Int64
}

// Read is io.Reader.
func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// segmentBuffers are used for one segment after another.
type segmentBuffers struct{ sealed, plain []byte }

// readSegments opens all segments of a pack and checks their blobs.
func (c *checker) readSegments(ctx context.Context, in io.Reader, info *pack.Info) error {
	hasher := c.e.Data
	if info.IsTree() {
		hasher = c.e.Tree
	}
	blobs := info.Blobs
	buf, _ := c.buffers.Get().(*segmentBuffers)
	if buf == nil {
		buf = new(segmentBuffers)
	}
	defer c.buffers.Put(buf)
	for n, s := range info.Segments {
		if err := c.e.Pace.Pace(ctx); err != nil {
			return err
		}
		sealed := slices.Grow(buf.sealed[:0], s.Stored)[:s.Stored]
		buf.sealed = sealed
		var plain []byte
		_, err := io.ReadFull(in, sealed)
		switch err {
		case nil:
			buf.plain = slices.Grow(buf.plain[:0], s.Plain)
			plain, err = c.e.Blobs.OpenSegment(info, n, sealed, buf.plain)
		case io.EOF, io.ErrUnexpectedEOF:
			err = fmt.Errorf("segment %d: it ends behind the pack", n)
		default:
			return err
		}
		if errors.Is(err, seal.ErrNoKey) {
			return err
		}
		for ; len(blobs) > 0 && int(blobs[0].Segment) == n; blobs = blobs[1:] {
			b := blobs[0]
			if err == nil {
				err = hasher.Verify(b.ID, plain[b.Offset:b.Offset+b.Length])
			}
		}
		if err != nil {
			if err := c.addBadSegment(ctx, info.ID, n, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// addBadSegment records why a segment of a pack can't be read. Each pack is read by one
// goroutine.
func (c *checker) addBadSegment(ctx context.Context, id pack.ID, n int, why error) error {
	p := c.packs[id]
	if p.bad == nil {
		p.bad = map[int]bool{}
	}
	p.bad[n] = true
	_, err := c.addBadPack(ctx, id, why)
	return err
}
