package snapshot

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/qsnap/qsnap/chunk"
)

var hasher = chunk.NewHasher([32]byte{3})

// A store keeps pages.
type store map[chunk.ID][]byte

func (s store) put(page []byte) (chunk.ID, error) {
	id := hasher.ID(page)
	s[id] = bytes.Clone(page)
	return id, nil
}

func (s store) Tree(_ context.Context, id chunk.ID) ([]byte, error) {
	b, ok := s[id]
	if !ok {
		return nil, fmt.Errorf("no page %s", id.Short())
	}
	return b, nil
}

func randomID(r *rand.Rand) (id chunk.ID) {
	for i := 0; i < len(id); i += 8 {
		binary.LittleEndian.PutUint64(id[i:], r.Uint64())
	}
	return id
}

// randomEntry makes up an entry, of any sort that there is.
func randomEntry(r *rand.Rand, name string) Entry {
	e := Entry{
		Name: name, Type: Type(r.IntN(int(Socket) + 1)), Mode: uint32(r.IntN(0o10000)),
		UID: uint32(r.IntN(3)) * 1000, GID: uint32(r.IntN(3)) * 100,
		MTime: Time{r.Int64N(1<<33) - 1<<32, int32(r.IntN(1e9))},
		CTime: Time{r.Int64N(1 << 33), int32(r.IntN(1e9))}, Inode: r.Uint64() >> r.IntN(64),
	}
	e.User, e.Group = []string{"root", "", "us\xffer"}[e.UID/1000], []string{"", "staff", "wheel"}[e.GID/100]
	if r.IntN(5) == 0 {
		e.Xattrs = []Xattr{{"system.posix_acl_access", []byte{2, 0, 0}}, {"user.a", []byte{}}}
	}
	if r.IntN(5) == 0 && e.Type != Dir {
		e.Links, e.Device = 1+uint32(r.IntN(9)), r.Uint64()
	}
	broken := r.IntN(8) == 0
	if broken {
		e.Problem = "permission denied"
	}
	switch e.Type {
	case File:
		randomContent(r, &e, broken)
	case Dir:
		if !broken {
			e.Subtree = randomID(r)
		}
	case Symlink:
		e.Target = "../somewhere\xfe"
	case CharDevice, BlockDevice:
		e.Major, e.Minor = r.Uint32(), r.Uint32()
	}
	return e
}

func randomContent(r *rand.Rand, e *Entry, broken bool) {
	if broken {
		e.Size = r.Int64N(1000)
		return
	}
	if r.IntN(6) == 0 {
		e.List, e.Size = randomID(r), 1+r.Int64N(1<<50)
		return
	}
	for range r.IntN(4) {
		e.Content = append(e.Content, Chunk{randomID(r), 1 + r.Uint32N(1<<20)})
	}
	for _, c := range e.Content {
		e.Size += int64(c.Length)
	}
	if r.IntN(4) == 0 {
		e.Holes = []Hole{{e.Size, 4096}}
		if e.Size > 0 {
			e.Holes = []Hole{{0, 8192}, {8192 + e.Size, 4096}}
		}
		for _, h := range e.Holes {
			e.Size += h.Length
		}
	}
}

func randomEntries(r *rand.Rand, n int) []Entry {
	names := map[string]bool{}
	for len(names) < n {
		name := fmt.Sprintf("%x", r.Uint64N(uint64(n)*50+1))
		if r.IntN(10) == 0 {
			name += "\xff\x80ä"
		}
		names[name] = true
	}
	var out []Entry
	for name := range names {
		out = append(out, Entry{Name: name})
	}
	slices.SortFunc(out, func(a, b Entry) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	for i := range out {
		out[i] = randomEntry(r, out[i].Name)
	}
	return out
}

func writeTree(t testing.TB, s store, entries []Entry) chunk.ID {
	t.Helper()
	w := NewTreeWriter(s.put)
	for i := range entries {
		if err := w.Add(&entries[i]); err != nil {
			t.Fatal(err)
		}
	}
	root, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func readTree(t testing.TB, s store, root chunk.ID) []Entry {
	t.Helper()
	var out []Entry
	for e, err := range ReadDir(t.Context(), s, root) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, *e)
	}
	return out
}

