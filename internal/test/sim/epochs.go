package sim

import (
	"context"
	"errors"
	"strings"

	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/repo"
)

// rotates rotates the key once.
func rotates(ctx context.Context, a *actor) error {
	r, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = r.Keys().Rotate(ctx, a.world.program.stage.key)
	return err
}

// reopening repeats a role that finds a newer key than the repository was opened with, as
// a process does that is started again.
func reopening(do role) role {
	return func(ctx context.Context, a *actor) error {
		for range 3 {
			if err := do(ctx, a); !errors.Is(err, repo.ErrNewerKey) {
				return err
			}
		}
		return nil
	}
}

// learnKeys looks in the key slots for key rings with more epochs.
func (a *auditor) learnKeys(s *stage, objects map[string][]byte) {
	for name, b := range objects {
		if !strings.HasPrefix(name, "keys/") || a.slots[name] {
			continue
		}
		a.slots[name] = true
		slot, err := seal.ParseSlot(b)
		if err != nil {
			continue
		}
		ring, err := slot.Unwrap(a.secret)
		if err != nil || ring.Epoch() == s.ring.Epoch() {
			continue
		}
		a.rotated = append(a.rotated, seal.NewSealer(ring, s.id, seal.Preferred(), seeded("auditor")))
		for key, m := range a.manifests { // what couldn't be read may be readable now
			if m == nil {
				delete(a.manifests, key)
			}
		}
		for key, c := range a.packs {
			if c == nil {
				delete(a.packs, key)
			}
		}
		clear(a.setsChecked)
	}
}
