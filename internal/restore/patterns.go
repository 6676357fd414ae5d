package restore

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/internal/place"
)

// selectEntries sets which entries are extracted.
func (r *run) selectEntries() (err error) {
	part := r.o.Path
	if r.x.Bare {
		part = path.Dir(path.Clean("/" + part))
	}
	if r.x.Include, err = place.Set(r.m, part, r.o.Include, "--include"); err != nil {
		return err
	}
	r.x.Exclude, err = place.Set(r.m, part, r.o.Exclude, "--exclude")
	return err
}

// unmatched returns the patterns that matched nothing. If they include some that should have
// selected something, the restore is incomplete: then it adds them to its error.
func (r *run) unmatched(err error) ([]string, error) {
	includes := slices.DeleteFunc(r.x.Include.Unmatched(), func(p ignore.Record) bool { return strings.HasPrefix(p.Text, "!") })
	incomplete, is := errors.AsType[*outcome.IncompleteError](err)
	if err == nil {
		incomplete, is = &outcome.IncompleteError{Done: "restored"}, true
	}
	if len(includes) > 0 && is {
		for _, p := range includes {
			incomplete.Unmatched = append(incomplete.Unmatched, place.Written(p))
		}
		err = incomplete
	}
	return slices.Concat(place.Unmatched(r.x.Include), place.Unmatched(r.x.Exclude)), err
}
