package index

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
)

func testHeader() seal.Header {
	h, err := seal.ParseHeader(append([]byte("qsnapD\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00"), make([]byte, 32)...))
	if err != nil {
		panic(err)
	}
	return h
}

func blobID(n int) (id chunk.ID) {
	// Spread like hashes are, but by a function that can be undone by nobody here.
	r := rand.New(rand.NewPCG(uint64(n), 17))
	for i := 0; i < len(id); i += 8 {
		binary.LittleEndian.PutUint64(id[i:], r.Uint64())
	}
	return id
}

// testPack makes up a pack that holds blobs of those numbers, ten to a segment.
func testPack(number int, blobs ...int) *pack.Info {
	p := &pack.Info{ID: pack.ID(blobID(1<<40 + number)), Header: testHeader()}
	for i, b := range blobs {
		if i%10 == 0 {
			p.Segments = append(p.Segments, pack.Segment{Offset: int64(seal.HeaderSize + i/10*500), Stored: 500, Plain: 1000, Codec: pack.Zstd})
		}
		p.Blobs = append(p.Blobs, pack.Blob{ID: blobID(b), Segment: uint32(i / 10), Offset: uint32(i % 10 * 100), Length: 100})
	}
	p.Size = int64(seal.HeaderSize + 500*len(p.Segments) + 100)
	return p
}

// A fakeTarget is the deltas that are there.
type fakeTarget struct {
	mu      sync.Mutex
	deltas  map[ID]Delta
	fetched int
}

func (f *fakeTarget) put(number int, d Delta) ID {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.deltas == nil {
		f.deltas = map[ID]Delta{}
	}
	id := ID(blobID(1<<50 + number))
	f.deltas[id] = d
	return id
}

func (f *fakeTarget) update(t testing.TB, x *Index) {
	t.Helper()
	f.mu.Lock()
	var listed []ID
	for id := range f.deltas {
		listed = append(listed, id)
	}
	f.mu.Unlock()
	err := x.Update(context.Background(), listed, func(_ context.Context, id ID) (Delta, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.fetched++
		return ParseDelta(f.deltas[id].Append(nil))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, dir string) *Index {
	t.Helper()
	x, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

// agrees checks that the index knows just the packs of the target.
func (f *fakeTarget) agrees(t *testing.T, x *Index, blobs int) {
	t.Helper()
	type where struct {
		pack                    pack.ID
		header                  seal.Header
		size                    int64
		segments                int
		segment, offset, length uint32
	}
	want := map[chunk.ID]map[where]bool{}
	for _, d := range f.deltas {
		for _, p := range d {
			for _, b := range p.Blobs {
				if want[b.ID] == nil {
					want[b.ID] = map[where]bool{}
				}
				want[b.ID][where{p.ID, p.Header, p.Size, len(p.Segments), b.Segment, b.Offset, b.Length}] = true
			}
		}
	}
	for n := range blobs {
		id := blobID(n)
		places, err := x.Lookup(id)
		if err != nil {
			t.Fatalf("blob %d: %v", n, err)
		}
		got := map[where]bool{}
		for _, p := range places {
			got[where{p.Pack.ID, p.Pack.Header, p.Pack.Size, len(p.Pack.Segments), p.Segment, p.Offset, p.Length}] = true
		}
		if len(got) != len(want[id]) || x.Has(id) != (len(got) > 0) {
			t.Fatalf("blob %d: %d places, has %v; want %d", n, len(got), x.Has(id), len(want[id]))
		}
		for place := range got {
			if !want[id][place] {
				t.Fatalf("blob %d: a place that isn't on the target: %+v", n, place)
			}
		}
	}
}

// One to three processes share a directory while deltas come and go: each, when
// it is up to date, knows just what the target has.
func TestIndexesThatShareADirectoryKnowWhatTheTargetHas(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			dir, blobs := t.TempDir(), 12_000
			var f fakeTarget
			var ids []ID
			open3 := []*Index{open(t, dir), open(t, dir), open(t, dir)}
			for step := range 40 {
				for range r.IntN(4) {
					var d Delta
					for n := range 1 + r.IntN(3) {
						var held []int
						for range r.IntN(1500) {
							held = append(held, r.IntN(blobs))
						}
						slices.Sort(held)
						d = append(d, testPack(step*100+len(ids)*10+n, slices.Compact(held)...))
					}
					ids = append(ids, f.put(step*1000+len(ids), d))
				}
				if len(ids) > 3 && r.IntN(3) == 0 { // prune: two deltas become one, without a pack
					a, b := ids[0], ids[1]
					both := append(slices.Clone(f.deltas[a]), f.deltas[b]...)
					ids = append(ids[2:], f.put(1<<30+step, both[1:]))
					delete(f.deltas, a)
					delete(f.deltas, b)
				}
				x := open3[r.IntN(3)]
				f.update(t, x)
				if r.IntN(2) == 0 {
					if err := x.Flush(); err != nil {
						t.Fatal(err)
					}
				}
				if r.IntN(10) == 0 {
					i := r.IntN(3)
					open3[i].Close()
					open3[i] = open(t, dir)
				}
				if step%13 == 12 {
					f.agrees(t, x, blobs)
				}
			}
			for i, x := range open3 {
				f.update(t, x)
				f.agrees(t, x, blobs)
				if n := len(x.tables); n > maxTables+3 {
					t.Errorf("index %d has %d tables", i, n)
				}
			}
		})
	}
}

