package chunk

// A Cutter finds the ends of chunks. It is immutable and safe for concurrent use.
type Cutter struct {
	min, max int
	mask     uint64
	out      [256]uint64 // what a byte contributes when it has just left the window
	mod      [256]uint64 // clears the 8 bits above the degree, and reduces them
	wide     *quotients  // or nil, where the processor can't use them
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

// Cut returns the length of the first chunk of buf. The bytes are either the
// rest of a stream or at least the maximal length of a chunk.
func (c *Cutter) Cut(buf []byte) int {
	if len(buf) <= c.min {
		return len(buf)
	}
	end := min(len(buf), c.max)
	// The window before position i is buf[i-64:i]. The first cut allowed is
	// at min; the fingerprint is a function of the window alone.
	if i := c.scan(buf[c.min-windowSize : end]); i > 0 {
		return c.min - windowSize + i
	}
	return end
}

// MayEnd reports whether a chunk that is followed by others may end as this one does:
// a cut stands there, unless one stands before it.
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

// A block is looked at by six lanes of so many bytes each.
const (
	lane  = 1376
	block = windowSize + 6*lane
)

// scanLanes does what scan does.
//
// A fingerprint depends on the one before it through a table, so one lane keeps
// the processor waiting for loads. But a candidate depends on its window alone:
// six lanes, each with a window of its own to begin with, run at once. With more,
// their fingerprints wouldn't stay in registers.
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
	var hits [6]int // 0, or the first candidate of each lane
	mask, out, mod := c.mask, &c.out, &c.mod
	for i := range lane {
		d0 = d0<<8 ^ mod[byte(d0>>(degree-8))] ^ (uint64(buf[windowSize+i]) ^ out[buf[i]])
		d1 = d1<<8 ^ mod[byte(d1>>(degree-8))] ^ (uint64(buf[windowSize+lane+i]) ^ out[buf[lane+i]])
		d2 = d2<<8 ^ mod[byte(d2>>(degree-8))] ^ (uint64(buf[windowSize+2*lane+i]) ^ out[buf[2*lane+i]])
		d3 = d3<<8 ^ mod[byte(d3>>(degree-8))] ^ (uint64(buf[windowSize+3*lane+i]) ^ out[buf[3*lane+i]])
		d4 = d4<<8 ^ mod[byte(d4>>(degree-8))] ^ (uint64(buf[windowSize+4*lane+i]) ^ out[buf[4*lane+i]])
		d5 = d5<<8 ^ mod[byte(d5>>(degree-8))] ^ (uint64(buf[windowSize+5*lane+i]) ^ out[buf[5*lane+i]])
		// One of the six is zero where the subtraction of 1 borrows.
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
