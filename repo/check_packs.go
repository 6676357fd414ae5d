package repo

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"

	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"

	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
)

// listPacks notes the packs that are on the target, and finds those that are listed
// and aren't there, or are of another size.
func (c *checker) listPacks(ctx context.Context) error {
	for info, err := range c.e.Store.List(ctx, object.Packs) {
		if err != nil {
			return err
		}
		id, ok := object.Packs.ID(info.Name)
		if !ok {
			c.find(Foreign, info.Name, "its name is not that of a pack")
			continue
		}
		if c.packs[id] == nil {
			c.packs[id] = &checkedPack{}
		}
		c.packs[id].size = info.Size
		c.report.Packs++
		c.report.PackBytes += info.Size
	}
	for _, id := range c.packIDs() {
		p := c.packs[id]
		switch {
		case p.size == 0:
			c.find(MissingPack, object.Packs.Name(id), "it is missing, or empty")
		case p.listed != 0 && p.listed != p.size:
			c.find(BadPack, object.Packs.Name(id), fmt.Sprintf("it has %d bytes instead of %d", p.size, p.listed))
		}
	}
	return nil
}

// packIDs returns the ids of the packs, in order.
func (c *checker) packIDs() []pack.ID {
	return slices.SortedFunc(maps.Keys(c.packs), object.Compare)
}

