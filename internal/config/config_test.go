package config_test

import (
	"encoding/hex"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/test/fixture"
)

// polynomial is irreducible and of degree 53.
const polynomial = 0x3DA3358B4DC173

// newConfig returns a config that is the same each time.
func newConfig(t testing.TB) *config.Config {
	t.Helper()
	choice := config.Choice{Chunks: chunk.Params{Polynomial: polynomial, Min: 512 << 10, Max: 8 << 20, Bits: 20, Whole: 1 << 20}, PackSize: 16 << 20}
	c, err := config.New(choice, [32]byte{0xab, 0xcd, 31: 0xef}, new(fixture.Clock).Now())
	if err != nil {
		t.Fatal(err)
	}
	c.AEAD = seal.AES256GCM // not what this machine prefers
	return c
}

// sealed seals the body of a config.
func sealed(t testing.TB, ring *seal.Keyring, body []byte) []byte {
	t.Helper()
	b, err := seal.NewSealer(ring, [seal.KeySize]byte{}, seal.AES256GCM, nil).Seal(seal.Config, body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func marshal(t testing.TB, c *config.Config) []byte {
	t.Helper()
	b, err := c.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The numbers of the fields and their encoding are part of the format.
func TestTheBytesOfAConfigStayTheSame(t *testing.T) {
	const want = "aa015820abcd0000000000000000000000000000000000000000000000000000000000ef" +
		"021a69a42a400301041b003da3358b4dc173051a00080000061a008000000714081a00100000091a010000000a1a00400000"
	if got := hex.EncodeToString(marshal(t, newConfig(t))); got != want {
		t.Errorf("it is stored as\n%s\nwant\n%s", got, want)
	}
}

func TestAConfigIsReadAsItWasMade(t *testing.T) {
	ring := fixture.Ring(t, 1)
	for _, aead := range []seal.AEAD{seal.AES256GCM, seal.ChaCha20Poly1305} {
		c := newConfig(t)
		c.AEAD = aead
		got, err := config.OpenOne(ring, sealed(t, ring, marshal(t, c)))
		if err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("%+v, %v; it was %+v", got, err, c)
		}
	}
}

func TestWhichTwinItIsIsNotStored(t *testing.T) {
	ring := fixture.Ring(t, 1)
	c := newConfig(t)
	plain := marshal(t, c)
	c.Twin, c.Replica = "-twin", "-replica"
	got, err := config.OpenOne(ring, sealed(t, ring, marshal(t, c)))
	if err != nil || got.Twin != "" || got.Replica != "" || string(marshal(t, c)) != string(plain) {
		t.Errorf("%+v, %v", got, err)
	}
	if got.ID() != c.ID() || got.LocalName() == c.LocalName() {
		t.Errorf("ids %s and %s, local names %s and %s", got.ID(), c.ID(), got.LocalName(), c.LocalName())
	}
	if want := "abcd" + strings.Repeat("0", 28) + "-twin-replica"; c.LocalName() != want {
		t.Errorf("the local name is %s, want %s", c.LocalName(), want)
	}
}

func TestANewConfigHasDefaultsForWhatIsNotChosen(t *testing.T) {
	at := new(fixture.Clock).Now()
	a, err := config.New(config.Choice{}, [32]byte{1}, at)
	if err != nil {
		t.Fatal(err)
	}
	b, err := config.New(config.Choice{}, [32]byte{1}, at)
	if err != nil {
		t.Fatal(err)
	}
	if a.Polynomial == b.Polynomial {
		t.Error("two repositories cut files at the same points")
	}
	if a.Params().Validate() != nil || a.PackSize == 0 || a.SegmentSize == 0 || a.Created != at.Unix() {
		t.Errorf("%+v", a)
	}
	small, err := config.New(config.Choice{PackSize: 1 << 20, Chunks: chunk.Params{Polynomial: polynomial}}, [32]byte{1}, at)
	if err != nil || small.SegmentSize > 2<<20 || small.PackSize != 1<<20 || small.Polynomial != polynomial || small.MaxChunk != a.MaxChunk {
		t.Errorf("small packs: %+v, %v", small, err)
	}
}

func TestWhatANewConfigMayNotHoldIsRefused(t *testing.T) {
	for what, o := range map[string]config.Choice{
		"small packs":           {PackSize: 1<<20 - 1},
		"large packs":           {PackSize: 4<<30 + 1},
		"negative packs":        {PackSize: -1},
		"a reducible one":       {Chunks: chunk.Params{Polynomial: 1 << 53}},
		"chunks without bounds": {Chunks: chunk.Params{Max: 1 << 20}},
		"large chunks":          {Chunks: chunk.Params{Max: 1 << 40, Min: 1 << 20, Bits: 20}},
	} {
		if _, err := config.New(o, [32]byte{1}, new(fixture.Clock).Now()); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

func TestWhatAStoredConfigMayNotHoldIsRefused(t *testing.T) {
	ring := fixture.Ring(t, 1)
	valid := map[int]any{}
	if err := cbor.Unmarshal(marshal(t, newConfig(t)), &valid); err != nil {
		t.Fatal(err)
	}
	with := func(key int, value any) []byte {
		changed := map[int]any{}
		for k, v := range valid {
			changed[k] = v
		}
		if changed[key] = value; value == nil {
			delete(changed, key)
		}
		b, err := object.Encode(changed)
		if err != nil {
			t.Fatal(err)
		}
		return sealed(t, ring, b)
	}
	if _, err := config.OpenOne(ring, with(2, 5)); err != nil {
		t.Fatalf("another time: %v", err)
	}
	for _, c := range []struct {
		key   int
		value any
	}{
		{1, nil}, {1, []byte{1}}, {1, make([]byte, 33)}, {1, "text"}, {3, nil}, {3, 0}, {3, 3}, {4, 0}, {4, 6}, {5, -1}, {5, 9 << 20},
		{6, 0}, {6, int64(1) << 62}, {6, math.MaxInt64}, {7, 0}, {7, 64}, {8, -1}, {8, 9 << 20}, {9, 0}, {9, 1<<20 - 1}, {9, int64(1) << 40}, {9, "a"},
		{10, 0}, {10, 17 << 20}, {10, -1}, {11, 1}, {0, 1}, {-1, 1},
	} {
		if got, err := config.OpenOne(ring, with(c.key, c.value)); err == nil {
			t.Errorf("field %d is %v: accepted as %+v", c.key, c.value, got)
		}
	}
}

// FuzzConfig: whatever is sealed as a config, it is refused, or whole and within bounds.
func FuzzConfig(f *testing.F) {
	ring := fixture.Ring(f, 1)
	f.Add(marshal(f, newConfig(f)))
	f.Add([]byte{})
	f.Add([]byte{0xa0})
	f.Add([]byte{0xbf, 0xff})
	f.Add([]byte{0xa1, 0x01, 0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := config.OpenOne(ring, sealed(t, ring, body))
		if err != nil {
			return
		}
		if err := c.Params().Validate(); err != nil || c.PackSize < 1<<20 || c.SegmentSize < 64<<10 || len(c.ID()) != 64 || len(c.LocalName()) != 32 {
			t.Errorf("accepted is %+v, %v", c, err)
		}
		again, err := config.OpenOne(ring, sealed(t, ring, marshal(t, c)))
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("%+v is %+v when it is stored again, %v", c, again, err)
		}
	})
}
