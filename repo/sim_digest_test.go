package repo_test

import (
	"crypto/sha256"
	"fmt"
	"hash"
)

// A digest identifies what it was made from.
type digest [16]byte

func digestOf(write func(h hash.Hash)) digest {
	h := sha256.New()
	write(h)
	return digest(h.Sum(nil))
}

// xor adds an object to the digest of a set, or removes it.
func (d *digest) xor(o digest) {
	for i := range d {
		d[i] ^= o[i]
	}
}

func objectDigest(name string, b []byte) digest {
	return digestOf(func(h hash.Hash) {
		fmt.Fprint(h, name, " ")
		h.Write(b)
	})
}
