package write

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"maps"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/pack"
)

// VerifyReused makes the session read back from the target what it reuses. A blob counts as
// stored only if its segment is good. A pack with a damaged segment counts as absent from
// then on, so that all blobs of it that are put later are stored again. VerifyReused must be
// called before anything is put.
func (s *Session) VerifyReused() { s.verifier = s.e.Blobs.Verifier(s.ctx) }

// Damaged returns the packs that were found damaged or missing, and why.
func (s *Session) Damaged() map[pack.ID]error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.damaged)
}

// isStored reports whether a blob is in a pack on which the session may rely, and records
// that it relies on that pack. healing reports that the blob isn't, because a pack is
// damaged. All copies of a blob are verified, so that no damaged one stays unnoticed.
func (s *Session) isStored(ctx context.Context, id chunk.ID) (stored, healing bool, err error) {
	if s.verifier == nil {
		return s.Has(id), false, nil
	}
	for tries := 0; ; tries++ {
		moved := false
		places, _ := s.index.Lookup(id)
		for _, at := range places {
			err := s.verify(ctx, at)
			_, damaged := errors.AsType[*pack.DamageError](err)
			switch {
			case err == nil && !stored:
				stored = true
				s.rely(at.Pack.ID)
			case damaged:
				healing = true
			case errors.Is(err, errMoved):
				moved = true
			case err != nil && !errors.Is(err, errAbsent):
				return false, false, err
			}
		}
		if stored || !moved || tries > 0 {
			return stored, healing && !stored, nil
		}
	}
}

// rely records that the session relies on a pack.
func (s *Session) rely(id pack.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.relied[id] = true
}

var (
	errAbsent = errors.New("the pack counts as absent")
	errMoved  = errors.New("a prune has moved what the pack held")
)

// verify returns nil if the session may rely on a place. If the pack is damaged, the error is
// a *pack.DamageError. What the session itself has stored is not read back.
func (s *Session) verify(ctx context.Context, at index.Place) error {
	s.mu.Lock()
	damage, absent := s.damaged[at.Pack.ID], s.absent(at.Pack.ID)
	s.mu.Unlock()
	switch {
	case damage != nil:
		return damage
	case absent:
		return errAbsent
	case at.Pack.Header.Run() == s.Run:
		return nil
	}
	err := s.verifier.Verify(ctx, at)
	if _, damaged := errors.AsType[*pack.DamageError](err); !damaged {
		return err
	}
	if errors.Is(err, fs.ErrNotExist) {
		// A prune takes a pack out of the deltas before it deletes the pack.
		if err := s.refresh(ctx); err != nil {
			return err
		}
		if known, err := s.index.Packs(); err != nil || !known[at.Pack.ID] {
			return cmp.Or(err, errMoved)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.damaged[at.Pack.ID] = err
	return err
}

// distrust makes the packs count as absent from which a lost blob could not be read, so that
// the blob is stored again when it is put. Otherwise a recapture would rely on them again.
func (s *Session) distrust(err error) {
	lost, ok := errors.AsType[*blob.LostError](err)
	if !ok {
		return
	}
	places, _ := s.index.Lookup(lost.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, at := range places {
		if at.Pack.Header.Run() != s.Run {
			s.damaged[at.Pack.ID] = lost
		}
	}
}
