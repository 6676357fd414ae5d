package write

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/pack"
)

// upload stores a pack that is complete, and gives back its spool.
func (s *Session) upload(p *openPack) {
	defer s.uploads.Done()
	defer close(p.stored)
	defer func() { s.slots <- p.slot }()
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
	if err := s.note(info); err != nil {
		s.fail(err)
	}
}

// note makes known a pack that was stored, and lists what is to be listed.
func (s *Session) note(info *pack.Info) error {
	s.index.Add(info)
	s.mu.Lock()
	s.relied[info.ID] = true
	for i := range info.Blobs {
		delete(s.claimed, info.Blobs[i].ID)
	}
	s.loose = append(s.loose, info)
	due := len(s.loose) >= deltaPacks || s.index.NeedsFlush() && s.e.Dry == nil
	s.mu.Unlock()
	if due {
		return s.list()
	}
	return nil
}

// PacksAtOnce is how many packs may be built or stored at the same time.
func (s *Session) PacksAtOnce() int { return cap(s.slots) }

// StorePack stores a pack that receive writes to a spool, as it is, and lists it. If
// receive returns nil, or the pack's name was used here before, nothing is stored, and it
// returns nil.
func (s *Session) StorePack(ctx context.Context, receive func(object.Spool) (*pack.Info, error)) (*pack.Info, error) {
	var slot *pack.Buffer
	select {
	case slot = <-s.slots:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { s.slots <- slot }()
	spool, err := s.e.Store.Spool(ctx, slot)
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
	return info, s.note(info)
}

// putPack stores a pack. One that is there already, as after a Put that succeeded
// and was reported as failed, has to be whole.
func (s *Session) putPack(info *pack.Info, spool object.Spool) error {
	if s.e.Config.Twin != "" { // so that nobody can use its name again
		if _, err := claimName(s.ctx, s.e, info.ID); err != nil {
			return err
		}
	}
	return s.commitPack(info, spool)
}

// commitPack stores a pack whose name is ours.
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

// list stores a delta of the packs that are in none.
func (s *Session) list() error {
	s.mu.Lock()
	d := index.Delta(s.loose)
	s.loose = nil
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
		return nil // the index must not know what isn't there
	}
	s.index.MarkListed(id, d)
	_ = s.index.Flush() // where the cache can't be written, memory serves
	return nil
}
