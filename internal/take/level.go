package take

import (
	"errors"

	"github.com/qsnap/qsnap/snapshot"
)

// errNoFull is a notice.
var errNoFull = errors.New("there is no full snapshot of this source yet, so this one is full, not differential")

// chooseParent sets the level of the snapshot, and the snapshot that it is compared with.
func (r *run) chooseParent(found earlier) {
	r.m.Level = r.o.Level
	switch r.m.Level {
	case snapshot.LevelFull:
	case snapshot.LevelDifferential:
		if r.parent = found.full; r.parent == nil {
			r.m.Level = snapshot.LevelFull
			r.notices = append(r.notices, errNoFull)
		}
	default:
		if r.parent = r.o.Parent; r.parent == nil {
			r.parent = found.newest
		}
		if r.o.ReadAll {
			r.parent = nil
		}
	}
}
