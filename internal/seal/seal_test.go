package seal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"testing"
)

// fixedRandom yields the same bytes in every run.
func fixedRandom(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

func testRing(t testing.TB) *Keyring {
	t.Helper()
	ring, err := NewKeyring(fixedRandom(1))
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

var testID = [KeySize]byte{1, 2, 3}

func TestOpenReturnsWhatWasSealed(t *testing.T) {
	ring := testRing(t)
	for _, aead := range []AEAD{AES256GCM, ChaCha20Poly1305} {
		box := NewSealer(ring, testID, aead, nil)
		for _, body := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("abc"), 1<<16)} {
			object, err := box.Seal(Manifest, body)
			if err != nil {
				t.Fatal(err)
			}
			if want := HeaderSize + len(body) + Overhead; len(object) != want {
				t.Errorf("%v: an object of %d bytes, want %d", aead, len(object), want)
			}
			got, err := box.Open(Manifest, object)
			if err != nil || !bytes.Equal(got, body) {
				t.Errorf("%v: opened %d bytes, %v; want %d", aead, len(got), err, len(body))
			}
		}
	}
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	box := NewSealer(testRing(t), testID, AES256GCM, nil)
	object, err := box.Seal(Lease, []byte("body"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range object {
		for bit := range 8 {
			bad := bytes.Clone(object)
			bad[i] ^= 1 << bit
			if body, err := box.Open(Lease, bad); err == nil {
				t.Errorf("byte %d bit %d flipped: opened as %q", i, bit, body)
			}
		}
	}
	for n := range object {
		if _, err := box.Open(Lease, object[:n]); err == nil {
			t.Errorf("truncated to %d bytes: opened", n)
		}
	}
}

func TestPartsOpenOnlyInTheirPlace(t *testing.T) {
	ring := testRing(t)
	box := NewSealer(ring, testID, AES256GCM, nil)
	c, err := box.NewCipher(Run{1}, DataPack)
	if err != nil {
		t.Fatal(err)
	}
	sealed := c.Seal(nil, []byte("part"), 7)
	if _, err := c.Open(nil, sealed, 8); !errors.Is(err, ErrDamaged) {
		t.Errorf("as part 8: %v", err)
	}
	h := c.Header()
	h[5] = byte(TreePack)
	other, err := box.Cipher(h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Open(nil, sealed, 7); !errors.Is(err, ErrDamaged) {
		t.Errorf("as another kind: %v", err)
	}
	elsewhere, err := NewSealer(ring, [KeySize]byte{9}, AES256GCM, nil).Cipher(c.Header())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := elsewhere.Open(nil, sealed, 7); !errors.Is(err, ErrDamaged) {
		t.Errorf("in another repository: %v", err)
	}
	if got, err := c.Open(nil, sealed, 7); err != nil || string(got) != "part" {
		t.Errorf("in its place: %q, %v", got, err)
	}
}

func TestOpenNamesWhatIsWrong(t *testing.T) {
	ring := testRing(t)
	box := NewSealer(ring, testID, AES256GCM, nil)
	object, err := box.Seal(Manifest, []byte("body"))
	if err != nil {
		t.Fatal(err)
	}
	future := bytes.Clone(object)
	future[6] = Version + 1
	var version *VersionError
	if _, err := box.Open(Manifest, future); !errors.As(err, &version) || version.Version != Version+1 {
		t.Errorf("a future version: %v", err)
	}
	if _, err := box.Open(Manifest, []byte("something else entirely, long enough for a header")); !errors.Is(err, ErrNotSealed) {
		t.Errorf("another file: %v", err)
	}
	if _, err := box.Open(Config, object); !errors.Is(err, ErrDamaged) {
		t.Errorf("another kind: %v", err)
	}
	rotated, err := ring.Rotated(nil)
	if err != nil {
		t.Fatal(err)
	}
	newer, err := NewSealer(rotated, testID, AES256GCM, nil).Seal(Manifest, []byte("new"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := box.Open(Manifest, newer); !errors.Is(err, ErrNoKey) {
		t.Errorf("a newer epoch: %v", err)
	}
	if _, err := NewSealer(rotated, testID, AES256GCM, nil).Open(Manifest, object); err != nil {
		t.Errorf("an older epoch: %v", err)
	}
	if rotated.SubKey("ids") != ring.SubKey("ids") {
		t.Error("rotation changed a sub-key that must outlive it")
	}
	if ring.SubKey("ids") == ring.SubKey("trees") {
		t.Error("two purposes share a sub-key")
	}
}

// Objects once written must open for ever: these were written once and are never
// made again.
func TestGoldenObjectsOpen(t *testing.T) {
	b, err := os.ReadFile("testdata/objects.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden []struct{ Name, Root, Repository, Kind, Body, Object, Problem string }
	if err := json.Unmarshal(b, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden) < 8 {
		t.Fatalf("only %d golden objects", len(golden))
	}
	fromHex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, g := range golden {
		ring, err := parseKeyring(fromHex(g.Root))
		if err != nil {
			t.Fatal(err)
		}
		box := NewSealer(ring, [KeySize]byte(fromHex(g.Repository)), AES256GCM, nil)
		body, err := box.Open(Kind(g.Kind[0]), fromHex(g.Object))
		if g.Problem == "" {
			if err != nil || string(body) != g.Body {
				t.Errorf("%s: %q, %v; want %q", g.Name, body, err, g.Body)
			}
		} else if err == nil || err.Error() != g.Problem {
			t.Errorf("%s: %q, %v; want problem %q", g.Name, body, err, g.Problem)
		}
	}
}

func FuzzOpen(f *testing.F) {
	box := NewSealer(testRing(f), testID, AES256GCM, fixedRandom(3))
	object, err := box.Seal(Manifest, []byte("body"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(object)
	f.Add(object[:HeaderSize])
	f.Fuzz(func(t *testing.T, b []byte) {
		body, err := box.Open(Manifest, b)
		if err == nil && !bytes.Equal(b, object) {
			t.Errorf("a forged object opened as %q", body)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	for _, aead := range []AEAD{AES256GCM, ChaCha20Poly1305} {
		b.Run(aead.String(), func(b *testing.B) {
			c, err := NewSealer(testRing(b), testID, aead, nil).NewCipher(Run{1}, DataPack)
			if err != nil {
				b.Fatal(err)
			}
			buf := make([]byte, 1<<20, 1<<20+Overhead)
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for n := uint64(0); b.Loop(); n++ {
				c.Seal(buf[:0], buf, n)
			}
		})
	}
}

func TestRingsCompareByTheirEpochs(t *testing.T) {
	one := testRing(t)
	two, err := one.Rotated(nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := one.Rotated(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		a, b *Keyring
		want uint32
	}{{one, one, 1}, {one, two, 1}, {two, two, 2}, {two, other, 1}, {two.FirstEpochs(1), one, 1}} {
		if got := c.a.Common(c.b); got != c.want || c.b.Common(c.a) != c.want {
			t.Errorf("%d in common, want %d", got, c.want)
		}
	}
	if two.Commitment(2) == other.Commitment(2) || two.Commitment(1) != one.Commitment(1) || two.Commitment(1) == two.Commitment(2) {
		t.Error("a commitment doesn't tell keys apart")
	}
	// It seals under the older epoch and opens the newer one.
	older := NewSealer(two.SealingUnder(1), testID, AES256GCM, nil)
	object, err := older.Seal(Manifest, []byte("body"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewSealer(one, testID, AES256GCM, nil).Open(Manifest, object); err != nil {
		t.Errorf("sealed under the older epoch: %v", err)
	}
	newer, err := NewSealer(two, testID, AES256GCM, nil).Seal(Manifest, []byte("body"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := older.Open(Manifest, newer); err != nil {
		t.Errorf("sealed under the newer epoch: %v", err)
	}
	if two.SealingUnder(1).Epoch() != 1 || two.SealingUnder(1).Newest() != 2 || two.FirstEpochs(1).Newest() != 1 {
		t.Error("wrong epochs")
	}
}

// What tells two rings apart is stored: it was computed once and never is again.
func TestGoldenCommitment(t *testing.T) {
	root := make([]byte, KeySize)
	for i := range root {
		root[i] = byte(i)
	}
	ring, err := parseKeyring(root)
	if err != nil {
		t.Fatal(err)
	}
	got := ring.Commitment(1)
	const want = "5e1618648caae04df307b221ee2b0f2c1df9d8305b14e1c2b5cd77661eb3ea6c"
	if hex.EncodeToString(got[:]) != want {
		t.Errorf("%x, want %s", got, want)
	}
}
