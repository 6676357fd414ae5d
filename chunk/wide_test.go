//go:build unix

package chunk

import (
	"testing"

	"golang.org/x/sys/unix"
)

// Data lie before a page that can't be read, so that a byte read too much is the end.
func TestLookingForCutsReadsNothingBehindTheData(t *testing.T) {
	page := unix.Getpagesize()
	room, err := unix.Mmap(-1, 0, 65*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(room)
	data := room[:64*page]
	copy(data, randomBytes(5, len(data)))
	if err := unix.Mprotect(room[64*page:], unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	p := Params{Polynomial: testPolynomial, Min: MinSize, Max: 8 << 10, Bits: 11}
	for size := MinSize; size < MinSize+2*wideWindows+2*windowSize; size++ {
		tail := data[len(data)-size:]
		for way, c := range cutters(p) {
			got, want := c.Cut(tail), size
			for i := p.Min; i < size; i++ {
				if c.fingerprint(tail[i-windowSize:i])&c.mask == 0 {
					want = i
					break
				}
			}
			if got != want {
				t.Fatalf("%s: the first chunk of %d bytes has %d, want %d", way, size, got, want)
			}
		}
	}
}
