package chunk

// A Cutter finds the ends of chunks. It is immutable and safe for concurrent use.
type Cutter struct {
	min, max int
	mask     uint64
	out      [256]uint64 // what a byte that has just left the window contributes
	mod      [256]uint64 // reduces the 8 bits above the degree
	wide     *quotients  // nil if the processor lacks the instructions
}

const degree = 53

// NewCutter returns a Cutter for valid parameters.
func NewCutter(p Params) *Cutter {
	c := &Cutter{min: p.Min, max: p.Max, mask: 1<<p.Bits - 1}
	power := uint64(1) // x to the power of n, modulo the polynomial
	for n := range 8 * (windowSize + 1) {
		if bit := n - degree; bit >= 0 && bit < 8 {
			c.mod[1<<bit] = power | 1<<n
		}
		if bit := n - 8*windowSize; bit >= 0 {
			c.out[1<<bit] = power
		}
		power = timesX(power, p.Polynomial)
	}
	for b := 1; b < 256; b++ { // the remainder of a sum is the sum of the remainders
		low, rest := b&-b, b&(b-1)
		c.mod[b] = c.mod[low] ^ c.mod[rest]
		c.out[b] = c.out[low] ^ c.out[rest]
	}
	if hasWide {
		c.wide = newQuotients(p)
	}
	return c
}

// Cut returns the length of the first chunk of buf. buf must hold either the rest of the
// stream or at least Max bytes.
func (c *Cutter) Cut(buf []byte) int {
	if len(buf) <= c.min {
		return len(buf)
	}
	end := min(len(buf), c.max)
	// The window at position i is buf[i-64:i]. The first allowed cut is at min. The
	// fingerprint depends on the window alone.
	if i := c.scan(buf[c.min-windowSize : end]); i > 0 {
		return c.min - windowSize + i
	}
	return end
}

// MayEnd reports whether Cut could have ended this chunk here with more data following:
// it ends at a cut candidate or at the maximal length. It does not look for earlier
// candidates.
func (c *Cutter) MayEnd(chunk []byte) bool {
	if len(chunk) < c.min || len(chunk) >= c.max {
		return len(chunk) == c.max
	}
	return c.fingerprint(chunk[len(chunk)-windowSize:])&c.mask == 0
}

// scan returns the first i from 64 on where the fingerprint of buf[i-64:i] is a
// candidate, or 0.
func (c *Cutter) scan(buf []byte) int {
	if c.wide != nil {
		return c.scanWide(buf)
	}
	return c.scanLanes(buf)
}

// A block is scanned in six lanes of lane bytes each.
const (
	lane  = 1376
	block = windowSize + 6*lane
)

// scanLanes implements scan without special instructions.
//
// Each fingerprint depends on the one before it through a table, so a single lane leaves
// the processor waiting for loads. But a candidate depends on its window alone, so six
// lanes, each starting with its own window, run at once. The fingerprints of more lanes
// would not fit into the registers.
func (c *Cutter) scanLanes(buf []byte) int {
	digest := c.fingerprint(buf[:windowSize])
	if digest&c.mask == 0 {
		return windowSize
	}
	at := 0
	for ; at+block <= len(buf); at += 6 * lane {
		i, next := c.scanBlock((*[block]byte)(buf[at:at+block]), digest)
		if i > 0 {
			return at + i
		}
		digest = next
	}
	if i := c.scanTail(buf[at:], digest); i > 0 {
		return at + i
	}
	return 0
}

func (c *Cutter) scanBlock(buf *[block]byte, d0 uint64) (first int, last uint64) {
	var d1, d2, d3, d4, d5 uint64
	for i := range windowSize {
		d1 = c.push(d1, buf[lane+i])
		d2 = c.push(d2, buf[2*lane+i])
		d3 = c.push(d3, buf[3*lane+i])
		d4 = c.push(d4, buf[4*lane+i])
		d5 = c.push(d5, buf[5*lane+i])
	}
	var hits [6]int // the first candidate of each lane, or 0
	mask, out, mod := c.mask, &c.out, &c.mod
	for i := range lane {
		d0 = d0<<8 ^ mod[byte(d0>>(degree-8))] ^ (uint64(buf[windowSize+i]) ^ out[buf[i]])
		d1 = d1<<8 ^ mod[byte(d1>>(degree-8))] ^ (uint64(buf[windowSize+lane+i]) ^ out[buf[lane+i]])
		d2 = d2<<8 ^ mod[byte(d2>>(degree-8))] ^ (uint64(buf[windowSize+2*lane+i]) ^ out[buf[2*lane+i]])
		d3 = d3<<8 ^ mod[byte(d3>>(degree-8))] ^ (uint64(buf[windowSize+3*lane+i]) ^ out[buf[3*lane+i]])
		d4 = d4<<8 ^ mod[byte(d4>>(degree-8))] ^ (uint64(buf[windowSize+4*lane+i]) ^ out[buf[4*lane+i]])
		d5 = d5<<8 ^ mod[byte(d5>>(degree-8))] ^ (uint64(buf[windowSize+5*lane+i]) ^ out[buf[5*lane+i]])
		// Subtracting 1 borrows only if one of the six is zero.
		if int64((d0&mask-1)|(d1&mask-1)|(d2&mask-1)|(d3&mask-1)|(d4&mask-1)|(d5&mask-1)) < 0 {
			if d0&mask == 0 {
				return windowSize + i + 1, 0
			}
			for k, d := range [...]uint64{d0, d1, d2, d3, d4, d5} {
				if d&mask == 0 && hits[k] == 0 {
					hits[k] = windowSize + k*lane + i + 1
				}
			}
		}
	}
	for _, hit := range hits {
		if hit > 0 {
			return hit, 0
		}
	}
	return 0, d5
}

func (c *Cutter) scanTail(buf []byte, digest uint64) int {
	in := buf[windowSize:]
	out := buf[:len(in)]
	for i, b := range in {
		digest = c.push(digest, b) ^ c.out[out[i]]
		if digest&c.mask == 0 {
			return i + windowSize + 1
		}
	}
	return 0
}

func (c *Cutter) fingerprint(window []byte) uint64 {
	var digest uint64
	for _, b := range window {
		digest = c.push(digest, b)
	}
	return digest
}

func (c *Cutter) push(digest uint64, b byte) uint64 {
	return digest<<8 ^ uint64(b) ^ c.mod[byte(digest>>(degree-8))]
}
