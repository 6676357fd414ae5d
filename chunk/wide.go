package chunk

// On processors that multiply polynomials over GF(2), cuts are found without a rolling
// fingerprint.
//
// A window D has the fingerprint F = D + P·Q, where Q is the quotient. P is odd, so it
// has an inverse modulo any power of x. Therefore the lowest 16 bits of F are zero
// exactly where those of D/P (modulo x¹⁶) equal those of Q. D/P modulo x¹⁶ depends on the
// newest two bytes alone. Q is the integral part of D times the power series
//
//	1/P = r(53)·x⁻⁵³ + r(54)·x⁻⁵⁴ + …
//
// Bit t of Q is the sum over all bits e of the window of the bit times r(e-t). That is
// the same sum for every window, shifted by eight bits for each byte. So it is the
// product of all the data and one long number, the kernel, and every bit of that product
// is used. Only the ends of windows differ. So the kernel has only r(53) to r(495), which
// involve no bit outside of any window, for every t from 0 to 7. What the window's oldest
// two bytes add beyond that is computed with 8×8 matrices. Bits 8 to 15 of Q are bits 0
// to 7 of the quotient of the window without its newest byte.
//
// 64 windows take 11 multiply instructions (VPCLMULQDQ), each for four pairs of words.
// The bits of a product are consecutive only if those of the data are, so the bits of
// each byte are reversed first, and bit t of a quotient is bit 7-t of a byte of the
// product.

// quotients holds the constants of one polynomial that this method needs.
//
// The kernel is seven words, k[0] to k[6], stored in the order in which pairs of words
// are multiplied: k[0], k[1], k[0]+k[1], k[2]+k[3], k[2], k[3], k[4], k[5], k[4]+k[5],
// k[6].
//
// The row for t of a matrix is its byte t, as the processor expects: VGF2P8AFFINEQB, of
// Intel's "Galois Field New Instructions".
type quotients struct {
	kernel  [10]uint64
	reverse uint64 // reverses the bits of a byte
	old     uint64 // what the second oldest byte of a window adds to the lowest byte of Q
	oldest  uint64 // what the oldest byte adds to the lowest byte of Q
	newest  uint64 // what the newest byte adds to the lowest byte of D/P
	carried uint64 // what the newest byte adds to the second lowest byte of D/P
	mask    uint64 // which bits of that byte count, repeated eight times
}

// wideWindows is how many windows are examined together.
const wideWindows = 64

// The kernel's range of exponents of 1/P. Its first bit is r(kernelFirst-5), because data
// and windows differ by whole bytes.
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
			at := 8*t + b // the position of bit b of a byte in the row for t
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

// scanWide implements scan with the wide instructions.
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
