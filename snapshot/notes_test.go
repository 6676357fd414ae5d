package snapshot

import (
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/chunk"
)

func readNotes(t *testing.T, s store, root chunk.ID) (out []Note) {
	t.Helper()
	for n, err := range ReadNotes(t.Context(), s, root) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}

func TestNotesReadInTheOrderOfAWalk(t *testing.T) {
	s := store{}
	in := []Note{
		{"a-b", NoteSize, "larger than 5 bytes"}, {"a/b", NoteMount, ""}, {"a/b/c", NoteCache, ""},
		{"", NoteMount, "the root"}, {"a/b", NoteProblem, "permission denied"}, {"a", NoteFileSystem, ""}, {"a/b", NoteMount, "said twice"},
	}
	root, err := WriteNotes(slices.Clone(in), s.put)
	if err != nil {
		t.Fatal(err)
	}
	want := []Note{in[3], in[5], in[1], in[4], in[2], in[0]}
	if got := readNotes(t, s, root); !reflect.DeepEqual(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
	slices.Reverse(in)
	if again, err := WriteNotes(slices.DeleteFunc(in, func(n Note) bool { return n.Text == "said twice" }), s.put); err != nil || again != root {
		t.Errorf("the same notes in another order are another tree: %v", err)
	}
}

func TestLookupNotesTellsOfAPathAndWhatIsBelow(t *testing.T) {
	s := store{}
	root, err := WriteNotes([]Note{{"", NoteChanged, "r"}, {"a/b", NoteMount, "m"}, {"a/b/c", NoteCache, ""}}, s.put)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path  string
		here  []Note
		below bool
	}{
		{"", []Note{{"", NoteChanged, "r"}}, true}, {"a", nil, true}, {"a/b", []Note{{"a/b", NoteMount, "m"}}, true},
		{"a/b/c", []Note{{"a/b/c", NoteCache, ""}}, false}, {"a/b/c/d", nil, false}, {"x", nil, false}, {"root", nil, false},
	} {
		here, below, err := LookupNotes(t.Context(), s, root, c.path)
		if err != nil || !reflect.DeepEqual(here, c.here) || below != c.below {
			t.Errorf("%q: %q, below %v, %v", c.path, here, below, err)
		}
	}
	if here, below, err := LookupNotes(t.Context(), s, chunk.ID{}, "a"); here != nil || below || err != nil {
		t.Error("no notes have some", here, below, err)
	}
}

func TestNoNotesAreNoTree(t *testing.T) {
	s := store{}
	if root, err := WriteNotes(nil, s.put); !root.IsZero() || err != nil || len(s) != 0 {
		t.Error(root, err, len(s))
	}
}

func TestNotesRefuseWhatIsNoPath(t *testing.T) {
	for _, path := range []string{"/a", "a/", "a//b", "..", "a/../b", "a\x00b"} {
		if _, err := WriteNotes([]Note{{path, NoteMount, ""}}, store{}.put); err == nil {
			t.Errorf("%q is taken", path)
		}
	}
}

// One note more among many rewrites a few pages, not all.
func TestNotesOfTwoVersionsShareWhatIsTheSame(t *testing.T) {
	s := store{}
	var notes []Note
	for i := range 20_000 {
		notes = append(notes, Note{fmt.Sprintf("dir%03d/file%05d", i%40, i), NoteSize, "larger than 1048576 bytes"})
	}
	if _, err := WriteNotes(slices.Clone(notes), s.put); err != nil {
		t.Fatal(err)
	}
	all := len(s)
	if _, err := WriteNotes(append(notes, Note{"dir007/one-more", NoteSize, ""}), s.put); err != nil {
		t.Fatal(err)
	}
	if more := len(s) - all; more > 8 {
		t.Errorf("%d of %d pages are stored again for one note", more, all)
	}
}

