package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// asks returns what something asks of a target that holds these objects.
func asks(t *testing.T, names []string, do func(l *requestLog)) map[string]int {
	t.Helper()
	l := &requestLog{Target: &targettest.Memory{}}
	for _, name := range names {
		if err := l.Target.Put(t.Context(), name, strings.NewReader("x"), 1); err != nil {
			t.Fatal(err)
		}
	}
	do(l)
	return l.taken()
}

// A listCounter counts the names that are listed.
type listCounter struct {
	target.Target
	n *int
}

func (l *listCounter) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	return func(yield func(target.Info, error) bool) {
		for info, err := range l.Target.List(ctx, prefix) {
			*l.n++
			if !yield(info, err) {
				return
			}
		}
	}
}

// Making a repository looks at all names of the target once. In one listing it sees what is
// there, and it stops at the first name that is in the way, however many there are.
func TestWhatInitAsksOfItsTarget(t *testing.T) {
	var photos []string
	for n := range 20_000 {
		photos = append(photos, fmt.Sprintf("photos/%05d", n))
	}
	key := newCounted(t).key
	looks := map[string]int{"stat config": 1, "list ": 1}
	for _, c := range []struct {
		what  string
		names []string
		err   error
		want  map[string]int
	}{
		{"an empty target", nil, nil, map[string]int{
			"list keys/":   1,                   // was an Init interrupted here?
			"stat reserve": 1, "put reserve": 1, // the space that deleting needs
			"put keys/": 1, "put config": 1, "put config-copy": 1,
		}},
		{"a target with another's files", photos, ErrOccupied, nil},
		{"the rest of a repository", []string{"packs/ab/ab", "snapshots/cd"}, ErrNoConfig, nil},
		{"what only has a key slot, of another", []string{"keys/" + strings.Repeat("ab", 32)}, ErrOccupied, map[string]int{
			"list keys/": 3, "get keys/": 2, // whose is it? it is looked for again, as slots come and go
		}},
	} {
		listed := 0
		got := asks(t, c.names, func(l *requestLog) {
			l.Target = &listCounter{l.Target, &listed}
			r, err := Init(t.Context(), l, key, InitOptions{Options: Options{CacheDir: t.TempDir()}})
			if !errors.Is(err, c.err) {
				t.Errorf("%s: %v", c.what, err)
			}
			if r != nil {
				r.Close()
			}
		})
		wants(t, c.what, got, looks, c.want)
		if errors.Is(c.err, ErrOccupied) && listed > 5 {
			t.Errorf("%s: %d names were listed", c.what, listed)
		}
	}
	got := asks(t, []string{"config"}, func(l *requestLog) {
		if _, err := Init(t.Context(), l, key, InitOptions{}); !errors.Is(err, fs.ErrExist) {
			t.Error(err)
		}
	})
	wants(t, "a repository", got, map[string]int{"stat config": 1})
}

// Whether there is a repository is one request where there is one, and a fixed number where
// there is none.
func TestWhatProbeAsksOfItsTarget(t *testing.T) {
	none := map[string]int{
		"get config": 1, "get config-copy": 1,
		"list packs/": 1, "list snapshots/": 1, "list index/": 1, "stat reserve": 1, "list keys/": 1, // has one lost its config?
	}
	probe := func(want error) func(*requestLog) {
		return func(l *requestLog) {
			t.Helper()
			if err := Probe(t.Context(), l); !errors.Is(err, want) {
				t.Error(err)
			}
		}
	}
	wants(t, "an empty target", asks(t, nil, probe(ErrNoRepository)), none)
	wants(t, "a foreign target", asks(t, []string{"a", "b/c", "photos/1"}, probe(ErrNoRepository)), none)
	wants(t, "the rest of a repository", asks(t, []string{"packs/ab/ab"}, probe(ErrNoConfig)),
		map[string]int{"get config": 1, "get config-copy": 1, "list packs/": 1})
	c := newCounted(t)
	c.log.taken()
	probe(nil)(c.log)
	wants(t, "a repository", c.log.taken(), map[string]int{"get config": 1})
}