// checkDeltas reads every index delta, and notes which packs they list.
func (c *checker) checkDeltas(ctx context.Context) error {
	var ids []index.ID
	for info, err := range c.e.Store.List(ctx, object.Deltas) {
		if err != nil {
			return err
		}
		id, err := index.ParseID(object.Deltas.Rest(info.Name))
		if err != nil {
			c.find(Foreign, info.Name, "its name is not that of an index delta")
			continue
		}
		ids = append(ids, id)
	}
	return c.index.Update(ctx, ids, func(ctx context.Context, id index.ID) (index.Delta, error) {
		d, err := c.e.Blobs.ReadDelta(ctx, id)
		if damage := (*DamageError)(nil); errors.As(err, &damage) {
			c.find(BadDelta, damage.Object, damage.Err.Error())
			return nil, nil
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		for _, p := range d {
			c.packs[p.ID] = &checkedPack{listed: p.Size}
		}
		return d, err
	})
}

// checkUnlisted reads the footers of packs that no delta lists: what they hold
// counts all the same. One that is locked may be one that prune has done with.
func (c *checker) checkUnlisted(ctx context.Context) error {
	locks := c.e.Store.Locks(c.e.Now)
	for _, id := range c.packIDs() {
		p := c.packs[id]
		if p.listed != 0 || p.size == 0 {
			continue
		}
		info, err := c.e.Blobs.PackInfo(ctx, id, p.size)
		var damage *pack.DamageError
		switch {
		case errors.As(err, &damage):
			c.find(BadPack, object.Packs.Name(id), withoutPack(damage))
			continue
		case err != nil:
			return err
		}
		c.index.Add(info)
		until, err := locks.Until(ctx, object.Packs.Name(id))
		if err != nil {
			return err
		}
		if until.IsZero() {
			c.find(Unlisted, object.Packs.Name(id), "no index delta lists it")
		}
	}
	return nil
}

// withoutPack returns what a damage error says beside the pack's id.
func withoutPack(e *pack.DamageError) string {
	if e.Part == "" {
		return e.Err.Error()
	}
	return e.Part + ": " + e.Err.Error()
}

// readPacks reads the data of packs, as far as it is to be read.
func (c *checker) readPacks(ctx context.Context) error {
	if !c.o.ReadData {
		return nil
	}
	var chosen []pack.ID
	var total int64
	for _, id := range c.packIDs() {
		p := c.packs[id]
		if p.size > 0 && c.chosen(id) {
			chosen = append(chosen, id)
			total += p.size
		}
	}
	var done atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(c.o.Workers)
	if c.e.Store.Remote() {
		g.SetLimit(max(c.o.Workers, blob.PrefetchGets)) // each waits for the target, and holds a segment
	}
	for _, id := range chosen {
		g.Go(func() error {
			err := c.readPack(ctx, id, c.packs[id], &done)
			c.progress("packs", done.Load(), total, Bytes)
			return err
		})
	}
	err := g.Wait()
	c.report.BytesRead = done.Load()
	return err
}

// chosen reports whether a pack's data is to be read.
func (c *checker) chosen(id pack.ID) bool {
	if c.only != nil {
		return c.only[id]
	}
	if c.o.Of > 0 && int(binary.BigEndian.Uint64(id[:])%uint64(c.o.Of)) != c.o.Part-1 {
		return false
	}
	return c.o.Percent == 0 || rand.Float64()*100 < c.o.Percent
}

// readPack reads a pack from front to back: its bytes against its id, every segment
// against its seal, and every blob against its id.
func (c *checker) readPack(ctx context.Context, id pack.ID, p *checkedPack, done *atomic.Int64) error {
	info, err := c.e.Blobs.PackInfo(ctx, id, p.size)
	var damage *pack.DamageError
	if errors.As(err, &damage) {
		// Its segments can be read all the same, if an index delta says where they are.
		c.find(BadPack, object.Packs.Name(id), withoutPack(damage))
		info, err = c.e.Blobs.ListedInfo(ctx, id)
	}
	if err != nil || info == nil {
		return err
	}
	hash, err := c.readAs(ctx, id, info, p, done)
	if unread := (*pack.DamageError)(nil); errors.As(err, &unread) {
		c.find(BadPack, object.Packs.Name(id), withoutPack(unread))
		return c.readBySegments(ctx, info, p)
	}
	if err != nil || hash == id {
		return err
	}
	c.find(BadPack, object.Packs.Name(id), object.ErrHash.Error())
	// It may be another pack altogether, and whole. What counts is what the index
	// expects of it.
	listed, err := c.e.Blobs.ListedInfo(ctx, id)
	if err == nil && listed != nil {
		_, err = c.readAs(ctx, id, listed, p, new(atomic.Int64))
	}
	return err
}

// readBySegments reads each segment of a pack by itself, where the pack can't be read in
// one go, and notes which can't be read.
func (c *checker) readBySegments(ctx context.Context, info *pack.Info, p *checkedPack) error {
	for n, s := range info.Segments {
		sealed := make([]byte, s.Stored)
		err := c.e.Blobs.ReadRange(ctx, info.ID, s.Offset, sealed)
		if err == nil {
			_, err = c.e.Blobs.OpenSegment(info, n, sealed, nil)
		}
		if damage := (*pack.DamageError)(nil); errors.As(err, &damage) {
			c.badSegment(info.ID, p, n, err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// readAs reads a pack as one that holds what info says, and returns its hash.
func (c *checker) readAs(ctx context.Context, id pack.ID, info *pack.Info, p *checkedPack, done *atomic.Int64) (pack.ID, error) {
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
	if err := c.readSegments(ctx, in, info, p); err != nil {
		return id, err
	}
	_, err = io.Copy(io.Discard, in)
	return pack.ID(h.Sum(nil)), err
}

type countingReader struct {
	r io.Reader
	n *atomic.Int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// segmentBuffers are used for one segment after another.
type segmentBuffers struct{ sealed, plain []byte }

// readSegments opens all segments of a pack and checks their blobs.
func (c *checker) readSegments(ctx context.Context, in io.Reader, info *pack.Info, p *checkedPack) error {
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
		if err := ctx.Err(); err != nil {
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
		if errors.Is(err, ErrNewerKey) {
			return err
		}
		for ; len(blobs) > 0 && int(blobs[0].Segment) == n; blobs = blobs[1:] {
			b := blobs[0]
			if err == nil {
				err = hasher.Verify(b.ID, plain[b.Offset:b.Offset+b.Length])
			}
		}
		if err != nil {
			c.badSegment(info.ID, p, n, err)
		}
	}
	return nil
}

func (c *checker) badSegment(id pack.ID, p *checkedPack, n int, err error) {
	what := err.Error()
	if damage := (*pack.DamageError)(nil); errors.As(err, &damage) {
		what = withoutPack(damage)
	}
	c.find(BadPack, object.Packs.Name(id), what)
	if p.parts == nil {
		p.parts = map[int]bool{}
	}
	p.parts[n] = true
}
