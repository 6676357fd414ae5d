package snapshot

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/chunk"
)

// A files is a tree by its paths; the value stands for content and attributes.
type files map[string]string

// tree stores the tree of some files, and returns its root.
func (f files) tree(t testing.TB, s store) *Entry {
	t.Helper()
	below := map[string]files{}
	for p, v := range f {
		name, rest, deeper := strings.Cut(p, "/")
		if below[name] == nil {
			below[name] = files{}
		}
		if deeper {
			below[name][rest] = v
		} else {
			below[name][""] = v
		}
	}
	w := NewTreeWriter(s.put)
	for _, name := range slices.Sorted(maps.Keys(below)) {
		e := Entry{Name: name, Mode: 0o644}
		if v, ok := below[name][""]; ok {
			content, mode, _ := strings.Cut(v, "|")
			e.Mode += uint32(len(mode))
			e.Size = int64(len(content))
			if e.Size > 0 {
				e.Content = []Chunk{{hasher.ID([]byte(content)), uint32(e.Size)}}
			}
		} else {
			e.Type = Dir
			e.Subtree = below[name].tree(t, s).Subtree
		}
		if err := w.Add(&e); err != nil {
			t.Fatal(err)
		}
	}
	id, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return &Entry{Type: Dir, Subtree: id}
}

func TestDiffYieldsWhatDiffersAndNothingElse(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 9))
		random := func() files {
			f := files{}
			for range r.IntN(60) {
				p := fmt.Sprintf("%c", 'a'+r.IntN(4))
				for range r.IntN(3) {
					p = fmt.Sprintf("%s/%c", p, 'a'+r.IntN(4))
				}
				p += "/f" + fmt.Sprint(r.IntN(3))
				f[p] = []string{"", "one", "two", "one|x", "two|xx"}[r.IntN(5)]
			}
			return f
		}
		a := random()
		b := maps.Clone(a)
		if seed%2 == 0 {
			b = random()
		} else if len(b) > 0 {
			delete(b, slices.Sorted(maps.Keys(b))[r.IntN(len(b))])
		}
		s := store{}
		got := map[string]string{}
		last := ""
		for c, err := range Diff(t.Context(), s, a.tree(t, s), b.tree(t, s)) {
			if err != nil {
				t.Fatal(err)
			}
			if c.Path == last {
				t.Fatalf("seed %d: %s twice", seed, c.Path)
			}
			last = c.Path
			if c.Before != nil && c.Before.Type == Dir || c.After != nil && c.After.Type == Dir {
				continue
			}
			got[c.Path] = fmt.Sprint(c.Before != nil, c.After != nil, c.Content, c.Attributes)
		}
		want := map[string]string{}
		for p := range a {
			if _, ok := b[p]; !ok {
				want[p] = "true false true true"
			}
		}
		for p, v := range b {
			was, ok := a[p]
			if !ok {
				want[p] = "false true true true"
			} else if was != v {
				c1, m1, _ := strings.Cut(was, "|")
				c2, m2, _ := strings.Cut(v, "|")
				want[p] = fmt.Sprint(true, true, c1 != c2, m1 != m2)
			}
		}
		if !maps.Equal(got, want) {
			t.Fatalf("seed %d: %v, want %v", seed, got, want)
		}
	}
}

func TestDiffDoesNotReadWhatIsTheSame(t *testing.T) {
	s := store{}
	a := files{"same/x": "1", "same/y/z": "2", "other/f": "1"}
	b := maps.Clone(a)
	b["other/f"] = "2"
	before, after := a.tree(t, s), b.tree(t, s)
	same, err := Lookup(t.Context(), s, before.Subtree, "same")
	if err != nil {
		t.Fatal(err)
	}
	delete(s, same.Subtree)
	var paths []string
	for c, err := range Diff(t.Context(), s, before, after) {
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, c.Path)
	}
	if fmt.Sprint(paths) != "[other/f]" {
		t.Errorf("%v", paths)
	}
}

func TestWalkYieldsAllAndGoesOnBehindDamage(t *testing.T) {
	s := store{}
	root := files{"a/x": "1", "b/y/z": "2", "c": "3"}.tree(t, s)
	walk := func() (paths []string, failed []string) {
		err := Walk(t.Context(), s, root, func(path string, e *Entry, err error) error {
			if err != nil {
				failed = append(failed, path)
			} else {
				paths = append(paths, path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return paths, failed
	}
	if paths, failed := walk(); fmt.Sprint(paths, failed) != "[a a/x b b/y b/y/z c] []" {
		t.Errorf("%v, failed %v", paths, failed)
	}
	e, err := Lookup(t.Context(), s, root.Subtree, "b")
	if err != nil {
		t.Fatal(err)
	}
	delete(s, chunk.ID(e.Subtree))
	if paths, failed := walk(); fmt.Sprint(paths, failed) != "[a a/x b c] [b]" {
		t.Errorf("%v, failed %v", paths, failed)
	}
}

func TestWalkSkipsWhatItsFunctionSays(t *testing.T) {
	s := store{}
	root := files{"a/x": "1", "b/y/z": "2", "b/z": "3", "c": "4", "d": "5"}.tree(t, s)
	enough := errors.New("enough")
	for _, c := range []struct {
		at    string
		says  error
		paths string
		err   error
	}{
		{"b", fs.SkipDir, "[a a/x b c d]", nil},
		{"b/y", fs.SkipDir, "[a a/x b b/y b/z c d]", nil},
		{"b/y/z", fs.SkipDir, "[a a/x b b/y b/y/z b/z c d]", nil},
		{"c", fs.SkipDir, "[a a/x b b/y b/y/z b/z c]", nil},
		{"b/y", fs.SkipAll, "[a a/x b b/y]", nil},
		{"b/y", enough, "[a a/x b b/y]", enough},
	} {
		var paths []string
		err := Walk(t.Context(), s, root, func(path string, _ *Entry, _ error) error {
			paths = append(paths, path)
			if path == c.at {
				return c.says
			}
			return nil
		})
		if fmt.Sprint(paths) != c.paths || err != c.err {
			t.Errorf("%v at %s: %v, %v", c.says, c.at, paths, err)
		}
	}
}