func TestDirectoriesReadAsWritten(t *testing.T) {
	for seed, n := range []int{0, 1, 2, 15, 16, 40, 300, 3000, 20_000} {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		s := store{}
		entries := randomEntries(r, n)
		root := writeTree(t, s, entries)
		got := readTree(t, s, root)
		if len(got) != len(entries) {
			t.Fatalf("%d entries: read %d", n, len(got))
		}
		for i := range got {
			if !reflect.DeepEqual(got[i], entries[i]) {
				t.Fatalf("%d entries: number %d is\n%+v, want\n%+v", n, i, got[i], entries[i])
			}
		}
		for range min(n, 200) {
			e := &entries[r.IntN(n)]
			if got, err := Lookup(t.Context(), s, root, e.Name); err != nil || !reflect.DeepEqual(got, e) {
				t.Fatalf("%d entries: lookup of %q: %+v, %v", n, e.Name, got, err)
			}
			if _, err := Lookup(t.Context(), s, root, e.Name+"!"); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("%d entries: lookup of an absent name: %v", n, err)
			}
		}
		for id, b := range s {
			if len(b) > 2*maxPageBytes {
				t.Errorf("%d entries: page %s has %d bytes", n, id.Short(), len(b))
			}
		}
	}
}

func TestPagesAreDeterministicCBOR(t *testing.T) {
	s := store{}
	r := rand.New(rand.NewPCG(5, 1))
	writeTree(t, s, randomEntries(r, 2000))
	writeContent(t, s, randomChunks(r, 5000))
	writeTree(t, s, nil)
	for _, b := range s {
		var v map[uint64]any
		if err := decoding.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		again, err := encoding.Marshal(v)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("a page is encoded otherwise by another encoder: %x, %x, %v", b[:40], again[:40], err)
		}
	}
}

// The point of pages: a small change in a large directory stores little, however
// the directory came to be.
func TestAChangeRewritesFewPages(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	s := store{}
	entries := randomEntries(r, 50_000)
	writeTree(t, s, entries)
	for i := range 50 {
		before := len(s)
		changed := slices.Clone(entries)
		at := r.IntN(len(changed))
		switch i % 3 {
		case 0:
			changed[at].Inode++
		case 1:
			changed = slices.Delete(changed, at, at+1)
		case 2:
			changed = slices.Insert(changed, at, randomEntry(r, changed[at].Name[:1]+"\x01"+fmt.Sprint(i)))
			slices.SortFunc(changed, func(a, b Entry) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
		}
		writeTree(t, s, changed)
		if n := len(s) - before; n < 1 || n > 8 {
			t.Errorf("change %d: %d new pages", i, n)
		}
	}
}

// Reusing leaves gives the very tree that adding all entries gives.
func TestReusedLeavesMakeTheSameTree(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 2))
		s := store{}
		entries := randomEntries(r, 1+r.IntN(3000))
		old := writeTree(t, s, entries)
		leaves, err := Leaves(t.Context(), s, old)
		if err != nil {
			t.Fatal(err)
		}
		changed := slices.Clone(entries)
		for range r.IntN(4) {
			at := r.IntN(len(changed))
			if r.IntN(2) == 0 && len(changed) > 1 {
				changed = slices.Delete(changed, at, at+1)
			} else {
				changed[at].MTime.Sec++
			}
		}
		want := writeTree(t, s, changed)
		w := NewTreeWriter(s.put)
		rest, reused := changed, 0
		for _, leaf := range leaves {
			n := 0
			for n < len(rest) && rest[n].Name <= leaf.Last {
				n++
			}
			before, err := leaf.Entries(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			ok := false
			if reflect.DeepEqual(before, rest[:n]) {
				if ok, err = w.Reuse(leaf); err != nil {
					t.Fatal(err)
				}
			}
			for i := range rest[:n] {
				if ok {
					reused++
				} else if err := w.Add(&rest[i]); err != nil {
					t.Fatal(err)
				}
			}
			rest = rest[n:]
		}
		got, err := w.Finish()
		if err != nil || got != want {
			t.Errorf("seed %d: another tree, %v", seed, err)
		}
		if len(changed) > 1000 && reused < len(changed)/2 {
			t.Errorf("seed %d: only %d of %d entries were reused", seed, reused, len(changed))
		}
	}
}

func TestAddRefusesWhatNoDirectoryHolds(t *testing.T) {
	for _, names := range [][]string{{""}, {"."}, {".."}, {"a/b"}, {"/"}, {"a\x00"}, {"b", "a"}, {"a", "a"}} {
		w := NewTreeWriter(store{}.put)
		var err error
		for _, name := range names {
			err = errors.Join(err, w.Add(&Entry{Name: name}))
		}
		if err == nil {
			t.Errorf("%q were added", names)
		}
	}
}

