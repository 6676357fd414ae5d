package write

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/pack"
)

// upload stores a complete pack, and releases its spool and its buffer.
func (s *Session) upload(p *openPack) {
	defer s.uploads.Done()
	defer close(p.stored)
	defer func() { s.packBuffers <- p.buffer }()
	if s.ctx.Err() != nil {
		p.spool.Discard()
		return
	}
	info, err := p.builder.Finish()
	if err == nil {
		err = s.putPack(info, p.spool)
	}
	if err == nil {
		s.keepTrees(info, p.spool)
	}
	err = object.Join(err, p.spool.Discard())
	if err != nil {
		s.fail(fmt.Errorf("store pack: %w", err))
		return
	}
	stored := &s.counts.dataStored
	if info.IsTree() {
		stored = &s.counts.treeStored
	}
	stored.Add(uint64(info.Size))
	if err := s.recordPack(info); err != nil {
		s.fail(err)
	}
}

// recordPack adds a stored pack to the index. If enough packs are unlisted, it lists them in a
// delta.
func (s *Session) recordPack(info *pack.Info) error {
	s.index.Add(info)
	s.mu.Lock()
	s.relied[info.ID] = true
	for i := range info.Blobs {
		delete(s.claimed, info.Blobs[i].ID)
	}
	s.unlisted = append(s.unlisted, info)
	due := len(s.unlisted) >= deltaPacks || s.index.NeedsFlush() && s.e.Dry == nil
	s.mu.Unlock()
	if due {
		return s.listPacks()
	}
	return nil
}

// PacksAtOnce is how many packs may be built or stored at the same time.
func (s *Session) PacksAtOnce() int { return cap(s.packBuffers) }

// StorePack stores a pack that receive copies to a spool, and lists it. If receive returns nil,
// or if the pack's name was used in this repository before, StorePack stores nothing and
// returns nil.
func (s *Session) StorePack(ctx context.Context, receive func(object.Spool) (*pack.Info, error)) (*pack.Info, error) {
	var buffer *pack.Buffer
	select {
	case buffer = <-s.packBuffers:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { s.packBuffers <- buffer }()
	spool, err := s.e.Store.Spool(ctx, buffer)
	if err != nil {
		return nil, err
	}
	info, err := receive(spool)
	if err == nil && info != nil {
		var free bool
		if free, err = claimName(ctx, s.e, info.ID); err == nil && !free {
			info = nil
		}
	}
	if err == nil && info != nil {
		err = s.commitPack(info, spool)
	}
	if err = object.Join(err, spool.Discard()); err != nil || info == nil {
		return nil, err
	}
	return info, s.recordPack(info)
}

// putPack stores a pack that this session has built.
func (s *Session) putPack(info *pack.Info, spool object.Spool) error {
	if s.e.Config.Twin != "" { // so that no run uses its name again
		if _, err := claimName(s.ctx, s.e, info.ID); err != nil {
			return err
		}
	}
	return s.commitPack(info, spool)
}

// commitPack stores a pack whose name this session may use. The pack may exist already, as
// after a Put that succeeded and was reported as failed. Then it has to be whole.
func (s *Session) commitPack(info *pack.Info, spool object.Spool) error {
	err := spool.Commit(s.ctx, object.Packs.Name(info.ID), info.Size)
	if errors.Is(err, fs.ErrExist) {
		var there pack.ID
		if there, err = s.e.Blobs.PackHash(s.ctx, info.ID); err == nil && there != info.ID {
			err = &object.DamageError{Object: object.Packs.Name(info.ID), Err: object.ErrHash}
		}
	}
	return err
}

// listPacks stores a delta that lists the unlisted packs.
func (s *Session) listPacks() error {
	s.mu.Lock()
	d := index.Delta(s.unlisted)
	s.unlisted = nil
	s.mu.Unlock()
	if len(d) == 0 {
		return nil
	}
	id, size, err := s.e.Blobs.PutDelta(s.ctx, d)
	if err != nil {
		return err
	}
	s.counts.indexStored.Add(uint64(size))
	if s.e.Dry != nil {
		return nil // a dry run stored no delta that the index could know
	}
	s.index.MarkListed(id, d)
	_ = s.index.Flush() // if the directory can't be written, the index stays in memory
	return nil
}

// keepTrees caches the segments of a stored pack if they are of trees. The next snapshot of
// the same source reads some of them.
func (s *Session) keepTrees(info *pack.Info, from object.Spool) {
	if !s.e.Store.Caches() || !info.IsTree() {
		return
	}
	for n, segment := range info.Segments {
		b := make([]byte, segment.Stored)
		if _, err := from.ReadAt(b, segment.Offset); err != nil {
			return // the next snapshot fetches them
		}
		s.e.Store.Cache(blob.SegmentName(info.ID, n), b)
	}
}
