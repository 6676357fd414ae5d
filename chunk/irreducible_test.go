package chunk

import (
	"math/rand/v2"
	"testing"

	"github.com/restic/chunker"
)

// One polynomial of degree 53 in 53 is irreducible.
func TestIrreducibleAgreesWithResticChunker(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	found := 0
	for range 2000 {
		p := 1<<degree | random.Uint64()&(1<<degree-1)
		want := chunker.Pol(p).Irreducible()
		if irreducible(p) != want {
			t.Fatalf("%#x: irreducible is %v", p, !want)
		}
		if want {
			found++
		}
	}
	if found == 0 {
		t.Error("none of them is irreducible")
	}
}

// A product of two irreducible ones, of degrees 26 and 27, has no root.
func TestAProductIsReducible(t *testing.T) {
	a, b := chunker.Pol(1<<26|1<<6|1<<2|1<<1|1), chunker.Pol(1<<27|1<<5|1<<2|1<<1|1)
	if !a.Irreducible() || !b.Irreducible() {
		t.Fatal("the factors are reducible")
	}
	if p := a.Mul(b); p.Deg() != degree || irreducible(uint64(p)) {
		t.Errorf("%v passes", p)
	}
}

func BenchmarkValidate(b *testing.B) {
	p := testParams()
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Validate(); err != nil {
			b.Fatal(err)
		}
	}
}