func TestAPageThatIsNotTheOneNamedIsAnError(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 2))
	s := store{}
	root := writeTree(t, s, randomEntries(r, 2000))
	leaves, err := Leaves(t.Context(), s, root)
	if err != nil {
		t.Fatal(err)
	}
	s[leaves[0].ID], s[leaves[1].ID] = s[leaves[1].ID], s[leaves[0].ID]
	var failed error
	for _, err := range ReadDir(t.Context(), s, root) {
		failed = err
	}
	if failed == nil {
		t.Error("swapped pages were read")
	}
}

func TestParsePageRefusesWhatHasTwoMeanings(t *testing.T) {
	good := (&page{entries: []Entry{{Name: "a", Type: Dir, Subtree: chunk.ID{1}}, {Name: "b"}}}).append(nil)
	if _, err := parsePage(good); err != nil {
		t.Fatal(err)
	}
	for i := range good {
		if _, err := parsePage(good[:i]); err == nil {
			t.Errorf("cut after %d bytes: parsed", i)
		}
	}
	if _, err := parsePage(append(bytes.Clone(good), 0)); err == nil {
		t.Error("a byte too many: parsed")
	}
	bad := func(name string, entries ...Entry) {
		if p, err := parsePage((&page{entries: entries}).append(nil)); err == nil {
			t.Errorf("%s: parsed as %+v", name, p.entries)
		}
	}
	bad("a name that leads up", Entry{Name: ".."})
	bad("a name that leads down", Entry{Name: "a/b"})
	bad("names out of order", Entry{Name: "b"}, Entry{Name: "a"})
	bad("a name twice", Entry{Name: "a"}, Entry{Name: "a"})
	bad("an unknown type", Entry{Name: "a", Type: 9})
	bad("mode bits that chmod lacks", Entry{Name: "a", Mode: 0o10000})
	bad("a billion nanoseconds", Entry{Name: "a", MTime: Time{0, 1e9}})
	bad("content without size", Entry{Name: "a", Content: []Chunk{{chunk.ID{1}, 5}}})
	bad("size without content", Entry{Name: "a", Size: 5})
	bad("content and list", Entry{Name: "a", Size: 5, List: chunk.ID{2}, Content: []Chunk{{chunk.ID{1}, 5}}})
	bad("a hole beyond the end", Entry{Name: "a", Size: 5, Holes: []Hole{{3, 3}}})
	bad("chunks longer than the file", Entry{Name: "a", Size: 5, Content: []Chunk{{chunk.ID{1}, 6}, {chunk.ID{1}, 1}}})
	bad("an attribute without name", Entry{Name: "a", Xattrs: []Xattr{{"", nil}}})
	bad("attributes out of order", Entry{Name: "a", Xattrs: []Xattr{{"b", nil}, {"a", nil}}})
	bad("a broken file with content", Entry{Name: "a", Size: 5, Problem: "x", Content: []Chunk{{chunk.ID{1}, 5}}})
	future := map[uint64]any{99: 1}
	b, err := encoding.Marshal(future)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parsePage(b); err == nil || !bytes.Contains([]byte(err.Error()), []byte("upgrade")) {
		t.Errorf("a field of the future: %v", err)
	}
}

func FuzzParsePage(f *testing.F) {
	s := store{}
	r := rand.New(rand.NewPCG(5, 1))
	writeTree(f, s, randomEntries(r, 40))
	writeTree(f, s, randomEntries(r, 3))
	writeTree(f, s, nil)
	for _, b := range s {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parsePage(b)
		if err != nil {
			return
		}
		if again := p.append(nil); !bytes.Equal(again, b) {
			t.Errorf("%x parses, but is written as %x", b, again)
		}
		if err := cbor.Wellformed(b); err != nil {
			t.Errorf("%x parses, but is not CBOR: %v", b, err)
		}
	})
}

func BenchmarkParsePage(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 1))
	entries := randomEntries(r, 40)
	for i := range entries {
		entries[i].Type, entries[i].Problem, entries[i].Holes, entries[i].Xattrs, entries[i].Links, entries[i].List = File, "", nil, nil, 0, chunk.ID{}
		entries[i].Content, entries[i].Size = []Chunk{{randomID(r), 10}}, 10
	}
	encoded := (&page{entries: entries}).append(nil)
	b.SetBytes(int64(len(encoded)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parsePage(encoded); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(encoded))/40, "bytes/entry")
}

func BenchmarkWriteTree(b *testing.B) {
	entries := randomEntries(rand.New(rand.NewPCG(6, 1)), 5000)
	var size int64
	pages := store{}
	writeTree(b, pages, entries)
	for _, page := range pages {
		size += int64(len(page))
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		writeTree(b, store{}, entries)
	}
}
