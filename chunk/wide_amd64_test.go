package chunk

import (
	"testing"

	"github.com/restic/chunker"
)

// A window that is taken for likely and isn't costs time, so the cuts don't tell.
func TestLikelyWindowsAreThoseWhoseLowestBitsAreZero(t *testing.T) {
	if !hasWide {
		t.Skip("this processor can't look through many windows at once")
	}
	data := randomBytes(9, 64<<10)
	clear(data[8<<10 : 9<<10])
	for n, bits := range []int{10, 11, 15, 16, 17, 24} {
		polynomial := uint64(testPolynomial)
		if n > 0 {
			random, err := chunker.RandomPolynomial()
			if err != nil {
				t.Fatal(err)
			}
			polynomial = uint64(random)
		}
		c := NewCutter(Params{Polynomial: polynomial, Bits: bits})
		lowest := uint64(1)<<min(bits, 16) - 1
		const blocks = 7
		for from := 0; from+blocks*wideWindows+windowSize < len(data); {
			want := 0
			for want < blocks*wideWindows && c.fingerprint(data[from+want:][:windowSize])&lowest != 0 {
				want++
			}
			if got := likelyWindow(&data[from], blocks, c.wide); got != want {
				t.Fatalf("polynomial %#x, %d bits: from %d on, window %d is likely, want %d", polynomial, bits, from, got, want)
			}
			from += want + 1
		}
	}
}