func TestAnyNotesReadAsWritten(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		s := store{}
		byKey := map[string]Note{}
		for range rng.IntN(60) {
			var names []string
			for range rng.IntN(4) {
				names = append(names, string([]byte{"a-.\xff"[rng.IntN(4)], "xyz!"[rng.IntN(4)]}))
			}
			n := Note{strings.Join(names, "/"), []NoteKind{NoteMount, NoteSize, "of a later version"}[rng.IntN(3)], fmt.Sprint(rng.IntN(9))}
			byKey[n.Path+"\x00"+string(n.Kind)] = n
		}
		var in []Note
		for _, n := range byKey {
			in = append(in, n)
		}
		root, err := WriteNotes(slices.Clone(in), s.put)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		got := readNotes(t, s, root)
		if len(got) != len(in) {
			t.Fatalf("seed %d: %d notes became %d", seed, len(in), len(got))
		}
		for i, n := range got {
			if byKey[n.Path+"\x00"+string(n.Kind)] != n || i > 0 && comparePaths(got[i-1].Path, n.Path) > 0 {
				t.Fatalf("seed %d: %q among %q", seed, n, got)
			}
			here, _, err := LookupNotes(t.Context(), s, root, n.Path)
			if err != nil || !slices.Contains(here, n) {
				t.Fatalf("seed %d: look-up of %q: %q, %v", seed, n.Path, here, err)
			}
		}
	}
}

// testdata/coverage.cbor was written once and is never made again: a manifest with all
// that version 0.2 added.
func TestGoldenManifestOfVersion02Reads(t *testing.T) {
	b, err := os.ReadFile("testdata/coverage.cbor")
	if err != nil {
		t.Fatal(err)
	}
	m, err := ParseManifest(b)
	if err != nil {
		t.Fatal(err)
	}
	want := coveredManifest()
	want.Start, want.End = m.Start, m.End
	if !reflect.DeepEqual(m, want) {
		t.Errorf("read\n%+v, want\n%+v", m, want)
	}
	if again, err := m.Marshal(); err != nil || string(again) != string(b) {
		t.Errorf("it is written otherwise today: %v", err)
	}
}

func coveredManifest() *Manifest {
	m := testManifest()
	m.Kind = KindBeforeRestore
	m.Rules = &Rules{
		Patterns:    []Pattern{{"rules.txt:3", "*.o"}, {"--exclude", "/a,b \xff"}},
		IgnoreFiles: []string{".gitignore"}, OneFileSystem: true, SkipCaches: true, MaxFileSize: 1 << 20,
	}
	m.Notes = chunk.ID{7}
	m.Missing = []Missing{{"/srv/db\xff", "no such file or directory"}}
	m.Unread = Unread{Files: 3, Dirs: 2, LostDirs: 1}
	return m
}

func TestGoodIsWhatLacksLittle(t *testing.T) {
	for name, c := range map[string]struct {
		m    Manifest
		good bool
	}{
		"whole":                          {Manifest{Rules: &Rules{}}, true},
		"ten files of a few":             {Manifest{Rules: &Rules{}, Unread: Unread{Files: 10}}, true},
		"eleven files of a few":          {Manifest{Rules: &Rules{}, Unread: Unread{Files: 11}, Stats: Stats{Files: 1099}}, false},
		"1 % of many":                    {Manifest{Rules: &Rules{}, Unread: Unread{Files: 20}, Stats: Stats{Files: 2000}}, true},
		"more than 1 %":                  {Manifest{Rules: &Rules{}, Unread: Unread{Files: 21}, Stats: Stats{Files: 2000}}, false},
		"a directory that never was":     {Manifest{Rules: &Rules{}, Unread: Unread{Dirs: 1}}, true},
		"a directory that was there":     {Manifest{Rules: &Rules{}, Unread: Unread{Dirs: 1, LostDirs: 1}}, false},
		"a source is missing":            {Manifest{Rules: &Rules{}, Missing: []Missing{{"/db", ""}}}, false},
		"problems that aren't unread":    {Manifest{Rules: &Rules{}, Problems: Remarks{Total: 1000}}, true},
		"an older version's problems":    {Manifest{Problems: Remarks{Total: 11}}, false},
		"an older version's few of them": {Manifest{Problems: Remarks{Total: 10}}, true},
	} {
		if c.m.Good() != c.good {
			t.Errorf("%s: good is %v", name, !c.good)
		}
	}
}

func TestRemarksOfLongPathsStaySmall(t *testing.T) {
	var r Remarks
	for i := range 1000 {
		r.Add(strings.Repeat("x", 4000)+fmt.Sprint(i), "why")
	}
	size := 0
	for _, one := range r.List {
		size += len(one.Path) + len(one.Text)
	}
	if r.Total != 1000 || size > maxRemarkBytes || len(r.List) == 0 {
		t.Errorf("%d remarks, %d kept, of %d bytes", r.Total, len(r.List), size)
	}
}
