package extract

import (
	"context"
	"errors"
	"fmt"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/protect"
)

// mayReplaceDir returns an error unless the snapshot's entry may replace the directory
// that is in its place.
func (x *extraction) mayReplaceDir(ctx context.Context, out *disk.Out, d *dir, name string) error {
	sub, err := out.Sub(name)
	if err != nil {
		return err
	}
	names, err := sub.Names()
	if err := errors.Join(err, sub.Close()); err != nil {
		return err
	}
	if !x.Delete && len(names) > 0 {
		return errors.New("a directory that isn't empty is in its place: only a restore with deletion replaces it")
	}
	s := x.look(true)
	at, err := s.levelOf(ctx, d)
	if err != nil {
		return err
	}
	at.Whole = true // for this name: the snapshot has it
	if all, err := s.extra(ctx, out, &at, d, name); err != nil || all {
		return err
	}
	return fmt.Errorf("a directory is in its place of which not all may be deleted: %s", s.why)
}

// look returns the sweep that handles what is replaced.
func (x *extraction) look(only bool) *sweep {
	if x.looking == nil {
		x.looking = x.newSweep(sweep{quiet: true})
	}
	x.looking.only, x.looking.why = only, ""
	return x.looking
}

// levelOf returns the level of a directory of the snapshot that exists in the
// destination.
func (s *sweep) levelOf(ctx context.Context, d *dir) (protect.Level, error) {
	if d.level != nil {
		return *d.level, nil
	}
	err := s.x.dirs.use(d, func(out *disk.Out) (err error) {
		if d.parent == nil {
			d.level, err = s.Top(ctx, out)
			return err
		}
		above, err := s.levelOf(ctx, d.parent)
		if err != nil {
			return err
		}
		l, err := s.below(ctx, &above, d, out, d.entry)
		if err == nil && d.isForeign() && l.Stays == "" {
			l.Stays = "it lies behind a link"
		}
		d.level = l
		return err
	})
	if err != nil {
		d.level = nil
		return protect.Level{}, err
	}
	return *d.level, nil
}
