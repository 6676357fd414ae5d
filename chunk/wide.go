package chunk

import "math/bits"

// Where the processor multiplies 512 bits by matrices over GF(2) at once, cuts are
// looked for without rolling a fingerprint: each of its bits is a sum, modulo 2, of bits
// of the window, so that a byte of it is the sum of the window's 64 bytes, each
// multiplied by an 8×8 matrix of its own (VGF2P8AFFINEQB, Intel's "Galois Field New
// Instructions"). One instruction multiplies the bytes at the same place of 64 windows.

// Matrices are those by which the bytes of a window, from the oldest on, give the
// lowest byte of its masked fingerprint, and then those for the next byte. As the
// processor has it, the row for the result's bit i is byte 7-i of a matrix.
type matrices [2 * windowSize]uint64

// wideWindows is how many windows are looked at together.
const wideWindows = 256

func newMatrices(p Params) *matrices {
	m := new(matrices)
	power := uint64(1) // x to the power of n
	for n := range 8 * windowSize {
		for bit := range min(p.Bits, 16) {
			row := 8 * (7 - bit%8)
			m[bit/8*windowSize+windowSize-1-n/8] |= (power >> bit & 1) << (row + n%8)
		}
		power = timesX(power, p.Polynomial)
	}
	return m
}

// scanWide does what scan does.
func (c *Cutter) scanWide(buf []byte) int {
	at := 0
	for windows := len(buf) - windowSize + 1; windows-at >= wideWindows; at += 64 {
		n, hits := likelyWindows(&buf[at], (windows-at)/wideWindows, c.wide)
		for at += n; hits != 0; hits &= hits - 1 {
			end := at + bits.TrailingZeros64(hits) + windowSize
			if c.fingerprint(buf[end-windowSize:end])&c.mask == 0 {
				return end
			}
		}
	}
	if len(buf)-at >= windowSize {
		if i := c.scanLanes(buf[at:]); i > 0 {
			return at + i
		}
	}
	return 0
}