func TestPacksOfTheSessionAreKnownBeforeTheyAreListed(t *testing.T) {
	x := open(t, t.TempDir())
	p := testPack(1, 1, 2, 3)
	x.Add(p)
	if !x.Has(blobID(2)) || x.Has(blobID(4)) {
		t.Errorf("has 2: %v, has 4: %v", x.Has(blobID(2)), x.Has(blobID(4)))
	}
	var f fakeTarget
	f.update(t, x) // an index brought up to date meanwhile doesn't forget them
	if !x.Has(blobID(2)) {
		t.Error("forgotten by an update")
	}
	id := f.put(1, Delta{p})
	x.MarkListed(id, f.deltas[id])
	f.update(t, x)
	f.agrees(t, x, 5)
	if f.fetched > 0 {
		t.Error("the session's own delta was fetched")
	}
}

func TestASettledIndexIsNotFetchedAgain(t *testing.T) {
	dir := t.TempDir()
	var f fakeTarget
	held := make([]int, flushBlobs+1)
	for i := range held {
		held[i] = i
	}
	f.put(1, Delta{testPack(1, held...)})
	x := open(t, dir)
	f.update(t, x)
	if err := x.Flush(); err != nil {
		t.Fatal(err)
	}
	f.agrees(t, x, len(held)+10)
	again := open(t, dir)
	f.update(t, again)
	f.agrees(t, again, len(held)+10)
	if f.fetched != 1 {
		t.Errorf("fetched %d deltas, want 1", f.fetched)
	}
}

