package samename_test

import (
	"hash/maphash"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/samename"
)

func TestOnlyNamesThatMayBeTheSameAreSuspicious(t *testing.T) {
	long := strings.Repeat("n", 101)
	for _, c := range []struct {
		names []string
		want  bool
	}{
		{nil, false},
		{[]string{"a", "b", "ab", "a b", ".a"}, false},
		{[]string{"a", "A"}, true},
		{[]string{"b", "b."}, true},
		{[]string{"c", "c "}, true},
		{[]string{"é"}, true},
		{[]string{"a\xff"}, true},
		{[]string{long}, true},
	} {
		s := samename.NewSuspicion(maphash.MakeSeed())
		for _, name := range c.names {
			s.Add(name)
		}
		if s.Some() != c.want {
			t.Errorf("%q: %v", c.names, s.Some())
		}
	}
}

// open opens a directory whose names are distinct, and returns how often it is written to.
func open(t *testing.T, path string) (d *samename.Dir, out *disk.Out, scratches *int) {
	t.Helper()
	session := disk.NewSession()
	out, err := disk.OpenOut(path, session)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := out.Close(); err != nil {
			t.Error(err)
		}
		session.End()
	})
	scratches = new(int)
	return samename.NewDir(
		func(f func(*disk.Out) error) error { return f(out) },
		func(f func(*disk.Scratch) error) error {
			*scratches++
			s, err := out.Scratch()
			if err != nil {
				return err
			}
			err = f(s)
			if left := s.Close(); left != nil {
				t.Error(left)
			}
			return err
		}), out, scratches
}

// put makes files, each with its own name as content.
func put(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func listed(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestADirectoryThatTellsNamesApartIsFoundOutOnceAndLeftAsItWas(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "there")
	d, _, scratches := open(t, dir)
	for range 2 {
		if distinct, err := d.Probe(); !distinct || err != nil {
			t.Fatal(distinct, err)
		}
	}
	if !d.AllDistinct() || *scratches > 1 {
		t.Errorf("it is forgotten, after %d scratches", *scratches)
	}
	if got := listed(t, dir); !slices.Equal(got, []string{"there"}) {
		t.Errorf("%q are there", got)
	}
}

func TestNamesThatOnlyLookTheSameAreTriedAndKept(t *testing.T) {
	dir := t.TempDir()
	d, _, scratches := open(t, dir)
	err := d.Try(t.Context(), []string{"a", "A", "é", "e\u0301", "b", "b."}, func(first, name string) { t.Errorf("%q is %q", name, first) })
	if err != nil || *scratches != 1 {
		t.Error(err, *scratches)
	}
	if got := listed(t, dir); len(got) > 0 {
		t.Errorf("%q are left", got)
	}
}

// A dry run must not write, so it says what it can't know.
func TestInferringWritesNothing(t *testing.T) {
	dir := t.TempDir()
	d, _, scratches := open(t, dir)
	infer := func(d *samename.Dir, names ...string) (unknown []string) {
		d.Infer(names, true, func(first, name string) { t.Errorf("%q is %q", name, first) },
			func(first, name string) { unknown = append(unknown, first+"="+name) })
		return unknown
	}
	if got := infer(d, "a", "A", "b"); !slices.Equal(got, []string{"a=A"}) {
		t.Errorf("in an empty directory: %q", got)
	}
	put(t, dir, "x")
	d, _, more := open(t, dir)
	if got := infer(d, "a", "A", "b"); len(got) > 0 {
		t.Errorf("beside a name that isn't found in other case: %q", got)
	}
	if got := infer(d, "é", "e\u0301"); !slices.Equal(got, []string{"e\u0301=é"}) {
		t.Errorf("letters: %q", got)
	}
	put(t, dir, "é", "e\u0301")
	if got := infer(d, "é", "e\u0301"); len(got) > 0 {
		t.Errorf("letters that are there: %q", got)
	}
	if *scratches+*more > 0 {
		t.Error("something was created")
	}
}

// The second name of a file is what another spelling looks like.
func TestAnAliasIsNotTakenForAFurtherName(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "A", "x")
	if err := os.Link(filepath.Join(dir, "A"), filepath.Join(dir, "other")); err != nil {
		t.Fatal(err)
	}
	same := time.Unix(1e9, 0) // so that only the inode tells which it is
	for _, name := range []string{"A", "x"} {
		if err := os.Chtimes(filepath.Join(dir, name), same, same); err != nil {
			t.Fatal(err)
		}
	}
	_, out, _ := open(t, dir)
	got, err := samename.WithoutAliases(out, []string{"A", "x"}, []string{"other", "absent"})
	if err != nil || !slices.Equal(got, []string{"x"}) {
		t.Errorf("%q, %v", got, err)
	}
	put(t, dir, "longer")
	if got, err := samename.WithoutAliases(out, []string{"A", "x"}, []string{"longer"}); err == nil {
		t.Errorf("a name that is listed as none: %q", got)
	}
}
