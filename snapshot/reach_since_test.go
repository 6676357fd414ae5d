package snapshot

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/qsnap/qsnap/chunk"
)

// A blobSet is what a walk visits.
type blobSet map[chunk.ID]bool

func (b blobSet) visit(id chunk.ID, tree bool) (bool, error) {
	b[id] = true
	return true, nil
}

func reached(t testing.TB, s store, dir *Entry) blobSet {
	t.Helper()
	all := blobSet{}
	if err := Reach(t.Context(), s, dir, all.visit); err != nil {
		t.Fatal(err)
	}
	return all
}

// change makes a newer version of some files.
func (f files) change(r *rand.Rand) files {
	out := maps.Clone(f)
	for p := range f {
		switch r.IntN(60) {
		case 0:
			delete(out, p)
		case 1:
			out[p] = fmt.Sprint("changed ", r.Uint64())
		case 2:
			out[p] += "|" // another mode
		case 3:
			out[p+"-beside"] = fmt.Sprint("new ", r.Uint64())
		}
	}
	return out
}

// What a newer version reaches is either visited or reached by the older one, and
// nothing else is visited.
func TestReachSinceVisitsAllThatTheOlderVersionDoesNotReach(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 1))
		f := files{}
		for range 1 + r.IntN(900) {
			f[fmt.Sprintf("d%d/e%d/f%d", r.IntN(3), r.IntN(2), r.IntN(400))] = fmt.Sprint(r.IntN(500))
		}
		old, s := f, store{}
		older := old.tree(t, s)
		newer := f.change(r).tree(t, s)
		visited := blobSet{}
		if err := ReachSince(t.Context(), s, newer, s, older, visited.visit); err != nil {
			t.Fatal(err)
		}
		is, was := reached(t, s, newer), reached(t, s, older)
		for id := range is {
			if !visited[id] && !was[id] {
				t.Fatalf("seed %d: %s is passed over", seed, id.Short())
			}
		}
		for id := range visited {
			if !is[id] {
				t.Fatalf("seed %d: %s is visited, and not reached", seed, id.Short())
			}
		}
		if len(visited) > len(is)/2+20 && len(is) > 200 {
			t.Errorf("seed %d: %d of %d visited", seed, len(visited), len(is))
		}
	}
}

func TestReachSinceTakesAnOlderVersionThatCannotBeReadForNone(t *testing.T) {
	s := store{}
	older := files{"a/b": "1", "c": "2"}.tree(t, s)
	newer := files{"a/b": "1", "c": "3"}.tree(t, s)
	for _, older := range []*Entry{older, nil, {Type: File}, {Type: Dir, Problem: "permission denied"}} {
		visited := blobSet{}
		if err := ReachSince(t.Context(), s, newer, store{}, older, visited.visit); err != nil {
			t.Fatal(err)
		}
		if want := reached(t, s, newer); !maps.Equal(visited, want) {
			t.Errorf("%d visited, want %d", len(visited), len(want))
		}
	}
}

func TestAscentFindsWhatIsThereInOneReading(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	s := store{}
	entries := randomEntries(r, 3000)
	a, err := NewCursor(t.Context(), s, writeTree(t, s, entries))
	if err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		if i%3 == 1 {
			continue
		}
		e, err := a.Find(t.Context(), entries[i].Name)
		if err != nil || e == nil || e.Name != entries[i].Name {
			t.Fatalf("%q: %v, %v", entries[i].Name, e, err)
		}
		if e, err := a.Find(t.Context(), entries[i].Name+"\x01"); err != nil || e != nil {
			t.Fatalf("after %q: %v, %v", entries[i].Name, e, err)
		}
	}
	if e, err := a.Find(t.Context(), "\xff\xff\xff"); err != nil || e != nil {
		t.Errorf("behind all: %v, %v", e, err)
	}
}

func TestReachSinceGoesThroughContentLists(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	s := store{}
	chunks := randomChunks(r, 5000)
	dir := func(files ...*Entry) *Entry {
		w := NewTreeWriter(s.put)
		for i, f := range files {
			f.Name = fmt.Sprint(i)
			if err := w.Add(f); err != nil {
				t.Fatal(err)
			}
		}
		id, err := w.Finish()
		if err != nil {
			t.Fatal(err)
		}
		return &Entry{Type: Dir, Subtree: id}
	}
	same := writeContent(t, s, chunks[:1000])
	older := dir(same, writeContent(t, s, chunks[1000:4000]))
	newer := dir(same, writeContent(t, s, chunks[1001:]))
	visited := blobSet{}
	if err := ReachSince(t.Context(), s, newer, s, older, visited.visit); err != nil {
		t.Fatal(err)
	}
	for i, c := range chunks {
		if visited[c.ID] != (i > 1000) {
			t.Fatalf("chunk %d is visited: %v", i, visited[c.ID])
		}
	}
	if visited[same.List] {
		t.Error("the same list is visited")
	}
}
