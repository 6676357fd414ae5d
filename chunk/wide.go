package chunk

// Where the processor multiplies polynomials over GF(2), cuts are looked for without
// rolling a fingerprint.
//
// A window D leaves the fingerprint F = D + P·Q, where Q is the quotient. As P is odd, it
// has an inverse modulo any power of x, so that the lowest 16 bits of F are zero where
// those of D/P (modulo x¹⁶) and of Q are the same. D/P modulo x¹⁶ depends on the newest
// two bytes alone. And Q is the whole part of D times the power series
//
//	1/P = r(53)·x⁻⁵³ + r(54)·x⁻⁵⁴ + …
//
// in which bit t takes the sum of all bits e of the window times r(e-t). That is the same
// sum for every window, shifted by eight bits for each byte: the product of all data and
// one long number, and every bit of it is of use. Only the ends differ. So the number,
// the kernel, has r(53) to r(495), which concern no bit outside of any window, whichever
// t from 0 to 7; what the window's oldest two bytes add beyond is made up for by 8×8
// matrices. Bits 8 to 15 of Q are bits 0 to 7 of the quotient of the window without its
// newest byte.
//
// 64 windows take 11 instructions that multiply (VPCLMULQDQ) four pairs of words each. A
// product has its bits one behind the other only if the data have, so the bits of each
// byte are reversed first, and bit t of a quotient is bit 7-t of a byte of the product.

// Quotients are the numbers of a polynomial that this takes.
//
// Kernel k is seven words, k[0] to k[6], in the order that pairs of words are multiplied
// in: k[0], k[1], k[0]+k[1], k[2]+k[3], k[2], k[3], k[4], k[5], k[4]+k[5], k[6].
//
// Of a matrix, the row for t is byte t, as the processor has it: VGF2P8AFFINEQB, of
// Intel's "Galois Field New Instructions".
type quotients struct {
	kernel  [10]uint64
	reverse uint64 // reverses the bits of a byte
	old     uint64 // what the second oldest byte of a window adds to the lowest byte of Q
	oldest  uint64 // and what the oldest one does
	newest  uint64 // what the newest byte adds to the lowest byte of D/P
	carried uint64 // and to the one above it
	mask    uint64 // which bits of that count, eight times
}

// wideWindows is how many windows are looked at together.
const wideWindows = 64

// The exponents of 1/P in the kernel. Its first bit is r(kernelFirst-5), as data and
// windows differ by whole bytes.
const (
	kernelFirst = degree
	kernelLast  = 8*(windowSize-2) - 1
)

func newQuotients(p Params) *quotients {
	var r [8 * windowSize]uint64 // 1/P
	power := uint64(1)           // x to the power of m, modulo P
	for m := range len(r) - 1 {
		r[m+1] = power >> (degree - 1)
		power = timesX(power, p.Polynomial)
	}
	var v [16]uint64 // the inverse of P modulo x¹⁶
	v[0] = 1
	for n := range v {
		for j := 1; j <= n; j++ {
			v[n] ^= p.Polynomial >> j & 1 & v[n-j]
		}
	}
	var k [7]uint64
	for m := kernelFirst; m <= kernelLast; m++ {
		at := m - kernelFirst + 5
		k[at/64] |= r[m] << (at % 64)
	}
	q := &quotients{kernel: [...]uint64{k[0], k[1], k[0] ^ k[1], k[2] ^ k[3], k[2], k[3], k[4], k[5], k[4] ^ k[5], k[6]}}
	for t := range 8 {
		for b := range 8 {
			at := 8*t + b // of the bit b of a byte, in the row for t
			q.reverse |= one(t == b) << at
			if b >= t {
				q.old |= r[8*(windowSize-2)+b-t] << at
			}
			q.oldest |= r[8*(windowSize-1)+b-t] << at
			if b <= t {
				q.newest |= v[t-b] << at
			}
			q.carried |= v[8+t-b] << at
			q.mask |= one(8+b < p.Bits) << (8*t + 7 - b)
		}
	}
	return q
}

func one(is bool) uint64 {
	if is {
		return 1
	}
	return 0
}

// scanWide does what scan does.
func (c *Cutter) scanWide(buf []byte) int {
	at := 0
	for {
		n := (len(buf) - at - (windowSize - 1)) / wideWindows
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
