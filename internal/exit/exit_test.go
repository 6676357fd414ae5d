package exit

import (
	"errors"
	"fmt"
	"testing"

	"github.com/qsnap/qsnap/repo"
)

type adorned struct{ error }

func (a adorned) Adorns() error { return a.error }

func TestAnErrorHasTheOutcomeOfTheOneItStandsFor(t *testing.T) {
	plain := errors.New("plain")
	for name, c := range map[string]struct {
		err    error
		opened bool
		want   int
	}{
		"nothing":             {nil, true, OK},
		"unknown":             {plain, true, Failed},
		"unknown, early":      {plain, false, Usage},
		"judged":              {As(repo.ErrDamaged, ErrBehind), true, Behind},
		"adorned":             {adorned{As(plain, ErrPartial)}, true, Partial},
		"wrapped":             {fmt.Errorf("x: %w", ErrRunning), true, Running},
		"joined":              {errors.Join(ErrBehind, adorned{ErrNotWhole}, ErrPartial), true, NotWhole},
		"joined with unknown": {errors.Join(ErrBehind, plain), true, Failed},
	} {
		if got := Of(c.err, c.opened).Code; got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	if err := As(plain, ErrDamage); err.Error() != "plain" || !errors.Is(err, plain) || !errors.Is(err, ErrDamage) || As(nil, ErrDamage) != nil {
		t.Errorf("%v", err)
	}
}