// Whatever happens to the files, an index that is reset and updated is right,
// and nothing panics on the way.
func TestDamagedTablesCostTimeOnly(t *testing.T) {
	var f fakeTarget
	var held []int
	for i := range 3 * flushBlobs {
		held = append(held, i)
	}
	f.put(1, Delta{testPack(1, held...)})
	whole := t.TempDir()
	x := open(t, whole)
	f.update(t, x)
	if err := x.Flush(); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(whole, "*"+tableSuffix))
	if err != nil || len(names) != 1 {
		t.Fatalf("%d tables, %v", len(names), err)
	}
	good, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 60 {
		bad := bytes.Clone(good)
		switch round % 4 {
		case 0:
			bad = bad[:r.IntN(len(bad))]
		case 1:
			for range 1 + r.IntN(30) {
				bad[r.IntN(len(bad))] ^= byte(1 + r.IntN(255))
			}
		case 2:
			page := r.IntN(len(bad)/4096) * 4096
			clear(bad[page : page+4096])
		case 3:
			from, to := r.IntN(len(bad)/4096)*4096, r.IntN(len(bad)/4096)*4096
			copy(bad[to:to+4096], good[from:from+4096])
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "x"+tableSuffix), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		x := open(t, dir)
		f.update(t, x)
		for n := 0; n < len(held); n += 37 {
			x.Has(blobID(n))
			if places, err := x.Lookup(blobID(n)); err != nil && !errors.Is(err, errTable) {
				t.Fatalf("round %d: %v, %v", round, places, err)
			}
		}
		_ = x.Flush() // may fail
		if err := x.Reset(); err != nil {
			t.Fatalf("round %d: reset: %v", round, err)
		}
		f.update(t, x)
		for n := 0; n < len(held); n += 37 {
			if places, err := x.Lookup(blobID(n)); err != nil || len(places) != 1 {
				t.Fatalf("round %d: blob %d after a reset: %d places, %v", round, n, len(places), err)
			}
		}
	}
}

// A table that loses its end while it is in use faults in mapped memory.
func TestATableTruncatedInUseIsAnErrorNotAFault(t *testing.T) {
	dir := t.TempDir()
	var f fakeTarget
	var held []int
	for i := range 3 * flushBlobs {
		held = append(held, i)
	}
	f.put(1, Delta{testPack(1, held...)})
	x := open(t, dir)
	f.update(t, x)
	if err := x.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(x.tables[0].path, 8192); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for n := range held {
		if _, err := x.Lookup(blobID(n)); err != nil {
			failed++
		}
	}
	if failed == 0 {
		t.Error("every lookup in a truncated table succeeds")
	}
	if err := x.Reset(); err != nil {
		t.Fatal(err)
	}
	f.update(t, x)
	f.agrees(t, x, 100)
}

func TestUpdateReturnsWhatFetchFailsWith(t *testing.T) {
	x := open(t, t.TempDir())
	want := errors.New("no network")
	err := x.Update(t.Context(), []ID{{1}}, func(context.Context, ID) (Delta, error) { return nil, want })
	if !errors.Is(err, want) {
		t.Errorf("%v", err)
	}
}

func TestDeltasReadAsWritten(t *testing.T) {
	for _, d := range []Delta{nil, {testPack(1)}, {testPack(1, 1, 2, 3), testPack(2, 3, 4)}} {
		got, err := ParseDelta(d.Append(nil))
		if err != nil || len(got) != len(d) {
			t.Fatalf("%d packs, %v; want %d", len(got), err, len(d))
		}
		for i := range d {
			if fmt.Sprint(*got[i]) != fmt.Sprint(*d[i]) {
				t.Errorf("pack %d differs: %+v, want %+v", i, got[i], d[i])
			}
		}
	}
}

func FuzzParseDelta(f *testing.F) {
	f.Add(Delta{testPack(1, 1, 2, 3), testPack(2, 3, 4)}.Append(nil))
	f.Add([]byte{0})
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := ParseDelta(b)
		if err != nil {
			return
		}
		again, err := ParseDelta(d.Append(nil))
		if err != nil || len(again) != len(d) {
			t.Errorf("written and read again: %d packs, %v; want %d", len(again), err, len(d))
		}
	})
}

// testdata/delta.bin was written once and is never made again.
func TestTheFirstDeltaIsStillRead(t *testing.T) {
	want := Delta{testPack(1, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21), testPack(2, 30), testPack(3)}
	stored, err := os.ReadFile("testdata/delta.bin")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want.Append(nil), stored) {
		t.Error("it would be written otherwise now")
	}
	d, err := ParseDelta(stored)
	if err != nil || len(d) != 3 || !slices.Equal(d[0].Blobs, want[0].Blobs) || !slices.Equal(d[0].Segments, want[0].Segments) || d[1].ID != want[1].ID || d[2].Size != want[2].Size {
		t.Errorf("%+v, %v", d, err)
	}
}
