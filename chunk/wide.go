package chunk

// Where the processor multiplies 512 bits by matrices over GF(2) at once, cuts are
// looked for without rolling a fingerprint: each of its bits is a sum, modulo 2, of bits
// of the window, so that a byte of it is the sum of the window's 64 bytes, each
// multiplied by an 8×8 matrix of its own (VGF2P8AFFINEQB, Intel's "Galois Field New
// Instructions"). One instruction multiplies the bytes at the same place of 64 windows.
//
// Those bytes lie one behind the other, and would have to be loaded for each of the 64
// places. But the sum over the eight octets of a window may be shifted instead of the
// bytes: the n-th octet of a window is the first one of the window 8·n bytes behind. So
// each octet's eight products are added up for every window there is, and the eight
// sums, shifted by as many octets, are added. That takes eight loads instead of 64, most
// of which would cross the lines of the cache.

// Matrices are those by which the bytes of a window, from the oldest on, give the
// lowest byte of its masked fingerprint; and then those for the next byte: of the eight
// octets' first bytes, of their second ones, and so on. As the processor has it, the row
// for the result's bit i is byte 7-i of a matrix.
type matrices [2 * windowSize]uint64

// wideWindows is how many windows are looked at together, which takes wideReads bytes
// more than they have.
const (
	wideWindows = 128
	wideReads   = 8
)

func newMatrices(p Params) *matrices {
	m := new(matrices)
	power := uint64(1) // x to the power of n
	for n := range 8 * windowSize {
		place := windowSize - 1 - n/8
		for bit := range min(p.Bits, 16) {
			at := place
			if bit >= 8 {
				at = windowSize + place%8*8 + place/8
			}
			row := 8 * (7 - bit%8)
			m[at] |= (power >> bit & 1) << (row + n%8)
		}
		power = timesX(power, p.Polynomial)
	}
	return m
}

// scanWide does what scan does.
func (c *Cutter) scanWide(buf []byte) int {
	at := 0
	for {
		n := (len(buf) - at - (windowSize - 1) - wideReads) / wideWindows
		if n <= 0 {
			break
		}
		likely := likelyWindow(&buf[at], n, c.wide)
		at += likely
		if likely == n*wideWindows {
			continue
		}
		if end := at + windowSize; c.fingerprint(buf[at:end])&c.mask == 0 {
			return end
		}
		at++
	}
	if len(buf)-at >= windowSize {
		if i := c.scanLanes(buf[at:]); i > 0 {
			return at + i
		}
	}
	return 0
}
